"""Metrics are computed again from what lies in the store, whatever they were made with."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.comparing.runs import compare_runs
from flows.comparing.scored import MeanOfScores, ScoredSet


def opened(stores, stage, task=None):
    content = json.loads((stores.root / stage.folder / "scores.json").read_text())
    return ScoredSet(stage.name, stage.fingerprint, content, task or {}, stores.root / stage.folder)


def titles(stores, fingerprint, answers):
    rows = [
        {
            "example_id": f"title-{index}",
            "system": "pretrained",
            "group": "",
            "nll": 3.0,
            "tokens": 1.0,
            "bytes": 4.0,
            "prediction": answer,
            "references": ["我爱北京的天安门"],
            "overlap": None,
        }
        for index, answer in enumerate(answers)
    ]
    return stores.scores("title", fingerprint, rows, ["rouge1", "bleu"])


def test_chinese_is_scored_as_chinese_without_a_task_that_says_so(stores):
    scored = opened(stores, titles(stores, "t1", ["我爱北京天安门"] * 3))

    metric = next(m for m in scored.candidates("bleu") if scored.gives(m, "bleu"))

    assert metric.language == "zh"
    # 51.544869: sacrebleu, tokenize="zh"
    assert scored.row("bleu")["value"] == pytest.approx(51.544869, abs=1e-6)


def test_labels_are_found_in_the_answers_or_beside_the_scores(stores):
    both, one_class = stores.sentiment("t1", [True, False] * 10), stores.sentiment("t2", [True] * 10)

    def found(stage):
        scored = opened(stores, stage)
        return next((m.labels for m in scored.candidates("macro_f1") if scored.gives(m, "macro_f1")), None)

    assert found(both) == ("bad", "good")
    # 'bad' was never right and never answered: the mean over one class is not the one on record.
    assert found(one_class) is None
    path = stores.root / one_class.folder / "scores.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"labels": ["bad", "good"], "language": "en"}))
    assert found(one_class) == ("bad", "good")


def test_metric_that_is_not_known_here_is_the_mean_of_its_scores_or_nothing(stores):
    def exam(fingerprint, right, metric):
        stage = stores.sentiment(fingerprint, right)
        path = stores.root / stage.folder / "scores.json"
        path.write_text(path.read_text().replace('"accuracy"', f'"{metric}"'))
        return stage

    one = stores.run("one", [exam("t1", [True] * 60 + [False] * 40, "invented")])
    two = stores.run("two", [exam("t2", [True] * 20 + [False] * 80, "invented")])
    scored = opened(stores, one.stages[0])
    (metric,) = scored.candidates("invented")
    found = {d.metric: d for d in compare_runs([one, two], stores.root).scores}

    assert isinstance(metric, MeanOfScores)
    assert scored.gives(metric, "invented")
    assert (found["invented"].before, found["invented"].after, found["invented"].wins) == (60.0, 20.0, False)


def test_value_that_does_not_follow_from_the_examples_is_not_compared(stores):
    stage = stores.documents("s1", [100.0] * 20)
    path = stores.root / stage.folder / "scores.json"
    content = json.loads(path.read_text())
    content["scores"][0]["value"] *= 1.01
    path.write_text(json.dumps(content))
    one, two = stores.run("one", [stage]), stores.run("two", [stores.documents("s2", [90.0] * 20)])

    delta = compare_runs([one, two], stores.root).scores[0]

    assert delta.note == "the values on record do not follow from the examples by the metrics of this version"


def test_metric_of_unseen_examples_is_compared_on_them_alone(stores):
    def with_overlap(fingerprint, right):
        stage = stores.sentiment(fingerprint, right)
        folder = stores.root / stage.folder
        rows = pq.read_table(folder / "examples.parquet").to_pylist()
        for row in rows:
            row["overlap"] = 0.9 if int(row["example_id"].removeprefix("review-")) < 25 else 0.1
        pq.write_table(pa.Table.from_pylist(rows), folder / "examples.parquet")
        content = json.loads((folder / "scores.json").read_text())
        value = 100 * float(np.mean(right[25:]))
        clean = content["scores"][0] | {"metric": "accuracy_clean", "value": value, "n": len(right) - 25, "clean": True}
        content |= {"scores": [*content["scores"], clean], "overlap": 0.25}
        (folder / "scores.json").write_text(json.dumps(content))
        return stage

    one = stores.run("one", [with_overlap("t1", [True] * 60 + [False] * 40)])
    two = stores.run("two", [with_overlap("t2", [True] * 50 + [False] * 50)])

    found = {d.metric: d for d in compare_runs([one, two], stores.root).scores}

    assert (found["accuracy_clean"].examples, found["accuracy"].examples) == (75, 100)
    assert found["accuracy_clean"].difference == pytest.approx(100 * (25 - 35) / 75)


def test_figures_of_a_whole_exam_are_shown_and_not_tested(stores):
    one = stores.run("one", [stores.sentiment("t1", [True, False], facts={"spread": 1.5, "kind": "x"})])
    two = stores.run("two", [stores.sentiment("t2", [True, True], facts={"spread": 2.0, "kind": "y"})])

    found = {d.metric: d for d in compare_runs([one, two], stores.root).scores}

    assert (found["spread"].before, found["spread"].after, found["spread"].paired) == (1.5, 2.0, None)
    assert "kind" not in found
