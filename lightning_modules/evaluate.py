"""`python -m lightning_modules.evaluate spec.json`: the one way trained networks are scored and examined.

Appends {"system", "done", "total"} to `progress.jsonl` in its work folder while it works. Exit status: 0 done; 2 what
was asked for cannot be scored (one line on stderr says why); anything else is a fault of the program or the machine.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
from pydantic import ValidationError

from data.faults import reach
from lightning_modules.exams.examine import beside_scores, examine
from lightning_modules.exams.spec import ExamineSpec
from lightning_modules.scoring.documents import score_documents
from lightning_modules.scoring.labelled import score_labelled
from lightning_modules.scoring.results import write_scores
from lightning_modules.scoring.spec import EvaluateSpec, SystemRef

__all__ = ["EvaluateSpec", "ExamineSpec", "SystemRef", "evaluate", "main"]

REFUSED = 2
PROGRESS = "progress.jsonl"


def main(arguments: list[str]) -> int:
    """Scores the spec that the one argument names; returns the exit status."""
    try:
        text = Path(arguments[0]).read_text(encoding="utf-8")
        kind = ExamineSpec if "exam" in json.loads(text) else EvaluateSpec
        spec = kind.model_validate_json(text)
        torch.set_num_threads(spec.hardware.threads)
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS sums in any order
        torch.use_deterministic_algorithms(spec.hardware.deterministic)
        evaluate(spec)
    except ValidationError as error:
        places = [".".join(map(str, detail["loc"])) + ": " + detail["msg"] for detail in error.errors()]
        return _refuse("; ".join(places))
    except (ValueError, FileNotFoundError) as error:
        return _refuse(str(error))
    return 0


def evaluate(spec: EvaluateSpec | ExamineSpec) -> None:
    """Writes the `scores` artifact into `spec.output`; equal specs give equal bytes on one machine.

    Raises:
        ValueError: the spec's parts do not fit together.
    """
    spec.work.mkdir(parents=True, exist_ok=True)
    with (spec.work / PROGRESS).open("w", encoding="utf-8", buffering=1) as file:

        def report(system: str, done: int, total: int) -> None:
            file.write(json.dumps({"system": system, "done": done, "total": total}) + "\n")

        if isinstance(spec, ExamineSpec):
            results = examine(spec, report)
            task, comparison, samples = spec.exam.exam, results.comparison, results.samples
            beside = beside_scores(results)
        else:
            score = score_documents if spec.task == "language_model" else score_labelled
            task, (comparison, samples), beside = spec.task, score(spec, report), {}
    reach("scores/scored")
    spec.output.mkdir(parents=True, exist_ok=True)
    write_scores(comparison, task, samples, spec.output, beside)
    reach("scores/written")


def _refuse(message: str) -> int:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
