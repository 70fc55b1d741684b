"""Registered models: a version a fingerprint, served under the aliases champion and challenger.

A version is whole: weights, adapter and its base, tokenizer, task and the code that runs them are copied, so it answers
after the store is gone. Registering needs the server, unlike recording: what is not registered is not there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.config import Config
from flows.tracking.client import as_default, connect, reason
from flows.tracking.settings import TrackingSettings
from lightning_modules.predictor import BASE, SETTINGS, TOKENIZER, WEIGHTS, Predictor, PredictorConfig

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_NOT_THERE = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
"""Error codes for an unknown model and for an unknown alias of a known one."""
EXAMPLE = ("It was a fine morning.", "今天天气很好。")
FINGERPRINT = "stagelm.fingerprint"
_PACKAGE = "package"
CARD = "README.md"
"""The model's card, in its package."""
_DESCRIPTION_CHARACTERS = 5000
"""What every database of MLflow takes as the description of a version."""
_PROJECT = Path(__file__).parents[2]
_REQUIRED = ("mlflow", "numpy", "pandas", "pydantic", "safetensors", "sentencepiece", "torch")


class RegistryUnreachableError(ConnectionError):
    """The model registry did not answer."""


@dataclass(frozen=True)
class Package:
    """Parts of the store that together answer texts."""

    weights: Path
    """A `weights` artifact, or the `finetuned` one of a task."""
    tokenizer: Path
    predictor: PredictorConfig
    base: Path | None = None
    """The `weights` artifact that an adapter in `weights` belongs to."""
    card: str = ""
    """What people must know of the model, in Markdown."""

    def write(self, folder: Path) -> None:
        """Lays the parts out as `Predictor.load` reads them; linked, not copied, where the file system can."""
        folder.mkdir()
        for name, source in ((WEIGHTS, self.weights), (TOKENIZER, self.tokenizer), (BASE, self.base)):
            if source is not None:
                shutil.copytree(source, folder / name, copy_function=_link)
        (folder / SETTINGS).write_text(self.predictor.model_dump_json(indent=1), encoding="utf-8")
        if self.card:
            (folder / CARD).write_text(self.card, encoding="utf-8")


@dataclass(frozen=True)
class Version:
    """One version of a registered model."""

    name: str
    number: str
    fingerprint: str
    tags: dict[str, str]
    run_id: str | None
    """The MLflow run that registered it."""

    @property
    def uri(self) -> str:
        """For `mlflow.pyfunc.load_model`."""
        return f"models:/{self.name}/{self.number}"


class Verdict(Config):
    """Why a challenger became champion or did not; kept as a tag of its version."""

    promoted: bool
    reason: str
    """One sentence for people."""
    metric: str
    champion: str
    """Version that it was compared with."""
    difference: float
    """Challenger - champion, on the same examples."""
    low: float
    high: float
    """Interval of the difference."""
    confidence: float
    examples: int


def register(
    settings: TrackingSettings,
    name: str,
    package: Package,
    *,
    fingerprint: str,
    run_id: str,
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    example: Sequence[str] = EXAMPLE,
) -> Version:
    """Registers a model under `challenger`, and under `champion` if the name has none yet.

    Args:
        settings: `mlflow.yaml`.
        name: from `settings.base_model` or `settings.task_model`.
        package: what is copied.
        fingerprint: of the weights; a version with it is returned as it is, not made again.
        run_id: the run that the model and its metrics are logged to.
        metrics: headline figures, so that models can be searched by them.
        tags: recipe, corpus fingerprint, store folder, ...
        example: a few texts, kept as the model's input example; the columns of its answers become its signature.

    Raises:
        RegistryUnreachableError: the server does not answer; registering again later is enough.
    """
    with _registry(settings) as client:
        found = _search(client, name, fingerprint)
        if found is None:
            _log_model(client, settings, name, package, run_id, metrics, {**tags, FINGERPRINT: fingerprint}, example)
            found = _search(client, name, fingerprint)
            assert found is not None
        if package.card:
            client.update_model_version(name, found.version, description=_description(package.card))
        newest = max(int(version.version) for version in client.search_model_versions(f"name = '{name}'"))
        if int(found.version) == newest:
            client.set_registered_model_alias(name, settings.aliases.challenger, found.version)
        if _by_alias(client, name, settings.aliases.champion) is None:
            client.set_registered_model_alias(name, settings.aliases.champion, found.version)
        return _version(found)


def champion(settings: TrackingSettings, name: str) -> Version | None:
    """The version in use, or None.

    Raises:
        RegistryUnreachableError: the server does not answer.
    """
    with _registry(settings) as client:
        found = _by_alias(client, name, settings.aliases.champion)
        return None if found is None else _version(found)


def promote(settings: TrackingSettings, name: str, number: str, verdict: Verdict) -> None:
    """Keeps the verdict with the version, and makes the version champion if it won.

    Raises:
        RegistryUnreachableError: the server does not answer.
    """
    with _registry(settings) as client:
        client.set_model_version_tag(name, number, "stagelm.verdict", verdict.model_dump_json())
        if verdict.promoted:
            client.set_registered_model_alias(name, settings.aliases.champion, number)


