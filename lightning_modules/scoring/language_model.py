"""How likely a network finds the documents of a test split.

A document is its tokens and eos. It is read in overlapping windows of the trained length, each opened by bos; a window
scores what no window before it has scored, so every token is scored once and, but for the first window's, after at
least `length - stride` tokens of context. A smaller stride takes more time and finds the text a little likelier, so it
is part of the scores' signatures. Shapes: D documents, W windows, B rows, T positions, M scored tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from data.batch import Attention, TokenBatch
from data.example_rows import padded
from data.packing import Ints
from data.shards import Shards
from data.views.noise import key, permutation
from data.vocabulary import SPECIALS
from lightning_modules.hardware import Hardware
from lightning_modules.networks import Trunk
from lightning_modules.scoring.inference import inference, target_nll


class Window(NamedTuple):
    """A part of a document that is read at once."""

    document: int
    start: int
    """Of the document's tokens and eos, the first that this window predicts."""
    first_scored: int
    """The first that no window before it has scored."""
    end: int


def windows_of(document: int, targets: int, length: int, stride: int) -> list[Window]:
    """Returns the windows over a document's tokens and eos, `targets` in all, each of at most `length` predictions.

    Args:
        stride: targets that each window but the first and the last scores, at most `length`.
    """
    windows = [Window(document, 0, 0, min(length, targets))]
    while windows[-1].end < targets:
        end = min(windows[-1].end + stride, targets)
        windows.append(Window(document, end - length, windows[-1].end, end))
    return windows


def open_test(tokens: Path) -> Shards:
    """Returns the test documents of a `tokens` artifact.

    Raises:
        ValueError: there are none.
    """
    test = Shards.open(tokens, "test")
    if not test.documents:
        raise ValueError(f"{tokens}: the test split holds no document; raise its fraction in the recipe's corpus.split")
    return test


def chosen_documents(shards: Shards, seed: int, max_documents: int | None, max_tokens: int | None) -> Ints:
    """Returns the documents to score, ascending: drawn by the seed until either limit, at least one."""
    order = permutation(key(seed, "test documents"), shards.documents)[:max_documents]
    if max_tokens is not None:
        lengths = np.diff(shards.offsets)[order]
        order = order[: max(1, int((lengths.cumsum() <= max_tokens).sum()))]
    return np.sort(order)


def document_nll(
    trunk: Trunk,
    shards: Shards,
    documents_D: Ints,
    length: int,
    hardware: Hardware,
    progress: Callable[[int, int], None],
    stride: int | None = None,
) -> NDArray[np.float64]:
    """Returns the nats of each document and its eos.

    Args:
        length: positions of a window.
        progress: is told the windows done and their number.
        stride: tokens that each further window of a document scores; None: half a window.

    Raises:
        ValueError: the stride would leave tokens out.
    """
    stride = stride or length // 2
    if stride > length:
        raise ValueError(
            f"stride {stride} does not fit windows of {length} positions: tokens between two windows would not be "
            f"scored; set evaluation.stride to at most {length}"
        )
    texts = [np.append(shards.document(document), SPECIALS.eos) for document in documents_D]
    windows = [window for index, text in enumerate(texts) for window in windows_of(index, len(text), length, stride)]
    windows.sort(key=lambda window: window.end - window.start)
    rows = max(1, hardware.micro_batch_tokens // length)
    nll_D = np.zeros(len(documents_D))
    with inference(hardware):
        for first in range(0, len(windows), rows):
            batch = windows[first : first + rows]
            nll_M = _scored_nll(trunk, [texts[window.document] for window in batch], batch)
            scored = [window.end - window.first_scored for window in batch]
            np.add.at(nll_D, np.repeat([window.document for window in batch], scored), nll_M)
            progress(first + len(batch), len(windows))
    return nll_D


def _scored_nll(trunk: Trunk, texts: list[Ints], windows: list[Window]) -> NDArray[np.float64]:
    """Returns the nats of the scored tokens (M,), window by window."""
    samples = [
        np.concatenate([[SPECIALS.bos], text[window.start : window.end - 1]])
        for text, window in zip(texts, windows, strict=True)
    ]
    input_ids_BT, position_ids_BT, sample_ids_BT = padded(samples, SPECIALS.pad)
    width = input_ids_BT.shape[1]
    predict_M = np.concatenate(
        [
            row * width + np.arange(window.first_scored - window.start, window.end - window.start)
            for row, window in enumerate(windows)
        ]
    )
    targets_M = np.concatenate(
        [text[window.first_scored : window.end] for text, window in zip(texts, windows, strict=True)]
    )
    batch = TokenBatch(
        input_ids_BT=torch.from_numpy(input_ids_BT),
        position_ids_BT=torch.from_numpy(position_ids_BT),
        attention=Attention("causal", None if sample_ids_BT is None else torch.from_numpy(sample_ids_BT)),
        seed=0,
        predict_M=torch.from_numpy(predict_M),
        targets_M=torch.from_numpy(targets_M),
    ).to(trunk.vocabulary_VD.device)
    assert batch.predict_M is not None and batch.targets_M is not None
    hidden_MD = trunk.hidden(batch).flatten(0, 1)[batch.predict_M]
    return target_nll(trunk, hidden_MD, batch.targets_M).double().cpu().numpy()
