"""What the flows ask of `lightning_modules.evaluate` for an exam: one complete JSON file."""

from pathlib import Path

from pydantic import Field

from data.config import Config
from lightning_modules.exams import ExamConfig
from lightning_modules.hardware import Hardware


class ExamineSpec(Config):
    """One exam of one pretrained network."""

    name: str
    """In the recipe, and as the console shows it."""
    exam: ExamConfig
    weights: Path
    """Weights folder of the network under test."""
    tokenizer: Path
    folders: dict[str, Path]
    """Role of the exam's `reads` -> folder of the artifact."""
    root: Path
    """Where relative paths of the recipe start."""
    sequence_length: int = Field(gt=3)
    """Positions that the last stage of pretraining read at once."""
    resamples: int = Field(gt=0)
    """Of the bootstrap."""
    hardware: Hardware
    seed: int
    work: Path
    """Gets `progress.jsonl`."""
    output: Path
    """Gets examples.parquet and scores.json."""
