import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.document import iter_texts
from data.tokenizer import Tokenizer, TokenizerConfig, train_tokenizer, training_pieces
from data.vocabulary import SPECIALS, special_piece

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


def test_training_text_is_cut_into_lines_the_trainer_does_not_skip():
    words, chinese, unbroken = "word " * 900 + "end", "今天天气很好。" * 700, "x" * 2500
    pieces = list(training_pieces([f"{words}\n\n{chinese}\n{unbroken}", "  \n", "a ▅ b"]))

    assert max(map(len, pieces)) <= 1000
    assert "".join(pieces) == words + chinese + unbroken + "a   b"
    assert all(piece.startswith(" word") for piece in pieces[1:4])
    assert all(piece.endswith("。") for piece in pieces if "今" in piece)


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


def test_sample_keeps_within_its_bytes(toy_corpus: Path, tmp_path: Path):
    report = train_tokenizer(
        TokenizerConfig(algorithm="bpe", vocab_size=512, sample_bytes=1200), toy_corpus, tmp_path, seed=5
    )

    assert 1000 < report["sample"]["bytes"] <= 1200
    assert report["round_trip"]["exact"] == 20
