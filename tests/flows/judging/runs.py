"""A run that scored two tasks, one of them with texts in Chinese."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.records import RunRecord, StageOutcome

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">&amp; "标题"'


def stage(kind: str, name: str, run: str) -> StageOutcome:
    fingerprint = f"{kind}{name}{run}".encode().hex().ljust(64, "0")[:64]
    folder = Path(kind) / f"{name}-{run}"
    return StageOutcome(kind=kind, name=name, fingerprint=fingerprint, folder=folder, reused=False, seconds=1.0)


def write_run(root: Path, run: str = "demo-1", first: int = 0) -> RunRecord:
    """Forty headlines from `first` on; `copy` writes what `scratch` does in every fourth."""
    stages = [stage("examples", "标题", run), stage("scores", "标题", run), stage("scores", "language-model", run)]
    examples, scores, model = (root / outcome.folder for outcome in stages)
    for folder in (examples, scores, model):
        folder.mkdir(parents=True)
    numbers = range(first, first + 40)
    rows = [{"id": f"e{n}", "input": f"新闻 {n}", "target": f"好标题 {n}"} for n in numbers]
    pq.write_table(pa.Table.from_pylist(rows), examples / "test.parquet")
    description = {"answers": "text", "labels": [], "language": "zh", "target_language": "zh"}
    (examples / "task.json").write_text(json.dumps(description))

    def answer(system: str, number: int) -> str:
        return f"{'scratch' if system == 'copy' and number % 4 == 0 else system} 写 {number} {run}"

    given = [
        {"example_id": f"e{n}", "system": s, "prediction": answer(s, n), "references": [f"好标题 {n}", "另一个"]}
        for s in ("pretrained", "scratch", "copy")
        for n in numbers
    ]
    pq.write_table(pa.Table.from_pylist(given), scores / "examples.parquet")
    bare = [{"example_id": "d0", "system": "pretrained", "prediction": None, "references": None}]
    schema = pa.schema([(name, pa.string()) for name in ("example_id", "system", "prediction")])
    schema = schema.append(pa.field("references", pa.list_(pa.string())))
    pq.write_table(pa.Table.from_pylist(bare, schema), model / "examples.parquet")
    record = RunRecord(
        id=run,
        recipe="demo",
        overrides={},
        settings={},
        derived={},
        started=datetime(2026, 3, 4, tzinfo=UTC),
        finished=datetime(2026, 3, 4, tzinfo=UTC),
        status="completed",
        stages=stages,
    )
    (root / "runs").mkdir(exist_ok=True)
    (root / "runs" / f"{run}.json").write_text(record.model_dump_json())
    return record
