"""The contract of a view: token windows in, what an objective reads out.

A view is vectorised, and a row's result depends on the row and its seed alone: not on its neighbours (but for views
with `min_rows` above 1, which compare rows), the rank or the time. That makes a resumed run equal to an uninterrupted
one, and every epoch different from the one before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.batch import Attention, AttentionMode, MicroBatch, TokenBatch
from data.config import Config
from data.example_rows import padded
from data.packing import Ints, Windows
from data.prompts import Template
from data.vocabulary import Specials, Vocabulary

Alignment = Literal["shifted", "same"]
"""Which state predicts a hidden token: that of the position before it, as in causal models, or its own."""

RowKind = Literal["windows", "examples"]
"""`windows`: rows cut from running text. `examples`: labelled examples of a task."""

ConfigT = TypeVar("ConfigT", bound=Config)


@dataclass(frozen=True)
class ViewContext:
    """What all views of a stage share."""

    vocabulary: Vocabulary
    sequence_length: int
    """T: positions of a row."""
    alignment: Alignment


class Viewed(NamedTuple):
    """One micro-batch, before it is known which objective of the stage it feeds."""

    batch: TokenBatch
    counts: dict[str, int]
    """Term of the objective -> number of units its loss is summed over."""
    text_tokens: int
    """Corpus tokens among the positions: neither padding nor specials."""

    def feeding(self, objective: str) -> MicroBatch:
        """Returns the micro-batch of the objective with that name in its stage."""
        return MicroBatch(objective, self.batch, self.counts, self.text_tokens)


class View(ABC, Generic[ConfigT]):
    """Turns rows into the batch of one kind of objective."""

    reads: ClassVar[frozenset[RowKind]] = frozenset({"windows"})
    """What `rows` may be."""
    template: ClassVar[Template] = "pair"
    """How a free-text answer stands behind what it answers, where examples are read."""
    min_rows: ClassVar[int] = 1
    """Rows that a micro-batch needs: 2 where texts of different rows are compared."""

    def __init__(self, config: ConfigT, context: ViewContext) -> None:
        self.config = config
        self.context = context
        self.vocabulary = context.vocabulary
        self.specials = context.vocabulary.specials

    @classmethod
    def check_rows(cls, objective: str, kind: RowKind, rows: int) -> None:
        """Refuses what this view cannot read.

        Args:
            objective: its name in the stage.
            kind: of the rows.
            rows: how many a micro-batch has.

        Raises:
            ValueError: what does not fit, and how to mend it.
        """
        if kind not in cls.reads:
            other, remedy = (
                ("labelled examples, not running text", "fine-tuning")
                if kind == "windows"
                else ("running text, not labelled examples", "pretraining")
            )
            raise ValueError(f"objective {objective!r} reads {other}; use it in {remedy}")
        if rows < cls.min_rows:
            raise ValueError(
                f"objective {objective!r} compares the rows of a micro-batch, which has only {rows}; raise "
                f"training.micro_batch_tokens to {cls.min_rows} rows of sequence_length or more"
            )

    @abstractmethod
    def __call__(self, rows: Any, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns what the objective reads.

        Args:
            rows: B rows: `Windows` of running text, `ExampleRows` of labelled examples.
            seeds_B: one seed a row; see `data.views.noise`.
        """

    def at(self, progress: float) -> Self:
        """Returns the view as it is after this part of the stage: 0 at the first step, 1 at the last.

        Validation is always read as at the end, so that its losses can be compared.
        """
        return self


def attention(mode: AttentionMode, windows: Windows) -> Attention:
    """Returns the attention within each sample of the rows."""
    return Attention(mode, None if windows.sample_ids_BT is None else torch.from_numpy(windows.sample_ids_BT))


def whole_texts(texts: Sequence[Ints], seeds_B: NDArray[np.uint64], special: Specials) -> TokenBatch:
    """Returns a batch of rows `[bos] text [eos]`, read to both sides and padded to the longest.

    `pool_S` are the places of bos, whose states stand for the texts.
    """
    samples = [np.concatenate([[special.bos], text, [special.eos]]) for text in texts]
    input_ids_BT, position_ids_BT, sample_ids_BT = padded(samples, special.pad)
    return TokenBatch(
        input_ids_BT=torch.from_numpy(input_ids_BT),
        position_ids_BT=torch.from_numpy(position_ids_BT),
        attention=Attention("full", None if sample_ids_BT is None else torch.from_numpy(sample_ids_BT)),
        seed=batch_seed(seeds_B),
        pool_S=flat(np.arange(len(samples)) * input_ids_BT.shape[1]),
    )


def flat(positions_M: NDArray[np.integer[Any]]) -> Tensor:
    """Returns flattened positions or ids as the int64 tensor that a batch carries."""
    return torch.from_numpy(positions_M.astype(np.int64, copy=False))


def batch_seed(seeds_B: NDArray[np.uint64]) -> int:
    """Returns the seed of a whole micro-batch: that of its first row, in the range torch's generators take."""
    return int(seeds_B[0] >> np.uint64(1))
