"""Exam `length_doubling`: what happens when a network reads twice as much at once as it was trained to?

Rotary positions go on beyond the trained length without an error, which says nothing about how well. The second half of
each text is asked for in one reading and, for comparison, in windows of the trained length.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from data.packing import Ints
from data.shards import Shards
from lightning_modules.baselines.unigram import token_nll
from lightning_modules.exams.base import SUBJECT, Exam, Reading, Results, Sitting
from lightning_modules.exams.documents import long_pieces
from lightning_modules.exams.groups import by_group, group_table
from lightning_modules.hardware import Hardware
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.networks import Trunk
from lightning_modules.scoring.language_model import windows_of
from lightning_modules.scoring.results import Comparison, TestSet
from lightning_modules.scoring.token_likelihood import Floats, causal_nll

WITHIN, BEYOND = "within the trained length", "beyond it"
IN_WINDOWS = f"{SUBJECT}_in_windows"


class LengthDoubling(Exam):
    """Settings of `length_doubling`."""

    exam: Literal["length_doubling"]
    length: int | None = Field(None, gt=3)
    """The trained length, in positions; twice as many are read. Null: that of the last stage."""
    documents: int = Field(32, gt=1)
    """At most so many, of those that are long enough, at even distances."""

    @property
    def readings(self) -> frozenset[Reading]:
        """Causal only."""
        return frozenset({"causal"})

    def reads(self) -> dict[str, str]:
        """The tokens, and the corpus that they are of."""
        return {"tokens": "tokens", "corpus": "corpus"}

    def run(self, sitting: Sitting) -> Results:
        """Asks for every token of twice the length; an example is one half of a document's beginning."""
        test, train = (Shards.open(sitting.folders["tokens"], split) for split in ("test", "train"))
        length, hardware = self.length or sitting.sequence_length, sitting.hardware
        pieces = long_pieces(test, sitting.folders["corpus"], 2 * length, self.documents)
        texts = [piece.ids for piece in pieces]
        trained = {
            name: _halves(causal_nll(trunk, texts, hardware, sitting.reporting(name)), length)
            for name, trunk in sitting.networks.items()
        }
        windowed = in_windows(sitting.networks[SUBJECT], texts, length, hardware)
        unigram_V = token_nll(train)
        comparison = Comparison(
            test=TestSet(
                [f"{piece.id}@{half}" for piece in pieces for half in (1, 2)],
                [half for _ in pieces for half in (WITHIN, BEYOND)],
            ),
            metrics=[METRICS["token_loss"]("")],
            trained={**trained, IN_WINDOWS: _halves(windowed, length)},
            baselines={"unigram": _halves([unigram_V[text] for text in texts], length)},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        halves = by_group(comparison)
        return Results(
            comparison,
            tables=[group_table(comparison, "Loss within and beyond the trained length", "tokens")],
            facts={
                "trained_length": float(length),
                "loss_within": halves[WITHIN][SUBJECT].value,
                "loss_beyond": halves[BEYOND][SUBJECT].value,
                "loss_beyond_in_windows": halves[BEYOND][IN_WINDOWS].value,
            },
        )


def in_windows(trunk: Trunk, texts: list[Ints], length: int, hardware: Hardware) -> list[Floats]:
    """Returns the nats of each text's tokens, read in overlapping windows of `length`; each token is asked for once."""
    windows = [
        window for number, text in enumerate(texts) for window in windows_of(number, len(text), length, length // 2)
    ]
    parts = causal_nll(
        trunk,
        [texts[window.document][window.start : window.end] for window in windows],
        hardware,
        first_scored=[window.first_scored - window.start for window in windows],
    )
    return [
        np.concatenate([part for window, part in zip(windows, parts, strict=True) if window.document == number])
        for number in range(len(texts))
    ]


def _halves(nll: list[Floats], length: int) -> Outputs:
    sums = [float(half.sum()) for own in nll for half in (own[:length], own[length:])]
    return Outputs(nll_N=np.array(sums), tokens_N=np.full(len(sums), float(length)))
