"""Champion or challenger: one paired test over all documents that both were scored on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from flows.plan import Plan
from flows.tracking.registry import Verdict, Version
from lightning_modules.metrics import METRICS, Outputs, compare, wins
from lightning_modules.metrics.base import Floats


def judge(scored: Sequence[Path], champion: Version, plan: Plan) -> Verdict:
    """Decides by bits per byte over the documents of all test sets together, resampled in pairs.

    Args:
        scored: folders of `scores` artifacts with the systems 'challenger' and 'champion'.
        champion: the version in use.
        plan: gives resamples and seed.

    Raises:
        ValueError: there is nothing to judge by.
    """
    if not scored:
        raise ValueError("no test document to judge by; raise corpus.split.test")
    metric = METRICS[plan.tracking.promotion.metric("language_model")]("", ())
    challenger, current = (
        np.concatenate([metric.statistics(_outputs(folder, system)) for folder in scored])
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


def _outputs(folder: Path, system: str) -> Outputs:
    """What one system gave, in the order of the test set, which is the same for both."""
    table = pq.read_table(folder / "examples.parquet", filters=[("system", "=", system)])

    def column(name: str) -> Floats:
        return np.asarray(table.column(name), dtype=np.float64)

    return Outputs(nll_N=column("nll"), tokens_N=column("tokens"), bytes_N=column("bytes"))


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
