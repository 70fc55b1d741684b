"""Runs of a store that differ from another in nothing but their seed, and how far their scores lie apart."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flows.records import RunRecord
from flows.report.contents import of_kind, read_stages
from lightning_modules.metrics.reseeding import SeedSpread, seed_spread

ENOUGH = 3
"""Seeds that a claim about training should rest on."""
_DATA = frozenset({"corpus", "examples"})
"""Kinds of stages that do not depend on the seed."""


@dataclass(frozen=True)
class Seeds:
    """One recipe with one data, by several seeds."""

    runs: tuple[RunRecord, ...]
    """One a seed, the compared run first."""
    scores: dict[tuple[str, str], list[float]]
    """Set and metric -> what each of these runs scored; of one artifact once."""

    @property
    def missing(self) -> str:
        """The commands that make as many runs as a claim needs; empty where there are enough."""
        record, known = self.runs[0], {run.settings["seed"] for run in self.runs}
        fresh = (seed for seed in itertools.count(record.settings["seed"]) if seed not in known)
        seeds = itertools.islice(fresh, max(0, ENOUGH - len(known)))
        kept = {key: value for key, value in record.overrides.items() if key != "seed"}
        sets = [f"--set {shlex.quote(f'{key}={_written(value)}')}" for key, value in kept.items()]
        return "\n".join(" ".join(["stagelm run", record.recipe, *sets, f"--set seed={seed}"]) for seed in seeds)


def find_seeds(record: RunRecord, records: Sequence[RunRecord], store_root: Path) -> Seeds:
    """Finds the runs of the same recipe, data and formats by other seeds, the latest of each seed.

    Args:
        record: the run.
        records: of the store.
        store_root: where their artifacts are.
    """
    found = {record.settings.get("seed"): record}
    for other in sorted(records, key=lambda other: other.started, reverse=True):
        seed = other.settings.get("seed")
        if other.status == "completed" and seed not in found and _differ_in_seed_alone(record, other, store_root):
            found[seed] = other
    scores: dict[tuple[str, str], dict[str, float]] = {}
    for run in found.values():
        for stage in of_kind(read_stages(run, store_root), "scores"):
            content = stage.read("scores.json")
            subject = content.get("headline", {}).get("system", "pretrained")
            for row in content.get("scores", ()):
                if row["system"] == subject:
                    scores.setdefault((stage.outcome.name, row["metric"]), {})[stage.outcome.fingerprint] = row["value"]
    return Seeds(tuple(found.values()), {place: list(values.values()) for place, values in scores.items()})


def spreads(first: Seeds, second: Seeds) -> Callable[[str, str], SeedSpread | None]:
    """Returns set and metric -> the spread between seeds, pooled over the recipes of two runs."""
    one_recipe = bool({run.id for run in first.runs} & {run.id for run in second.runs})
    recipes = [first] if one_recipe else [first, second]
    return lambda task, metric: seed_spread([seeds.scores.get((task, metric), []) for seeds in recipes])


def _differ_in_seed_alone(one: RunRecord, other: RunRecord, store_root: Path) -> bool:
    """Whether all settings but the seed are equal, and of the stages of both the data and the formats."""
    if {**one.settings, "seed": None} != {**other.settings, "seed": None}:
        return False
    ours, theirs = ({stage.label: stage for stage in read_stages(run, store_root)} for run in (one, other))
    return all(
        ours[label].read("manifest.json").get("format") == theirs[label].read("manifest.json").get("format")
        and (
            ours[label].outcome.kind not in _DATA
            or ours[label].outcome.fingerprint == theirs[label].outcome.fingerprint
        )
        for label in ours.keys() & theirs.keys()
    )


def _written(value: Any) -> str:
    """A value as `--set` reads it."""
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6).removesuffix("...\n").strip()
