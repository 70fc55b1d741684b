"""Flow `tokenization`: the corpus gets a tokenizer, and becomes token shards."""

from typing import Any

from prefect import flow

from data.shards import write_shards
from data.tokenizer import Tokenizer, train_tokenizer
from flows.making import Outcomes, run_stages
from flows.plan import Plan
from flows.report import live
from flows.stages import PlannedStage
from flows.store import Work
from flows.tracking.runs import StageRun


def write_tokenizer(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
    """Trains the tokenizer on the training split."""
    corpus = plan.folder(stage.reads["corpus"])
    work.counts = train_tokenizer(plan.recipe.tokenizer, corpus=corpus, output=work.output, seed=plan.recipe.seed)
    run.artifact(work.output / "report.json", "samples")


def write_tokens(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
    """Encodes every split into memory-mapped shards."""
    tokenizer = Tokenizer.load(plan.folder(stage.reads["tokenizer"]))
    corpus = plan.folder(stage.reads["corpus"])
    work.counts = write_shards(corpus, tokenizer, work.output, progress=live.progress(stage.label))


BUILDERS = {"tokenizer": write_tokenizer, "tokens": write_tokens}


@flow(name="tokenization", flow_run_name="tokenization/{recipe}", result_serializer="json")
def tokenization(
    recipe: str = "demo",
    overrides: dict[str, Any] | None = None,
    refresh: list[str] | None = None,
    run: str | None = None,
) -> Outcomes:
    """Trains the tokenizer of a recipe and encodes its corpus, or finds both.

    Args:
        recipe: name of a shipped recipe or path to a YAML file.
        overrides: dotted recipe keys and their values.
        refresh: stages to build even if they are there.
        run: id of the run this is part of; none: it is a run of its own.
    """
    return run_stages("tokenization", BUILDERS, recipe, overrides, refresh, run)
