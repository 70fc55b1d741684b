"""The compiled encoder gives sentencepiece's ids, whatever the text: `encode` is sentencepiece alone."""

import random
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.tokenizer import Tokenizer, TokenizerConfig, model, segments
from data.tokenizer.encoder import Encoder
from data.tokenizer.training import train_model
from data.vocabulary import SPACE

CODE = "def read(path):\n    with open(path) as file:\n        return file.read()\n\n\n\t# nothing left\r\n"
WORDS = ["harbour", "boats", "quiet", "the", "sand", "sandy", "storm", "Über", "мост", "다리", "1987", "3.14", "..."]
字 = "港口很安静渔民把船拉到沙滩上孩子们站在岸边看的是了，。！"


def documents() -> list[str]:
    draw = random.Random(7)
    made = [CODE] * 12
    for _ in range(500):
        made.append(" ".join(draw.choices(WORDS, k=9)) + draw.choice([".", "!!!!", "......", "   ", "\n", "🙂🙂", "é"]))
        made.append("".join(draw.choices(字, k=14)) + draw.choice(["。", "。。。", "！！", "1,000", " ab"]))
    return made


@pytest.fixture(scope="module", params=["unigram", "bpe", "unigram with symbols", "bpe with symbols"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    algorithm, _, symbols = request.param.partition(" with ")
    config = TokenizerConfig(
        algorithm=algorithm,
        vocab_size=640,
        digits="runs",
        user_symbols=("<br>", "<br/>", "and", "口") if symbols else (),
    )
    return Tokenizer(train_model(config, documents()))


UNICODE = st.characters(exclude_categories=["Cs"])
SIGNS = [
    " ",
    "  ",
    "\n",
    "\t",
    "\0",
    "\x85",
    "\u3000",
    SPACE,
    SPACE * 2,
    ".",
    "...",
    "!",
    "🙂",
    "é",
    "e\u0301",
    "\u200d",
]
STRINGS = ["<br>", "<br", "/>", "<", "口", "an", "d", "the", " the", "sand", "港口", "1987", "000", "\u2585"]
PARTS = st.sampled_from([*SIGNS, *STRINGS, *WORDS, *字])


def assert_equal(tokenizer: Tokenizer, texts: list[str], threads: int = 1) -> None:
    ids, offsets = tokenizer.compiled.encode(texts, threads)

    assert [ids[first:last].tolist() for first, last in pairwise(offsets)] == [tokenizer.encode(text) for text in texts]


@settings(max_examples=400, deadline=None)
@given(texts=st.lists(st.lists(UNICODE | PARTS, max_size=60).map("".join), max_size=4))
def test_any_text_gets_the_ids_of_sentencepiece(tokenizer: Tokenizer, texts: list[str]):
    assert_equal(tokenizer, texts)


@settings(max_examples=60, deadline=None)
@given(unit=st.lists(PARTS, min_size=1, max_size=5).map("".join), times=st.integers(1, 3000))
def test_equally_probable_cuts_are_rounded_as_by_sentencepiece_after_any_amount_of_text(
    tokenizer: Tokenizer, unit: str, times: int
):
    assert_equal(tokenizer, [CODE + unit * times])


def test_a_fixed_string_is_seen_after_every_character(tokenizer: Tokenizer):
    alphabet = sorted({character for piece in tokenizer.pieces[tokenizer.first_learned :] for character in piece})
    for fixed in (SPACE, *tokenizer.user_symbols):
        assert_equal(tokenizer, ["".join(f"{first}{second}{fixed}" for first in alphabet for second in alphabet)])


def test_a_long_text_gets_the_ids_of_sentencepiece(tokenizer: Tokenizer):
    draw = random.Random(1)
    assert_equal(tokenizer, ["".join(draw.choices([*WORDS, *字, " ", " ", "  ", "\n", "!"], k=40_000))])


def test_a_cache_that_overflows_changes_nothing(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(segments, "new_cache", partial(segments.new_cache, rows=64, arena=256))
    draw = random.Random(2)
    words = ["".join(draw.choices("abcdefghstor是了", k=draw.randint(1, 30))) for _ in range(300)]
    texts = [" ".join(draw.choices([*words, *WORDS, CODE], k=200)) for _ in range(10)]
    fresh = Tokenizer(tokenizer.model)

    assert_equal(fresh, texts)
    assert_equal(fresh, texts[::-1])


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_threads_and_how_texts_are_held_change_nothing(tokenizer: Tokenizer, threads: int):
    texts = [*documents()[:60], "", "", CODE]
    sliced = pa.array(["left out", *texts, "too"]).slice(1, len(texts))

    assert_equal(tokenizer, texts, threads)
    for held in (sliced, sliced.cast(pa.large_string())):
        for ours, other in zip(
            tokenizer.compiled.encode(texts, 1), tokenizer.compiled.encode(held, threads), strict=True
        ):
            np.testing.assert_array_equal(ours, other)


def test_nothing_gives_no_ids(tokenizer: Tokenizer):
    for texts in ([], [""], ["", ""]):
        for ids, offsets in (tokenizer.encode_arrays(texts, 2), tokenizer.compiled.encode(texts, 2)):
            assert (ids.tolist(), ids.dtype, offsets.tolist()) == ([], np.uint16, [0] * (len(texts) + 1))


def test_arrays_are_the_same_before_and_after_compiled_code_takes_over(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
):
    texts = [*documents()[::50], "▁<br>", ""]
    before = tokenizer.encode_arrays(texts)
    monkeypatch.setattr(model, "_PAYS_AFTER_BYTES", 0)
    for ours, other in zip(before, tokenizer.encode_arrays(pa.array(texts)), strict=True):
        np.testing.assert_array_equal(ours, other)
        assert ours.dtype == other.dtype
    assert np.split(before[0], before[1][1:-1])[-2].tolist() == tokenizer.encode("▁<br>")


def test_large_vocabularies_give_ids_of_four_bytes():
    pieces = {chr(0x20000 + index): 256 + index for index in range(2**16)}
    scores = np.full(256 + 2**16, -1.0, np.float32)
    ids, _ = Encoder(pieces, scores, {}, first_byte=0, merges=False).encode(["\U00020000\U0002ffffA"], 1)

    assert (ids.dtype, ids.tolist()) == (np.uint32, [256, 256 + 2**16 - 1, 65])


def test_a_user_symbol_is_one_piece_wherever_it_stands(tokenizer: Tokenizer):
    if not tokenizer.user_symbols:
        pytest.skip("of the tokenizers with symbols")
    ids = tokenizer.user_symbols

    assert list(ids.values()) == [31, 32, 33, 34]
    assert tokenizer.encode("<br><br/>and口") == [ids["<br>"], ids["<br/>"], ids["and"], ids["口"]]
    inside = tokenizer.encode("sand 港口")
    assert inside == [*tokenizer.encode("s"), ids["and"], *tokenizer.encode(" 港"), ids["口"]]
    assert tokenizer.decode(inside) == "sand 港口"
    assert not any(symbol in piece for piece in tokenizer.pieces[35:] for symbol in ids)
