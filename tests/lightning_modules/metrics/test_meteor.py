"""METEOR without WordNet, and with it where it is installed."""

from pathlib import Path

import pytest
from nltk.corpus import wordnet
from nltk.tokenize import wordpunct_tokenize
from nltk.translate.meteor_score import meteor_score

from benchmarks.wordnet import install, lexnames
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.metrics.splitting import pieces


def value(name: str, prediction: str, *references: str, language: str = "en") -> float:
    metric = METRICS[name](language)
    return float(metric.value(metric.statistics(Outputs([prediction], [list(references)])).sum(0)))


def wordnet_is_here() -> bool:
    try:
        wordnet.ensure_loaded()
    except LookupError:
        return False
    return True


def test_exact_and_stem_of_the_fixed_vectors():
    assert value("meteor_exact_stem", "the cat is on the mat", "the cat sat on the mat") == pytest.approx(80.66667)
    assert value("meteor_exact_stem", "a b c d", "a b c d") == pytest.approx(99.21875)
    # stems match, synonyms do not
    assert value("meteor_exact_stem", "Dogs", "dog") == pytest.approx(50)
    assert value("meteor_exact_stem", "cars", "automobile") == 0


def test_the_best_reference_counts():
    assert value("meteor_exact_stem", "a b c d", "x", "a b c d", "y") == pytest.approx(99.21875)


def test_chinese_is_aligned_character_by_character():
    # 7 of 7 and of 8 match in two runs: F = P R / (0.9 P + 0.1 R), less 0.5 (2 / 7)^3
    score = (7 / 8) / (0.9 + 0.1 * 7 / 8) * (1 - 0.5 * (2 / 7) ** 3)

    found = value("meteor_exact_stem", "我爱北京天安门", "我爱北京的天安门", language="zh")
    assert found == pytest.approx(100 * score, abs=1e-9)


@pytest.mark.parametrize("text", ["The cat (a tabby) isn't here, is it?", "a  b\tc_d 3.5", ""])
def test_spaced_scripts_are_split_as_nltk_splits_them(text: str):
    assert pieces(text) == wordpunct_tokenize(text)


def test_punctuation_and_unspaced_scripts_are_pieces_of_their_own():
    assert pieces("我用GPT-4。ไทย") == ["我", "用", "GPT", "-", "4", "。", "ไ", "ท", "ย"]


def test_meteor_is_refused_where_its_synonyms_do_not_reach():
    with pytest.raises(ValueError, match="not of 'zh'; take meteor_exact_stem"):
        METRICS["meteor"]("zh")


@pytest.mark.skipif(wordnet_is_here(), reason="WordNet is installed")
def test_meteor_without_wordnet_says_where_to_get_it():
    with pytest.raises(ValueError, match=r"NLTK_DATA points to.*docs/metrics.md.*or take meteor_exact_stem"):
        METRICS["meteor"]("en")


@pytest.mark.skipif(not wordnet_is_here(), reason="WordNet is not installed")
def test_meteor_of_the_fixed_vectors_and_nltks():
    assert value("meteor", "the cat is on the mat", "the cat sat on the mat") == pytest.approx(80.66667)
    pair = "the car is quick", "the automobile is fast"
    assert value("meteor", *pair) == pytest.approx(63.88889)
    assert value("meteor", *pair) == pytest.approx(100 * meteor_score([pair[1].split()], pair[0].split()), abs=1e-9)
    assert "WordNet 3." in METRICS["meteor"]("en").signature


def test_table_that_debian_leaves_out_numbers_45_files():
    lines = [line.split("\t") for line in lexnames().splitlines()]

    assert len(lines) == 45
    assert [lines[number] for number in (0, 3, 18, 29, 44)] == [
        ["00", "adj.all", "3"],
        ["03", "noun.Tops", "1"],
        ["18", "noun.person", "1"],
        ["29", "verb.body", "2"],
        ["44", "adj.ppl", "3"],
    ]


def test_wordnet_is_not_installed_in_part(tmp_path: Path):
    (tmp_path / "data.noun").write_text("")

    with pytest.raises(FileNotFoundError, match=r"no index\.sense, .*give the folder that holds WordNet's data\.noun"):
        install(tmp_path, tmp_path / "nltk_data")
    assert not (tmp_path / "nltk_data").exists()
