"""Flow `corpus`: labelled sets and raw sources become examples and a cleaned, split corpus."""

from pathlib import Path
from typing import Any

from prefect import flow

from data.corpus import CorpusConfig, build_corpus
from data.sources import TaskConfig
from data.tasks import build_examples
from flows.making import Outcomes, run_stages
from flows.plan import Plan
from flows.report import live
from flows.report.corpus_figures import corpus_figures
from flows.stages import PlannedStage
from flows.store import Work
from flows.tracking.runs import StageRun


def write_examples(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
    """Prepares the labelled set of one task, or of an exam that has its own."""
    work.counts = build_examples(
        plan.labelled_source(stage.name),
        output=work.output,
        cache=plan.cache,
        root=plan.project,
        corpus=plan.folder(stage.reads["corpus"]) if "corpus" in stage.reads else None,
    )


def write_corpus(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
    """Reads the sources, cleans, deduplicates and splits them."""
    summary = build_corpus(
        with_examples(plan),
        output=work.output,
        cache=plan.cache,
        root=plan.project,
        workers=plan.hardware.threads,
        examples=held_out(plan),
        scratch=work.folder / "scratch",
        progress=live.progress(stage.label),
    )
    work.counts = summary.model_dump(mode="json")
    record_corpus(stage, work, run)


def record_corpus(stage: PlannedStage, work: Work, run: StageRun) -> None:
    """Sends what a person needs to judge a corpus: its card, the audit and the plots of where documents went."""
    figures = {name: work.counts[name] for name in ("documents", "bytes", "languages")}
    run.input(stage.name, stage.key.fingerprint, stage.label, context="corpus", profile=figures)
    run.artifact(work.output / "README.md", "samples")
    run.artifact(work.output / "audit", "samples")
    for name, svg in corpus_figures(work.counts["sources"]).items():
        run.text(svg, f"{name}.svg", "plots")


def with_examples(plan: Plan) -> CorpusConfig:
    """The recipe's corpus, its `task` sources told where their examples are."""
    config = plan.recipe.corpus
    sources = {
        name: source.model_copy(update={"examples": plan.folder(f"examples/{source.task}")})
        if isinstance(source, TaskConfig)
        else source
        for name, source in config.sources.items()
    }
    return config.model_copy(update={"sources": sources})


def held_out(plan: Plan) -> dict[str, Path]:
    """Task -> examples that the corpus reads, whose test parts must not be trained on."""
    reads = plan.stage(f"corpus/{plan.recipe.name}").reads
    return {role.removeprefix("task:"): plan.folder(label) for role, label in reads.items()}


BUILDERS = {"examples": write_examples, "corpus": write_corpus}


@flow(name="corpus", flow_run_name="corpus/{recipe}", result_serializer="json")
def corpus(
    recipe: str = "demo",
    overrides: dict[str, Any] | None = None,
    refresh: list[str] | None = None,
    run: str | None = None,
) -> Outcomes:
    """Builds the labelled sets and the corpus of a recipe, or finds them.

    Args:
        recipe: name of a shipped recipe or path to a YAML file.
        overrides: dotted recipe keys and their values.
        refresh: stages to build even if they are there, such as 'corpus/demo'.
        run: id of the run this is part of; none: it is a run of its own.
    """
    return run_stages("corpus", BUILDERS, recipe, overrides, refresh, run)
