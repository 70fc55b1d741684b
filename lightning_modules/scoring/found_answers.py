"""What stretch of its context a network answers a question with. Shapes: U units of a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.encodings.span import QuestionWindow, question_rows, question_windows
from data.question import split_input
from data.views.span import SpanView
from lightning_modules.objectives.span import Span
from lightning_modules.scoring.reader import Reader

LONGEST = 64
"""Words or characters of an answer."""


@dataclass(frozen=True)
class FoundAnswer:
    """The best stretch over all windows of a context."""

    text: str
    """Empty: no answer."""
    start: int
    """First character in the input, -1 where there is no answer."""
    margin: float
    """Logits by which the best stretch is above 'no answer'; minus infinity where there is no stretch."""


def found_answers(reader: Reader, head: Span, inputs: Sequence[str]) -> list[FoundAnswer]:
    """Returns the answer of each input.

    A stretch scores by the sum of its logits. It has to be above 'no answer', which scores as low as in any window of
    the context (Devlin et al. 2019, arXiv:1810.04805, section 4.3), unless the network always answers.
    """
    found = [question_windows(reader.tokenizer, text, reader.length)[0] for text in inputs]
    asked = [(number, window) for number, own in enumerate(found) for window in own]
    best = [(-np.inf, 0, 0)] * len(inputs)
    nothing = np.full(len(inputs), np.inf)
    if asked:
        rows = question_rows([(window, np.zeros(2, np.int64)) for _, window in asked])
        lengths = [len(window.ids) + 2 for _, window in asked]
        for chosen, batch in reader.batches(SpanView(head.config, reader.context), rows, lengths):
            logits_2BT = head.logits(reader.trunk, batch).cpu().numpy()
            for row, index in enumerate(chosen):
                number, window = asked[index]
                best[number] = max(best[number], _best(window, logits_2BT[:, row]))
                nothing[number] = min(nothing[number], float(logits_2BT[:, row, 0].sum()))
    return [
        _answer(text, own, float(none), head.config.may_refuse)
        for text, own, none in zip(inputs, best, nothing, strict=True)
    ]


def _best(window: QuestionWindow, logits_2T: NDArray[np.float32]) -> tuple[float, int, int]:
    """Returns the score of the best stretch of a window, and its characters in the context."""
    start_U, end_U = logits_2T[:, 1 + window.places]
    scores_UU = start_U[:, None] + end_U
    allowed_UU = np.triu(np.ones_like(scores_UU, dtype=bool)) & ~np.triu(np.ones_like(scores_UU, dtype=bool), LONGEST)
    scores_UU = np.where(allowed_UU, scores_UU, -np.inf)
    first, last = np.unravel_index(int(scores_UU.argmax()), scores_UU.shape)
    return float(scores_UU[first, last]), int(window.units.starts_U[first]), int(window.units.ends_U[last])


def _answer(text: str, best: tuple[float, int, int], nothing: float, may_refuse: bool) -> FoundAnswer:
    score, start, end = best
    margin = score - nothing
    if score == -np.inf or (may_refuse and margin <= 0):
        return FoundAnswer("", -1, margin)
    context = split_input(text)[1]
    return FoundAnswer(context[start:end], len(text) - len(context) + start, margin)
