import json
from pathlib import Path

import pyarrow as pa

from benchmarks.minhash import alike, plant, search

TEXT = " ".join(f"word{number}" for number in range(40))


def test_every_fourth_document_gets_an_edited_copy_behind_all(tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    texts = [f"{TEXT} {number}" for number in range(8)]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))

    planted = plant(path)

    assert planted[:8] == texts
    assert len(planted) == 10
    assert [json.loads(line)["text"] for line in path.read_text().splitlines()] == planted
    assert {copy.split()[-1] for copy in planted[8:]} <= {word for text in texts for word in text.split()}


def test_similarity_to_the_most_alike_of_the_earlier_ones_is_exact() -> None:
    best = alike(["a b c d e f", "x y", "A B C D E g", "a b c d e f"])

    assert best == {0: 0.0, 1: 0.0, 2: 1 / 3, 3: 1.0}


def test_search_finds_the_later_one_of_a_pair_across_blocks(tmp_path: Path) -> None:
    other = " ".join(f"thing{number}" for number in range(40))
    turn = search([pa.array([TEXT, other]), pa.array([f"{TEXT} more"])], tmp_path)

    assert turn.found == {2}
    assert sum(turn.steps.values()) <= turn.seconds * 1.001
