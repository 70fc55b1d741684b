"""Minimal pairs: how often a network finds the right one of two sentences the likelier, and how sure that share is.

A sentence is scored from left to right under the causal mask, or under the full mask, each token hidden in turn with
what follows it in its word (Kauf and Ivanova 2023, arXiv:2305.10588: otherwise the end of a word gives its beginning
away). Both are sums of log-probabilities of its tokens, without bos and eos. Ties count one half.

Shapes: P sentences, B rows, T positions, M predicted tokens, S seeds, N pairs, R resamples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from data.batch import Attention, AttentionMode, TokenBatch
from data.example_rows import padded
from data.packing import Ints
from data.views.base import flat
from data.views.masked_lm import predicting
from data.vocabulary import SPECIALS, Vocabulary
from lightning_modules.metrics import Interval
from lightning_modules.networks import Trunk
from lightning_modules.scoring.systems import target_nll

Floats = NDArray[np.float64]
_ROWS = 256


def causal_scores(trunk: Trunk, sentences: Sequence[Ints]) -> Floats:
    """Returns log p of each sentence (P,), in nats, each token given those before it."""
    log_p = []
    for chunk in _chunks(len(sentences)):
        samples = [np.concatenate([[SPECIALS.bos], ids]) for ids in sentences[chunk]]
        width = max(map(len, samples))
        places_M = np.concatenate([row * width + np.arange(len(each) - 1) for row, each in enumerate(samples)])
        log_p.append(_log_p(trunk, samples, "causal", places_M, np.concatenate(sentences[chunk])))
    return _sums(np.concatenate(log_p), sentences)


def masked_scores(trunk: Trunk, sentences: Sequence[Ints], vocabulary: Vocabulary) -> Floats:
    """Returns the pseudo-log-likelihood of each sentence (P,), in nats: each token given those around it."""
    hidden = [each for ids in sentences for each in _one_by_one(ids, vocabulary)]
    targets_M = np.concatenate(sentences)
    columns_M = np.concatenate([np.arange(1, len(ids) + 1) for ids in sentences])  # after bos
    columns_M = predicting(columns_M, trunk.config.alignment)
    log_p = []
    for chunk in _chunks(len(hidden)):
        samples = hidden[chunk]
        places_M = np.arange(len(samples)) * max(map(len, samples)) + columns_M[chunk]
        log_p.append(_log_p(trunk, samples, "full", places_M, targets_M[chunk]))
    return _sums(np.concatenate(log_p), sentences)


def _sums(log_p_M: Floats, sentences: Sequence[Ints]) -> Floats:
    ends = np.cumsum([len(ids) for ids in sentences])
    return np.add.reduceat(log_p_M, np.concatenate([[0], ends[:-1]]))


def _one_by_one(ids: Ints, vocabulary: Vocabulary) -> Iterator[Ints]:
    """Yields the sentence, after bos, once for every token, with that and the rest of its word hidden."""
    starts = vocabulary.word_start[ids] | np.concatenate([[False], vocabulary.word_end[ids[:-1]]])
    word, index = np.cumsum(starts), np.arange(len(ids))
    for token in index:
        hidden = (word == word[token]) & (index >= token)
        yield np.concatenate([[SPECIALS.bos], np.where(hidden, SPECIALS.mask, ids)])


def _chunks(size: int) -> Iterator[slice]:
    return (slice(start, start + _ROWS) for start in range(0, size, _ROWS))


@torch.no_grad()
def _log_p(trunk: Trunk, samples: Sequence[Ints], mode: AttentionMode, places_M: Ints, targets_M: Ints) -> Floats:
    """Returns log p (M,) of each target under the state at its flattened place."""
    input_ids_BT, position_ids_BT, sample_ids_BT = padded(samples, SPECIALS.pad)
    batch = TokenBatch(
        input_ids_BT=torch.from_numpy(input_ids_BT),
        position_ids_BT=torch.from_numpy(position_ids_BT),
        attention=Attention(mode, None if sample_ids_BT is None else torch.from_numpy(sample_ids_BT)),
        seed=0,
    )
    hidden_MD = trunk.hidden(batch).flatten(0, 1)[flat(places_M)]
    return -target_nll(trunk, hidden_MD, flat(targets_M)).double().numpy()


def outcomes(good_N: Floats, bad_N: Floats) -> Floats:
    """Returns 1 where the good sentence scores higher, 0 where the bad one does, one half for a tie."""
    right_N: Floats = (good_N > bad_N) + 0.5 * (good_N == bad_N)
    return right_N


def mean(values_SN: Floats, resamples: int = 2000, seed: int = 0) -> Interval:
    """Returns the mean of outcomes, or of differences of outcomes, with its interval of 95 %.

    A resample draws seeds first, then pairs. All seeds are asked the same pairs, so one draw of pairs serves all seeds
    drawn with it: a hard pair is hard for all. Source: Owen 2007, "The pigeonhole bootstrap", Annals of Applied
    Statistics 1(2), doi:10.1214/07-AOAS122; it errs to the wide side.
    """
    random, (seeds, items) = np.random.default_rng(seed), values_SN.shape
    of_seeds_RS = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)
    of_pairs_RN = random.multinomial(items, np.full(items, 1 / items), size=resamples)
    means_R = ((of_seeds_RS @ values_SN) * of_pairs_RN).sum(axis=1) / values_SN.size
    low, high = np.percentile(means_R, [2.5, 97.5])
    return Interval(float(values_SN.mean()), float(low), float(high))
