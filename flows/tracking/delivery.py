"""Operations become MLflow calls here. Every operation may arrive twice, whole or in part, and changes nothing then.

A run is found by the key it was created with (a tag), so it can be spoken of while the server is away. A stage's points
lie on one monotone axis, tokens, so a point at or before the last one that MLflow has for its metric is a repetition.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from flows.tracking.client import connect, experiment_id, reason
from flows.tracking.journal import Operation
from flows.tracking.settings import TrackingSettings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

KEY_TAG = "stagelm.key"
PENDING = "pending-"
"""Starts the keys of runs that MLflow may not have given an id yet."""

_METRICS_PER_CALL, _PARAMS_PER_CALL = 1000, 100
_DIGEST_CHARACTERS = 36
"""As long as MLflow lets the digest of a dataset be."""
_REFUSALS = frozenset({"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE"})
"""Error codes of what MLflow will refuse however often it is sent; any other failure may pass."""

Item = TypeVar("Item")
_log = logging.getLogger(__name__)


class UnreachableError(ConnectionError):
    """MLflow could not be reached, or could not write. What was not delivered is kept."""


@dataclass
class _KnownRun:
    id: str
    started_ms: int
    last_steps: dict[str, int] | None
    """Metric, as MLflow names it -> last step on its axis; None: to be asked of MLflow."""


class Delivery:
    """Sends operations in their order."""

    def __init__(self, settings: TrackingSettings) -> None:
        self._settings = settings
        self._runs: dict[str, _KnownRun] = {}
        self._client: MlflowClient | None = None
        self._experiment = ""

    def run_id(self, key: str) -> str:
        """The MLflow id of a run, or its key as long as there is none."""
        return self._runs[key].id if key in self._runs else key

    def send(self, operations: list[Operation]) -> None:
        """Sends operations and takes what was sent off the front of the list.

        Raises:
            UnreachableError: MLflow cannot be reached now; the list starts with what was not sent.
        """
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        while operations:
            group = _first_group(operations)
            try:
                self._send(group)
            except MlflowException as error:
                if error.error_code not in _REFUSALS:
                    self._lose_touch()
                    raise UnreachableError(reason(error)) from error
                _log.warning(
                    "MLflow refused to record %s of run %s: %s", group[0]["kind"], group[0]["run"], error.message
                )
            except (OSError, SQLAlchemyError) as error:
                self._lose_touch()
                raise UnreachableError(reason(error)) from error
            del operations[: len(group)]

    def _lose_touch(self) -> None:
        """After a failure it is unknown how much of a batch was written."""
        for run in self._runs.values():
            run.last_steps = None
        self._client = None

    def _send(self, group: list[Operation]) -> None:
        if self._client is None:
            client = connect(self._settings)
            self._experiment = experiment_id(client, self._settings)
            self._client = client
        first = group[0]
        if first["kind"] == "begin":
            self._begin(self._client, first)
            return
        run = self._known(self._client, first["run"])
        match first["kind"]:
            case "lines":
                self._lines(self._client, run, group)
            case "summary":
                self._summary(self._client, run, first)
            case "params":
                self._params(self._client, run, first["params"])
            case "inputs":
                self._inputs(self._client, run, first)
            case "artifact":
                path = Path(first["path"])
                if not path.exists():  # it would never come, and hold up all behind it
                    _log.warning("%s of run %s is gone from the spool and cannot be recorded", path, first["run"])
                    return
                send = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
                send(run.id, str(path), f"{first['folder']}/{path.name}" if path.is_dir() else first["folder"])
            case "end":
                self._client.set_terminated(run.id, first["status"], first["ms"])

    def _begin(self, client: MlflowClient, operation: Operation) -> None:
        found = self._find(client, operation["run"])
        if found is None and operation["resume"]:
            found = self._find(client, operation["resume"])
        fresh = found is None
        if found is None:
            parent = {"mlflow.parentRunId": self._known(client, operation["parent"]).id} if operation["parent"] else {}
            found = client.create_run(
                self._experiment,
                start_time=operation["ms"],
                tags={**operation["tags"], **parent, KEY_TAG: operation["run"]},
                run_name=operation["name"],
            )
        else:
            client.update_run(found.info.run_id, status="RUNNING")
        self._runs[operation["run"]] = _KnownRun(found.info.run_id, found.info.start_time, {} if fresh else None)

    def _find(self, client: MlflowClient, key: str) -> Run | None:
        """A run by MLflow's id or by our key; None if there is none, or it was deleted: that one takes no points."""
        from mlflow.exceptions import MlflowException

        if key.startswith(PENDING):
            found = client.search_runs([self._experiment], f"tags.`{KEY_TAG}` = '{key}'", max_results=1)
            return found[0] if found else None
        try:
            found_run = client.get_run(key)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return found_run if found_run.info.lifecycle_stage == "active" else None

    def _known(self, client: MlflowClient, key: str) -> _KnownRun:
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

        if key not in self._runs:
            found = self._find(client, key)
            if found is None:
                raise MlflowException(f"no run {key}; was it deleted?", RESOURCE_DOES_NOT_EXIST)
            self._runs[key] = _KnownRun(found.info.run_id, found.info.start_time, None)
        return self._runs[key]

    def _lines(self, client: MlflowClient, run: _KnownRun, group: list[Operation]) -> None:
        from mlflow.entities import Metric

        if run.last_steps is None:
            run.last_steps = {
                name: max(point.step for point in client.get_metric_history(run.id, name))
                for name in client.get_run(run.id).data.metrics
            }
        points: list[Metric] = []
        last_steps = dict(run.last_steps)
        for operation in group:
            step = operation["step"]
            timestamp = run.started_ms + round(1000 * operation["seconds"])
            for name, value in operation["metrics"].items():
                kept = recordable(name)
                if step > last_steps.get(kept, -1):
                    points.append(Metric(kept, value, timestamp, step))
                    last_steps[kept] = step
        for chunk in _chunks(points, _METRICS_PER_CALL):
            client.log_batch(run.id, metrics=chunk)
        run.last_steps = last_steps

    def _summary(self, client: MlflowClient, run: _KnownRun, operation: Operation) -> None:
        from mlflow.entities import Metric

        points = [Metric(recordable(name), value, operation["ms"], 0) for name, value in operation["metrics"].items()]
        for chunk in _chunks(points, _METRICS_PER_CALL):
            client.log_batch(run.id, metrics=chunk)

    def _params(self, client: MlflowClient, run: _KnownRun, params: dict[str, str]) -> None:
        from mlflow.entities import Param

        # A resumed run has them already, and MLflow refuses a whole batch for one that changed.
        known = client.get_run(run.id).data.params
        new = [Param(recordable(name), value) for name, value in params.items() if recordable(name) not in known]
        for chunk in _chunks(new, _PARAMS_PER_CALL):
            client.log_batch(run.id, params=chunk)

    def _inputs(self, client: MlflowClient, run: _KnownRun, operation: Operation) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = json.dumps({"uri": operation["source"]}, ensure_ascii=False)
        profile = json.dumps({**operation["profile"], "digest": operation["digest"]}, ensure_ascii=False)
        dataset = Dataset(operation["name"], operation["digest"][:_DIGEST_CHARACTERS], "local", source, profile=profile)
        client.log_inputs(run.id, [DatasetInput(dataset, [InputTag("mlflow.data.context", operation["context"])])])


def recordable(name: str) -> str:
    """A name with what MLflow refuses in parameters and metrics replaced by '_', at most 250 characters."""
    return re.sub(r"[^/\w.\- :]", "_", name)[:250]


def _first_group(operations: list[Operation]) -> list[Operation]:
    """The first operation, or the first lines of metrics of one run: they go in one call."""
    _, group = next(groupby(operations, key=lambda operation: (operation["kind"], operation["run"])))
    lines = list(group)
    return lines if lines[0]["kind"] == "lines" else lines[:1]


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
