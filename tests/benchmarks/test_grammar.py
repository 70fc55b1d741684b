from itertools import islice, pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest

from benchmarks.grammar import IDS, VOCABULARY, WORDS, Sentence, pairs, sentence, text, write_language
from data.packing import pack
from data.shards import Shards
from data.vocabulary import SPECIALS

DRAWN = [sentence(Random(seed)) for seed in range(500)]


def words(ids: tuple[int, ...]) -> list[str]:
    return [WORDS[token - SPECIALS.count] for token in ids]


def agrees(ids: tuple[int, ...]) -> bool:
    """Read off the words: 'dogs' is many, and so is 'run'; the subject is the first noun."""
    subject = next(word for word in words(ids) if word.startswith("dog"))
    verb = next(word for word in words(ids) if word.startswith("run"))
    return subject.endswith("s") != verb.endswith("s")


def test_every_sentence_agrees_and_its_pair_does_not():
    assert all(agrees(drawn.ids) for drawn in DRAWN)
    assert not any(agrees(drawn.disagreeing) for drawn in DRAWN)


def test_pair_differs_in_the_verb_alone_and_keeps_its_stem():
    for drawn in DRAWN:
        differing = [i for i, (a, b) in enumerate(zip(drawn.ids, drawn.disagreeing, strict=True)) if a != b]
        assert differing == [drawn.verb]
        good, bad = words(drawn.ids)[drawn.verb], words(drawn.disagreeing)[drawn.verb]
        assert good.rstrip("s") == bad.rstrip("s")


def test_disagreeing_of_a_sentence_worked_out_by_hand():
    ids = tuple(IDS[word] for word in ("the", "dog3s", "near1", "the", "dog0", "run7", "."))

    assert words(Sentence(ids, verb=5).disagreeing) == ["the", "dog3s", "near1", "the", "dog0", "run7s", "."]


def test_nearest_noun_misleads_in_half_of_the_sentences_with_a_phrase_between():
    with_phrase = [words(drawn.ids) for drawn in DRAWN if any(word.startswith("near") for word in words(drawn.ids))]
    numbers = [[word.endswith("s") for word in each if word.startswith("dog")] for each in with_phrase]

    assert len(with_phrase) == pytest.approx(250, abs=3 * 11.2)  # sd of Binomial(500, 1/2)
    assert np.mean([first != second for first, second in numbers]) == pytest.approx(0.5, abs=0.1)


def test_text_has_exactly_its_length_and_tells_its_whole_sentences():
    told: set[tuple[int, ...]] = set()
    ids = text(Random(3), 24, told)
    ends = [place + 1 for place, token in enumerate(ids) if token == IDS["."]]

    assert len(ids) == 24
    assert told == {tuple(ids[start:end]) for start, end in pairwise([0, *ends])}


def test_pairs_are_distinct_and_were_never_told(tmp_path: Path):
    told = write_language(tmp_path, texts=100, length=24)
    asked = [drawn.ids for drawn in islice(pairs(Random(1), told), 200)]

    assert len(set(asked)) == 200
    assert not told & set(asked)


def test_every_text_is_a_row_of_its_own_without_a_mask(tmp_path: Path):
    write_language(tmp_path, texts=100, length=24)
    shards = Shards.open(tmp_path, "train")
    packing = pack(shards.offsets, 25)

    assert (packing.rows, packing.single_rows) == (100, 100)
    assert (shards.vocab_size, int(shards.tokens.max()) < VOCABULARY) == (VOCABULARY, True)
