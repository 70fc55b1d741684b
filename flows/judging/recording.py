"""What a sheet came to, kept beside it and in MLflow: one run a sheet, which later results go on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.judging.results import Results
from flows.report.judged import judged_html
from flows.store import write_atomically
from flows.tracking.runs import PipelineRun
from flows.tracking.settings import TrackingSettings

PAGE = "results.html"
_CONTENT = "results.json"
_TRACKED = "tracking.json"


def record_results(results: Results, folder: Path, settings: TrackingSettings) -> bool:
    """Writes `results.json` and the page into the sheet's folder and logs them.

    Returns:
        Whether MLflow has them; what it has not waits in the store's spool.
    """
    write_atomically(folder / _CONTENT, results.model_dump_json(indent=1))
    page = judged_html(results)
    write_atomically(folder / PAGE, page)
    before: dict[str, Any] = json.loads(path.read_text()) if (path := folder / _TRACKED).exists() else {}
    run = PipelineRun.start(
        settings,
        f"judged/{results.sheet}",
        params={"sheet": results.sheet, "task": results.task, "systems": results.systems, "runs": results.runs},
        tags={"stagelm.kind": "judged", "stagelm.sheet": results.sheet},
        resume_run_id=before.get("run"),
    )
    write_atomically(path, json.dumps({"run": run.run_id}))
    answers = {f"answers/{name}": float(rater.answered) for name, rater in results.raters.items()}
    run.summary({f"judged/{results.task}/{name}": value for name, value in (results.figures | answers).items()})
    run.text(page, PAGE, "reports")
    rows = [
        {"first": p.first, "second": p.second, "answers": p.answers, "share": p.share.value, "low": p.share.low,
         "high": p.share.high}
        for p in results.pairs
    ]  # fmt: skip
    run.table(rows, "preferences")
    return run.close()
