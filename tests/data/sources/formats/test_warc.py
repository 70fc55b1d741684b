import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from data.sources import Row, SourceError
from data.sources.formats import warc


def test_every_answer_is_a_page_or_a_counted_reason(
    read: Callable[..., list[Row]], tmp_path: Path, warc_of: Callable[..., bytes], page_of: Callable[[str], str],
    texts: list[str],
) -> None:  # fmt: skip
    html = page_of(texts[0]).encode()
    content = warc_of(
        [
            ("http://a.org/page", "200 OK", "text/html; charset=utf-8", html),
            ("http://a.org/gone", "404 Not Found", "text/html", html),
            ("http://a.org/image", "200 OK", "image/png", bytes(1000)),
            ("http://a.org/gbk", "200 OK", "text/html; charset=gbk", page_of(texts[1]).encode("gbk")),
            ("http://a.org/text", "WET", "", texts[1].encode()),
            ("http://a.org/nothing", "WET", "", b" \n"),
            ("http://a.org/bytes", "WET", "", b"caf\xe9"),
        ]
    )
    (tmp_path / "a.warc").write_bytes(content)

    found = read(path="a.warc")
    assert [row.origin.removeprefix("a.warc:http://a.org/") for row in found] == [
        "page", "gone", "image", "gbk", "text", "nothing", "bytes",
    ]  # fmt: skip
    assert [row.defect for row in found] == [None, "http_status", "not_html", None, None, "no_text", "not_utf8"]
    assert texts[0] in found[0].text
    assert texts[1] in found[3].text
    assert found[4].text == texts[1]


def test_records_compressed_one_by_one_are_read_as_one_file(
    read: Callable[..., list[Row]], tmp_path: Path, warc_of: Callable[..., bytes], texts: list[str]
) -> None:
    parts = [warc_of([("http://a.org", "WET", "", text.encode())]) for text in texts]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(map(gzip.compress, parts)))

    assert [row.text for row in read(path="a.warc.gz")] == texts


@pytest.mark.parametrize("wrong", [b"Content-Length: 999999", b"Content-Length: 3", b"Content-Length: x"])
def test_a_wrong_length_is_one_error(
    read: Callable[..., list[Row]], tmp_path: Path, warc_of: Callable[..., bytes], texts: list[str], wrong: bytes
) -> None:
    content = warc_of([("http://a.org", "WET", "", text.encode()) for text in texts])
    right = f"Content-Length: {len(texts[0].encode())}".encode()
    assert right in content
    (tmp_path / "a.warc").write_bytes(content.replace(right, wrong))

    with pytest.raises(SourceError, match=r"a\.warc: broken after \d documents"):
        read(path="a.warc")


@pytest.mark.parametrize("content", [b"WARC/1.0\r\n" + b"a: b\r\n" * 2000, b"WARC/1.0 " + bytes(10_000)])
def test_a_header_without_end_is_not_read_to_its_end(
    read: Callable[..., list[Row]], tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warc, "HEADER_LIMIT_BYTES", 5000)
    (tmp_path / "a.warc").write_bytes(content)

    with pytest.raises(SourceError, match=r"broken after 0 documents \(no record within 5,000 bytes"):
        read(path="a.warc")
