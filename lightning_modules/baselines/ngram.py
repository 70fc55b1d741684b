"""Baseline of language modelling: every token by the few before it, in the same tokens and windows as the network.

An interpolated model: what a context has not shown is left to the next shorter context, in proportion to how many
different tokens it has shown (Witten and Bell 1991, method C), down to all entries alike.
Shapes: N training and M test predictions; K the order: a row holds the predicted token, then the one before it, ...
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from data.batch import TokenBatch
from data.loaders import validation_batches
from data.packing import Ints, pack
from data.shards import Shards
from data.views.causal_lm import CausalLMView
from data.views.noise import key, permutation
from data.vocabulary import SPECIALS

FIT_POSITIONS = 2**24
"""At most so many positions of text are counted, drawn by the seed where there are more: a matter of memory."""
_ROWS_AT_ONCE = 2**12


def ngram_loss(
    train: Sequence[Shards],
    validation: Shards,
    view: CausalLMView,
    *,
    order: int,
    max_positions: int,
    seed: int,
) -> float:
    """Returns the mean nats of the tokens that a stage of causal modelling is validated on.

    Args:
        train: the text that is counted, every token once whatever its part in the mixture.
        validation: the text that the stage is validated on.
        view: of the stage's objective.
        order: K.
        max_positions: of one validation of the stage.
        seed: of the stage.
    """
    batches = validation_batches(
        validation,
        view,
        objective="",
        sequence_length=view.context.sequence_length,
        micro_batch_size=_ROWS_AT_ONCE,
        max_positions=max_positions,
        seed=seed,
    )
    test_MK = _grams((micro.batch for micro in batches), order)
    train_NK = _grams(_training_rows(train, view, seed), order)
    return float(ngram_nll(train_NK, test_MK, view.vocabulary.size).mean())


def ngram_nll(train_NK: Ints, test_MK: Ints, vocab_size: int) -> NDArray[np.float64]:
    """Returns (M,): nats of each test token under the counts of the training rows.

    Only what a text can hold gets probability: pieces of text, and eos.
    """
    target_N, target_M = train_NK[:, 0], test_MK[:, 0]
    context_N, context_M = np.zeros_like(target_N), np.zeros_like(target_M)  # number of the context; -1: never seen
    probability_M = np.full(len(target_M), 1.0 / (vocab_size - SPECIALS.count + 1))
    for length in range(train_NK.shape[1]):
        if length:
            longer, context_N = np.unique(context_N * vocab_size + train_NK[:, length], return_inverse=True)
            context_M = _place(longer, context_M * vocab_size + test_MK[:, length])
        pairs, times = np.unique(context_N * vocab_size + target_N, return_counts=True)
        pair_M = _place(pairs, context_M * vocab_size + target_M)
        shown_M = np.where(pair_M < 0, 0, times[pair_M])
        total_M = np.bincount(context_N)[context_M]
        kinds_M = np.bincount(pairs // vocab_size)[context_M]
        interpolated_M = (shown_M + kinds_M * probability_M) / (total_M + kinds_M)
        probability_M = np.where(context_M < 0, probability_M, interpolated_M)
    nll_M: NDArray[np.float64] = -np.log(probability_M)
    return nll_M


def text_grams(texts: Sequence[Ints], order: int, *, ended: bool) -> Ints:
    """Returns every token of the texts with the ones before it, (M, K); before bos there is padding.

    Args:
        texts: token ids without specials.
        order: K.
        ended: each text's eos is predicted too.
    """
    samples = [[SPECIALS.bos, *text.tolist(), *([SPECIALS.eos] if ended else [])] for text in texts]
    padding = [SPECIALS.pad] * (order - 2)  # so that a row may look back over its start
    ids = np.array([token for sample in samples for token in [*padding, *sample]], dtype=np.int64)
    asked = np.array([place > 0 for sample in samples for place in [*[0] * len(padding), *range(len(sample))]], bool)
    places_M = np.flatnonzero(asked)
    return np.stack([ids[places_M - back] for back in range(order)], axis=1)


def _place(ascending: Ints, wanted_M: Ints) -> Ints:
    """Returns where each wanted number stands, -1 where it does not."""
    place_M = np.searchsorted(ascending, wanted_M).clip(max=len(ascending) - 1)
    return np.where(ascending[place_M] == wanted_M, place_M, -1)


def _training_rows(train: Sequence[Shards], view: CausalLMView, seed: int) -> Iterable[TokenBatch]:
    length = view.context.sequence_length
    for index, shards in enumerate(train):
        packing = pack(shards.offsets, length)
        most = FIT_POSITIONS // (length * len(train))
        rows = np.sort(permutation(key(seed, "ngram", index), packing.rows)[:most])
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            chosen = rows[first : first + _ROWS_AT_ONCE]
            yield view(packing.read(shards.tokens, chosen, single=False), chosen.astype(np.uint64)).batch


def _grams(batches: Iterable[TokenBatch], order: int) -> Ints:
    """Returns every predicted token with the ones before it in its sample; before bos there is padding."""
    return np.concatenate([_grams_of(batch, order) for batch in batches])


def _grams_of(batch: TokenBatch, order: int) -> Ints:
    assert batch.predict_M is not None and batch.targets_M is not None
    ids, positions = batch.input_ids_BT.numpy().reshape(-1), batch.position_ids_BT.numpy().reshape(-1)
    predict_M = batch.predict_M.numpy()
    before = [np.where(positions[predict_M] >= back, ids[predict_M - back], SPECIALS.pad) for back in range(order - 1)]
    return np.stack([batch.targets_M.numpy(), *before], axis=1)
