"""A small store with one run in it, as the stages leave it."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.records import RunRecord, StageOutcome

HOSTILE = '<script>alert("x")</script> $\\frac{1}{0}$ & 标题'
STARTED = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def write_curve(folder: Path, uses: dict[str, float], steps: int, tokens_before: int, *, weights: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metrics.jsonl").open("w") as file:
        for step in range(1, steps + 1):
            metrics = {f"train/{use}/loss": top * math.exp(-step / steps) for use, top in uses.items()}
            metrics["train/loss"] = sum(metrics.values())
            if weights:
                metrics |= {f"train/{use}/weight": 1 + index * step / steps for index, use in enumerate(uses)}
            if step % 10 == 0:
                metrics |= {f"validation/{use}/loss": top * math.exp(-step / steps) + 0.1 for use, top in uses.items()}
            line = {"step": step, "steps": steps, "tokens": tokens_before + 8192 * step, "seconds": 0.5 * step}
            file.write(json.dumps({**line, "metrics": metrics}) + "\n")


def write_replaced_token(folder: Path) -> None:
    """Adds what replaced-token detection measures beside its loss."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        measured = {"accuracy": 0.9, "replaced_share": 0.12, "base_rate_loss": 0.367}
        line["metrics"] |= {f"train/replaced_token/{name}": value for name, value in measured.items()}
        if line["step"] % 10 == 0:
            line["metrics"] |= {"validation/replaced_token/accuracy": 0.91, "validation/replaced_token/auc": 0.8}
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def score(metric: str, system: str, value: float, better: str = "higher") -> dict:
    spread = 0.04 * value
    return {
        "metric": metric,
        "system": system,
        "value": value,
        "low": value - spread,
        "high": value + spread,
        "n": 200,
        "signature": f"{metric}|zh",
        "better": better,
    }


def difference(metric: str, versus: str, value: float, wins: bool | None) -> dict:
    return {
        "metric": metric,
        "system": "pretrained",
        "versus": versus,
        "difference": value,
        "low": value - 0.02,
        "high": value + 0.02,
        "wins": wins,
    }


LANGUAGE_MODEL = {
    "task": "language-model",
    "scores": [
        score("perplexity", "pretrained", 41.2, "lower"),
        score("bits_per_byte", "gzip", 2.71, "lower"),
        score("bits_per_byte", "pretrained", 1.96, "lower"),
        score("bits_per_byte", "scratch", 2.40, "lower"),
    ],
    "differences": [
        difference("bits_per_byte", "scratch", -0.44, True),
        difference("bits_per_byte", "gzip", -0.75, True),
    ],
    "headline": {"metric": "bits_per_byte", "system": "pretrained", "value": 1.96},
    "samples": [{"prompt": "今天", "completion": "天气很好。"}],
}
SENTIMENT = {
    "task": "sentiment",
    "scores": [
        score("macro_f1", "pretrained", 0.71),
        score("macro_f1", "scratch", 0.70),
        score("macro_f1", "tfidf + logistic regression", 0.82),
        score("accuracy", "pretrained", 0.72),
        score("accuracy", "scratch", 0.71),
        score("accuracy", "tfidf + logistic regression", 0.83),
    ],
    "differences": [
        difference("macro_f1", "scratch", 0.01, None),
        difference("macro_f1", "tfidf + logistic regression", -0.11, False),
    ],
    "headline": {"metric": "macro_f1", "system": "pretrained", "value": 0.71},
    "samples": [{"input": HOSTILE, "prediction": "negative", "references": ["positive"]}],
}


def outcome(kind: str, name: str, seconds: float, headline: str = "", *, reused: bool = False) -> StageOutcome:
    fingerprint = (kind + name).encode().hex().ljust(64, "0")[:64]
    return StageOutcome(
        kind=kind,
        name=name,
        fingerprint=fingerprint,
        folder=Path(kind) / f"{name}-{fingerprint[:8]}",
        reused=reused,
        seconds=seconds,
        headline=headline,
        tracking_run="0123456789abcdef",
    )


