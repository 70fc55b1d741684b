import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.dedup import near
from data.dedup.near import banding, clusters
from data.dedup.sketch import BINS, Sketches
from tests.data.dedup.conftest import exact_pairs, families, sketches_of

MEMORY = 2**26


def heads(sketches: Sketches, scratch: Path, threshold: float = 0.8, memory_bytes: int = MEMORY) -> list[int]:
    return clusters([(sketches, np.arange(len(sketches)))], threshold, scratch, memory_bytes).tolist()


def sentence(start: int, words: int = 120) -> str:
    return " ".join(f"w{number}" for number in range(start, start + words))


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_bands_miss_at_most_one_pair_in_a_hundred_at_the_threshold(threshold: float) -> None:
    bands, rows = banding(threshold)

    assert (1 - threshold**rows) ** bands <= 0.01
    assert bands * rows <= BINS
    assert bands <= 40


def test_bands_for_the_default_threshold() -> None:
    assert banding(0.8) == (32, 9)  # (1 - 0.8^9)^32 = 0.0099; ten rows would take 41 bands


def test_first_of_a_cluster_stands_for_it(sign: Callable[..., Sketches], tmp_path: Path) -> None:
    chinese = "".join(chr(0x4E00 + 7 * number) for number in range(200))
    texts = [sentence(1000), sentence(0), chinese, sentence(2), chinese + "完", sentence(1)]

    assert heads(sign(*texts), tmp_path) == [0, 1, 2, 1, 2, 1]


def test_first_is_the_lowest_rank_in_whatever_order_they_come(sign: Callable[..., Sketches], tmp_path: Path) -> None:
    sketches = sign(sentence(0), sentence(1000), sentence(1), sentence(2))
    ranks = np.array([3, 0, 2, 1])

    assert clusters([(sketches[:3], ranks[:3]), (sketches[3:], ranks[3:])], 0.8, tmp_path, MEMORY).tolist() == [
        0,
        1,
        1,
        1,
    ]


def test_nothing_to_compare(sign: Callable[..., Sketches], tmp_path: Path) -> None:
    assert heads(np.empty((0, BINS), dtype=np.uint8), tmp_path) == []
    assert heads(sign(sentence(0)), tmp_path) == [0]
    assert heads(sign("", "", "a"), tmp_path) == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_recall_and_precision_of_pairs_against_exact_jaccard(language: str, tmp_path: Path) -> None:
    documents = families(language, 4_000, copies=1, seed=17)
    exact = exact_pairs(documents, 0.0)
    alike = {pair for pair, value in exact.items() if value >= 0.8}
    found = {(head, row) for row, head in enumerate(heads(sketches_of(documents), tmp_path)) if head != row}

    assert len(alike) > 700
    assert len([value for value in exact.values() if 0.5 < value < 0.8]) > 500  # what may be mistaken is there
    assert len(found & alike) >= 0.95 * len(alike)
    assert len(found & alike) >= 0.95 * len(found)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_recall_and_precision_of_what_goes_against_exact_jaccard(language: str, tmp_path: Path) -> None:
    documents = families(language, 3_000, copies=2, seed=18)
    neighbours: dict[int, set[int]] = {}
    for one, two in exact_pairs(documents, 0.8):
        neighbours.setdefault(two, set()).add(one)
    gone = {row for row, head in enumerate(heads(sketches_of(documents), tmp_path)) if head != row}

    assert len(gone & neighbours.keys()) >= 0.95 * len(neighbours)
    assert len(gone & neighbours.keys()) >= 0.95 * len(gone)


def test_clusters_depend_neither_on_order_nor_on_blocks_nor_on_memory(tmp_path: Path) -> None:
    documents = families("en", 600, copies=2, seed=5)
    sketches = sketches_of(documents)
    expected = heads(sketches, tmp_path)
    rows = random.Random(1).sample(range(len(documents)), len(documents))
    ranks: NDArray[np.int64] = np.array(rows)
    cuts = [0, 1, 50, 51, 400, len(rows)]
    blocks = [(sketches[ranks[a:b]], ranks[a:b]) for a, b in pairwise(cuts)]

    assert clusters(blocks, 0.8, tmp_path, memory_bytes=4_096).tolist() == expected
    assert len(set(expected)) < len(expected)


def test_a_thousand_copies_cost_a_few_thousand_rows_of_bands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = []
    join = near._join
    monkeypatch.setattr(
        near, "_join", lambda parents, rows, *rest: (shared.append(len(rows)), join(parents, rows, *rest))
    )
    sketches = np.repeat(sketches_of(families("en", 1, copies=0, seed=1))[:1], 1_000, axis=0)

    assert heads(sketches, tmp_path) == [0] * 1_000
    assert sum(shared) == 32 * 1_000
