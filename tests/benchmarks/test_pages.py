from pathlib import Path

import pytest

from benchmarks.pages import RESULTS, fill, table


def test_only_what_stands_between_the_marks_is_replaced(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n<!-- a -->\nold\n<!-- /a -->\n\n<!-- b -->\nkept\n<!-- /b -->\nend\n")

    fill(page, "a", "| new |")
    fill(page, "a", "| newer |")

    assert page.read_text() == (
        "# Title\n\n<!-- a -->\n\n| newer |\n\n<!-- /a -->\n\n<!-- b -->\nkept\n<!-- /b -->\nend\n"
    )


def test_page_without_the_marks_is_refused_and_left_alone(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("<!-- a -->\nno end\n")

    with pytest.raises(ValueError, match="<!-- /a -->"):
        fill(page, "a", "figures")
    assert page.read_text() == "<!-- a -->\nno end\n"


@pytest.mark.parametrize(
    ("page", "section"),
    [("gpu", "gpu"), ("speed", "objectives"), ("objectives", "grammar"), ("objectives", "blimp")],
)
def test_pages_have_a_place_for_what_the_scripts_measure(page: str, section: str, tmp_path: Path):
    copy = tmp_path / "page.md"
    copy.write_text((RESULTS / f"{page}.md").read_text(encoding="utf-8"), encoding="utf-8")

    fill(copy, section, "figures")

    assert "\n\nfigures\n\n" in copy.read_text(encoding="utf-8")


def test_table_has_a_rule_as_wide_as_its_head():
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"
