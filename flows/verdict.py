"""Champion or challenger: one paired test over all documents that both were scored on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flows.plan import Plan
from flows.tracking.registry import Verdict, Version
from lightning_modules.metrics import METRICS, Metric, compare, refuse_other, wins
from lightning_modules.scoring.results import read_outputs


def judge(scored: Sequence[Path], champion: Version, plan: Plan) -> Verdict:
    """Decides by the metric that `mlflow.yaml` names over the documents of all test sets together, resampled in pairs.

    Args:
        scored: folders of `scores` artifacts with the systems 'challenger' and 'champion'.
        champion: the version in use.
        plan: gives resamples and seed.

    Raises:
        ValueError: there is nothing to judge by, or the test sets were not scored alike.
    """
    if not scored:
        raise ValueError("no test document to judge by; raise corpus.split.test")
    metric = METRICS[plan.tracking.promotion.metric]("", ())
    for folder in scored:
        refuse_other(f"{metric.name} of {folder.name}", *(_signature(place, metric) for place in (scored[0], folder)))
    challenger, current = (
        np.concatenate([metric.statistics(read_outputs(folder, system)[1]) for folder in scored])
        for system in ("challenger", "champion")
    )
    rules, settings = plan.tracking.promotion, plan.recipe
    difference = compare(metric, challenger, current, settings.evaluation.bootstrap, settings.seed, rules.confidence)
    won = wins(metric, difference)
    outcome = {
        True: "the challenger is better, so it is champion now",
        False: "the challenger is worse, so the champion stays",
        None: "the interval holds zero, so the champion stays",
    }[won]
    change = f"{metric.name} {difference.value:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"
    return Verdict(
        promoted=won is True,
        reason=f"{change} against version {champion.number} on {len(current):,} documents: {outcome}",
        metric=metric.name,
        champion=champion.number,
        difference=difference.value,
        low=difference.low,
        high=difference.high,
        confidence=rules.confidence,
        examples=len(current),
    )


def _signature(folder: Path, metric: Metric) -> str:
    rows = json.loads((folder / "scores.json").read_text(encoding="utf-8"))["scores"]
    signature: str = next(row["signature"] for row in rows if row["metric"] == metric.name)
    return signature


def verdict_markdown(verdict: Verdict, challenger: Version, scored: Sequence[Mapping[str, Any]]) -> str:
    """The verdict as a page: for Prefect's artifacts, MLflow, and the store."""
    lines = [
        f"# {challenger.name}: {'promoted' if verdict.promoted else 'kept'}",
        "",
        verdict.reason + ".",
        "",
        "| | |",
        "|---|---|",
        f"| challenger | version {challenger.number} ({challenger.fingerprint[:8]}) |",
        f"| champion then | version {verdict.champion} |",
        f"| {verdict.metric}, challenger - champion | {verdict.difference:+.4f} |",
        f"| {verdict.confidence:.0%} interval, paired by document | {verdict.low:+.4f} .. {verdict.high:+.4f} |",
        f"| documents | {verdict.examples:,} |",
        "",
        *(
            f"- {outcome['kind']}/{outcome['name']}: {outcome['headline']} (`{outcome['folder']}`)"
            for outcome in scored
        ),
    ]
    return "\n".join(lines) + "\n"
