"""What a run of the pipeline leaves beside its artifacts: its stages, how long they took, where they are recorded.

A record is written once when the run ends (whatever its end) to `<store>/runs/<id>.json`; `stagelm runs`, `report` and
`compare` read nothing else than records and the artifacts they name.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from data.config import Config


class StageOutcome(Config):
    """One stage of one run."""

    kind: str
    """'corpus', 'tokenizer', 'tokens', 'weights', 'gate', 'examples', 'finetuned', 'scores', 'registration'."""
    name: str
    """'foundation', 'sentiment', 'sentiment-scratch', 'language-model', ...; with the kind unique in a run."""
    fingerprint: str
    """sha256 hex of everything the content depends on."""
    folder: Path
    """The artifact, relative to the store's root."""
    reused: bool
    seconds: float = Field(ge=0.0)
    """Wall time of this run's work on it; near 0 when reused."""
    headline: str = ""
    """The stage's key figure as the closing table shows it: '1.96 bits/byte'."""
    tracking_run: str | None = None
    """MLflow run id of the stage."""


class RunRecord(Config):
    """One run of a recipe."""

    id: str
    """'demo-20261122-131500-3f2a'; sorts by time within a recipe."""
    recipe: str
    overrides: dict[str, Any]
    """The `--set` keys with their values."""
    settings: dict[str, Any]
    """The validated recipe, nested."""
    derived: dict[str, Any]
    """What `plan.py` computed from it: steps, batch arithmetic, parameters, precision, ..."""
    started: datetime
    finished: datetime
    status: Literal["completed", "failed"]
    error: str | None = None
    stages: list[StageOutcome]
    tracking_run: str | None = None
    """MLflow run id of the whole."""


def all_records(store_root: Path) -> list[RunRecord]:
    """The records of a store, latest first."""
    records = [RunRecord.model_validate_json(path.read_text()) for path in (store_root / "runs").glob("*.json")]
    return sorted(records, key=lambda record: record.started, reverse=True)


def find_record(store_root: Path, name: str) -> RunRecord:
    """The run of an id, of the beginning of one, or the latest completed run of a recipe.

    Raises:
        ValueError: there is none, or the beginning fits several.
    """
    records = all_records(store_root)
    latest = [record for record in records if record.recipe == name and record.status == "completed"]
    fitting = latest[:1] or [record for record in records if record.id.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    some = ", ".join(record.id for record in (fitting or records)[:5]) or "none yet"
    problem = "fits several runs" if fitting else "is no run and no recipe that has run"
    raise ValueError(f"{name!r} {problem}: {some}; `stagelm runs` lists them all")


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted key; lists and empty mappings stay values."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
