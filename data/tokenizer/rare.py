"""A vocabulary without pieces that are hardly ever used: their rows of the embedding would never be trained.

Only for `unigram`: BPE learns pieces in the order of their frequency, so its next ones are rarer still, and those that
its encoding hardly uses are what others are merged from (Bostrom and Durrett 2020, arXiv:2004.03720, section 4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from sentencepiece import sentencepiece_model_pb2

from data.tokenizer.config import TokenizerConfig
from data.tokenizer.model import Tokenizer
from data.vocabulary import SPACE

_SPARE_PARTS = (0.125, 0.5, 2.0)
"""So many pieces more than asked for are learned, in proportion, until enough of them are used."""


def without_rare_pieces(config: TokenizerConfig, texts: Sequence[str], train: Callable[[int], bytes]) -> bytes:
    """Learns more pieces than asked for, and keeps of them the first that are used often enough.

    What a text was cut into is still its best cut when other pieces go, so the pieces kept are used no less often.

    Args:
        config: says how many pieces there are to be, and how often each is to be used.
        texts: the sample.
        train: returns a model of so many pieces that was trained on it.

    Raises:
        ValueError: the sample does not use so many pieces so often.
    """
    enough = 0
    for part in _SPARE_PARTS:
        try:
            model = train(config.vocab_size + int(part * config.vocab_size))
        except ValueError:  # the text does not give so many
            break
        kept = _kept(Tokenizer(model), config, texts)
        enough = len(kept)
        if enough >= config.vocab_size:
            return _cut(model, kept[: config.vocab_size])
    raise ValueError(
        f"tokenizer.min_piece_count: the sample uses only {enough:,} pieces {config.min_piece_count:,} times or more, "
        f"fewer than the {config.vocab_size:,} of tokenizer.vocab_size; lower one of them, or add text"
    )


def _kept(tokenizer: Tokenizer, config: TokenizerConfig, texts: Sequence[str]) -> list[int]:
    """Returns the ids of the pieces that may stay, the surest first and in the order of their ids."""
    used = np.bincount(tokenizer.encode_arrays(texts)[0], minlength=tokenizer.vocab_size)
    characters = Counter(character for text in texts for character in text)
    for index, piece in enumerate(tokenizer.pieces):
        if len(piece) == 1:
            used[index] = characters[" " if piece == SPACE else piece]
    learned = tokenizer.first_learned
    often = np.flatnonzero(used[learned:] >= config.min_piece_count) + learned
    return [*range(learned), *often.tolist()]


def _cut(model: bytes, kept: Sequence[int]) -> bytes:
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)  # type: ignore[attr-defined]  # made when imported
    pieces = [proto.pieces[index] for index in kept]
    del proto.pieces[:]
    proto.pieces.extend(pieces)
    proto.trainer_spec.vocab_size = len(pieces)
    cut: bytes = proto.SerializeToString(deterministic=True)
    return cut
