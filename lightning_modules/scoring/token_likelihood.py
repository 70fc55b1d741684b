"""How likely a network finds single tokens: after what stands before them, or hidden among what surrounds them.

Both ask a batch of about equally long rows at once, and read equal rows once, so that equal texts get equal answers
whatever batch they fall into. Shapes: N texts or questions, B rows, T positions, M predicted tokens.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from data.batch import Attention, AttentionMode, TokenBatch
from data.example_rows import padded
from data.packing import Ints
from data.views.masked_lm import predicting
from data.vocabulary import SPECIALS, Vocabulary
from lightning_modules.hardware import Hardware
from lightning_modules.networks import Trunk
from lightning_modules.scoring.batches import Progress, by_length
from lightning_modules.scoring.inference import inference, target_nll

Floats = NDArray[np.float64]

WithinWord = Literal["l2r", "alone"]
"""What is hidden beside a piece of a word that is asked for: `l2r` the later pieces of its word too (Kauf and Ivanova
2023, arXiv:2305.10588), so that a long word does not give itself away; `alone` nothing (Salazar et al. 2020,
arXiv:1910.14659)."""


class Cloze(NamedTuple):
    """One hidden token that is asked for."""

    ids: Ints
    """A whole sample with its bos, nothing hidden yet."""
    hidden: Ints
    """Places that are shown as the mask, the one asked for among them."""
    asked: int
    """Place of the token that is asked for."""

    @property
    def shown(self) -> Ints:
        """What the network reads."""
        shown = self.ids.copy()
        shown[self.hidden] = SPECIALS.mask
        return shown


def causal_nll(
    trunk: Trunk,
    texts: Sequence[Ints],
    hardware: Hardware,
    progress: Progress = lambda done, total: None,
    first_scored: Sequence[int] | None = None,
) -> list[Floats]:
    """Returns the nats of each text's tokens, each after bos and all tokens before it.

    Args:
        texts: token ids without specials.
        first_scored: of each text, the first token that is asked for; None: all are.
    """
    firsts = [0] * len(texts) if first_scored is None else list(first_scored)
    unique, place_N = _distinct([(first, text.tobytes()) for first, text in zip(firsts, texts, strict=True)])
    asked = [(texts[index], firsts[index]) for index in unique]
    found: list[Floats] = [np.empty(0)] * len(asked)
    lengths = [len(text) for text, _ in asked]
    with inference(hardware):
        for chosen in by_length(lengths, hardware.micro_batch_tokens, progress):
            rows = [np.concatenate([[SPECIALS.bos], asked[index][0][:-1]]) for index in chosen]
            width = max(map(len, rows))
            spans = [np.arange(asked[index][1], lengths[index]) for index in chosen]
            predict_M = np.concatenate([row * width + span for row, span in enumerate(spans)])
            targets_M = np.concatenate([asked[index][0][asked[index][1] :] for index in chosen])
            nll_M = _nll(trunk, rows, "causal", predict_M, targets_M)
            for index, own in zip(chosen, np.split(nll_M, np.cumsum([len(span) for span in spans])[:-1]), strict=True):
                found[index] = own
    return [found[place] for place in place_N]


def cloze_nll(
    trunk: Trunk, clozes: Sequence[Cloze], hardware: Hardware, progress: Progress = lambda done, total: None
) -> Floats:
    """Returns (N,): the nats of the token that each cloze asks for."""
    unique, row_N = _distinct([cloze.shown.tobytes() for cloze in clozes])
    asking: list[list[int]] = [[] for _ in unique]
    for index, row in enumerate(row_N):
        asking[row].append(index)
    found = np.empty(len(clozes))
    with inference(hardware):
        for chosen in by_length([len(clozes[index].ids) for index in unique], hardware.micro_batch_tokens, progress):
            rows = [clozes[unique[row]].shown for row in chosen]
            width = max(map(len, rows))
            here = [(place, index) for place, row in enumerate(chosen) for index in asking[row]]
            hidden_M = np.array([place * width + clozes[index].asked for place, index in here])
            targets_M = np.array([clozes[index].ids[clozes[index].asked] for _, index in here])
            nll_M = _nll(trunk, rows, "full", predicting(hidden_M, trunk.config.alignment), targets_M)
            found[[index for _, index in here]] = nll_M
    return found


def clozes_of(text: Ints, vocabulary: Vocabulary, within_word: WithinWord) -> list[Cloze]:
    """Returns a cloze for each token of a text, which stands between bos and eos.

    Args:
        text: token ids without specials.
    """
    sample = np.concatenate([[SPECIALS.bos], text, [SPECIALS.eos]]).astype(np.int64)
    places = np.arange(1, len(text) + 1)
    if within_word == "alone":
        return [Cloze(sample, places[[index]], int(place)) for index, place in enumerate(places)]
    opens = vocabulary.word_start[sample[places]] | vocabulary.word_end[sample[places - 1]]
    word = np.cumsum(opens)
    return [Cloze(sample, places[index:][word[index:] == word[index]], int(at)) for index, at in enumerate(places)]


def masked_nll(
    trunk: Trunk,
    texts: Sequence[Ints],
    vocabulary: Vocabulary,
    within_word: WithinWord,
    hardware: Hardware,
    progress: Progress = lambda done, total: None,
) -> list[Floats]:
    """Returns the nats of each text's tokens, each hidden by itself: minus their sum is the pseudo-log-likelihood."""
    unique, place_N = _distinct([text.tobytes() for text in texts])
    clozes = [cloze for index in unique for cloze in clozes_of(texts[index], vocabulary, within_word)]
    ends = np.cumsum([len(texts[index]) for index in unique])
    found = np.split(cloze_nll(trunk, clozes, hardware, progress), ends[:-1])
    return [found[place] for place in place_N]


def _distinct(keys: Sequence[Hashable]) -> tuple[list[int], list[int]]:
    """Returns where each distinct key stands first, and for every key the number of that place among these."""
    number: dict[Hashable, int] = {}
    first = []
    for index, key in enumerate(keys):
        if key not in number:
            number[key] = len(number)
            first.append(index)
    return first, [number[key] for key in keys]


def _nll(trunk: Trunk, rows: Sequence[Ints], mode: AttentionMode, predict_M: Ints, targets_M: Ints) -> Floats:
    input_ids_BT, position_ids_BT, sample_ids_BT = padded(rows, SPECIALS.pad)
    batch = TokenBatch(
        input_ids_BT=torch.from_numpy(input_ids_BT),
        position_ids_BT=torch.from_numpy(position_ids_BT),
        attention=Attention(mode, None if sample_ids_BT is None else torch.from_numpy(sample_ids_BT)),
        seed=0,
        predict_M=torch.from_numpy(predict_M),
        targets_M=torch.from_numpy(targets_M.astype(np.int64)),
    ).to(trunk.vocabulary_VD.device)
    assert batch.predict_M is not None and batch.targets_M is not None
    hidden_MD = trunk.hidden(batch).flatten(0, 1)[batch.predict_M]
    return target_nll(trunk, hidden_MD, batch.targets_M).double().cpu().numpy()
