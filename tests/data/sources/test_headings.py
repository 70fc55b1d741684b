import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.sources.headings import is_heading, under_headings
from data.sources.source import Row


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("北京举行新年音乐会", True),
        ("久负盛名的橄榄球赛（附图片１张）", True),
        ("Council votes to close the old harbour", True),
        ("今晚的长安街流光溢彩。", False),
        ("他说：“好。”", False),
        ("同胞们、朋友们、女士们、先生们：", False),
        ("（新华社记者樊如钧摄）", False),
        ("The harbour closed.", False),
        ("长" * 61, False),
        ("", False),
    ],
)
def test_a_heading_is_short_and_holds_no_sentence(line: str, heading: bool) -> None:
    assert is_heading(line) is heading


def test_lines_belong_to_the_heading_before_them() -> None:
    lines = ["先说一句。", "大雪", "气象台消息", "昨天下了雪。", "（图片）", "今天没有。", "天晴", "明天好。"]
    rows = [Row(line, None, f"a.txt:{number}") for number, line in enumerate(lines, 1)]
    broken = Row("", None, "a.txt:9", "not_utf8")

    assert list(under_headings(iter([*rows[:4], broken, *rows[4:]]))) == [
        Row("先说一句。", None, "a.txt:1"),
        broken,
        Row("大雪\n气象台消息\n昨天下了雪。\n（图片）\n今天没有。", "大雪", "a.txt:2"),
        Row("天晴\n明天好。", "天晴", "a.txt:7"),
    ]
    assert list(under_headings(iter([]))) == []


def test_headings_without_text_are_a_document_of_their_own() -> None:
    assert list(under_headings(iter([Row("大雪", None, "a:1"), Row("天晴", None, "a:2")]))) == [
        Row("大雪\n天晴", "大雪", "a:1")
    ]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["大雪", "昨天下了雪。", "（图片）", "他说：", ""]) | st.text("雪。 ：", max_size=70)))
def test_no_line_is_lost_and_none_moves(lines: list[str]) -> None:
    documents = under_headings(iter([Row(line, None, "a") for line in lines]))

    assert [line for document in documents for line in document.text.split("\n")] == lines
