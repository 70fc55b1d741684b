import json
import random
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.document import iter_texts
from data.tokenizer import Tokenizer, TokenizerConfig, train_tokenizer
from data.tokenizer.training import train_model
from data.vocabulary import SPACE, SPECIALS, special_piece

TEXTS = [
    "",
    "The harbour was quiet.",
    "  two  spaces, a tab\tand the end \n\n",
    "港口很安静。『龘』！",
    "mixed 中文 and English，日本語も",
    "🙂👩‍👩‍👧 é e\u0301 \u00a0\u3000\ufeff",
    "a literal <|bos|> and <|pad|><|mask|><0x0A><unk>",
    "blocks ▁▂▃▄▅▆▇█ ▁ and ▁▁x▁",
    "a\0b\r\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_decoding_gives_the_text_back(toy_tokenizer: Tokenizer, text: str):
    assert toy_tokenizer.decode(toy_tokenizer.encode(text)) == text


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \n▁<|>。天the"), max_size=40))
def test_decoding_gives_any_text_back(toy_tokenizer: Tokenizer, text: str):
    assert toy_tokenizer.decode(toy_tokenizer.encode(text)) == text


@pytest.mark.parametrize("text", [*TEXTS, "".join(map(special_piece, SPECIALS.by_name()))])
def test_no_text_is_encoded_as_a_special(toy_tokenizer: Tokenizer, text: str):
    assert not toy_tokenizer.vocabulary.is_special[toy_tokenizer.encode(text)].any()


def test_encodings_join(toy_tokenizer: Tokenizer):
    assert toy_tokenizer.decode(toy_tokenizer.encode("港口 the") + toy_tokenizer.encode(" boat")) == "港口 the boat"


def test_batches_and_threads_change_nothing(toy_tokenizer: Tokenizer):
    assert toy_tokenizer.encode_batch(TEXTS, threads=3) == [toy_tokenizer.encode(text) for text in TEXTS]


def test_specials_lie_in_front_under_their_names(toy_tokenizer: Tokenizer):
    assert toy_tokenizer.pieces[:32] == [*map(special_piece, SPECIALS.by_name()), "<0x00>"]
    assert toy_tokenizer.decode([SPECIALS.bos, *toy_tokenizer.encode("a"), SPECIALS.eos]) == "a"


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_artifact_is_equal_to_the_byte_whatever_the_order_of_the_documents(
    toy_corpus: Path, tmp_path: Path, algorithm: str
):
    table = pq.read_table(toy_corpus / "train" / "part-00000.parquet")
    backwards = tmp_path / "corpus"
    for split in ("train", "validation"):
        (backwards / split).mkdir(parents=True)
    pq.write_table(table.take(pa.array(range(len(table) - 1, -1, -1))), backwards / "train" / "part-00000.parquet")
    pq.write_table(pq.read_table(toy_corpus / "validation"), backwards / "validation" / "part-00000.parquet")
    config = TokenizerConfig(algorithm=algorithm, vocab_size=580)
    for name, corpus in (("one", toy_corpus), ("other", backwards)):
        (tmp_path / name).mkdir()
        train_tokenizer(config, corpus, tmp_path / name, seed=3)

    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {"tokenizer.model", "tokenizer.json", "vocabulary.json", "report.json"}
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_report_says_what_each_language_costs(toy_training, toy_corpus: Path, toy_tokenizer: Tokenizer):
    folder, report = toy_training
    texts = [text for batch in iter_texts(toy_corpus, "train") for text in batch.column("text").to_pylist()]
    chinese = [text for text in (*texts[::4], *texts) if "。" in text or "，" in text]

    assert report == json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["round_trip"] == {"checked": 20, "exact": 20}
    assert report["sample"] == {"documents": 16, "bytes": sum(len(text.encode()) for text in texts)}
    assert report["fertility"]["zh"]["tokens_per_character"] == pytest.approx(
        sum(len(toy_tokenizer.encode(text)) for text in chinese) / sum(map(len, chinese))
    )


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_vocabulary_larger_than_the_text_gives_is_refused_with_the_largest(
    toy_corpus: Path, tmp_path: Path, algorithm: str
):
    with pytest.raises(
        ValueError, match=r"tokenizer\.vocab_size: 5,000 given, but this text gives at most [\d,]+ pieces"
    ):
        train_tokenizer(TokenizerConfig(algorithm=algorithm, vocab_size=5000), toy_corpus, tmp_path, seed=0)
    assert list(tmp_path.iterdir()) == []


def test_vocabulary_too_small_for_the_characters_is_refused(toy_corpus: Path, tmp_path: Path):
    with pytest.raises(ValueError, match=r"512 given, but the characters of this text need at least 513"):
        train_tokenizer(TokenizerConfig(vocab_size=512), toy_corpus, tmp_path, seed=0)


def made_up() -> list[str]:
    """Marked-up text of some 200 words, with long numbers, runs of spaces and rare words."""
    draw = random.Random(3)
    words = [
        first + middle + end
        for first in "kmtrspbd"
        for middle in ("ala", "eno", "iru", "ost", "und")
        for end in "aeiou"
    ]
    lines = ["The ferry cost 1234567 crowns in 1987.<br>Nobody misses the old ferry   now."] * 100
    return lines + [
        f"{' '.join(draw.choices(words, k=9))}<br/> {draw.randrange(10**6)}{' ' * (n % 4)}" for n in range(600)
    ]


MARKUP = made_up()


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
@pytest.mark.parametrize(("digits", "longest"), [("single", {1}), ("groups", {2, 3}), ("runs", {4, 5, 6, 7})])
def test_no_piece_holds_more_digits_than_the_policy_says(algorithm: str, digits: str, longest: set[int]):
    tokenizer = Tokenizer(train_model(TokenizerConfig(algorithm=algorithm, vocab_size=560, digits=digits), MARKUP))
    runs = [len(run) for piece in tokenizer.pieces[287:] for run in re.findall(r"[0-9]+", piece)]

    assert max(runs) in longest
    assert tokenizer.decode(tokenizer.encode("from 1234567 to 42")) == "from 1234567 to 42"


def test_runs_of_spaces_are_pieces_or_become_one():
    kept = Tokenizer(train_model(TokenizerConfig(vocab_size=560), MARKUP))
    collapsed = Tokenizer(train_model(TokenizerConfig(vocab_size=560, whitespace="collapse"), MARKUP))
    text = " the   old  ferry "

    assert any(piece.startswith(SPACE * 2) for piece in kept.pieces)
    assert (kept.lossless, kept.decode(kept.encode(text))) == (True, text)
    assert not any(SPACE * 2 in piece for piece in collapsed.pieces)
    assert (collapsed.lossless, collapsed.decode(collapsed.encode(text))) == (False, "the old ferry")


def test_tokenizer_that_changes_texts_gives_the_same_ids_in_arrays_and_lists():
    tokenizer = Tokenizer(train_model(TokenizerConfig(vocab_size=560, normalization="nfkc_cf"), MARKUP))
    ids, offsets = tokenizer.encode_arrays(["The ＯＬＤ ferry", "", "the old ferry"])

    assert not tokenizer.lossless
    assert (offsets[1], offsets[2] - offsets[1]) == (offsets[3] - offsets[2], 0)
    assert ids[: offsets[1]].tolist() == tokenizer.encode("the old ferry") == ids[offsets[1] :].tolist()


@pytest.fixture(scope="module")
def falling() -> list[str]:
    """Texts of made-up words, the tenth a tenth as frequent as the first: some pieces are rarer than others."""
    draw = random.Random(5)
    words = ["".join(draw.choices("abdegiklmnoprstu", k=draw.randint(3, 7))) for _ in range(1500)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    return [" ".join(draw.choices(words, weights, k=10)) for _ in range(3000)]


def test_rare_pieces_give_their_places_to_those_the_sample_uses(falling: list[str]):
    plain = TokenizerConfig(vocab_size=512)
    cut = plain.model_copy(update={"min_piece_count": 30})
    before, after = Tokenizer(train_model(plain, falling)), Tokenizer(train_model(cut, falling))

    assert before.vocab_size == after.vocab_size == 512
    assert train_model(cut, falling) == after.model
    assert rarer(before, falling, 30) > rarer(after, falling, 30) == 0
    assert all(after.decode(after.encode(text)) == text for text in falling[:100])


def test_rare_pieces_of_bpe_are_refused():
    with pytest.raises(ValueError, match="min_piece_count: bpe learns pieces in the order of their frequency"):
        TokenizerConfig(algorithm="bpe", min_piece_count=2)


def rarer(tokenizer: Tokenizer, texts: list[str], enough: int) -> int:
    """How many of the learned pieces that are no single characters the texts use fewer times than enough."""
    counts = np.bincount(tokenizer.encode_arrays(texts)[0], minlength=tokenizer.vocab_size)
    learned = range(tokenizer.first_learned, tokenizer.vocab_size)
    return sum(counts[index] < enough and len(tokenizer.pieces[index]) > 1 for index in learned)


def test_rare_pieces_that_nothing_can_replace_are_said():
    with pytest.raises(
        ValueError, match=r"min_piece_count: the sample uses only \d+ pieces 400 times or more, fewer than the 512"
    ):
        train_model(TokenizerConfig(vocab_size=512, min_piece_count=400), MARKUP)
