"""Where runs and models are recorded, under which names, when a model is promoted: `mlflow.yaml` of the project."""

import os
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from data.config import Config

FILE = "mlflow.yaml"

Content = Literal["manifests", "plots", "tables", "samples", "reports"]
"""Top-level artifact folders of a run."""


class ModelNames(Config):
    """Names in the registry. `{recipe}` and, for a task model, `{task}` are filled in."""

    base: str = "{recipe}-base"
    task: str = "{recipe}-{task}"

    @model_validator(mode="after")
    def placeholders_are_known(self) -> Self:
        """A typo in a name must not wait for the end of a run."""
        for field, template in (("base", self.base), ("task", self.task)):
            allowed = {"recipe": "r", "task": "t"} if field == "task" else {"recipe": "r"}
            try:
                filled = template.format(**allowed)
            except (KeyError, IndexError, ValueError) as error:
                raise ValueError(
                    f"{field}: {template!r} may hold {' and '.join(f'{{{k}}}' for k in allowed)} only"
                ) from error
            if not filled or any(mark in filled for mark in "/:"):
                raise ValueError(f"{field}: {template!r} must give a name without '/' and ':'")
        if "{task}" not in self.task:
            raise ValueError(f"task: {self.task!r} must hold {{task}}, or all tasks would share one model")
        return self


class Aliases(Config):
    """Names under which versions are served."""

    champion: str = Field("champion", min_length=1)
    challenger: str = Field("challenger", min_length=1)

    @model_validator(mode="after")
    def aliases_differ(self) -> Self:
        """With one name for both, every challenger would be served at once."""
        if self.champion == self.challenger:
            raise ValueError(f"champion and challenger are both {self.champion!r}; give them different names")
        return self


class PromotionRules(Config):
    """A challenger wins when the whole interval of its paired difference lies on the better side."""

    confidence: float = Field(0.95, gt=0.5, lt=1.0)
    metric: Literal["bits_per_byte", "perplexity", "word_perplexity"] = "bits_per_byte"
    """Of the base model on the test sets."""


class EnergySettings(Config):
    """For machines that show no energy counters."""

    watts_per_core: float = Field(7.0, gt=0.0)
    """A busy core's share of the processor's TDP: server parts of the 2020s draw 200-280 W over 32-64 cores."""


class TrackingSettings(Config):
    """`mlflow.yaml`, with the environment and the defaults of the store filled in."""

    tracking_uri: str | None = None
    registry_uri: str | None = None
    """None: where the runs are."""
    experiment: str = Field("stagelm", min_length=1)
    """One for all recipes, so that the UI compares them."""
    models: ModelNames = ModelNames()
    aliases: Aliases = Aliases()
    log: frozenset[Content] = frozenset({"manifests", "plots", "tables", "samples", "reports"})
    """Artifact folders that are uploaded; others are skipped without a word."""
    promotion: PromotionRules = PromotionRules()
    energy: EnergySettings = EnergySettings()
    store: Path = Field(Path("runs"), exclude=True)
    """Root of the store: holds the default database, its artifacts, and `spool/`. Not read from the file."""

    @property
    def tracking(self) -> str:
        """The tracking URI in force."""
        return self.tracking_uri or f"sqlite:///{self.store.absolute() / 'mlflow.db'}"

    @property
    def registry(self) -> str:
        """The registry URI in force."""
        return self.registry_uri or self.tracking

    @property
    def artifact_root(self) -> Path | None:
        """Folder of a new experiment's artifacts; None where a server decides."""
        return None if self.tracking_uri else self.store.absolute() / "mlartifacts"

    @property
    def spool(self) -> Path:
        """Folder of what was recorded and not yet delivered."""
        return self.store / "spool"

    def base_model(self, recipe: str) -> str:
        """The base model's name in the registry."""
        return self.models.base.format(recipe=recipe)

    def task_model(self, recipe: str, task: str) -> str:
        """A fine-tuned model's name in the registry; `task` is its name in the recipe."""
        return self.models.task.format(recipe=recipe, task=task)


def load_settings(project_root: Path, store_root: Path) -> TrackingSettings:
    """Reads `mlflow.yaml` of `project_root`; a missing file means the defaults. The environment wins over it.

    Raises:
        ValueError: the file is not a mapping, holds an unknown key or a value out of bounds; names the place.
    """
    path = project_root / FILE
    content = _read(path) if path.exists() else {}
    for key, variable in (("tracking_uri", "MLFLOW_TRACKING_URI"), ("registry_uri", "MLFLOW_REGISTRY_URI")):
        if os.environ.get(variable):
            content[key] = os.environ[variable]
    try:
        return TrackingSettings.model_validate({**content, "store": store_root})
    except ValidationError as error:
        raise ValueError("\n".join(_explain(path, detail) for detail in error.errors())) from None


def _read(path: Path) -> dict[str, object]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not readable as YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"{path}: must be a mapping of settings, got a {type(content).__name__}")
    if "store" in content:
        raise ValueError(f"{path}: store: is not set here; use the environment variable STAGELM_STORE")
    return content


def _explain(path: Path, detail: object) -> str:
    assert isinstance(detail, dict)
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = TrackingSettings.model_fields if len(detail["loc"]) == 1 else _fields_at(detail["loc"][0])
        return f"{path}: {place}: unknown key. Known: {', '.join(sorted(set(known) - {'store'}))}"
    given = "" if isinstance(detail["input"], dict) else f", got {detail['input']!r}"
    return f"{path}: {place}: {detail['msg'].removeprefix('Value error, ')}{given}"


def _fields_at(section: str) -> list[str]:
    part = TrackingSettings.model_fields[section].annotation
    return list(part.model_fields) if isinstance(part, type) and issubclass(part, Config) else []
