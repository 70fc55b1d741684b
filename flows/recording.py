"""What is recorded of a run while it goes on: its MLflow runs, its outcomes, at its end the record and the report."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from flows.figures import headline_metrics, signatures
from flows.plan import Plan
from flows.records import RunRecord, StageOutcome, flatten
from flows.report import live
from flows.report.page import render_report
from flows.store import write_atomically
from flows.tracking.runs import PipelineRun

_OPEN: dict[str, Recording] = {}
"""Runs of this process that have not ended: the flows of one run find each other by its id, which is JSON."""


class Recording:
    """One run that is going on."""

    def __init__(self, plan: Plan, flow: str) -> None:
        self.plan = plan
        self.flow = flow
        self.started = datetime.now(UTC)
        self.id = f"{plan.recipe.name}-{self.started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        self.outcomes: list[StageOutcome] = []
        settings = {**plan.recipe.model_dump(mode="json"), "derived": plan.derived()}
        self.tracking = PipelineRun.start(
            plan.tracking,
            self.id,
            params={key: value for key, value in flatten(settings).items() if value is not None},
            tags={"stagelm.recipe": plan.recipe.name, "stagelm.flow": flow, "stagelm.host": platform.node()},
        )

    def add(self, outcome: StageOutcome) -> None:
        """Notes a finished stage, once; its headline figures stand on the parent too, reused or not."""
        if any((known.kind, known.name) == (outcome.kind, outcome.name) for known in self.outcomes):
            return
        self.outcomes.append(outcome)
        folder = self.plan.store.root / outcome.folder
        self.tracking.headline(headline_metrics(folder))
        if computed := signatures(folder):
            self.tracking.params(computed)

    def close(self, error: BaseException | None) -> RunRecord:
        """Writes the record and the report, and ends the MLflow run."""
        record = RunRecord(
            id=self.id,
            recipe=self.plan.recipe.name,
            overrides=self.plan.overrides,
            settings=self.plan.recipe.model_dump(mode="json"),
            derived=self.plan.derived(),
            started=self.started,
            finished=datetime.now(UTC),
            status="completed" if error is None else "failed",
            error=None if error is None else f"{type(error).__name__}: {error}",
            stages=self.outcomes,
            tracking_run=self.tracking.run_id,
        )
        folder = self.plan.store.root / "runs"
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / f"{self.id}.json", record.model_dump_json(indent=1))
        if error is None:
            page = folder / f"{self.id}.html"
            page.write_text(render_report(record, self.plan.store.root), encoding="utf-8")
            self.tracking.artifact(page, "reports")
        self.tracking.close("FINISHED" if error is None else "FAILED")
        return record


@contextmanager
def recording(plan: Plan, flow: str, run: str | None = None) -> Iterator[Recording]:
    """Gives the recording of a run of this process, or starts one that ends with the block.

    Args:
        plan: of the recipe.
        flow: the flow that asks.
        run: id of the run that the flow is part of; None or unknown here: it is a run of its own.
    """
    if run in _OPEN:
        yield _OPEN[run]
        return
    mine = Recording(plan, flow)
    _OPEN[mine.id] = mine
    live.header(plan, mine.id)
    try:
        yield mine
    except BaseException as error:
        mine.close(error)
        raise
    else:
        live.closing(mine.close(None), plan.store.root)
    finally:
        del _OPEN[mine.id]
