from collections.abc import Callable
from pathlib import Path

import pytest

from data.sources import Row
from data.sources.formats import pages

GERMAN = "Die Wölfe heulten über den Hügeln, und die Bäume rauschten müde im Wind, während der Fluß weiterfloß."


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("gbk", "今天天气很好，我们一起去公园散步，看见了许多美丽的花朵和高大的树木。"),
        ("big5", "今日天氣很好，我們一起去公園散步，看見了許多美麗的花朵和高大的樹木。"),
        ("shift_jis", "今日は天気がいいので、公園を散歩して、きれいな花と大きな木をたくさん見ました。"),
        ("iso-8859-1", GERMAN),
    ],
)
def test_a_page_is_read_in_the_encoding_that_it_declares(
    read: Callable[..., list[Row]], tmp_path: Path, page_of: Callable[[str], str], declared: str, text: str
) -> None:
    head = f'<head><meta http-equiv="Content-Type" content="text/html; charset={declared}">'
    (tmp_path / "a.html").write_bytes(page_of(text).replace("<head>", head).encode(declared))

    [row] = read(path="a.html")
    assert text in row.text


@pytest.mark.parametrize(
    ("declared", "written", "text"),
    [
        ("gb2312", "gbk", "朱镕基答记者问。"),
        ("GB2312", "gb18030", "Price 100 — 囍 shop, welcome to our shop, please call us for the list of prices."),
        ("iso-8859-1", "cp1252", "\u201cIt\u2019s late\u201d, she said \u2013 and that was all of it\u2026"),
        ("us-ascii", "cp1252", "Nobody\u2019s café is open."),
        ("big5", "big5hkscs", "今日天氣很好，我哋一齊去公園散步，見到好多靚花同好高嘅樹。"),
        ("shift_jis", "cp932", "今日は天気がいいので、髙橋さんは①公園を散歩しました。"),
    ],
)
def test_a_declared_encoding_is_read_as_browsers_read_it(
    read: Callable[..., list[Row]],
    tmp_path: Path,
    page_of: Callable[[str], str],
    declared: str,
    written: str,
    text: str,
) -> None:
    page = page_of(text).replace("<head>", f'<head><meta charset="{declared}">')
    (tmp_path / "a.html").write_bytes(page.encode(written))

    [row] = read(path="a.html")
    assert text in row.text


def test_bytes_of_one_page_in_two_encodings_still_make_a_row(
    read: Callable[..., list[Row]], tmp_path: Path, page_of: Callable[[str], str]
) -> None:
    whole = page_of(GERMAN).encode("latin-1").replace(b"</article>", "<p>Größe</p></article>".encode() + b"</article>")
    (tmp_path / "a.html").write_bytes(whole)

    [row] = read(path="a.html")
    assert row.defect is None
    assert "heulten" in row.text


def test_pages_keep_the_order_of_their_names_and_each_is_counted(
    read: Callable[..., list[Row]], tmp_path: Path, page_of: Callable[[str], str]
) -> None:
    for number in range(60):
        empty = number % 7 == 3
        text = f"Story number {number} is about a small town and the long river that passes by it every single day."
        (tmp_path / f"{number:02d}.html").write_text("<p></p>" if empty else page_of(text))

    found = read(path="*.html")
    assert [row.origin for row in found] == [f"{number:02d}.html" for number in range(60)]
    assert [row.defect for row in found] == ["no_main_text" if n % 7 == 3 else None for n in range(60)]
    assert [f"number {n} " in row.text for n, row in enumerate(found)] == [n % 7 != 3 for n in range(60)]


def test_a_page_beyond_the_limit_is_a_defect(
    read: Callable[..., list[Row]], tmp_path: Path, page_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.html").write_text(page_of(GERMAN))
    monkeypatch.setattr(pages, "MARKUP_LIMIT_BYTES", 100)

    assert [(row.text, row.defect) for row in read(path="a.html")] == [("", "too_large")]