def build_store(root: Path, run: str = "demo-20260304-050600-3f2a") -> RunRecord:
    stages = [
        outcome("corpus", "news", 31.0, "1,234 documents", reused=True),
        outcome("tokenizer", "unigram-8192", 12.0, "4.1 bytes/token"),
        outcome("tokens", "news", 2.0, "310,220 tokens"),
        outcome("weights", "foundation", 1671.0, "loss 2.31"),
        outcome("weights", "discrimination", 905.0, "loss 1.80"),
        outcome("finetuned", "sentiment", 60.0, "validation loss 0.51"),
        outcome("finetuned", "sentiment-scratch", 61.0, "validation loss 0.69"),
        outcome("scores", "language-model", 20.0, "1.960 bits/byte"),
        outcome("scores", "sentiment", 14.0, "macro F1 0.710"),
    ]
    at = {f"{stage.kind}/{stage.name}": root / stage.folder for stage in stages}
    write_json(
        at["corpus/news"] / "audit" / "counts.json",
        {
            "新闻": {
                "read": 900,
                "kept": 700,
                "dropped": {"length/too_short": 120, "dedup/duplicate": 80},
                "pii": {"email": 3, "phone": 1},
                "languages": {"zh": 700},
                "lengths_read": {"32": 120, "256": 780},
                "lengths_kept": {"256": 700},
            },
            "mine": {"read": 600, "kept": 534, "dropped": {"length/too_short": 60, "language/other": 6}, "pii": {}},
        },
    )
    dropped = [
        {"source": "mine", "rule": "length", "reason": "too_short", "text": HOSTILE, "origin": f"a.txt:{row}"}
        for row in range(9)
    ]
    pq.write_table(pa.Table.from_pylist(dropped), at["corpus/news"] / "audit" / "dropped.parquet")
    write_json(
        at["tokenizer/unigram-8192"] / "report.json",
        {
            "fertility": {"en": 1.42, "zh": 0.71},
            "bytes_per_token": 4.1,
            "round_trip": {"checked": 500, "exact": 500},
            "unk_or_byte_share": 0.0002,
        },
    )
    write_curve(at["weights/foundation"], {"causal_lm": 9.0, "cloze": 9.4}, 120, 0)
    write_curve(
        at["weights/discrimination"],
        {"causal_lm": 4.0, "replaced_token": 0.7, "sentence_order": 0.69},
        60,
        120 * 8192,
        weights=True,
    )
    write_replaced_token(at["weights/discrimination"])
    written = {"objective": "causal_lm", "shown": "今天", "written": HOSTILE, "original": "天气很好。"}
    write_json(
        at["weights/foundation"] / "record.json",
        {"energy": {"kwh": 0.0123, "method": "rapl", "seconds": 1671.0}, "samples": [written]},
    )
    stage = {
        "tokens": 500_000, "sequence_length": 128, "sources": {"新闻": 0.7, "mine": 0.3}, "blend_fraction": 0.05,
        "freeze": {"embeddings": False, "layers": 2, "heads": []},
        "objectives": {"causal_lm": {"share": 0.5, "weight": 0.3}, "replaced_token": {"share": 0.5, "weight": 50}},
    }  # fmt: skip
    write_json(
        at["weights/discrimination"] / "manifest.json", {"values": {"global_batch_tokens": 16384, "stage": stage}}
    )
    write_json(at["weights/discrimination"] / "stage.json", {"heads": {"loaded": [], "fresh": ["replaced_token"]}})
    write_curve(at["finetuned/sentiment"], {"classification": 0.7}, 40, 180 * 8192)
    write_curve(at["finetuned/sentiment-scratch"], {"classification": 0.9}, 40, 0)
    write_json(at["scores/language-model"] / "scores.json", LANGUAGE_MODEL)
    write_json(at["scores/sentiment"] / "scores.json", SENTIMENT)
    return RunRecord(
        id=run,
        recipe="demo",
        overrides={"pretraining.stages.foundation.tokens": "1M"},
        settings={"name": "demo", "seed": 17, "pretraining": {"stages": {"foundation": {"tokens": 1_000_000}}}},
        derived={"steps": {"foundation": 120}, "parameters": 3_200_000, "step_tokens": 8192},
        started=STARTED,
        finished=STARTED + timedelta(minutes=46),
        status="completed",
        stages=stages,
        tracking_run="fedcba9876543210",
    )


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    return build_store(tmp_path)


@pytest.fixture
def language_model() -> dict:
    return LANGUAGE_MODEL


@pytest.fixture
def sentiment() -> dict:
    return SENTIMENT
