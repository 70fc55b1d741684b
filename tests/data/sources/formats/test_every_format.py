import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from data.sources import Row, SourceError
from data.sources.formats import FORMATS


def written(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return name


def test_the_files_here_are_of_every_format(files: dict[str, bytes]) -> None:
    assert set(files) == set(FORMATS)


def test_every_format_gives_its_texts_however_compressed(
    read: Callable[..., list[Row]],
    tmp_path: Path,
    files: dict[str, bytes],
    texts: list[str],
    of_format: str,
    compression: str,
    compress: Callable[[bytes], bytes],
) -> None:
    name = written(tmp_path, f"a{of_format}{compression}", compress(files[of_format]))
    found = read(path=f"*{of_format}{compression}", **({"unit": "line"} if of_format == ".txt" else {}))

    assert [row.defect for row in found] == [None] * len(found)
    assert all(row.origin.startswith(name) for row in found)
    if of_format in (".htm", ".html"):
        assert [text in found[0].text for text in texts] == [of_format == ".htm", of_format == ".html"]
        assert "Home" not in found[0].text
        assert "rights reserved" not in found[0].text
    else:
        assert [text in row.text for text, row in zip(texts, found, strict=True)] == [True, True]


EMPTY = {
    ".csv": "no column 'text'",
    ".jsonl": "not one document in it",
    ".parquet": "broken after 0 documents",
    ".tsv": "no column 'text'",
    ".warc": "not one document in it",
    ".wet": "not one document in it",
    ".xml": "broken after 0 documents",
}


def test_an_empty_file_is_an_error_or_a_document_without_text(
    read: Callable[..., list[Row]], tmp_path: Path, of_format: str
) -> None:
    written(tmp_path, f"a{of_format}", b"")

    if of_format in EMPTY:
        with pytest.raises(SourceError, match=EMPTY[of_format]):
            read(path=f"a{of_format}")
    else:
        assert [row.text for row in read(path=f"a{of_format}")] == [""]


def test_a_file_that_is_cut_off_is_an_error_where_its_format_can_tell(
    read: Callable[..., list[Row]], tmp_path: Path, files: dict[str, bytes], of_format: str
) -> None:
    written(tmp_path, f"a{of_format}", files[of_format][: len(files[of_format]) * 2 // 3])

    if of_format in (".parquet", ".warc", ".wet", ".xml"):
        with pytest.raises(SourceError, match="broken after"):
            read(path=f"a{of_format}")
    else:
        assert 1 <= len(read(path=f"a{of_format}")) <= 2


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.jsonl.gz.gz", "a.tgz", "a.csv.zst.xz"])
def test_an_archive_in_an_archive_is_not_opened(read: Callable[..., list[Row]], tmp_path: Path, name: str) -> None:
    written(tmp_path, name, b"PK")

    with pytest.raises(SourceError, match="an archive of files is not opened; unpack it"):
        read(path=name)


def test_a_compressed_file_in_a_compressed_file_is_a_defect(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    written(tmp_path, "a.jsonl.gz", gzip.compress(gzip.compress(b'{"text": "one"}')))

    assert [row.defect for row in read(path="a.jsonl.gz")] == ["not_utf8"]


def test_formats_of_one_source_may_differ(
    read: Callable[..., list[Row]], tmp_path: Path, files: dict[str, bytes]
) -> None:
    for suffix, content in files.items():
        written(tmp_path, f"a{suffix}", content)

    found = read(path="a.*")
    assert [row.defect for row in found] == [None] * len(found)
    assert len(found) == 2 * len(files) - 3  # .htm, .html and .txt are one document each
    assert [row.origin.partition(":")[0] for row in found] == sorted(row.origin.partition(":")[0] for row in found)
