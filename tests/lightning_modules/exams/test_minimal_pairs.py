import gzip
import json
import os
from pathlib import Path

import pytest

from data.sources.source import SourceError
from data.tasks.base import Places
from lightning_modules.exams.minimal_pairs import MinimalPairs
from lightning_modules.networks import Trunk

PAIRS = {
    "agreement": [("kala mala tala", "kala tala mala"), ("kala reno siru", "kala siru reno")],
    "语序": [("农民在市场", "市场在农民"), ("医生看见老师", "老师看见医生"), ("水手去港口", "港口去水手")],
}


def write(folder: Path, pairs: dict[str, list[tuple[str, str]]] = PAIRS) -> None:
    for name, rows in pairs.items():
        lines = [json.dumps({"sentence_good": good, "sentence_bad": bad}, ensure_ascii=False) for good, bad in rows]
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def exam(**settings) -> MinimalPairs:
    return MinimalPairs.model_validate({"exam": "minimal_pairs", "path": "*.jsonl.gz"} | settings)


def accuracy(results, system: str) -> float:
    [found] = [row for row in results.comparison.scores()["scores"] if row["system"] == system]
    return found["value"]


@pytest.mark.parametrize("scoring", ["causal", "masked"])
def test_a_uniform_network_is_at_chance_exactly_for_every_pair_is_a_tie(sit, uniform: Trunk, tmp_path, scoring):
    # The sentences of these pairs hold the same words, and so equally many tokens.
    write(tmp_path)
    results = exam(scoring=scoring).run(sit(uniform, uniform))

    assert accuracy(results, "pretrained") == 50.0
    assert accuracy(results, "unigram") == 50.0  # the same tokens in another order
    assert results.facts["choice_accuracy_mean_of_groups_low"] == 50.0
    assert {row[2] for row in results.tables[0].rows} == {50.0}


def test_wins_losses_and_ties_add_up_by_hand(sit, uniform: Trunk, tmp_path: Path, monkeypatch):
    nats = [3.0, 4.0, 5.0, 2.0, 1.0, 1.0, 0.5, 9.0, 2.0, 3.0]
    monkeypatch.setattr(MinimalPairs, "_nll", lambda self, sitting, name, trunk, texts: nats)
    write(tmp_path)
    results = exam().run(sit(uniform))
    own = results.comparison.outputs["pretrained"]

    assert [json.loads(text) for text in own.predictions] == [["good"], ["bad"], ["bad", "good"], ["good"], ["good"]]
    assert accuracy(results, "pretrained") == pytest.approx(100 * (1 + 0 + 0.5 + 1 + 1) / 5)
    table = {row[0]: row[1:3] for row in results.tables[0].rows}
    assert table == {"agreement": [2, 50.0], "语序": [3, pytest.approx(250 / 3)]}
    # Each group has the same weight, whatever its size.
    assert results.facts["choice_accuracy_mean_of_groups"] == pytest.approx((50.0 + 250 / 3) / 2)
    assert list(own.nll_N) == [3.0, 5.0, 1.0, 0.5, 2.0]


def test_groups_may_come_from_a_column_and_pairs_are_drawn_by_the_seed(tmp_path: Path):
    rows = [{"right": f"a {n}", "wrong": f"b {n}", "kind": "odd" if n % 2 else "even"} for n in range(10)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    settings = {"path": "pairs.jsonl", "good": "right", "bad": "wrong", "group": "kind"}

    assert [pair.group for pair in exam(**settings).read(tmp_path, seed=1)] == ["even"] * 5 + ["odd"] * 5
    drawn = {tuple(pair.id for pair in exam(**settings, pairs=2).read(tmp_path, seed)) for seed in range(5)}
    assert {len(ids) for ids in drawn} == {4}
    assert len(drawn) > 1


def test_a_missing_column_and_an_empty_sentence_are_named(tmp_path: Path):
    write(tmp_path, {"one": [("a", " ")]})
    with pytest.raises(SourceError, match="row 1 has an empty sentence"):
        exam().read(tmp_path, 0)
    with pytest.raises(SourceError, match="no column right; the columns are sentence_good, sentence_bad"):
        exam(good="right").read(tmp_path, 0)


def test_a_moved_folder_stays_the_same_and_a_changed_file_does_not(tmp_path: Path):
    keys = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
        keys.append(exam(path=f"{name}/*.gz").content(Places(tmp_path / "cache", tmp_path, None)))
    write(tmp_path / "there", {"agreement": [("x", "y")]})

    assert keys[0] == keys[1]
    assert exam(path="there/*.gz").content(Places(tmp_path / "cache", tmp_path, None)) != keys[0]
    assert exam(path="here/*.gz").settings() == exam(path="there/*.gz").settings()


@pytest.mark.skipif("STAGELM_SHARED_DATA" not in os.environ, reason="the published pairs are no part of the project")
@pytest.mark.parametrize(("folder", "paradigms", "pairs"), [("blimp-part", 44, 44_000), ("sling-zh", 54, 40_560)])
def test_published_sets_are_read_as_they_are(folder: str, paradigms: int, pairs: int):
    found = exam(path=f"{folder}/*.jsonl.gz").read(Path(os.environ["STAGELM_SHARED_DATA"]), seed=0)

    assert len(found) == pairs
    assert len({pair.group for pair in found}) == paradigms
