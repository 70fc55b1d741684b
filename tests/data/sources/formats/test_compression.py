import bz2
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from data.sources import Row, SourceError
from data.sources.formats import compression
from data.sources.formats.compression import decompressed, on_disk


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "FREE_BYTES", 1000)
    monkeypatch.setattr(compression, "MAX_EXPANSION", 100)


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize("name", ["a.jsonl", "a.txt", "a.html", "a.warc", "a.parquet"])
def test_what_expands_like_no_text_does_is_not_read_on(
    read: Callable[..., list[Row]], tmp_path: Path, name: str
) -> None:
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(bytes(10**7)))

    with pytest.raises(SourceError, match=rf"{name}\.gz: broken after 0 documents \(a decompression bomb: "):
        read(path=f"{name}.gz")


@pytest.mark.usefixtures("tight")
def test_text_that_says_one_thing_a_hundred_times_is_no_bomb(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    line = json.dumps({"text": "".join(map(str, range(1000)))}) + "\n"
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line.encode() * 100))

    assert len(read(path="a.jsonl.gz")) == 100


def test_a_giant_line_out_of_nothing_is_a_defect_and_never_held(
    read: Callable[..., list[Row]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "MAX_EXPANSION", 10**9)
    monkeypatch.setattr("data.sources.formats.lines.LINE_LIMIT_BYTES", 2**16)
    (tmp_path / "a.jsonl.bz2").write_bytes(bz2.compress(bytes(2**27) + b'\n{"text": "after"}\n'))

    assert [(row.text, row.defect) for row in read(path="a.jsonl.bz2")] == [("", "line_too_long"), ("after", None)]


def test_random_access_to_a_stream_is_to_a_copy_that_goes() -> None:
    plain = decompressed(io.BytesIO(gzip.compress(b"0123456789")), "a.gz")
    with on_disk(plain) as copy:
        assert copy is not plain
        copy.seek(5)
        assert copy.read() == b"56789"
    assert copy.closed

    direct = io.BytesIO(b"x")
    with on_disk(direct) as same:
        assert same is direct


def test_several_compressed_streams_in_a_row_are_one_file() -> None:
    for name, compress in (("a.gz", gzip.compress), ("a.bz2", bz2.compress)):
        assert decompressed(io.BytesIO(compress(b"one ") + compress(b"two")), name).read() == b"one two"
