"""A user's own table becomes a trained and scored model of each kind that answers: all in one process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.answers import read_classes, read_tags
from data.tasks import build_examples
from data.tokenizer import Tokenizer, TokenizerConfig
from data.tokenizer.training import train_model
from data.vocabulary import SPECIALS, VOCABULARY_FILE
from lightning_modules.datamodule import StageData
from lightning_modules.evaluate import evaluate
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.module import StageModule
from lightning_modules.networks import ModelChoice
from lightning_modules.predictor import Predictor, PredictorConfig
from lightning_modules.scoring.spec import EvaluateSpec
from lightning_modules.spec import TrainSpec
from lightning_modules.tasks import TASKS
from lightning_modules.tasks.finetuning import FinetuningConfig
from lightning_modules.train import train

pytestmark = pytest.mark.usefixtures("one_thread")
MODEL = ModelChoice(preset="micro").resolve(vocab_size=512, sequence_length=32)
HARDWARE = {
    "accelerator": "cpu", "devices": 1, "strategy": "single", "precision": "fp32", "threads": 1,
    "global_batch_tokens": 256, "micro_batch_tokens": 512, "compile": False, "deterministic": True,
}  # fmt: skip
NAMES = ["ada", "bob", "eve", "李雷", "韩梅"]
PLACES = ["london", "paris", "北京", "上海"]
SENTENCES = [
    f"{name} went to {place} on day {day}" if name.isascii() else f"{name}在{place}住了{day}天"
    for name in NAMES
    for place in PLACES
    for day in range(100, 140)
]


def tagged(text: str) -> list[list[Any]]:
    return [
        [text.index(word), text.index(word) + len(word), label]
        for words, label in ((NAMES, "PER"), (PLACES, "LOC"))
        for word in words
        if word in text
    ]


def rows(task: str) -> list[dict[str, Any]]:
    if task == "multi_label":
        return [
            {"text": text, "topics": [word for word in ("ada", "李雷", "paris") if word in text]} for text in SENTENCES
        ]
    if task == "tagging":
        return [{"text": text, "entities": tagged(text)} for text in SENTENCES]
    if task == "extractive_qa":
        return [{"text": text, "q": "where? 哪里", "a": next(p for p in PLACES if p in text)} for text in SENTENCES]
    return [{"text": text.replace("went", "?"), "doc": text, "bad": [text[::-1]]} for text in SENTENCES]


DATA = {
    "multi_label": {"classes": "topics", "labels": ["ada", "李雷", "paris"]},
    "tagging": {"spans": "entities", "labels": ["PER", "LOC"]},
    "extractive_qa": {"question": "q", "answer": "a"},
    "retrieval": {"documents": "doc", "negatives": "bad"},
}
HELD_BY = {
    "multi_label": "labels_majority",
    "tagging": "training_spans",
    "extractive_qa": "nearest_sentence",
    "retrieval": "bm25",
}
EXAMPLES = {"multi_label": 640, "tagging": 640, "extractive_qa": 960, "retrieval": 128}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    made_up = [f"{a}{b}{c}" for a in "abcdefg" for b in "hijklmn" for c in "opqrstu"]
    model = train_model(TokenizerConfig(algorithm="bpe", vocab_size=512), SENTENCES + made_up)
    own = Tokenizer(model)
    (folder / "tokenizer.model").write_bytes(model)
    (folder / VOCABULARY_FILE).write_text(json.dumps(own.pieces))
    (folder / "tokenizer.json").write_text(json.dumps({"sha256": own.sha256, "specials": SPECIALS.by_name()}))
    return folder


@pytest.fixture
def run(tmp_path: Path, tokenizer: Path) -> Callable[[str], tuple[dict[str, Any], list[dict[str, Any]], Predictor]]:
    """Goes from a table to scores, per-example rows and a predictor."""

    def go(task: str) -> tuple[dict[str, Any], list[dict[str, Any]], Predictor]:
        (tmp_path / "own.jsonl").write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(task)), encoding="utf-8"
        )
        config = FinetuningConfig.model_validate(
            {
                "task": task, "data": {"source": "file", "path": "own.jsonl"} | DATA[task], "examples": EXAMPLES[task],
                "batch_size": 16, "micro_batch_size": 16, "sequence_length": 32, "peak_lr": 3e-3,
            }
        )  # fmt: skip
        for name in ("examples", "weights", "scores", "work"):
            (tmp_path / name).mkdir()
        build_examples(config.data, output=tmp_path / "examples", cache=tmp_path, root=tmp_path, corpus=None)
        spec = TrainSpec.model_validate(
            {
                "name": f"finetuning/{task}", "work": tmp_path / "work", "output": tmp_path / "weights",
                "tokenizer": tokenizer, "model": MODEL, "init": None,
                "data": {"kind": "examples", "path": tmp_path / "examples"}, "stage": config.stage(),
                "adapter": config.adapter, "steps": config.steps, "micro_batch_size": 16, "micro_batches": 1,
                "tokens_before": 0, "hardware": HARDWARE, "seed": 1,
            }
        )  # fmt: skip
        train(StageModule(spec), StageData(spec))
        evaluate(
            EvaluateSpec.model_validate(
                {
                    "name": task, "task": task, "systems": {"pretrained": {"weights": tmp_path / "weights"}},
                    "tokenizer": tokenizer, "data": tmp_path / "examples", "sequence_length": 32, "resamples": 50,
                    "max_examples": 24, "hardware": HARDWARE, "seed": 1, "work": tmp_path / "work",
                    "output": tmp_path / "scores",
                }
            )
        )  # fmt: skip
        scores = json.loads((tmp_path / "scores" / "scores.json").read_text())
        predictor = PredictorConfig(answers=config.kind.answers, labels=config.data.labels, sequence_length=32)
        for part in ("weights", "tokenizer"):
            (tmp_path / "package").mkdir(exist_ok=True)
            (tmp_path / "package" / part).symlink_to(tmp_path / part if part == "weights" else tokenizer)
        (tmp_path / "package" / "predictor.json").write_text(predictor.model_dump_json())
        return (
            scores,
            pq.read_table(tmp_path / "scores" / "examples.parquet").to_pylist(),
            Predictor.load(tmp_path / "package"),
        )

    return go


@pytest.mark.parametrize("task", list(DATA))
def test_a_table_becomes_a_model_that_is_scored_and_answers(task: str, run, tmp_path: Path):
    scores, rows_, predictor = run(task)
    kind = TASKS[task]
    values = {(row["system"], row["metric"]): row["value"] for row in scores["scores"]}
    labels = tuple(DATA[task].get("labels", ()))

    assert {metric for _, metric in values} == set(kind.metrics)
    assert {row["system"] for row in rows_} == {"pretrained", *kind.baselines}
    for name in kind.metrics:  # every figure can be had again from the file of examples alone
        own = [row for row in rows_ if row["system"] == "pretrained"]
        metric = METRICS[name]("en", labels)
        statistics = metric.statistics(Outputs([row["prediction"] for row in own], [row["references"] for row in own]))
        assert float(metric.value(statistics.sum(0))) == pytest.approx(values["pretrained", name])
    if task != "retrieval":  # there the shared words do it all
        assert values["pretrained", kind.metrics[0]] > {"tagging": 80}.get(task, values[HELD_BY[task], kind.metrics[0]])
    else:
        assert values["pretrained", "recall_at_10"] > 3 * 100 * 10 / 160  # thrice of what chance finds

    texts = ["ada went to paris on day 117", "李雷在北京住了117天"]
    if task == "multi_label":
        inputs = {row["id"]: row["input"] for row in pq.read_table(tmp_path / "examples" / "test.parquet").to_pylist()}
        own = [row for row in rows_ if row["system"] == "pretrained"]
        found = predictor.predict([inputs[row["example_id"]] for row in own])
        assert [row["labels"] for row in found] == [row["prediction"] for row in own]
        for row in found:
            assert read_classes(row["labels"]) == sorted(name for name in labels if row[f"probability.{name}"] >= 0.5)
    elif task == "tagging":
        long = " and ".join(texts * 4)  # more than a row holds
        [found] = predictor.predict([long])
        spans = json.loads(found["spans"])
        assert all(long[start:end] == text for start, end, _, text in spans)
        assert {(text, label) for *_, label, text in spans} >= {("ada", "PER"), ("北京", "LOC")}
        assert len(spans) >= 12
    elif task == "extractive_qa":
        asked = [f"where? 哪里\n{text}" for text in texts]
        found = predictor.predict(asked)
        assert [row["answer"] for row in found] == ["paris", "北京"]
        assert all(text[int(row["start"]) :].startswith(row["answer"]) for text, row in zip(asked, found, strict=True))
        assert predictor.predict(["where?\n"]) == [{"answer": "", "start": -1.0, "margin": -np.inf}]
    else:
        vectors = np.array([row["embedding"] for row in predictor.predict(texts)])
        assert vectors.shape == (2, MODEL.hidden_size)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)


def test_samples_show_answers_in_words(run):
    scores, rows_, _ = run("tagging")
    for sample in scores["samples"]:
        [row] = [row for row in rows_ if (row["example_id"], row["system"]) == (sample["example_id"], "training_spans")]
        expected = ", ".join(f"{sample['input'][s.start : s.end]} [{s.label}]" for s in read_tags(row["prediction"]))
        assert sample["predictions"]["training_spans"] == (expected or "(none)")
