from pathlib import Path

import pytest

from data.dedup.cuts import Cuts, without
from data.dedup.passages import PassagesConfig, cut_repeated_passages

FOOTER = "Subscribe to our newsletter for more stories like this one."
页脚 = "本文由本站编辑整理，欢迎关注我们的公众号，了解更多精彩内容，也欢迎把这篇文章转发给你的朋友和家人一起阅读。"


def left(
    texts: list[str], tmp_path: Path, ranks: list[int] | None = None, known: int = 0, **settings: object
) -> list[str]:
    """What is left of texts; the first `known` of them belong to an earlier corpus."""
    config = PassagesConfig.model_validate(settings)
    rows: list[int | None] = [None if number < known else number for number in range(len(texts))]
    cuts = Cuts(tmp_path / "cuts", len(texts), 2_000)
    given = zip(ranks or range(len(texts)), rows, texts, strict=True)
    cut_repeated_passages(given, config, cuts, tmp_path / "passages", memory_bytes=2_000)
    cuts.finish()
    found = cuts.between(0, len(texts))
    return [without(text, found[number]) if number in found else text for number, text in enumerate(texts)]


@pytest.mark.parametrize("footer", [FOOTER, 页脚])
def test_repeated_lines_stay_in_the_preferred_text_alone(tmp_path: Path, footer: str) -> None:
    texts = [f"text number {number}, 第 {number} 篇\n{footer}\nend {number}" for number in range(40)]
    ranks = [(number - 3) % 40 for number in range(40)]

    found = left(texts, tmp_path, ranks)

    assert found[3] == texts[3]
    assert found[:3] + found[4:] == [
        f"text number {number}, 第 {number} 篇\nend {number}" for number in range(40) if number != 3
    ]


def test_case_and_white_space_make_no_other_line_and_short_lines_may_repeat(tmp_path: Path) -> None:
    texts = [f"one\n{FOOTER}\nyes.", f"two\n  {FOOTER.upper().replace(' ', '  ')}\nyes."]

    assert left(texts, tmp_path) == [texts[0], "two\nyes."]
    assert left(texts, tmp_path, min_characters=4) == [texts[0], "two"]
    assert left(texts, tmp_path, min_characters=60) == texts


def test_a_line_that_one_text_repeats_stays_once(tmp_path: Path) -> None:
    assert left([f"{FOOTER}\nbetween\n{FOOTER}"], tmp_path) == [f"{FOOTER}\nbetween"]


def test_paragraphs_are_cut_as_wholes(tmp_path: Path) -> None:
    paragraph = f"{FOOTER}\nIt is sent once a week."
    texts = [f"{paragraph}\n\nfirst", f"second\n\n{paragraph}", f"third\n\n{FOOTER}"]

    assert left(texts, tmp_path, unit="paragraph") == [texts[0], "second", texts[2]]


def test_lines_of_an_earlier_corpus_are_cut_and_the_earlier_corpus_stays(tmp_path: Path) -> None:
    texts = [f"old\n{FOOTER}\n{FOOTER}", f"new\n{FOOTER}"]

    assert left(texts, tmp_path, known=1) == [texts[0], "new"]
