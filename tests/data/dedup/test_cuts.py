from pathlib import Path

import pytest

from data.dedup.cuts import Cuts, without


@pytest.mark.parametrize(
    ("ranges", "left"),
    [
        ([], "一, two 三, four"),
        ([(0, 5)], "two 三, four"),
        ([(5, 8), (6, 9)], "一, 三, four"),
        ([(0, 20)], ""),
        ([(0, 9), (3, 5), (14, 18)], "三,"),
    ],
)
def test_ranges_of_bytes_are_left_out(ranges: list[tuple[int, int]], left: str) -> None:
    assert without(" 一, two 三, four".strip(), ranges) == left


@pytest.mark.parametrize("memory_bytes", [100, 2**20])
def test_cuts_come_back_by_row_whatever_the_memory(tmp_path: Path, memory_bytes: int) -> None:
    cuts = Cuts(tmp_path / "cuts", rows=1_000, memory_bytes=memory_bytes)
    cuts.add(list(range(999, 0, -3)), [(row, row + 5) for row in range(999, 0, -3)])
    cuts.add([6, 6], [(2, 4), (1, 3)])
    cuts.finish()

    assert cuts.between(0, 10) == {3: [(3, 8)], 6: [(1, 3), (2, 4), (6, 11)], 9: [(9, 14)]}
    assert cuts.between(998, 1_000) == {999: [(999, 1004)]}
    assert cuts.between(7, 9) == {}


def test_no_cuts_are_no_error(tmp_path: Path) -> None:
    cuts = Cuts(tmp_path / "cuts", rows=0, memory_bytes=100)
    cuts.add([], [])
    cuts.finish()

    assert cuts.between(0, 5) == {}
