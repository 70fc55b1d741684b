"""One stage of training as a recipe declares it: which objectives, with which shares and weights, for how long."""

import math
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, StringConstraints, ValidationError, model_validator

from data.config import Config, Count
from data.naming import look_up
from lightning_modules.objectives import OBJECTIVES
from lightning_modules.optimizers import AdamWConfig, OptimizerConfig
from lightning_modules.schedules import ScheduleConfig
from lightning_modules.weighting import StaticConfig, WeightingConfig, build_weighting

UseName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
"""Of an objective in its stage; part of the names of metrics and parameters, so without dots and slashes."""


class ObjectiveUse(Config):
    """An objective as one stage uses it; all other keys are the objective's own settings, written beside these."""

    model_config = ConfigDict(frozen=True, extra="allow")

    objective: str
    """A name of `OBJECTIVES`; in a stage it defaults to the name of the use."""
    share: float = Field(1.0, gt=0.0, le=1.0)
    """Part of the stage's micro-batches that feed it."""
    weight: float = Field(1.0, ge=0.0)
    """What the mean of its own loss is multiplied by; its auxiliary terms, such as a generator's, it weighs itself.
    0 measures the loss on the objective's share of the micro-batches, at their full cost, and trains nothing by it."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_settings(cls, given: Any) -> Any:
        """Validates the objective's settings and writes their defaults out, so that what is dumped is complete."""
        if not isinstance(given, dict) or not isinstance(name := given.get("objective"), str):
            return given
        own = {key: value for key, value in given.items() if key in cls.model_fields}
        config = look_up("objective", name, OBJECTIVES).config_class
        settings = {key: value for key, value in given.items() if key not in own}
        for key in settings:
            look_up(f"setting of {name}", key, {**cls.model_fields, **config.model_fields})
        try:
            return own | config.model_validate(settings).model_dump()
        except ValidationError as error:
            raise ValueError("; ".join(_in_words(detail) for detail in error.errors())) from error

    @property
    def settings(self) -> Config:
        """The objective's own config."""
        return OBJECTIVES[self.objective].config_class.model_validate(self.model_extra)


def _in_words(detail: Any) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place}: {detail['msg']}, got {detail['input']!r}" if place else str(detail["msg"])


class StageConfig(Config):
    """A stage of pretraining, or the training part of a fine-tuning."""

    tokens: Count = Field(gt=0)
    """Length of the stage, in positions through the trunk over all devices."""
    objectives: dict[UseName, ObjectiveUse]
    """Name in this stage -> objective with its share, weight and settings."""
    weighting: WeightingConfig = Field(default_factory=StaticConfig)
    """How the factors on top of the weights move during the stage."""
    optimizer: OptimizerConfig = Field(default_factory=AdamWConfig)
    peak_lr: float = Field(gt=0.0)
    schedule: ScheduleConfig = Field(default_factory=ScheduleConfig)
    sequence_length: int = Field(256, gt=0)
    """Positions of a row."""
    clip_norm: float = Field(1.0, gt=0.0)
    """Longest gradient, as the 2-norm over all that is trained; a longer one is scaled down to it."""
    validation_tokens: Count = Field(65_536, gt=0)
    """Positions through the trunk of one validation, per objective."""

    @model_validator(mode="before")
    @classmethod
    def _name_the_objectives(cls, given: Any) -> Any:
        """Lets a use called like its objective leave the objective out."""
        if not isinstance(given, dict) or not isinstance(uses := given.get("objectives"), dict):
            return given
        named = {name: {"objective": name} | use if isinstance(use, dict) else use for name, use in uses.items()}
        return given | {"objectives": named}

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        if not self.objectives:
            raise ValueError(f"no objective: name at least one. Known: {', '.join(sorted(OBJECTIVES))}")
        total = sum(use.share for use in self.objectives.values())
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"shares must add up to 1, got {total:g} from {', '.join(self.objectives)}")
        return self

    @model_validator(mode="after")
    def _weighting_fits(self) -> Self:
        build_weighting(self.weighting, list(self.objectives), seed=0)
        return self
