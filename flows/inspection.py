"""What there is to see of a corpus's cleaning: of one that was built, or of the first documents of its sources."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

from data.corpus import CorpusConfig, NothingLeft, build_corpus
from data.sources import TaskConfig
from data.tasks import build_examples
from flows.plan import MissingInput, Plan, load_plan
from flows.recipe import RecipeError


@dataclass(frozen=True)
class Inspection:
    """A corpus's audit."""

    title: str
    counts: dict[str, Any]
    """Source -> what became of its documents."""
    dropped: list[dict[str, str]]
    """Samples with source, rule, reason, text and origin."""
    repaired: list[dict[str, str]]
    """Samples with source, rule, before, after and origin."""
    prepared: dict[str, dict[str, Any]]
    """Rule -> what was learned or read before cleaning, such as a classifier's held-out AUC."""

    @classmethod
    def read(cls, corpus: Path, title: str) -> Inspection:
        """Reads the audit of a corpus's folder.

        Raises:
            RecipeError: it is not one.
        """
        audit = corpus / "audit"
        if not (audit / "repaired.parquet").exists():
            raise RecipeError(f"{corpus}: not the folder of a corpus; it has no audit/repaired.parquet")
        counts = json.loads((audit / "counts.json").read_text(encoding="utf-8"))
        prepared = json.loads((corpus / "counts.json").read_text(encoding="utf-8"))["prepared"]
        dropped, repaired = (
            pq.read_table(audit / name).to_pylist() for name in ("dropped.parquet", "repaired.parquet")
        )
        return cls(title, counts, dropped, repaired, prepared)

    def only(self, source: str | None, rule: str | None) -> Inspection:
        """What concerns one source, or one rule, or both.

        Raises:
            RecipeError: there is no such source, or nothing of such a rule.
        """
        if source is not None and source not in self.counts:
            raise RecipeError(f"--source {source}: no such source here; there are: {', '.join(self.counts)}")
        counts = {name: _of_rule(own, rule) for name, own in self.counts.items() if source in {None, name}}
        if rule is not None and not any(
            own[kind] for own in counts.values() for kind in ("dropped", "repaired", "tagged")
        ):
            acting = sorted(
                {name.partition("/")[0] for own in self.counts.values() for kind in _KINDS for name in own[kind]}
            )
            raise RecipeError(f"--rule {rule}: it did nothing here; what did: {', '.join(acting) or 'nothing'}")
        dropped, repaired = (
            [row for row in rows if source in {None, row["source"]} and rule in {None, row["rule"]}]
            for rows in (self.dropped, self.repaired)
        )
        prepared = {name: facts for name, facts in self.prepared.items() if rule in {None, name}}
        return Inspection(self.title, counts, dropped, repaired, prepared)


_KINDS = ("dropped", "repaired", "tagged")


def _of_rule(counts: Mapping[str, Any], rule: str | None) -> dict[str, Any]:
    kept = {
        kind: {name: n for name, n in counts[kind].items() if rule in {None, name.partition("/")[0]}} for kind in _KINDS
    }
    return {**counts, **kept}


def inspect_built(target: str, overrides: Mapping[str, Any]) -> Inspection:
    """The audit of a corpus that was built.

    Args:
        target: a corpus's folder, a shipped recipe's name, or the path of a recipe.
        overrides: of the recipe.

    Raises:
        MissingInput: the recipe's corpus has not been built.
    """
    if Path(target).is_dir():
        return Inspection.read(Path(target), target)
    plan = load_plan(target, overrides)
    label = f"corpus/{plan.recipe.name}"
    artifact = plan.found(label)
    if artifact is None:
        raise MissingInput(
            f"{label} has not been built; build it with: stagelm run {target}; or see what its rules do to the first "
            f"documents of every source with: stagelm corpus inspect {target} --sample 500"
        )
    return Inspection.read(artifact.folder, str(artifact.folder))


def inspect_sample(target: str, overrides: Mapping[str, Any], documents: int) -> Inspection:
    """What a recipe's rules do to the first documents of every source; the store is left as it is.

    Raises:
        RecipeError: the target is not a recipe.
    """
    if Path(target).is_dir():
        raise RecipeError(f"--sample: {target} is a folder; a sample is drawn from the sources of a recipe")
    plan = load_plan(target, overrides)
    with TemporaryDirectory() as scratch, _limited(plan, Path(scratch), documents) as config:
        output = Path(scratch) / "corpus"
        with suppress(NothingLeft):  # the rules drop all of it: so much the more is there to see
            build_corpus(config, output=output, cache=plan.cache, root=plan.project, workers=plan.hardware.threads)
        return Inspection.read(output, f"the first {documents:,} documents of every source of {target}")


@contextmanager
def _limited(plan: Plan, scratch: Path, documents: int) -> Iterator[CorpusConfig]:
    """The recipe's corpus, its sources cut short; examples that it reads are prepared in `scratch`."""
    sources = {}
    for name, source in plan.recipe.corpus.sources.items():
        limits: dict[str, Any] = {"max_documents": min(documents, source.max_documents or documents)}
        if isinstance(source, TaskConfig):
            limits["examples"] = scratch / source.task
            limits["examples"].mkdir(exist_ok=True)
            build_examples(
                plan.recipe.finetuning[source.task].data,
                output=scratch / source.task,
                cache=plan.cache,
                root=plan.project,
                corpus=None,
            )
        sources[name] = source.model_copy(update=limits)
    yield plan.recipe.corpus.model_copy(update={"sources": sources})
