"""Flow `pipeline`: from the raw corpus to evaluated, registered models."""

from typing import Any

from prefect import flow

from flows.child import warm_up
from flows.corpus import corpus
from flows.evaluation import evaluation
from flows.finetuning import finetuning
from flows.making import Outcomes
from flows.plan import load_plan
from flows.pretraining import pretraining
from flows.recording import recording
from flows.records import StageOutcome
from flows.tokenization import tokenization


@flow(name="pipeline", flow_run_name="pipeline/{recipe}", result_serializer="json")
def pipeline(
    recipe: str = "demo", overrides: dict[str, Any] | None = None, refresh: list[str] | None = None
) -> Outcomes:
    """Runs every stage of a recipe; what is already there under the same fingerprint is reused.

    Args:
        recipe: name of a shipped recipe or path to a YAML file.
        overrides: dotted recipe keys and their values, such as {"seed": 18}.
        refresh: stages to build even if they are there, such as 'weights/foundation'.
    """
    plan = load_plan(recipe, overrides)
    plan.select(refresh or [])
    outcomes: Outcomes = []
    if any(plan.found(stage.label) is None for stage in plan.of_flow("pretraining")):
        warm_up()
    with recording(plan, "pipeline") as record:
        for part in (corpus, tokenization, pretraining, finetuning, evaluation):
            finished = part(recipe, overrides, refresh, run=record.id)
            # When Prefect retries a run, it hands back what a part returned the first time without running it again.
            for outcome in finished:
                record.add(StageOutcome.model_validate({**outcome, "reused": True}))
            outcomes += finished
    return outcomes
