"""Exams of how groups are treated and what answers rest on, before networks that were never trained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from data.tasks.build import SCHEMA
from data.tokenizer import Tokenizer
from data.vocabulary import SPECIALS
from lightning_modules.exams.attributions import Attributions
from lightning_modules.exams.counterfactual import Counterfactual
from lightning_modules.exams.group_gaps import GroupGaps
from lightning_modules.exams.stereotype_pairs import StereotypePairs, shared_places
from lightning_modules.exams.task import Classifier
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.networks import Trunk
from lightning_modules.objectives.classification import Classification, ClassificationConfig
from lightning_modules.predictor import Predictor, PredictorConfig
from lightning_modules.scoring import results as scoring

LABELS = ["bad", "good"]
INPUTS = ["he said kala", "She said mala", "他在市场看见老师", "kala mala tala", "the theme of tala", "他和她在学校"]


@pytest.fixture
def task(folders: Path, trunk: Trunk, tmp_path: Path) -> Callable[..., dict[str, Path]]:
    """Writes a task's examples and its classifiers; returns the folders by role."""

    def make(inputs: list[str] = INPUTS, answers: str = "class", scale: float = 4.0) -> dict[str, Path]:
        (tmp_path / "examples").mkdir()
        rows = [
            {"id": f"e{n}", "group": f"g{n}", "input": text, "target": LABELS[n % 2], "others": [], "label": n % 2}
            | {"details": json.dumps({"side": "left" if n % 3 else "right"} if n else {})}
            for n, text in enumerate(inputs)
        ]
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), tmp_path / "examples" / "test.parquet")
        description = {"answers": answers, "labels": LABELS, "language": "en", "target_language": "en"}
        (tmp_path / "examples" / "task.json").write_text(json.dumps(description))
        head = Classification(ClassificationConfig(classes=2), trunk.config, SPECIALS)
        use = {"objective": "classification", "share": 1.0, "weight": 1.0} | head.config.model_dump()
        sha256 = json.loads((folders / "tokenizer" / "tokenizer.json").read_text())["sha256"]
        for seed, role in enumerate(("pretrained", "scratch")):
            (tmp_path / role).mkdir()
            (tmp_path / role / "config.json").write_text(trunk.config.model_dump_json())
            stage = {"tokenizer_sha256": sha256, "objectives": {"side": use}}
            (tmp_path / role / "stage.json").write_text(json.dumps(stage))
            state = {name: scale * value for name, value in Trunk(trunk.config, seed).state_dict().items()}
            save_file(state, tmp_path / role / "model.safetensors")
            parameters = {f"side.{name}": scale * value for name, value in head.state_dict().items()}
            save_file(parameters, tmp_path / role / "heads.safetensors")
        return {"weights": folders / "weights"} | {r: tmp_path / r for r in ("examples", "pretrained", "scratch")}

    return make


