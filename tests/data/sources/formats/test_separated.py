from collections.abc import Callable
from pathlib import Path

import pytest

from data.sources import Row, SourceError


def test_tabs_divide_cells_and_commas_do_not(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('title\ttext\nOne\t"first\nline", and more\n')

    assert [(row.title, row.text) for row in read(path="a.tsv", title="title")] == [("One", "first\nline, and more")]


def test_nul_bytes_are_kept_for_the_rule_that_repairs_them(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text\na\x00b\nc\n")

    assert [row.text for row in read(path="a.csv")] == ["a\0b", "c"]


def test_rows_that_are_too_short_have_no_text(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1\n2,b\n")

    assert [(row.text, row.defect) for row in read(path="a.csv")] == [("", "no_text"), ("b", None)]


def test_rows_with_more_cells_than_names_are_counted_and_not_cut(
    read: Callable[..., list[Row]], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text('text,label\nHello, my dear,1\n你好,0,\n"Bye, then",1\n')

    assert [(row.text, row.defect, row.origin) for row in read(path="a.csv")] == [
        ("Hello, my dear,1", "too_many_cells", "a.csv:2"),
        ("你好", None, "a.csv:3"),
        ("Bye, then", None, "a.csv:4"),
    ]


def test_a_record_with_half_a_line_break_is_counted_and_the_next_is_read(
    read: Callable[..., list[Row]], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes('text\none\nhalf\ra break\n"a whole\rone"\r\n末\n'.encode())

    assert [(row.text, row.defect, row.origin) for row in read(path="a.csv")] == [
        ("one", None, "a.csv:2"),
        ("", "not_csv", "a.csv:3"),
        ("a whole\rone", None, "a.csv:4"),
        ("末", None, "a.csv:5"),
    ]


def test_a_header_that_is_not_utf8_can_be_printed(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"t\xffxt\na\n")

    with pytest.raises(SourceError, match="no column 'text'") as caught:
        read(path="a.csv")
    assert str(caught.value).encode()


def test_lines_behind_a_quote_that_is_never_closed_are_counted(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text\nwhole\n"closed\n"\n"open\nlost\nlost too\n')

    assert [(row.text, row.defect, row.origin) for row in read(path="a.csv")] == [
        ("whole", None, "a.csv:2"),
        ("closed\n", None, "a.csv:3"),
        ("", "open_quote", "a.csv:line 5"),
        ("", "open_quote", "a.csv:line 6"),
        ("", "open_quote", "a.csv:line 7"),
    ]


@pytest.mark.parametrize("content", ["", '"text\nnever closed\n'])
def test_a_file_without_a_whole_header_lacks_its_column(
    read: Callable[..., list[Row]], tmp_path: Path, content: str
) -> None:
    (tmp_path / "a.csv").write_text(content)

    with pytest.raises(SourceError, match="no column 'text'"):
        read(path="a.csv")
