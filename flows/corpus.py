"""Flow `corpus`: labelled sets and raw sources become examples and a cleaned, split corpus."""

from typing import Any

from prefect import flow

from data.corpus import CorpusConfig, build_corpus
from data.sources import TaskConfig
from data.tasks import build_examples
from flows.making import Outcomes, run_stages
from flows.plan import Plan
from flows.report import live
from flows.stages import PlannedStage
from flows.store import Work
from flows.tracking.runs import StageRun


def write_examples(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
    """Prepares the labelled set of one task."""
    work.counts = build_examples(
        plan.recipe.finetuning[stage.name].data,
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
        scratch=work.folder / "scratch",
        progress=live.progress(stage.label),
    )
    work.counts = summary.model_dump(mode="json")
    record_corpus(work, run)


def record_corpus(work: Work, run: StageRun) -> None:
    """Sends what a person needs to judge a corpus: its card, the audit and the plots of where documents went."""
    run.artifact(work.output / "README.md", "samples")
    run.artifact(work.output / "audit", "samples")


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
