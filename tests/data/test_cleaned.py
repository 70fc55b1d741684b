from pathlib import Path

import pyarrow as pa
import pytest

from data import cleaned
from data.chunk import CLEANED_SCHEMA
from data.cleaned import CleanedDocuments


def batch(*origins: str) -> pa.RecordBatch:
    rows = [{"origin": origin, "source_order": 0, "text": origin * 2} for origin in origins]
    return pa.RecordBatch.from_pylist(rows, schema=CLEANED_SCHEMA)


def origins(documents: CleanedDocuments) -> list[list[str]]:
    return [found["origin"].to_pylist() for found in documents.read()]


@pytest.fixture(autouse=True)
def two_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaned, "BATCHES_IN_FILE", 2)


def test_batches_come_back_as_they_were_given(tmp_path: Path) -> None:
    documents = CleanedDocuments(tmp_path)

    assert list(documents.extend([batch("a", "b"), batch("c"), batch("d")])) == [2, 3, 4]
    assert origins(documents) == [["a", "b"], ["c"], ["d"]]
    assert [found.to_pydict() for found in documents.read(["text", "source_order"])] == [
        {"text": ["aa", "bb"], "source_order": [0, 0]},
        {"text": ["cc"], "source_order": [0]},
        {"text": ["dd"], "source_order": [0]},
    ]


def test_only_whole_files_count_when_a_process_was_killed(tmp_path: Path) -> None:
    killed = CleanedDocuments(tmp_path).extend([batch("a"), batch("b"), batch("c"), batch("d")])
    assert [next(killed) for _ in range(3)] == [1, 2, 3]
    killed.close()

    documents = CleanedDocuments(tmp_path)
    assert (documents.batches, documents.rows) == (2, 2)
    assert list(documents.extend([batch("c"), batch("d"), batch("e")])) == [3, 4, 5]
    assert origins(documents) == [["a"], ["b"], ["c"], ["d"], ["e"]]


def test_batches_behind_a_file_that_is_not_full_are_found(tmp_path: Path) -> None:
    for _ in range(3):
        documents = CleanedDocuments(tmp_path)
        list(documents.extend([batch(str(documents.rows))]))

    assert origins(CleanedDocuments(tmp_path)) == [["0"], ["1"], ["2"]]
