"""Exam `loss_by_position`: does a token become easier to predict the more of its document stands before it?

The beginnings of the same documents are asked at every position, so no position has easier texts than another.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from data.shards import Shards
from lightning_modules.baselines.unigram import token_nll
from lightning_modules.exams.base import SUBJECT, Curve, Exam, Reading, Results, Sitting
from lightning_modules.exams.documents import Piece, long_pieces
from lightning_modules.exams.groups import by_group, group_table
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.metrics.bootstrap import resampled_sums
from lightning_modules.scoring.results import Comparison, TestSet
from lightning_modules.scoring.token_likelihood import Floats, causal_nll


class LossByPosition(Exam):
    """Settings of `loss_by_position`."""

    exam: Literal["loss_by_position"]
    length: int | None = Field(None, gt=3)
    """Tokens of each document's beginning that are asked for; null: as many as the last stage read at once."""
    documents: int = Field(64, gt=1)
    """At most so many, of those that are long enough, at even distances."""

    @property
    def readings(self) -> frozenset[Reading]:
        """Causal only."""
        return frozenset({"causal"})

    def reads(self) -> dict[str, str]:
        """The tokens, and the corpus that they are of."""
        return {"tokens": "tokens", "corpus": "corpus"}

    def run(self, sitting: Sitting) -> Results:
        """Asks for every token; an example is a document's part in a range of positions."""
        test, train = (Shards.open(sitting.folders["tokens"], split) for split in ("test", "train"))
        length = self.length or sitting.sequence_length
        pieces = long_pieces(test, sitting.folders["corpus"], length, self.documents)
        texts = [piece.ids for piece in pieces]
        unigram_V = token_nll(train)
        asked = {
            name: np.stack(causal_nll(trunk, texts, sitting.hardware, sitting.reporting(name)))
            for name, trunk in sitting.networks.items()
        }
        ranges = octaves(length)
        comparison = Comparison(
            test=_test_set(pieces, ranges),
            metrics=[METRICS["token_loss"]("")],
            trained={name: _outputs(nll_DT, ranges) for name, nll_DT in asked.items()},
            baselines={"unigram": _outputs(np.stack([unigram_V[text] for text in texts]), ranges)},
            resamples=sitting.resamples,
            seed=sitting.seed,
        )
        return Results(
            comparison,
            tables=[group_table(comparison, "Loss by tokens of context", "context")],
            curves=[_curve(comparison, ranges)],
            facts=context_gain(asked[SUBJECT], sitting.resamples, sitting.seed),
        )


def octaves(length: int) -> list[range]:
    """Returns ranges of positions that double: 0, 1, 2 to 3, 4 to 7, ...; the last ends at `length`."""
    starts = [0, *(2**power for power in range((length - 1).bit_length()))]
    return [range(start, end) for start, end in zip(starts, [*starts[1:], length], strict=True)]


def context_gain(nll_DT: Floats, resamples: int, seed: int) -> dict[str, float]:
    """Returns by how much the second half of the documents' beginnings is easier than the first, in nats a token.

    The interval resamples documents (D, T).
    """
    half = nll_DT.shape[1] // 2
    gain_D = nll_DT[:, :half].mean(1) - nll_DT[:, half:].mean(1)
    resampled_R = resampled_sums(gain_D[:, None], resamples, seed)[:, 0] / len(gain_D)
    low, high = np.percentile(resampled_R, [2.5, 97.5])
    return {
        "second_half_easier_by": float(gain_D.mean()),
        "second_half_easier_by_low": float(low),
        "second_half_easier_by_high": float(high),
    }


def _name(positions: range) -> str:
    return str(positions[0]) if len(positions) == 1 else f"{positions[0]}-{positions[-1]}"


def _test_set(pieces: list[Piece], ranges: list[range]) -> TestSet:
    return TestSet(
        [f"{piece.id}@{_name(positions)}" for piece in pieces for positions in ranges],
        [_name(positions) for _ in pieces for positions in ranges],
    )


def _outputs(nll_DT: Floats, ranges: list[range]) -> Outputs:
    """Returns the nats of each document in each range, document by document."""
    sums_DG = np.stack([nll_DT[:, positions.start : positions.stop].sum(1) for positions in ranges], axis=1)
    tokens_DG = np.broadcast_to([float(len(positions)) for positions in ranges], sums_DG.shape)
    return Outputs(nll_N=sums_DG.reshape(-1), tokens_N=tokens_DG.reshape(-1))


def _curve(comparison: Comparison, ranges: list[range]) -> Curve:
    found = by_group(comparison)
    x = [float(np.sqrt((positions[0] + 1) * (positions[-1] + 1))) for positions in ranges]
    lines = {
        system: [
            (place, values[system].value, values[system].low, values[system].high)
            for place, values in zip(x, found.values(), strict=True)
        ]
        for system in comparison.outputs
    }
    return Curve("Loss by position", "position in the document, tokens", "loss, nats per token", lines)
