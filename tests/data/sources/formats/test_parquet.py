from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.sources import Row, SourceError
from data.sources.formats import parquet


def test_another_schema_names_what_is_there(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["a"], "text": [1]}), tmp_path / "a.parquet")

    with pytest.raises(SourceError, match=r"no column 'title'.*it has: body, text"):
        read(path="a.parquet", title="title")
    with pytest.raises(SourceError, match="a text column holds int64, not strings"):
        read(path="a.parquet")


def test_a_damaged_page_is_one_error_that_names_the_place(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [f"text {n} " * 50 for n in range(3000)]}), tmp_path / "a.parquet")
    whole = bytearray((tmp_path / "a.parquet").read_bytes())
    whole[100:200] = bytes(100)
    (tmp_path / "a.parquet").write_bytes(whole)

    with pytest.raises(SourceError, match=r"a\.parquet: broken after [\d,]+ documents"):
        read(path="a.parquet")


def test_batches_are_small_where_texts_are_large(
    read: Callable[..., list[Row]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BATCH_BYTES", 5_000)
    texts = [f"{n}" + "x" * 1_000 for n in range(50)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", use_dictionary=False)

    assert parquet._batch_rows(pq.read_metadata(tmp_path / "a.parquet")) == 4
    assert [row.text for row in read(path="a.parquet")] == texts


def test_a_cell_beyond_the_limit_is_a_defect(
    read: Callable[..., list[Row]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.sources.formats.lines.LINE_LIMIT_BYTES", 10)
    pq.write_table(pa.table({"text": ["short", "x" * 11]}), tmp_path / "a.parquet")

    assert [(row.text, row.defect) for row in read(path="a.parquet")] == [("short", None), ("", "line_too_long")]
