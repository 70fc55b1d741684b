"""One stage of training as a recipe declares it: which objectives, with which shares and weights, for how long."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, StringConstraints, ValidationError, model_validator

from data.config import Config, Count
from data.naming import look_up
from lightning_modules.freezing import FreezeConfig
from lightning_modules.gates import Condition
from lightning_modules.networks.config import ModelConfig
from lightning_modules.objectives import OBJECTIVES
from lightning_modules.optimizers import AdamWConfig, OptimizerConfig
from lightning_modules.schedules import ScheduleConfig
from lightning_modules.selection import SelectionConfig
from lightning_modules.weighting import StaticConfig, WeightingConfig, build_weighting

UseName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
"""Of an objective in its stage; part of the names of metrics and parameters, so without dots and slashes."""
Share = Annotated[float, Field(gt=0.0, le=1.0)]


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

    @property
    def writes(self) -> bool:
        """Whether it is about going on with a text from left to right."""
        return self.objective == "causal_lm" and (self.model_extra or {})["direction"] == "ltr"

    def check_model(self, model: ModelConfig) -> None:
        """Refuses a network that the objective cannot train, before anything is built or read.

        Raises:
            ValueError: what does not fit, and how to mend it.
        """
        OBJECTIVES[self.objective].check_model(self.settings, model)


def _in_words(detail: Any) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place}: {detail['msg']}, got {detail['input']!r}" if place else str(detail["msg"])


class StageConfig(Config):
    """A stage of pretraining, or the training part of a fine-tuning."""

    tokens: Count = Field(gt=0)
    """Length of the stage, in positions through the trunk over all devices."""
    global_batch_tokens: Count | None = Field(None, gt=0)
    """Positions through the trunk in one optimizer step, over all devices; None: as many as `training` says."""
    sources: dict[str, Share] | None = None
    """Source of the corpus -> part of the rows that is drawn from it; None: all text, as the corpus has it. Validation
    is on all text in either case, so that losses of all stages are of one measure."""
    objectives: dict[UseName, ObjectiveUse]
    """Name in this stage -> objective with its share, weight and settings."""
    weighting: WeightingConfig = Field(default_factory=StaticConfig)
    """How the factors on top of the weights move during the stage."""
    blend_fraction: float = Field(0.0, ge=0.0, le=1.0)
    """First part of the steps, over which the weight of each term goes linearly from what it was in the stage before (0
    if it is new) to its own. What the stage before trained and this one does not name is not run at all."""
    freeze: FreezeConfig = Field(default_factory=FreezeConfig)
    """Parts of the network that are not trained."""
    optimizer: OptimizerConfig = Field(default_factory=AdamWConfig)
    """Starts afresh in every stage: no moments are handed over, and the schedule warms up again."""
    peak_lr: float = Field(gt=0.0)
    schedule: ScheduleConfig = Field(default_factory=ScheduleConfig)
    sequence_length: int = Field(256, gt=0)
    """Positions of a row."""
    clip_norm: float = Field(1.0, gt=0.0)
    """Longest gradient, as the 2-norm over all that is trained; a longer one is scaled down to it."""
    validation_tokens: Count = Field(65_536, gt=0)
    """Positions through the trunk of one validation, per objective."""
    selection: SelectionConfig | None = None
    """Keep the weights that were best on the validation set; null keeps the last ones."""
    gate: tuple[Condition, ...] = ()
    """What the last validation must show, or the run ends there. Judged apart from the training, which it does not
    change."""

    @model_validator(mode="before")
    @classmethod
    def _name_the_objectives(cls, given: Any) -> Any:
        """Lets a use called like its objective leave the objective out."""
        if not isinstance(given, dict) or not isinstance(uses := given.get("objectives"), dict):
            return given
        named = {name: {"objective": name} | use if isinstance(use, dict) else use for name, use in uses.items()}
        return given | {"objectives": named}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.objectives:
            raise ValueError(f"no objective: name at least one. Known: {', '.join(sorted(OBJECTIVES))}")
        _add_up("shares", {name: use.share for name, use in self.objectives.items()})
        if self.sources is not None:
            _add_up("shares of sources", self.sources)
        for name in self.freeze.heads:
            look_up("objective of this stage in freeze.heads", name, self.objectives)
        if self.selection is not None:
            self.selection.check(self.objectives)
        for condition in self.gate:
            self._check_condition(condition)
        return self

    @model_validator(mode="after")
    def _weighting_fits(self) -> Self:
        build_weighting(self.weighting, list(self.objectives), seed=0)
        return self

    def _check_condition(self, condition: Condition) -> None:
        use = look_up("objective of this stage in gate", condition.use, self.objectives)
        if condition.beats is None:
            return
        likelihood = "nll" if (use.model_extra or {}).get("label_smoothing") else "loss"
        if use.objective != "causal_lm" or condition.metric != f"{condition.use}/{likelihood}":
            raise ValueError(
                f"gate: {condition.metric} cannot be compared with an n-gram model; take '<name>/loss' of a causal_lm, "
                "or '<name>/nll' where it smooths its labels"
            )

    def term_weights(self, model: ModelConfig) -> dict[str, float]:
        """Returns named term, of the objectives and of the network beside each -> what its mean is multiplied by."""
        return {
            named_term(name, use.objective, term): weight
            for name, use in self.objectives.items()
            for weights in (OBJECTIVES[use.objective].term_weights(use.settings, use.weight), model.penalty_weights)
            for term, weight in weights.items()
        }

    def blended(self, step: int, steps: int) -> float:
        """Returns how far the weights of step `step` (0-based) of `steps` are on their way, 1.0 at their own."""
        return min(1.0, (step + 1) / max(1, round(self.blend_fraction * steps)))

    def flops_per_position(self, model: ModelConfig) -> float:
        """Returns floating-point operations of training per position through the trunk, over all objectives.

        Frozen parts are counted as if they were trained.
        """
        return sum(
            use.share * OBJECTIVES[use.objective].flops_per_position(use.settings, model, self.sequence_length)
            for use in self.objectives.values()
        )


def named_term(use: str, objective: str, term: str) -> str:
    """Returns '<use>' for an objective's own term, '<use>/<term>' for its others."""
    return use if term == objective else f"{use}/{term}"


def _add_up(what: str, shares: Mapping[str, float]) -> None:
    total = sum(shares.values())
    if not math.isclose(total, 1.0, abs_tol=1e-6):
        raise ValueError(f"{what} must add up to 1, got {total:g} from {', '.join(shares)}")
