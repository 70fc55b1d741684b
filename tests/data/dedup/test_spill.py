from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.dedup.spill import Spill

KEYS = st.integers(0, 5) | st.integers(0, 2**64 - 1) | st.sampled_from([2**64 - 1, 2**56, 2**56 + 1])
ROWS = st.lists(st.tuples(KEYS, st.integers(0, 3)), max_size=60)


@given(blocks=st.lists(ROWS, max_size=8), memory_bytes=st.sampled_from([64, 1_000, 2**20]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_rows_come_back_sorted_whatever_the_memory(
    tmp_path: Path, blocks: list[list[tuple[int, int]]], memory_bytes: int
) -> None:
    rows = sorted(row for block in blocks for row in block)
    keys = Counter(key for key, _ in rows)
    for method, wanted in (("sorted", rows), ("repeated", [row for row in rows if keys[row[0]] > 1])):
        spill = Spill(tmp_path / "spill", columns=2, memory_bytes=memory_bytes)
        for block in blocks:
            spill.add(np.array(block, dtype=np.uint64).reshape(-1, 2))
        parts = list(getattr(spill, method)())

        assert [tuple(row) for part in parts for row in part.tolist()] == wanted
        assert not (tmp_path / "spill").exists()


def test_no_more_is_held_than_was_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = []
    take = Spill._take
    monkeypatch.setattr(Spill, "_take", lambda spill: (held.append(spill._held_bytes), take(spill))[1])
    spill = Spill(tmp_path / "spill", columns=2, memory_bytes=40_000)
    random = np.random.default_rng(0)
    for _ in range(100):
        spill.add(random.integers(0, 2**64, size=(100, 2), dtype=np.uint64))  # 1,600 bytes
    parts = [part.nbytes for part in spill.sorted()]

    assert sum(parts) == 160_000
    assert max(parts) <= 10_000
    assert max(held) <= 10_000 + 1_600


def test_what_an_earlier_process_left_is_not_given_back(tmp_path: Path) -> None:
    (tmp_path / "spill").mkdir()
    (tmp_path / "spill" / "07").write_bytes(bytes(16))

    assert list(Spill(tmp_path / "spill", columns=2, memory_bytes=1_000).sorted()) == []
