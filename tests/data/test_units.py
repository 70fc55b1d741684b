"""Characters, tokens and units of texts in which their numbers differ: folded, in bytes, in several code points."""

import re
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.tokenizer import Tokenizer, TokenizerConfig
from data.tokenizer.training import train_model
from data.units import encode_units, unit_spans, windows

TEXTS = [
    "Alice went to Paris, and Bob's cats didn't. ﬁne Ａ１２ words words words",
    "我爱北京天安门。北京很大,天安门很好。我爱北京。",
    "emoji 😀👩‍👩‍👧 end ㍿ 株式会社",
]


def sentences() -> list[str]:
    """Made-up words, and Chinese words of two characters, so many that a vocabulary can be learned."""
    random = np.random.default_rng(0)
    latin = ["".join(random.choice(list("abdeklnorstu"), 5)) for _ in range(80)]
    chinese = ["".join(random.choice(list("我爱北京天安门很大好雨晴山水人口"), 2)) for _ in range(12)]
    return TEXTS * 5 + [" ".join(random.choice(latin, 8)) + "".join(random.choice(chinese, 6)) for _ in range(200)]


@cache
def tokenizer(normalization: str, algorithm: str = "unigram", symbols: tuple[str, ...] = ()) -> Tokenizer:
    config = TokenizerConfig.model_validate(
        {"algorithm": algorithm, "vocab_size": 512, "normalization": normalization, "user_symbols": symbols}
    )
    return Tokenizer(train_model(config, sentences()))


KINDS = [("identity", "unigram"), ("nfkc", "unigram"), ("identity", "bpe"), ("nfkc_cf", "bpe")]


@pytest.mark.parametrize(("normalization", "algorithm"), KINDS)
@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="abIst 北京天安。▁😀👩\u200d龘ﬁ㍿Ａé\u0301\n,'", max_size=30))
def test_offsets_cover_the_text_in_order_and_ids_are_those_of_encode(normalization: str, algorithm: str, text: str):
    own = tokenizer(normalization, algorithm)
    ids, spans = own.encode_with_offsets(text)

    assert ids == own.encode(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)
    if own.lossless:
        covered = {place for start, end in spans for place in range(start, end)}
        assert covered == set(range(len(text)))


def test_bytes_and_folded_characters_point_to_the_character_they_are_of():
    ids, spans = tokenizer("nfkc").encode_with_offsets("龘 ﬁ㍿😀")
    pieces = [tokenizer("nfkc").pieces[index] for index in ids]

    assert spans[:3] == [(0, 1)] * 3  # 龘 was never seen: three bytes
    assert pieces[:3] == ["<0xE9>", "<0xBE>", "<0x98>"]
    of_ligature = "".join(piece for piece, span in zip(pieces, spans, strict=True) if 2 in range(*span))
    assert of_ligature.lstrip("▁") == "fi"
    company = "".join(piece for piece, span in zip(pieces, spans, strict=True) if span == (3, 4))
    assert company == "株式会社"
    assert spans[-1] == (4, 5)


def test_user_symbols_and_the_character_of_the_space_have_their_own_place():
    own = tokenizer("identity", symbols=("<tag>",))
    ids, spans = own.encode_with_offsets("a<tag>▁b")

    assert ids == own.encode("a<tag>▁b")
    assert spans[1] == (1, 6)
    assert spans[2:5] == [(6, 7)] * 3


def test_units_are_words_characters_and_marks():
    text = "Bob's 北京，x2_😀é"
    assert [text[start:end] for start, end in unit_spans(text)] == [
        "Bob", "'", "s", "北", "京", "，", "x2", "_", "😀", "é",
    ]  # fmt: skip


@pytest.mark.parametrize(("normalization", "algorithm"), KINDS)
@pytest.mark.parametrize("text", ["我爱北京天安门。", "Alice didn't, in 北京 ㍿ ﬁne 😀!", "words,words  words\n龘"])
def test_every_unit_has_a_token_of_its_own(normalization: str, algorithm: str, text: str):
    own = tokenizer(normalization, algorithm)
    encoded = encode_units(own, text)

    assert list(zip(encoded.starts_U, encoded.ends_U, strict=True)) == unit_spans(text)
    assert (np.diff(encoded.first_U) > 0).all()
    assert own.decode(encoded.ids_N) == own.decode(own.encode(text))


def test_pieces_within_one_unit_stay_as_they_are():
    own = tokenizer("identity")
    assert encode_units(own, "words words words").ids_N.tolist() == own.encode("words words words")
    word = next(piece for piece in own.pieces if re.fullmatch("[一-鿿]{2,}", piece))
    assert own.encode(word) == [own.pieces.index(word)]  # here encoding by units makes a difference
    assert len(encode_units(own, word).ids_N) == len(word)


def test_windows_cover_all_units_and_fit_the_room():
    encoded = encode_units(tokenizer("identity"), "Alice went to Paris, and 我爱北京天安门。" * 5)
    for room, stride in ((7, None), (9, 4), (30, 10), (1000, None)):
        found = windows(encoded, room, stride)
        assert {unit for first, last in found for unit in range(first, last)} == set(range(len(encoded.first_U)))
        for first, last in found:
            assert len(encoded.cut(first, last).ids_N) <= room or last == first + 1
        if stride is None:
            assert [last for _, last in found[:-1]] == [first for first, _ in found[1:]]


def test_a_part_of_the_units_keeps_its_characters():
    text = "Alice went to 北京"
    part = encode_units(tokenizer("identity"), text).cut(3, 5)

    assert [text[start:end] for start, end in zip(part.starts_U, part.ends_U, strict=True)] == ["北", "京"]
    assert part.first_U[0] == 0
    assert part.within(14, 15).tolist() == [0]


def test_empty_texts_have_no_units():
    assert encode_units(tokenizer("identity"), "").first_U.tolist() == []
    assert windows(encode_units(tokenizer("identity"), "  "), 5) == []