def test_probabilities_are_those_that_the_registered_model_gives(sit, task, folders: Path, tmp_path: Path):
    sitting = sit(folders=task())
    found = Classifier.open(sitting, "pretrained", 32).probabilities(INPUTS, sitting.hardware, lambda done, total: None)
    package = tmp_path / "package"
    package.mkdir()
    (package / "weights").symlink_to(tmp_path / "pretrained")
    (package / "tokenizer").symlink_to(folders / "tokenizer")
    config = PredictorConfig(answers="class", labels=tuple(LABELS), sequence_length=32)
    (package / "predictor.json").write_text(config.model_dump_json())

    expected = [[row["probability.bad"], row["probability.good"]] for row in Predictor.load(package).predict(INPUTS)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def counterfactual(**settings: Any) -> Counterfactual:
    swaps = {"lists": ["gender_en", "gender_zh"]}
    return Counterfactual.model_validate({"exam": "counterfactual", "task": "side", "swaps": swaps} | settings)


def test_only_texts_with_a_word_are_asked_and_the_change_is_the_difference_of_two_answers(sit, task):
    sitting = sit(folders=task())
    results = counterfactual().run(sitting)
    own = results.comparison.outputs["pretrained"]

    assert list(results.comparison.test.ids) == ["e0", "e1", "e2", "e5"]
    assert results.facts["examples_with_a_word_percent"] == pytest.approx(100 * 4 / 6)
    swapped = {row["example_id"]: row["exchanged"] for row in results.samples}
    assert swapped == {
        "e0": "she said kala", "e1": "He said mala", "e2": "她在市场看见老师", "e5": "她和他在学校",
    }  # fmt: skip
    before, after = Classifier.open(sitting, "pretrained", 32).probabilities(
        [INPUTS[0], "she said kala"], sitting.hardware, lambda done, total: None
    )
    assert float(own.references[0][0]) == pytest.approx(before.max())
    assert float(own.predictions[0]) == pytest.approx(after[before.argmax()])


def test_a_classifier_that_reads_nothing_does_not_move(sit, task):
    results = counterfactual().run(sit(folders=task(scale=0.0)))

    assert [row["value"] for row in results.comparison.scores()["scores"]] == [0.0, 0.0]
    assert results.facts["flips_percent"] == 0.0


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"inputs": ["kala", "the theme"]}, "none of 2 test examples of 'side' holds a word of swaps"),
        ({"answers": "text"}, "task 'side' answers with text, this exam is for one class a text"),
    ],
)
def test_a_task_that_cannot_be_asked_is_refused(sit, task, made: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        counterfactual().run(sit(folders=task(**made)))


def scored(folder: Path, answers: dict[str, list[str]]) -> Path:
    """A `scores` artifact of the task, as its own scoring leaves it."""
    some = next(iter(answers.values()))
    comparison = scoring.Comparison(
        scoring.TestSet([f"e{n}" for n in range(len(some))], [f"g{n}" for n in range(len(some))]),
        [METRICS["accuracy"]("", LABELS)],
        {name: Outputs(own, [[LABELS[n % 2]] for n in range(len(own))]) for name, own in answers.items()},
        {},
        10,
        0,
    )
    (folder / "scored").mkdir()
    pq.write_table(comparison.table(), folder / "scored" / "examples.parquet")
    return folder / "scored"


def gaps(**settings: Any) -> GroupGaps:
    return GroupGaps.model_validate({"exam": "group_gaps", "task": "side", "at_least": 2} | settings)


def test_gaps_are_those_of_the_groups_that_the_words_make(sit, task, tmp_path: Path):
    inputs = ["he x", "he y", "her x", "她 y", "the man and the woman", "他 x"]
    folders = task(inputs=inputs)
    answers = {
        "pretrained": ["bad", "good", "bad", "bad", "good", "bad"],
        "scratch": ["bad"] * 6,
        "majority": ["bad"] * 6,
    }
    sitting = sit(folders=folders | {"scored": scored(tmp_path, answers)})
    words = {"men": ["he", "his", "man", "他"], "women": ["she", "her", "woman", "她"]}
    results = gaps(words=words).run(sitting)
    values = {(row["system"], row["metric"]): row["value"] for row in results.comparison.scores()["scores"]}

    # men: e0 bad right, e1 good right, e5 bad wrong; women: e2 bad right, e3 bad wrong; e4 is of both
    assert values["pretrained", "demographic_parity_gap"] == pytest.approx(100 / 3)
    assert values["pretrained", "accuracy_gap"] == pytest.approx(100 * (2 / 3 - 1 / 2))
    assert values["pretrained", "equalised_odds_gap"] == pytest.approx(50.0)
    assert values["majority", "demographic_parity_gap"] == 0.0
    assert list(results.comparison.baselines) == ["majority"]
    assert {row[0]: row[1] for row in results.tables[0].rows} == {"men": 3, "women": 2}
    assert results.facts["accuracy_gap_by_chance"] > 0.0
    again = gaps(words=words).run(sitting)
    assert again.comparison.scores() == results.comparison.scores()
    assert again.facts == results.facts


def test_groups_may_be_a_detail_of_the_examples_and_those_without_are_left_out(sit, task, tmp_path: Path):
    folders = task() | {"scored": scored(tmp_path, {"pretrained": ["bad"] * 6})}
    results = gaps(detail="side", at_least=1).run(sit(folders=folders))

    # e0 has none, e3 alone is right: a group of one
    assert list(results.comparison.test.groups) == ["left"] * 4 + ["right"]
    assert {row[0]: row[1] for row in results.tables[0].rows} == {"left": 4, "right": 1}


def test_fewer_than_two_groups_of_a_size_are_refused(sit, task, tmp_path: Path):
    folders = task() | {"scored": scored(tmp_path, {"pretrained": ["bad"] * 6})}

    with pytest.raises(ValueError, match=r"fewer than two of task 'side' have 2 scored test examples \(g0 1, g1 1"):
        gaps().run(sit(folders=folders))


@pytest.mark.parametrize(
    "settings",
    [
        {"detail": "a", "words": {"m": ["he"], "f": ["she"]}},
        {"words": {"m": ["he"]}},
        {"words": {"m": ["he"], "f": []}},
    ],
)
def test_groups_are_said_in_one_way_and_there_are_two(settings: dict[str, Any]):
    with pytest.raises(ValueError, match=r"not both|two groups or more"):
        gaps(**settings)


def pairs(folder: Path) -> None:
    rows = [
        {"sent_more": "kala reno siru", "sent_less": "mala reno siru", "bias_type": "age"},
        {"sent_more": "农民在市场", "sent_less": "医生在市场", "bias_type": "职业"},
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "pairs.jsonl").write_text("\n".join(lines), encoding="utf-8")


def stereotypes(**settings: Any) -> StereotypePairs:
    return StereotypePairs.model_validate({"exam": "stereotype_pairs", "path": "pairs.jsonl"} | settings)


@pytest.mark.parametrize("scoring", ["causal", "masked"])
def test_a_uniform_network_leans_nowhere(sit, uniform: Trunk, tokenizer: Tokenizer, tmp_path: Path, scoring: str):
    pairs(tmp_path)
    lengths = [
        len(ids) for ids in tokenizer.encode_batch(["kala reno siru", "mala reno siru", "农民在市场", "医生在市场"])
    ]
    assert lengths[0] == lengths[1]
    results = stereotypes(scoring=scoring).run(sit(uniform, uniform))
    share = {row[0]: row[2] for row in results.tables[0].rows}

    assert share["age"] == 50.0
    assert scoring == "causal" or share["职业"] == 50.0  # what both share is equally long in any case


def test_masked_scoring_asks_for_the_shared_words_alone(sit, trunk: Trunk, tmp_path: Path, monkeypatch):
    pairs(tmp_path)
    asked = {}

    def nats(_trunk, texts, *_):
        asked["texts"] = texts
        return [
            np.where(np.arange(len(text)) < 1, 100.0 if number % 2 else 0.0, number % 2)
            for number, text in enumerate(texts)
        ]

    monkeypatch.setattr("lightning_modules.exams.stereotype_pairs.masked_nll", nats)
    results = stereotypes(scoring="masked").run(sit(trunk))

    assert results.comparison.outputs["pretrained"].predictions == ['["more"]', '["more"]']
    ids, others = asked["texts"][:2]
    first, second = shared_places(ids, others)
    assert (ids[first] == others[second]).all()
    assert len(first) < len(ids)


def test_shared_places_are_in_one_order_where_lengths_differ():
    first, second = shared_places(np.array([7, 1, 2, 3]), np.array([8, 9, 1, 2, 4, 3]))

    assert first.tolist() == [1, 2, 3]
    assert second.tolist() == [2, 3, 5]


def attributions(**settings: Any) -> Attributions:
    return Attributions.model_validate({"exam": "attributions", "texts": 5} | settings)


def test_a_classifiers_answers_are_taken_apart_completely(sit, task):
    results = attributions(task="side", texts=6).run(sit(folders=task(scale=2.0)))
    [score] = results.comparison.scores()["scores"]

    assert score["metric"] == "completeness_error"
    assert score["value"] < 1.0
    assert results.facts["texts_within_5_percent"] == 100.0
    assert set(results.comparison.test.groups) <= set(LABELS)
    shown = {row["example_id"]: "".join(text for text, _ in row["tokens"]) for row in results.samples}
    whole = {text.strip() for text in shown.values() if "<0x" not in text}  # a character without a piece is bytes
    assert "kala mala tala" in whole
    assert whole <= set(INPUTS)
    assert len(results.tables[0].rows) == sum(len(row["tokens"]) for row in results.samples)


def test_a_base_models_next_token_is_taken_apart_and_random_weights_agree_with_themselves(sit, trunk: Trunk):
    with torch.no_grad():
        for parameter in trunk.parameters():
            parameter.mul_(3.0 if parameter.ndim > 1 else 1.0)
    other = Trunk(trunk.config, 5).eval()
    results = attributions(length=12).run(sit(trunk, other))
    same = attributions(length=12).run(sit(trunk, trunk))

    assert results.comparison.scores()["scores"][0]["value"] < 1.0
    assert same.facts["correlation_with_untrained"] == pytest.approx(1.0)
    assert results.facts["correlation_with_untrained"] < 0.9
    assert attributions(length=12).run(sit(trunk, other)).tables == results.tables
