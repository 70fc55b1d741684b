"""A recipe's `finetuning.<name>:`, and the training stage it comes to."""

import math
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from data.config import Config, Count
from data.counterfactual import SwapConfig
from data.encodings import COPIED
from data.examples import Answers
from data.naming import look_up
from data.prompts import AROUND, LEAST
from data.tasks import LABELLED, LabelledConfig
from data.views import VIEWS
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

_NEEDS: dict[Answers, str] = {
    "class": "needs data.labels, the classes in order, and data.label, the column of one of them",
    "classes": "needs data.labels, the classes in order, and data.classes, the column of any number of them",
    "ranking": "needs data.documents, the column of what a query has to find",
    "span": "needs data.question and data.answer, the columns of a question and of its answer in the text",
    "tags": "needs data.labels, what spans are tagged with, and data.spans or data.tags, the column of the tags",
    "text": "takes no data.labels, but data.target, the column of a free-text answer, or a source of such answers",
}


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
    counterfactual: SwapConfig | None = None
    """Add copies of training examples in which the terms of a list are exchanged."""
    selection: SelectionConfig | None = Field(default_factory=SelectionConfig)
    """Keep the weights that were best on the validation split; null keeps the last ones."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Of the task's objective: label_smoothing, pooling, ..."""
    decoding: DecodingConfig = Field(default_factory=DecodingConfig)
    """How answers are generated, where they are free text."""
    judge: str | None = None
    """A classification of the recipe whose model tells the sentiment of answers, where examples ask for one by
    `constraints.sentiment`. It chooses by it and measures it, so that what it is wrong about stays unseen."""

    metrics: tuple[str, ...] = ()
    """Names in `METRICS` that are measured beside those of the kind of task: meteor, self_bleu, distinct_2, ..."""

    @model_validator(mode="after")
    def _metrics_can_be_computed(self) -> Self:
        if not self.metrics:
            return self
        from lightning_modules.metrics import METRICS  # with its libraries, which take a third of a second to import

        for name in self.metrics:
            metric = look_up("metric", name, METRICS)
            if metric.of_classes and not self.data.labels:
                raise ValueError(f"metric {name!r} is about classes, and goes with data.labels only")
            if metric.reads == "words":
                raise ValueError(f"metric {name!r} is of running text, not of tasks; evaluation has it of the corpus")
            metric(self.data.target_language or self.data.language, self.data.labels)
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.kind.answers != self.data.answers:
            raise ValueError(f"task {self.task!r} {_NEEDS[self.kind.answers]}")
        if self.batch_size % self.micro_batch_size:
            raise ValueError(
                f"batch_size {self.batch_size} is not a multiple of micro_batch_size {self.micro_batch_size}"
            )
        if self.micro_batch_size < (least := VIEWS[self.kind.objective].min_rows):
            raise ValueError(
                f"task {self.task!r} compares the examples of a micro-batch; micro_batch_size: got "
                f"{self.micro_batch_size}; raise it to {least} or more"
            )
        if missing := self.kind.needs - self.data.gives:
            able = [name for name, source in LABELLED.items() if self.kind.needs <= source.gives]
            raise ValueError(
                f"task {self.task!r} needs examples with {', '.join(sorted(missing))}, which data.source "
                f"{self.data.source!r} does not give; take {' or '.join(able)}"
            )
        if self.decoding.samples < self.kind.least_samples:
            raise ValueError(
                f"task {self.task!r} is measured on {self.kind.least_samples} answers to each example: set "
                f"decoding.samples to that or more, got {self.decoding.samples}, and decoding.temperature above 0"
            )
        least = AROUND[self.kind.template] + LEAST[self.kind.template]
        if self.kind.answers == "text" and self.decoding.max_new_tokens + least > self.sequence_length:
            raise ValueError(
                f"decoding.max_new_tokens {self.decoding.max_new_tokens} leaves no room for an input in "
                f"sequence_length {self.sequence_length}; lower the first or raise the second"
            )
        if self.counterfactual is not None and (self.kind.answers not in COPIED or self.kind.template == "chat"):
            raise ValueError(
                f"counterfactual: examples of task {self.task!r} are no plain pairs of a text and its answer, so that "
                f"words cannot be exchanged in them; it goes with tasks whose answers are a class or a free text"
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

        Its `tokens` are an upper bound: short rows are not padded to `sequence_length`. (Of `retrieval` it is one for
        the queries alone: their documents have rows of their own.)
        """
        classes = {"classes": len(self.data.labels)} if self.data.labels else {}
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
