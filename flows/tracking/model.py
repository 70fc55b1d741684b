"""The code of a registered model, stored beside its weights and run when it is loaded: no pickle.

It imports nothing of `flows`, so that a model loads where only the two lower rooms and mlflow are.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from lightning_modules.predictor import Predictor


class RegisteredModel(PythonModel):
    """Answers texts with a table of one row a text; the columns are the task's (see `Predictor.predict`)."""

    def load_context(self, context: PythonModelContext) -> None:
        """Opens weights and tokenizer."""
        self.predictor = Predictor.load(Path(context.artifacts["package"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Answers the first column, whatever its name; the signature makes such a frame of a list of texts too."""
        return pd.DataFrame(self.predictor.predict(model_input.iloc[:, 0].tolist()))


mlflow.models.set_model(RegisteredModel())
