import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data import hash_order
from data.hash_order import HashOrder

DIGESTS = [hashlib.sha256(str(number % 270).encode()) for number in range(300)]


@pytest.mark.parametrize(
    ("kind", "hashes"),
    [
        (pa.binary(32), [digest.digest() for digest in DIGESTS]),
        (pa.string(), [digest.hexdigest() for digest in DIGESTS]),
    ],
    ids=["binary", "hexadecimal"],
)
@pytest.mark.parametrize("files", [1, 7, 256])
def test_rows_come_in_the_order_of_their_hash_and_equal_ones_as_they_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: pa.DataType, hashes: list[Any], files: int
) -> None:
    monkeypatch.setattr(hash_order, "BYTES_IN_MEMORY", 1000)
    schema = pa.schema([pa.field("hash", kind), pa.field("row", pa.int64())])
    rows = pa.record_batch({"hash": hashes, "row": list(range(300))}, schema=schema)
    with HashOrder(tmp_path / "order", schema, "hash", 1000 * files) as order:
        for start, count in ((0, 100), (50, 0), (200, 100), (100, 100)):
            order.add(rows.slice(start, count))
        tables = list(order.sorted())

    found = [pair for table in tables for pair in zip(*table.to_pydict().values(), strict=True)]
    given = [*range(100), *range(200, 300), *range(100, 200)]
    assert found == sorted(((hashes[row], row) for row in given), key=lambda pair: (pair[0], given.index(pair[1])))
    assert len(tables) == files
    assert list((tmp_path / "order").iterdir()) == []
