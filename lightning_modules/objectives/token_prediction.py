"""What causal, masked and prefix modelling share: predict `targets_M` from the states at `predict_M`.

Which tokens these are is the view's work. Shapes: B rows, T positions, D width, M predicting positions.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from data.batch import TokenBatch
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.trunk import Trunk
from lightning_modules.objectives.base import Objective, Term
from lightning_modules.objectives.cross_entropy import LabelSmoothing, summed_cross_entropy


class TokenPrediction(Objective):
    """Likelihood of tokens under the trunk's tied output projection; no parameters of its own."""

    config: LabelSmoothing

    @classmethod
    def check_model(cls, config: LabelSmoothing, model_config: ModelConfig) -> None:
        super().check_model(config, model_config)
        config.uniform_smoothing(model_config.vocab_size)

    @classmethod
    def vocabulary_share(cls, config: Any) -> float:
        return 1.0

    def forward(self, trunk: Trunk, batch: TokenBatch) -> dict[str, Term]:
        """Summed cross-entropy over the predicting positions, in nats; nothing to predict gives 0.0 and count 0.

        With label smoothing the unsmoothed loss is the ratio `nll`: only that one is a likelihood.
        """
        assert batch.predict_M is not None and batch.targets_M is not None
        hidden_MD = trunk.hidden(batch).flatten(0, 1)[batch.predict_M]
        smoothing = self.config.uniform_smoothing(self.model_config.vocab_size)
        loss_sum, nll_sum, right = summed_cross_entropy(hidden_MD, trunk.vocabulary_VD, batch.targets_M, smoothing)
        count = batch.targets_M.numel()
        ratios: dict[str, tuple[Tensor, int | Tensor]] = {"accuracy": (right, count)}
        if smoothing:
            ratios["nll"] = (nll_sum, count)
        return {self.name: Term(loss_sum, count, ratios)}
