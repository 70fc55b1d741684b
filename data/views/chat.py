"""Conversations: every reply of the assistant is predicted, nothing that others say is.

The layout is that of `data/chat.py`. A row is read from left to right, so that one pass trains every reply on what was
said before it. Shapes: S conversations of a micro-batch, N positions of all of them, B rows, T positions of a row.
"""

from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from data.batch import Attention, TokenBatch
from data.config import Config
from data.example_rows import ExampleRows
from data.packing import Ints, ranges
from data.prompts import Template
from data.views.base import View, Viewed, batch_seed, flat


class ChatViewConfig(Config):
    """What `chat` reads."""

    replies: Literal["all", "last"] = "all"
    """Which replies of a conversation are predicted."""
    packed: bool = False
    """Lay several conversations side by side in rows of at most `sequence_length` positions, where none sees another:
    fewer rows where most are much shorter than that. False: one a row, padded to the longest."""


class ChatView(View[ChatViewConfig]):
    """The state of a reply's opening mark predicts its first token; the last one predicts eos."""

    reads = frozenset({"examples"})
    template: ClassVar[Template] = "chat"

    def __call__(self, rows: ExampleRows, seeds_B: NDArray[np.uint64]) -> Viewed:
        special = self.specials
        samples = [
            np.concatenate([[special.bos], x, y, [special.eos]]) for x, y in zip(rows.inputs, rows.targets, strict=True)
        ]
        lengths_S = np.array([len(sample) for sample in samples])
        row_S, start_S, index_S = self._layout(lengths_S)
        shape = (int(row_S.max()) + 1, int((start_S + lengths_S).max()))
        place_N = ranges(row_S * shape[1] + start_S, lengths_S)
        ids_N, position_N = np.concatenate(samples), ranges(np.zeros_like(lengths_S), lengths_S)
        input_ids_BT, position_ids_BT, sample_ids_BT = (np.full(shape, fill) for fill in (special.pad, 0, -1))
        input_ids_BT.reshape(-1)[place_N] = ids_N
        position_ids_BT.reshape(-1)[place_N] = position_N
        sample_ids_BT.reshape(-1)[place_N] = np.repeat(index_S, lengths_S)

        predicting_N = self._in_reply(ids_N) & (ids_N != special.eos)
        if self.config.replies == "last":
            predicting_N &= position_N >= np.repeat([len(x) for x in rows.inputs], lengths_S)
        predict_M = place_N[predicting_N]
        single = not sample_ids_BT.any()
        batch = TokenBatch(
            input_ids_BT=torch.from_numpy(input_ids_BT),
            position_ids_BT=torch.from_numpy(position_ids_BT),
            attention=Attention("causal", None if single else torch.from_numpy(sample_ids_BT)),
            seed=batch_seed(seeds_B),
            predict_M=flat(predict_M),
            targets_M=flat(input_ids_BT.reshape(-1)[predict_M + 1]),
        )
        return Viewed(batch, {"chat": len(predict_M)}, int((~self.vocabulary.is_special[ids_N]).sum()))

    def _in_reply(self, ids_N: Ints) -> NDArray[np.bool_]:
        """Marks each position from the mark that opens a reply to the reply's end."""
        special = self.specials
        opens_N = np.isin(ids_N, [special.bos, special.system, special.user, special.assistant])
        last_N = np.maximum.accumulate(np.where(opens_N, np.arange(len(ids_N)), 0))
        replying_N: NDArray[np.bool_] = ids_N[last_N] == special.assistant
        return replying_N

    def _layout(self, lengths_S: Ints) -> tuple[Ints, Ints, Ints]:
        """Returns the row of each conversation, its first column, and its number in the row.

        Packed, the longest is placed first, each in the first row that has room for it.
        """
        count = len(lengths_S)
        if not self.config.packed:
            return np.arange(count), np.zeros(count, np.int64), np.zeros(count, np.int64)
        row_S, start_S, index_S = (np.zeros(count, np.int64) for _ in range(3))
        filled: list[int] = []
        held: list[int] = []
        for sample in np.argsort(-lengths_S, kind="stable"):
            length = int(lengths_S[sample])
            fits = (row for row, used in enumerate(filled) if used + length <= self.context.sequence_length)
            row = next(fits, len(filled))
            if row == len(filled):
                filled.append(0)
                held.append(0)
            row_S[sample], start_S[sample], index_S[sample] = row, filled[row], held[row]
            filled[row] += length
            held[row] += 1
        return row_S, start_S, index_S
