from collections import Counter
from pathlib import Path

import pytest

from data.tokenizer import TokenizerConfig, train_tokenizer
from data.tokenizer.sample import sample_texts, training_lines


def test_training_text_is_cut_into_lines_the_trainer_does_not_skip():
    words, chinese, unbroken = "word " * 900 + "end", "今天天气很好。" * 700, "x" * 2500
    lines = list(training_lines([f"{words}\n\n{chinese}\n{unbroken}", "  \n", "a ▅ b"], "single"))

    assert max(map(len, lines)) <= 1000
    assert "".join(lines) == words + chinese + unbroken + "a   b"
    assert all(line.startswith(" word") for line in lines[1:4])
    assert all(line.endswith("。") for line in lines if "今" in line)


def test_runs_of_digits_are_parted_as_thousands_are():
    [line] = training_lines(["12 123 1234 1234567, 3.1415 and １２３４"], "groups")

    assert line == "12 123 1\t234 1\t234\t567, 3.1\t415 and １\t２３４"


def test_sample_keeps_within_its_bytes(toy_corpus: Path, tmp_path: Path):
    report = train_tokenizer(
        TokenizerConfig(algorithm="bpe", vocab_size=512, sample_bytes=1200), toy_corpus, tmp_path, seed=5
    )

    assert 1000 < report["sample"]["bytes"] <= 1200
    assert report["round_trip"]["exact"] == 20


@pytest.fixture
def lopsided(write_corpus, tmp_path: Path) -> Path:
    """Nine parts English, one part Chinese, in bytes: documents of 30 bytes each."""
    english = [(f"english document number {index:06}", "en") for index in range(900)]
    chinese = [(f"中文文件编号这是{index:06}", "zh") for index in range(100)]
    return write_corpus(tmp_path / "corpus", {"train": english + chinese})


@pytest.mark.parametrize(("choice", "share"), [("natural", 0.1), ("temperature", 0.34), ("equal", 0.5)])
def test_each_language_gets_its_part_of_the_sample(lopsided: Path, choice: str, share: float):
    config = TokenizerConfig(sample_by_language=choice)
    sample = sample_texts(lopsided, config, seed=1)
    chinese = Counter(text for text in sample if text.startswith("中"))

    assert len(sample) == pytest.approx(1000, abs=2)
    assert chinese.total() / len(sample) == pytest.approx(share, abs=0.01)
    assert max(chinese.values()) - min(chinese.values()) <= 1
    assert sample == sample_texts(lopsided, config, seed=1)


def test_parts_hold_in_a_sample_of_the_corpus_too(lopsided: Path):
    sample = sample_texts(lopsided, TokenizerConfig(sample_by_language="equal", sample_bytes=3000), seed=1)

    assert Counter(text[0] for text in sample) == {"e": 50, "中": 50}
