"""The figures a stage is known by: one line for the closing table, and metrics for MLflow's comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def headline(folder: Path) -> str:
    """One line about an artifact, as the closing table shows it."""
    manifest = _json(folder / "manifest.json")
    counts = manifest["counts"]
    match manifest["kind"]:
        case "examples":
            return ", ".join(f"{number:,} {split}" for split, number in counts["kept"].items())
        case "corpus":
            return f"{sum(counts['documents'].values()):,} documents, {sum(counts['bytes'].values()) / 1e6:.1f} MB"
        case "tokenizer":
            return f"{counts['bytes_per_token']:.2f} bytes/token"
        case "tokens":
            return f"{_tokens(counts):,} tokens"
        case "weights" | "finetuned":
            losses, stage = _validation_losses(folder), _json(folder / "stage.json")
            fresh = stage["heads"]["fresh"] if manifest["kind"] == "weights" else []
            heads = f"; new heads: {', '.join(fresh)}" if fresh else ""
            shown = ", ".join(f"{use} {loss:.3f}" for use, loss in losses.items())
            return f"{shown} nats (validation){_kept(stage)}{heads}"
        case "gate":
            return "passed: " + "; ".join(found["text"] for found in _json(folder / "gate.json")["conditions"])
        case "scores":
            return _score_line(_json(folder / "scores.json"))
        case "registration":
            return f"{len(_json(folder / 'models.json'))} models"
        case kind:
            raise ValueError(f"{folder}: no headline is known for a stage of kind {kind!r}")


def headline_metrics(folder: Path) -> dict[str, float]:
    """Figures of an artifact under the names that two runs are compared by, such as 'sentiment/macro_f1'."""
    manifest = _json(folder / "manifest.json")
    kind, name, counts = manifest["kind"], manifest["name"], manifest["counts"]
    if kind == "corpus":
        return {"corpus/documents": sum(counts["documents"].values()), "corpus/bytes": sum(counts["bytes"].values())}
    if kind == "tokenizer":
        return {"tokenizer/bytes_per_token": counts["bytes_per_token"]}
    if kind == "tokens":
        return {"tokens/total": _tokens(counts)}
    if kind in {"weights", "finetuned"}:
        return {f"{name}/validation/{use}": loss for use, loss in _validation_losses(folder).items()}
    if kind == "gate":
        conditions = _json(folder / "gate.json")["conditions"]
        return {f"{name}/gate/{found['metric']}/{found['rule']}": found["bound"] for found in conditions}
    if kind == "scores":
        scores = _json(folder / "scores.json")
        figures = {}
        for score in scores["scores"]:
            place = f"{name}/{score['metric']}/{score['system']}"
            figures[place] = score["value"]
            figures[f"{place}/low"], figures[f"{place}/high"] = score["low"], score["high"]
        for score in scores.get("parts", ()):
            figures[f"{name}/{score['metric']}/{score['system']}/{score['by']}/{score['part']}"] = score["value"]
        if "overlap" in scores:
            figures[f"{name}/overlap"] = scores["overlap"]
        facts = scores.get("facts", {})
        figures |= {f"{name}/{fact}": value for fact, value in facts.items() if not isinstance(value, str)}
        return figures
    return {}


def signatures(folder: Path) -> dict[str, str]:
    """How an artifact's scores were computed, 'signature/sentiment/macro_f1' -> text; none but scores have any.

    As parameters of a run they show beside its figures, so that MLflow's comparison marks those that do not compare.
    """
    manifest = _json(folder / "manifest.json")
    rows = _json(folder / "scores.json")["scores"] if manifest["kind"] == "scores" else []
    return {f"signature/{manifest['name']}/{row['metric']}": row["signature"] for row in rows}


def _tokens(counts: dict[str, Any]) -> int:
    return sum(int(split["tokens"]) for split in counts["counts"].values())


def _kept(stage: dict[str, Any]) -> str:
    """'; kept step 40 of 60', where weights were chosen and are not the last, with a warning of what came after."""
    if "selection" not in stage:
        return ""
    chosen, steps = stage["selection"], stage["steps"]
    early = ", stopped early" if chosen["stopped_early"] else ""
    kept = f"; kept step {chosen['step']:,} of {steps:,}{early}" if chosen["step"] < steps else ""
    return kept + ("; WARNING: its gap to the training loss widens" if chosen["gap_widened"] else "")


def _validation_losses(folder: Path) -> dict[str, float]:
    """Use -> validation loss at the stage's end, in nats."""
    found = _json(folder / "stage.json")["validation"]
    prefix, suffix = "validation/", "/loss"
    return {
        name.removeprefix(prefix).removesuffix(suffix): value
        for name, value in found.items()
        if name.startswith(prefix) and name.endswith(suffix) and name.count("/") == 2
    }


def _score_line(scores: dict[str, Any]) -> str:
    """The task's first metric: ours with its interval, then from scratch, or the baselines where there is no such."""
    metric = scores["headline"]["metric"]
    rows = {score["system"]: score for score in scores["scores"] if score["metric"] == metric}
    subject, *others = rows.values()
    against = [rows["scratch"]] if "scratch" in rows else others
    shown = [f"{metric} {subject['value']:.3f} [{subject['low']:.3f}, {subject['high']:.3f}]"]
    return ", ".join([*shown, *(f"{score['system']} {score['value']:.3f}" for score in against)])


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