def model_folder(settings: TrackingSettings, model: str) -> Path:
    """The package of a registered model, for `Predictor.load`; downloaded where the registry is a server.

    Args:
        settings: `mlflow.yaml`.
        model: 'demo-base@champion', or 'demo-base/3' for a version.

    Raises:
        ValueError: there is no such model or alias.
        RegistryUnreachableError: the server does not answer.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    with _registry(settings) as client:
        try:
            return Path(download_artifacts(f"models:/{model}")) / "artifacts" / _PACKAGE
        except MlflowException as error:
            if error.error_code not in _NOT_THERE:
                raise
            known = ", ".join(sorted(found.name for found in client.search_registered_models())) or "none"
            raise ValueError(
                f"no registered model {model!r}. Write NAME@{settings.aliases.champion} or NAME/VERSION; names: {known}"
            ) from error


def registered_fingerprints(settings: TrackingSettings) -> set[str]:
    """Fingerprints of the weights of all registered versions.

    Raises:
        RegistryUnreachableError: the server does not answer.
    """
    with _registry(settings) as client:
        return {found.tags[FINGERPRINT] for found in client.search_model_versions() if FINGERPRINT in found.tags}


@contextmanager
def _registry(settings: TrackingSettings) -> Iterator[MlflowClient]:
    client_errors = _connection_errors()
    try:
        client = connect(settings)
        with as_default(settings):
            yield client
    except client_errors as error:
        if _is_answer(error):
            raise
        raise RegistryUnreachableError(
            f"the model registry at {settings.registry} does not answer ({reason(error)}); start it, or "
            f"set MLFLOW_REGISTRY_URI, and run again: everything else is in the store and will be reused"
        ) from error


def _connection_errors() -> tuple[type[Exception], ...]:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, ConnectionError, TimeoutError


def _is_answer(error: Exception) -> bool:
    """Whether the server was reached and said no."""
    return getattr(error, "error_code", "INTERNAL_ERROR") not in {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE"}


def _log_model(
    client: MlflowClient,
    settings: TrackingSettings,
    name: str,
    package: Package,
    run_id: str,
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    example: Sequence[str],
) -> None:
    import mlflow
    import pandas as pd
    from mlflow.entities import Metric
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    unfinished = settings.store / "work"  # where `stagelm gc` finds what a kill leaves
    unfinished.mkdir(parents=True, exist_ok=True)
    with (
        _without_warnings_of_mlflow(),
        tempfile.TemporaryDirectory(dir=unfinished, prefix="package-") as temporary,
    ):
        folder = Path(temporary) / _PACKAGE
        package.write(folder)
        answer = Predictor.load(folder).predict(example[:1])[0]
        columns: list[ColSpec | TensorSpec] = [ColSpec(_column_type(value), name) for name, value in answer.items()]
        with mlflow.start_run(run_id=run_id):
            logged = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(Path(__file__).with_name("model.py")),
                artifacts={_PACKAGE: str(folder)},
                code_paths=[str(_PROJECT / "data"), str(_PROJECT / "lightning_modules")],
                signature=ModelSignature(Schema([ColSpec("string")]), Schema(columns)),
                input_example=pd.DataFrame({"text": list(example)}),
                pip_requirements=[f"{name}=={installed_version(name)}" for name in _REQUIRED],
                tags=dict(tags),
            )
    now = time.time_ns() // 1_000_000
    points = [Metric(key, value, now, 0, model_id=logged.model_id) for key, value in metrics.items()]
    client.log_batch(run_id, metrics=points)
    mlflow.register_model(logged.model_uri, name, tags=dict(tags))


def _column_type(value: Any) -> Any:
    """MLflow's type of a column with such values: text, a number, or a list of numbers."""
    from mlflow.types import DataType
    from mlflow.types.schema import Array

    if isinstance(value, list):
        return Array(DataType.double)
    return DataType.string if isinstance(value, str) else DataType.double


@contextmanager
def _without_warnings_of_mlflow() -> Iterator[None]:
    """Hides what nobody here can act on: the hints of MLflow's own chat models, and its use of pandas."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*AnyType", category=UserWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield


def _search(client: MlflowClient, name: str, fingerprint: str) -> ModelVersion | None:
    found = client.search_model_versions(f"name = '{name}' and tags.`{FINGERPRINT}` = '{fingerprint}'")
    return found[0] if found else None


def _by_alias(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in _NOT_THERE:
            return None
        raise


def _version(found: ModelVersion) -> Version:
    tags: dict[str, Any] = dict(found.tags)
    return Version(found.name, str(found.version), tags[FINGERPRINT], tags, found.run_id)


def _description(card: str) -> str:
    """Returns what of a card fits a version's description: whole sections from the beginning, without the YAML head."""
    opening, *sections = card.split("---\n\n", 1)[-1].split("\n## ")
    hint = f"\nMore is in the package's {CARD}.\n"
    kept = opening[: _DESCRIPTION_CHARACTERS - len(hint)]
    for section in sections:
        if len(kept) + len("\n## ") + len(section) + len(hint) > _DESCRIPTION_CHARACTERS:
            return kept + hint
        kept += f"\n## {section}"
    return kept


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
    return target
