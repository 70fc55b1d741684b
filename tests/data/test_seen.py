import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.seen import SEEN_SCHEMA, Seen


def hashes(*texts: str) -> list[bytes]:
    return [hashlib.sha256(text.encode()).digest() for text in texts]


def corpus(folder: Path, found: list[bytes]) -> Path:
    (folder / "audit").mkdir(parents=True)
    pq.write_table(pa.table({"raw": sorted(found)}, schema=SEEN_SCHEMA), folder / "audit" / "seen.parquet")
    return folder


def test_hashes_of_every_corpus_are_found_and_no_others(tmp_path: Path) -> None:
    many = hashes(*map(str, range(1000)))
    # What bisection and numpy's padding could get wrong: ends of the order, zeros at the end, one differing last byte.
    edges = [bytes(32), b"\xff" * 32, b"a" + bytes(31), b"a" + bytes(30) + b"\x01"]
    corpora = [corpus(tmp_path / "a", many), corpus(tmp_path / "b", edges[:3]), corpus(tmp_path / "c", [])]
    seen = Seen(corpora, tmp_path / "scratch")
    asked = [many[0], None, *edges, many[-1], *hashes("another")]

    found = seen.holds(pa.array(asked, pa.binary(32)))

    assert found.tolist() == [True, False, True, True, True, False, True, False]


def test_without_a_corpus_nothing_was_seen(tmp_path: Path) -> None:
    assert Seen([], tmp_path).holds(pa.array(hashes("a"), pa.binary(32))).tolist() == [False]


def test_a_folder_that_is_no_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Seen([tmp_path], tmp_path / "scratch")
