"""The one place that configures and opens MLflow."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from flows.tracking.settings import TrackingSettings

# MLflow's own retries hold a caller for minutes; the outbox retries instead, without anybody waiting.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def connect(settings: TrackingSettings) -> MlflowClient:
    """Opens a client with telemetry off. Creates the store's database when it is the default and does not exist.

    Importing mlflow takes seconds, so it happens here and not when this package is imported.
    """
    for variable, value in _DEFAULTS.items():
        os.environ.setdefault(variable, value)
    # A new SQLite file passes through some forty migrations, each with a line of log.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # an outage is reported once, by the outbox
    settings.store.mkdir(parents=True, exist_ok=True)

    from mlflow import MlflowClient

    return MlflowClient(settings.tracking, settings.registry)


@contextmanager
def as_default(settings: TrackingSettings) -> Iterator[None]:
    """Makes these URIs MLflow's defaults for the block, as its calls without a client need.

    MLflow writes a default into the environment, where it would win over every `mlflow.yaml` that is read later.
    """
    import mlflow

    before = {variable: os.environ.get(variable) for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")}
    mlflow.set_tracking_uri(settings.tracking)
    mlflow.set_registry_uri(settings.registry)
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value


def experiment_id(client: MlflowClient, settings: TrackingSettings) -> str:
    """Finds or creates the experiment."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(settings.experiment)
    if found is not None:
        return str(found.experiment_id)
    location = settings.artifact_root.as_uri() if settings.artifact_root else None
    try:
        return str(client.create_experiment(settings.experiment, artifact_location=location))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        created_meanwhile = client.get_experiment_by_name(settings.experiment)
        assert created_meanwhile is not None
        return str(created_meanwhile.experiment_id)


def reason(error: BaseException) -> str:
    """What lies at the bottom of an error, in one line: 'Connection refused' rather than the client's account of it."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return (str(error).splitlines() or [type(error).__name__])[0]


def reachable(settings: TrackingSettings) -> str | None:
    """What keeps MLflow from answering, or None."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        connect(settings).search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        return f"{settings.tracking}: {reason(error)}; runs go on, and their record is sent when it answers again"
    return None
