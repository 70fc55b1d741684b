import json
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.language import split_words
from lightning_modules.evaluate import evaluate, main
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.scoring import results as scored


def results(spec) -> tuple[dict, list[dict]]:
    evaluate(spec)
    return json.loads((spec.output / "scores.json").read_text()), pq.read_table(
        spec.output / "examples.parquet"
    ).to_pylist()


def score_of(scores: dict, metric: str, system: str) -> float:
    [found] = [row for row in scores["scores"] if (row["metric"], row["system"]) == (metric, system)]
    return found["value"]


def test_language_models_are_scored_on_every_test_document_beside_the_unigram_model(make_spec, folders: Path):
    scores, rows = results(make_spec())

    assert {row["system"] for row in rows} == {"pretrained", "scratch", "unigram"}
    assert len(rows) == 3 * 12
    assert {row["group"] for row in rows} == {"s0", "s1"}
    own = [row for row in rows if row["system"] == "pretrained"]
    bits = sum(row["nll"] for row in own) / math.log(2) / sum(row["bytes"] for row in own)
    assert score_of(scores, "bits_per_byte", "pretrained") == pytest.approx(bits)
    assert scores["headline"]["metric"] == "bits_per_byte"
    assert scores["headline"]["system"] == "pretrained"
    assert {(row["system"], row["versus"]) for row in scores["differences"]} == {
        ("pretrained", "scratch"),
        ("pretrained", "unigram"),
    }
    assert len(scores["samples"]) == 5


def test_an_untrained_network_loses_to_the_unigram_model_and_the_record_says_so(make_spec):
    scores, _ = results(make_spec())
    [row] = [row for row in scores["differences"] if (row["metric"], row["versus"]) == ("bits_per_byte", "unigram")]

    assert row["low"] > 0
    assert row["wins"] is False


@pytest.mark.parametrize(
    ("task", "data"), [("language_model", "tokens"), ("classification", "sentiment"), ("summarization", "titles")]
)
def test_equal_specs_give_equal_bytes(make_spec, folders: Path, task: str, data: str):
    for output in ("one", "two"):
        evaluate(make_spec(output, task=task, data=folders / data))
    one, two = (make_spec(output).output for output in ("one", "two"))

    assert sorted(file.name for file in one.iterdir()) == ["examples.parquet", "scores.json"]
    for file in one.iterdir():
        assert file.read_bytes() == (two / file.name).read_bytes()


def test_classes_are_scored_beside_majority_and_tfidf(make_spec, folders: Path):
    scores, rows = results(make_spec(task="classification", data=folders / "sentiment"))

    assert {row["system"] for row in rows} == {"pretrained", "scratch", "majority", "tfidf"}
    for system in ("pretrained", "tfidf"):
        own = [row for row in rows if row["system"] == system]
        right = np.mean([row["prediction"] == row["references"][0] for row in own])
        assert score_of(scores, "accuracy", system) == pytest.approx(100 * right)
        assert [row["score"] for row in own] == [100.0 * (row["prediction"] == row["references"][0]) for row in own]
    assert all(row["nll"] > 0 for row in rows if row["system"] == "pretrained")
    assert all(row["nll"] is None for row in rows if row["system"] == "tfidf")


def test_generated_answers_are_scored_and_so_are_the_right_ones(make_spec, folders: Path):
    scores, rows = results(make_spec(task="summarization", data=folders / "titles"))

    assert {row["system"] for row in rows} == {"pretrained", "scratch", "lead_sentence", "lead_words"}
    own = [row for row in rows if row["system"] == "lead_words"]
    outputs = Outputs([row["prediction"] for row in own], [row["references"] for row in own])
    metric = METRICS["rouge1"]("en")
    assert score_of(scores, "rouge1", "lead_words") == pytest.approx(
        float(metric.value(metric.statistics(outputs).sum(0)))
    )
    assert {row["system"] for row in scores["scores"] if row["metric"] == "bits_per_byte"} == {"pretrained", "scratch"}


def test_an_adapter_is_scored_on_its_base(make_spec, folders: Path):
    systems = {
        "adapted": {"weights": folders / "adapted", "base": folders / "pretrained"},
        "pretrained": {"weights": folders / "pretrained"},
    }
    scores, _ = results(make_spec(systems=systems))

    # B is zero, so the adapted network is its base
    assert score_of(scores, "bits_per_byte", "adapted") == score_of(scores, "bits_per_byte", "pretrained")


