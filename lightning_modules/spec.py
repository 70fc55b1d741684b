"""What the flows ask of a child process: one JSON file, read by `lightning_modules.train` or `.evaluate`.

A spec is complete: nothing in it is derived from data, environment or machine any more. `flows/plan.py` writes it.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from data.config import Config
from data.counterfactual import SwapConfig
from lightning_modules.adapters import AdapterConfig
from lightning_modules.adversary import AdversaryConfig
from lightning_modules.hardware import Hardware
from lightning_modules.networks import ModelConfig
from lightning_modules.stage import StageConfig


class ShardSource(Config):
    """Tokenized text with its part in the mixture."""

    path: Path
    """Folder of a `tokens` artifact."""
    source: str | None = None
    """Source of the corpus whose documents are trained on; None: all documents."""
    share: float = Field(gt=0.0, le=1.0)
    """Part of the rows drawn from it."""


class ShardData(Config):
    """Pretraining text."""

    kind: Literal["shards"] = "shards"
    sources: list[ShardSource]


class ExampleData(Config):
    """Labelled examples of one task."""

    kind: Literal["examples"] = "examples"
    path: Path
    """Folder of an `examples` artifact: train.parquet, validation.parquet, test.parquet, task.json. Training reads the
    first two."""
    counterfactual: SwapConfig | None = None
    """Adds copies of training examples."""


class TrainSpec(Config):
    """One stage of training, pretraining and fine-tuning alike."""

    name: str
    """As the console and the metrics show it: 'pretraining/foundation', 'finetuning/sentiment'."""
    work: Path
    """Gets `checkpoints/` and `metrics.jsonl`; survives a kill."""
    output: Path
    """Gets the artifact's files (see `checkpoint.py`), written last."""
    tokenizer: Path
    model: ModelConfig
    init: Path | None
    """Weights folder to start from; None starts from random weights."""
    data: Annotated[ShardData | ExampleData, Field(discriminator="kind")]
    stage: StageConfig
    former_weights: dict[str, float] = Field(default_factory=dict)
    """Named term -> what its mean was multiplied by in the stage before: where `stage.blend_fraction` starts from."""
    adapter: AdapterConfig
    """`full`, `lora`, ...: what of the network is trained."""
    layer_lr_decay: float = Field(1.0, gt=0.0, le=1.0)
    """From one layer's learning rate to that of the layer below; 1.0: all have the same."""
    adversary: AdversaryConfig | None = None
    """Train on perturbed embeddings beside those that are."""
    steps: int = Field(gt=0)
    micro_batch_size: int = Field(gt=0)
    """Rows of a micro-batch, of `stage.sequence_length` positions each."""
    micro_batches: int = Field(gt=0)
    """Micro-batches of one step on one rank."""
    tokens_before: int = Field(ge=0)
    """Positions through the trunk in all earlier stages: where this stage's token axis starts."""
    hardware: Hardware
    seed: int
    log_steps: int = Field(10, gt=0)
    """Steps from one line of `metrics.jsonl` to the next."""
    checkpoint_steps: int = Field(50, gt=0)
    """Steps from one checkpoint to the next: what a kill can cost."""
