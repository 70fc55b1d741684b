"""A store with runs whose scored sets are made up, so that every difference is known."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.records import RunRecord, StageOutcome
from lightning_modules.metrics import METRICS, Outputs

TASKS = {"sentiment": {"target_language": "en", "labels": ["bad", "good"]}, "title": {"target_language": "zh"}}


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


class Stores:
    """Makes runs in one store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runs = 0

    def stage(self, kind: str, name: str, fingerprint: str) -> StageOutcome:
        folder = Path(kind) / f"{name}-{fingerprint}"
        write_json(self.root / folder / "manifest.json", {"format": 2})
        return StageOutcome(
            kind=kind, name=name, fingerprint=fingerprint, folder=folder, reused=False, seconds=1.0, headline=""
        )

    def scores(self, name: str, fingerprint: str, rows: list[dict], metrics: list[str], **changes) -> StageOutcome:
        """A scored set of the rows, with what its metrics come to.

        Args:
            rows: of `examples.parquet`, all of one system.
            metrics: the headline first.
            changes: to `scores.json`.
        """
        stage = self.stage("scores", name, fingerprint)
        task = TASKS.get(name, {})
        outputs = Outputs(
            [row["prediction"] or "" for row in rows],
            [row["references"] or [] for row in rows],
            *(np.array([float(row[column]) for row in rows]) for column in ("nll", "tokens", "bytes")),
        )
        scored = []
        for index, metric_name in enumerate(metrics):
            metric = METRICS[metric_name](task.get("target_language", ""), task.get("labels", ()))
            statistics = metric.statistics(outputs)
            scored.append(
                {
                    "metric": metric_name,
                    "system": "pretrained",
                    "better": metric.better,
                    "signature": metric.signature,
                    "value": float(metric.value(statistics.sum(0))),
                    "n": len(rows),
                }
            )
            if index == 0:
                rows = [row | {"score": float(metric.value(own))} for row, own in zip(rows, statistics, strict=True)]
        others = [row | {"system": "scratch", "nll": 99.0, "prediction": "?"} for row in rows]
        pq.write_table(pa.Table.from_pylist(rows + others), self.root / stage.folder / "examples.parquet")
        content = {"task": name, "scores": scored, "headline": scored[0], "differences": [], "samples": []}
        write_json(self.root / stage.folder / "scores.json", content | changes)
        return stage

    def run(self, name: str, stages: list[StageOutcome], **settings) -> RunRecord:
        """A completed run, recorded in the store, later than those before."""
        self.runs += 1
        started = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=self.runs)
        record = RunRecord(
            id=name,
            recipe="toy",
            overrides={},
            settings={"name": "toy", "seed": 17, "rate": 0.1, **settings},
            derived={},
            started=started,
            finished=started,
            status="completed",
            stages=stages,
        )
        write_json(self.root / "runs" / f"{name}.json", json.loads(record.model_dump_json()))
        return record

    def documents(self, fingerprint: str, nats: list[float], name: str = "language-model") -> StageOutcome:
        """The language model on documents of 100 bytes and 25 tokens."""
        rows = [
            row(f"document-{index}", nll=nll, tokens=25.0, bytes=100.0, group="news") for index, nll in enumerate(nats)
        ]
        return self.scores(name, fingerprint, rows, ["bits_per_byte", "perplexity"])

    def sentiment(self, fingerprint: str, right: list[bool], **changes) -> StageOutcome:
        """Examples whose right answer is 'good', with what one run has right."""
        rows = [
            row(
                f"review-{index}",
                prediction="good" if one else "bad",
                references=["good"],
                nll=0.1 if one else 1.0 + index,
            )
            for index, one in enumerate(right)
        ]
        return self.scores("sentiment", fingerprint, rows, ["accuracy", "macro_f1"], **changes)

    def labelled(self, name: str, texts: dict[str, str]) -> StageOutcome:
        """Labelled examples: id -> input."""
        stage = self.stage("examples", name, f"examples-of-{name}")
        write_json(self.root / stage.folder / "task.json", TASKS[name])
        table = pa.table({"id": list(texts), "input": list(texts.values())})
        pq.write_table(table, self.root / stage.folder / "test.parquet")
        return stage


def row(example_id: str, **values) -> dict:
    known = {"group": "", "prediction": None, "references": None, "nll": 1.0, "tokens": 1.0, "bytes": 4.0}
    return {"example_id": example_id, "system": "pretrained", "overlap": None, **known, **values}


@pytest.fixture
def stores(tmp_path):
    return Stores(tmp_path)
