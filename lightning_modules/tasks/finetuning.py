"""A recipe's `finetuning.<name>:`, and the training stage it comes to."""

import math
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from data.config import Config, Count
from data.counterfactual import CounterfactualConfig
from data.naming import look_up
from data.tasks import LabelledConfig
from data.vocabulary import SPECIALS
from lightning_modules.adapters import ADAPTERS, AdapterConfig, FullConfig
from lightning_modules.adversary import AdversaryConfig
from lightning_modules.generation import DecodingConfig
from lightning_modules.networks.config import ModelConfig
from lightning_modules.objectives import OBJECTIVES
from lightning_modules.optimizers import AdamWConfig, OptimizerConfig
from lightning_modules.schedules import ScheduleConfig
from lightning_modules.selection import SelectionConfig
from lightning_modules.stage import StageConfig
from lightning_modules.tasks import TASKS, TaskKind

_SWAPPED = frozenset({"class", "text"})
"""Kinds of answers that counterfactual copies can keep or exchange."""


def _method_alone(given: Any) -> Any:
    """Reads `adapter: lora` as `adapter: {method: lora}`."""
    given = {"method": given} if isinstance(given, str) else given
    if isinstance(given, dict):
        look_up("adapter method", str(given.get("method")), ADAPTERS)
    return given


class FinetuningConfig(Config):
    """One labelled task: its data, what of the network is trained on them, and how answers are made."""

    task: str
    """A name of `TASKS`."""
    data: LabelledConfig
    adapter: Annotated[AdapterConfig, BeforeValidator(_method_alone)] = Field(default_factory=FullConfig)
    examples: Count = Field(gt=0)
    """Length of the training, in examples seen; above the size of the train split they come again, in another order."""
    batch_size: int = Field(32, gt=0)
    """Examples of one optimizer step, over all devices."""
    micro_batch_size: int = Field(32, gt=0)
    """Examples that one device takes through the trunk at once."""
    sequence_length: int = Field(256, gt=3)
    """Longest row in positions, specials included; longer inputs are cut."""
    peak_lr: float = Field(gt=0.0)
    dropout: float | None = Field(None, ge=0.0, lt=1.0)
    """Of the trunk while it is fine-tuned; null keeps the model's. A few thousand labelled examples are soon learnt by
    heart, which text of millions of tokens is not."""
    schedule: ScheduleConfig = Field(default_factory=ScheduleConfig)
    optimizer: OptimizerConfig = Field(default_factory=AdamWConfig)
    layer_lr_decay: float = Field(1.0, gt=0.0, le=1.0)
    """From one layer's learning rate to that of the layer below, the embeddings last; 0.8 to 0.9 keeps more of what was
    pretrained. Heads and what an adapter puts in front of the text have `peak_lr`."""
    adversary: AdversaryConfig | None = None
    """Train on perturbed embeddings too: steadier against small changes of the text, at twice the time of a step."""
    counterfactual: CounterfactualConfig | None = None
    """Add copies of training examples in which the terms of a list are exchanged."""
    selection: SelectionConfig | None = Field(default_factory=SelectionConfig)
    """Keep the weights that were best on the validation split; null keeps the last ones."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Of the task's objective: label_smoothing, pooling, ..."""
    decoding: DecodingConfig = Field(default_factory=DecodingConfig)
    """How answers are generated, where they are free text."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.kind.answers != self.data.answers:
            needs = {"class": "needs data.labels, the classes in order", "text": "takes no data.labels"}
            raise ValueError(f"task {self.task!r} {needs[self.kind.answers]}")
        if self.batch_size % self.micro_batch_size:
            raise ValueError(
                f"batch_size {self.batch_size} is not a multiple of micro_batch_size {self.micro_batch_size}"
            )
        if self.kind.answers == "text" and self.decoding.max_new_tokens + 4 > self.sequence_length:
            raise ValueError(
                f"decoding.max_new_tokens {self.decoding.max_new_tokens} leaves no room for an input in "
                f"sequence_length {self.sequence_length}; lower the first or raise the second"
            )
        if self.counterfactual is not None and self.kind.answers not in _SWAPPED:
            raise ValueError(
                f"counterfactual: answers of task {self.task!r} speak of places in the text, which move when terms are "
                f"exchanged; it goes with answers of kind {', '.join(sorted(_SWAPPED))}"
            )
        self.stage()
        return self

    @property
    def kind(self) -> TaskKind:
        """What all tasks of this name share."""
        return look_up("task", self.task, TASKS)

    @property
    def steps(self) -> int:
        """Optimizer steps: as many as it takes to see all examples."""
        return math.ceil(self.examples / self.batch_size)

    def micro_batches(self, devices: int) -> int:
        """Returns the micro-batches of one step on each of `devices`.

        Raises:
            ValueError: the devices cannot share the batch equally.
        """
        whole, rest = divmod(self.batch_size, self.micro_batch_size * devices)
        if rest or not whole:
            raise ValueError(
                f"batch_size {self.batch_size} is not a multiple of micro_batch_size {self.micro_batch_size} "
                f"x {devices} devices"
            )
        return whole

    def check_model(self, model: ModelConfig) -> None:
        """Refuses a network that this task or its adapter cannot train.

        Raises:
            ValueError: what does not fit, and how to mend it.
        """
        self.adapter.check_model(model)
        for use in self.stage().objectives.values():
            use.check_model(model)
            objective = OBJECTIVES[use.objective](use.settings, model, SPECIALS)
            if not self.adapter.trains_trunk and not list(objective.parameters()):
                raise ValueError(
                    f"adapter {self.adapter.method!r} with these settings trains heads alone, but task {self.task!r} "
                    "adds none: train some layers, or choose another adapter"
                )

    def network(self, model: ModelConfig) -> ModelConfig:
        """Returns the pretrained network as this task trains it."""
        return model if self.dropout is None else model.model_copy(update={"dropout": self.dropout})

    def stage(self) -> StageConfig:
        """Returns the stage that the training engine runs.

        Its `tokens` are an upper bound: short rows are not padded to `sequence_length`.
        """
        classes = {"classes": len(self.data.labels)} if self.kind.answers == "class" else {}
        return StageConfig.model_validate(
            {
                "tokens": self.steps * self.batch_size * self.sequence_length,
                "objectives": {self.kind.objective: self.settings | classes},
                "optimizer": self.optimizer,
                "peak_lr": self.peak_lr,
                "schedule": self.schedule,
                "sequence_length": self.sequence_length,
                "selection": self.selection,
            }
        )