def refused(spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    path = tmp_path / "spec.json"
    path.write_text(spec.model_dump_json())
    assert main([str(path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    return line


def test_an_adapter_on_another_base_is_refused_in_one_line(make_spec, folders: Path, tmp_path: Path, capsys):
    systems = {"adapted": {"weights": folders / "adapted", "base": folders / "scratch"}}
    assert "this adapter belongs to base weights" in refused(make_spec(systems=systems), tmp_path, capsys)


def test_an_adapter_without_base_is_refused_in_one_line(make_spec, folders: Path, tmp_path: Path, capsys):
    systems = {"adapted": {"weights": folders / "adapted"}}
    assert "holds an adapter" in refused(make_spec(systems=systems), tmp_path, capsys)


def test_weights_of_another_tokenizer_are_refused(make_spec, folders: Path, tmp_path: Path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("config.json", "model.safetensors", "heads.safetensors"):
        (other / name).write_bytes((folders / "pretrained" / name).read_bytes())
    (other / "stage.json").write_text(json.dumps({"tokenizer_sha256": "0" * 64, "objectives": {}}))
    assert "trained with tokenizer 000000000000" in refused(
        make_spec(systems={"x": {"weights": other}}), tmp_path, capsys
    )


def test_the_limit_on_examples_holds(make_spec, folders: Path):
    _, rows = results(make_spec(task="classification", data=folders / "sentiment", max_examples=4))
    assert len(rows) == 4 * 4


def test_progress_is_written_to_the_work_folder(make_spec, folders: Path):
    spec = make_spec(task="classification", data=folders / "sentiment")
    evaluate(spec)
    lines = [json.loads(line) for line in (spec.work / "progress.jsonl").read_text().splitlines()]

    assert {line["system"] for line in lines} == {"pretrained", "scratch"}
    assert lines[-1]["done"] == lines[-1]["total"] == 15


def test_every_score_can_be_computed_again_from_the_examples_alone(make_spec, folders: Path):
    tasks = [
        make_spec("documents", stride=4, sequence_length=16),
        make_spec("classes", task="classification", data=folders / "sentiment"),
        make_spec(
            "texts", task="summarization", data=folders / "titles", metrics=["self_bleu", "distinct_2", "rouge1"]
        ),
    ]
    seen = set()
    for spec in tasks:
        scores, _ = results(spec)
        for row in scores["scores"]:
            metric = METRICS[row["metric"]]("en", ("bad", "good"))
            ids, outputs = scored.read_outputs(spec.output, row["system"])
            assert len(ids) == row["n"]
            assert float(metric.value(metric.statistics(outputs).sum(0))) == pytest.approx(row["value"], abs=1e-9)
            seen.add(row["metric"])

    assert seen >= {"bits_per_byte", "word_perplexity", "ece", "weighted_f1", "repetition", "self_bleu", "distinct_2"}


def test_words_are_those_of_the_documents(make_spec, folders: Path):
    scores, rows = results(make_spec())
    texts = pq.read_table(folders / "corpus" / "test")["text"].to_pylist()
    own = [row for row in rows if row["system"] == "pretrained"]

    assert [row["words"] for row in own] == [len(split_words(text)) for text in texts]
    assert score_of(scores, "word_perplexity", "pretrained") == pytest.approx(
        math.exp(sum(row["nll"] for row in own) / sum(row["words"] for row in own))
    )


def test_the_stride_is_part_of_what_likelihoods_are_compared_by(make_spec):
    signatures = [
        {row["metric"]: row["signature"] for row in results(make_spec(f"stride-{stride}", stride=stride))[0]["scores"]}
        for stride in (None, 4)
    ]

    for name in ("bits_per_byte", "perplexity", "word_perplexity"):
        assert [own[name].rpartition("|")[2] for own in signatures] == ["stride:half a window", "stride:4"]


def test_confidence_is_the_probability_of_the_class_predicted(make_spec, folders: Path):
    _, rows = results(make_spec(task="classification", data=folders / "sentiment"))
    networks = [row for row in rows if row["system"] in {"pretrained", "scratch"}]

    # of two classes: the probability of the right one, or what it leaves
    for row in networks:
        right = math.exp(-row["nll"])
        expected = right if row["prediction"] == row["references"][0] else 1 - right
        assert row["confidence"] == pytest.approx(expected, abs=1e-6)
        assert row["confidence"] >= 0.5
    assert {row["confidence"] for row in rows if row["system"] == "tfidf"} == {None}


def test_without_what_was_seen_a_pools_diversity_is_that_of_the_rest():
    texts = ["a b", "a b", "c d"]
    comparison = scored.Comparison(
        test=scored.TestSet(["1", "2", "3"], [""] * 3, overlap_N=np.array([0.0, 1.0, 0.0])),
        metrics=[METRICS["distinct_1"]("en"), METRICS["repetition"]("en")],
        trained={"pretrained": Outputs(texts, [["x"]] * 3)},
        baselines={},
        resamples=20,
        seed=0,
    )
    values = {row["metric"]: (row["value"], row["n"]) for row in comparison.scores()["scores"]}

    assert values["distinct_1"] == (pytest.approx(100 * 4 / 6), 3)
    assert values["distinct_1_clean"] == (pytest.approx(100), 2)


def test_each_system_is_put_through_a_metric_once(monkeypatch: pytest.MonkeyPatch):
    metric, calls = METRICS["chrf"]("en"), []
    statistics = metric.statistics
    monkeypatch.setattr(metric, "statistics", lambda outputs: calls.append(1) or statistics(outputs))
    outputs = Outputs(["a b c"], [["a b d"]])
    comparison = scored.Comparison(scored.TestSet(["1"], [""]), [metric], {"one": outputs}, {"two": outputs}, 10, 0)
    comparison.scores()
    comparison.table()

    assert len(calls) == 2
