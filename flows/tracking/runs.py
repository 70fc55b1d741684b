"""One run of the pipeline in MLflow: a parent that carries the whole recipe and every headline figure, a child a stage.

Large files stay in the store. What goes to MLflow: parameters, metrics, digests of inputs, manifests, plots, tables,
samples. All calls return at once with the server away (`outbox.py`).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from flows.tracking.delivery import PENDING
from flows.tracking.outbox import Outbox
from flows.tracking.settings import TrackingSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Status = Literal["FINISHED", "FAILED", "KILLED"]

_PARAM_CHARACTERS = 6000
_TAG_CHARACTERS = 8000


class _Run:
    """What a pipeline's run and a stage's run have in common."""

    def __init__(self, outbox: Outbox, settings: TrackingSettings, key: str) -> None:
        self._outbox = outbox
        self._settings = settings
        self._key = key

    def _begin(self, name: str, tags: Mapping[str, str], *, parent: str | None, resume: str | None) -> None:
        cut = {tag: text[:_TAG_CHARACTERS] for tag, text in tags.items()}
        self._outbox.post("begin", self._key, name=name, tags=cut, parent=parent, resume=resume, ms=_now_ms())

    @property
    def run_id(self) -> str:
        """MLflow's id; 'pending-...' as long as MLflow has not been reached. Both can be given as `resume_run_id`."""
        return self._outbox.run_id(self._key)

    def params(self, values: Mapping[str, Any]) -> None:
        """Records flat parameters. One longer than MLflow takes is cut, and is whole in `params/full.json`."""
        texts = {name: _text(value) for name, value in values.items()}
        long = {name: text for name, text in texts.items() if len(text) > _PARAM_CHARACTERS}
        if long:
            self.text(json.dumps(long, ensure_ascii=False, indent=1, sort_keys=True), "full.json", "params")
        self._outbox.post("params", self._key, params={name: text[:_PARAM_CHARACTERS] for name, text in texts.items()})

    def summary(self, metrics: Mapping[str, float]) -> None:
        """Records figures that stand for the whole run; a later value replaces an earlier one."""
        if metrics:
            self._outbox.post("summary", self._key, metrics=dict(metrics), ms=_now_ms())

    def input(
        self,
        name: str,
        digest: str,
        source: str,
        context: str = "training",
        profile: Mapping[str, Any] | None = None,
    ) -> None:
        """Records what was read or made, as a dataset input.

        Args:
            name: as people know it ('corpus', 'news').
            digest: sha256 or fingerprint; MLflow keeps its first 36 characters, and the whole in the profile.
            source: artifact folder in the store, path or URL.
            context: what it was read for ('training', 'evaluation', 'tokenizer').
            profile: figures of it, which MLflow shows beside; JSON.
        """
        shown = dict(profile or {})
        self._outbox.post("inputs", self._key, name=name, digest=digest, source=source, context=context, profile=shown)

    def artifact(self, path: Path, folder: str) -> None:
        """Uploads a small file or folder, if `mlflow.yaml` logs that folder."""
        if self._logs(folder):
            self._outbox.post_file(self._key, path, folder)

    def text(self, text: str, name: str, folder: str) -> None:
        """Uploads a text as a file."""
        if self._logs(folder):
            self._outbox.post_text(self._key, text, name, folder)

    def table(self, rows: list[dict[str, Any]], name: str) -> None:
        """Uploads rows as `tables/<name>.json` in the form that the UI shows as a table."""
        columns = list(rows[0]) if rows else []
        content = {"columns": columns, "data": [[row[column] for column in columns] for row in rows]}
        self.text(json.dumps(content, ensure_ascii=False), f"{name}.json", "tables")

    def figure(self, figure: Figure, name: str) -> None:
        """Uploads a matplotlib figure as `plots/<name>.svg`."""
        import io

        drawing = io.StringIO()
        figure.savefig(drawing, format="svg")
        self.text(drawing.getvalue(), f"{name}.svg", "plots")

    def _logs(self, folder: str) -> bool:
        kind = folder.split("/")[0]
        return kind == "params" or kind in self._settings.log


class StageRun(_Run):
    """One stage: corpus, tokenizer, a stage of training, a task's scores."""

    def metrics(self, line: Mapping[str, Any]) -> None:
        """Records one line of `metrics.jsonl`. Its axis is `tokens`, over all stages; a line seen before is skipped."""
        self._outbox.post(
            "lines", self._key, step=line["tokens"], seconds=line["seconds"], metrics=dict(line["metrics"])
        )

    def close(self, status: Status = "FINISHED") -> None:
        """Ends the stage's run."""
        self._outbox.post("end", self._key, status=status, ms=_now_ms())
        self._outbox.flush()


class PipelineRun(_Run):
    """The parent. Make one with `start`, end it with `close`."""

    @classmethod
    def start(
        cls,
        settings: TrackingSettings,
        name: str,
        *,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        resume_run_id: str | None = None,
    ) -> Self:
        """Starts a run, or goes on with one; also delivers what earlier processes could not.

        Args:
            settings: `mlflow.yaml`.
            name: as the UI shows it.
            params: the flat recipe: 'pretraining.stages.foundation.tokens' -> 1500000.
            tags: recipe, host, version of the code, ...
            resume_run_id: `run_id` of a run that was interrupted.
        """
        run = cls(Outbox(settings), settings, _new_key())
        run._begin(name, tags, parent=None, resume=resume_run_id)
        run.params(params)
        run._outbox.flush()
        return run

    def stage(
        self,
        name: str,
        kind: str,
        fingerprint: str,
        *,
        resume_run_id: str | None = None,
        reused_from: str | None = None,
    ) -> StageRun:
        """Starts the child run of a stage, or goes on with it.

        Args:
            name: 'foundation'.
            kind: 'weights'.
            fingerprint: of the artifact.
            resume_run_id: `run_id` of this stage before it was interrupted.
            reused_from: for a stage that was not run: `run_id` of the one that made the artifact, or its folder.
        """
        stage = StageRun(self._outbox, self._settings, _new_key())
        tags = {"stagelm.kind": kind, "stagelm.fingerprint": fingerprint}
        if reused_from is not None:
            tags["reused_from"] = reused_from
        stage._begin(f"{kind}/{name}", tags, parent=self.run_id, resume=resume_run_id)
        self._outbox.flush()
        return stage

    def headline(self, metrics: Mapping[str, float]) -> None:
        """Records headline figures of stages, reused ones included: what two runs are compared by."""
        self.summary(metrics)

    def close(self, status: Status = "FINISHED") -> bool:
        """Ends the run; returns whether everything has reached MLflow. What has not is in `<store>/spool`."""
        self._outbox.post("end", self._key, status=status, ms=_now_ms())
        return self._outbox.close()


class EndedRun(_Run):
    """A run that has ended, to which something is added; it stays ended."""

    @classmethod
    @contextmanager
    def open(cls, settings: TrackingSettings, run_id: str) -> Iterator[Self]:
        """Gives the run of an id, and delivers what was added when the block ends.

        Args:
            settings: `mlflow.yaml`.
            run_id: MLflow's, or the 'pending-...' that stood for it.
        """
        run = cls(Outbox(settings), settings, run_id)
        try:
            yield run
        finally:
            run._outbox.close()


def _new_key() -> str:
    return f"{PENDING}{uuid.uuid4().hex}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _text(value: Any) -> str:
    """A parameter as people would write it in a recipe."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
