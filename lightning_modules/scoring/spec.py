"""What the flows ask of `lightning_modules.evaluate`: one JSON file, complete as `lightning_modules.spec` is."""

from pathlib import Path

from pydantic import Field

from data.config import Config, Count
from lightning_modules.generation import DecodingConfig
from lightning_modules.hardware import Hardware


class SystemRef(Config):
    """A trained network."""

    weights: Path
    """Weights folder."""
    base: Path | None = None
    """Weights folder that `weights` was adapted from, where it holds an adapter."""


class JudgeRef(SystemRef):
    """A fine-tuned classifier of the same tokenizer that tells the sentiment of answers."""

    labels: tuple[str, ...]
    """Class names in the order of their numbers."""
    sequence_length: int
    """Longest row that it reads."""


class EvaluateSpec(Config):
    """One test set, scored by one or more networks of one tokenizer and by the task's baselines."""

    name: str
    """As the console shows it: 'language-model', 'sentiment'."""
    task: str
    """'language_model', or a name of `TASKS`."""
    systems: dict[str, SystemRef] = Field(min_length=1)
    """Name -> network, the one under test first ('pretrained'), then those it is compared with ('scratch')."""
    tokenizer: Path
    data: Path
    """Folder of a `tokens` artifact for language_model, else of an `examples` artifact; its test split is scored."""
    corpus: Path | None = None
    """Folder of the `corpus` artifact of the training: for language_model it names each document's source, for other
    tasks it says which test examples the training text holds."""
    sequence_length: int | None = Field(None, gt=3)
    """Positions read at once, as in training; null: the network's `max_positions`."""
    stride: int | None = Field(None, gt=0)
    """Tokens that each further window of a document longer than `sequence_length` scores; null: half a window. For
    language_model."""
    metrics: tuple[str, ...] = ()
    """Names in `METRICS` that are measured beside those of the kind of task."""
    decoding: DecodingConfig = Field(default_factory=DecodingConfig)
    """How answers are generated, where they are free text."""
    judge: JudgeRef | None = None
    """Where examples ask for a sentiment: what chooses among answers by it, and tells whether it is there."""
    resamples: int = Field(2000, gt=0)
    """Of the bootstrap."""
    max_examples: Count | None = Field(None, gt=0)
    """Score so many test examples (documents), drawn by the seed; null: all."""
    max_tokens: Count | None = Field(None, gt=0)
    """Score documents, drawn by the seed, of about so many tokens in all; null: all. For language_model."""
    hardware: Hardware
    seed: int
    work: Path
    """Gets `progress.jsonl`."""
    output: Path
    """Gets examples.parquet and scores.json."""
