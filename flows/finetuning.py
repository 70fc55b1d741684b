"""Flow `finetuning`: each task from the pretrained weights, and once more from random ones to compare with."""

from typing import Any

from prefect import flow

from flows.making import Outcomes, run_stages
from flows.plan import Plan
from flows.stages import SCRATCH, PlannedStage
from flows.store import Work
from flows.tracking.runs import StageRun
from flows.training import train
from lightning_modules.adapters.full import FullConfig
from lightning_modules.hardware import Hardware
from lightning_modules.spec import ExampleData, TrainSpec


def write_finetuned(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
    """Fine-tunes one task. Random weights are trained whole: an adapter on them would have nothing to adapt."""
    config = plan.recipe.finetuning[stage.name.removesuffix(SCRATCH)]
    pretrained = "weights" in stage.reads
    spec = TrainSpec(
        name=f"finetuning/{stage.name}",
        work=work.folder,
        output=work.output,
        tokenizer=plan.folder(stage.reads["tokenizer"]),
        model=config.network(plan.model),
        init=plan.folder(stage.reads["weights"]) if pretrained else None,
        data=ExampleData(path=plan.folder(stage.reads["examples"]), counterfactual=config.counterfactual),
        stage=config.stage(),
        adapter=config.adapter if pretrained else FullConfig(),
        layer_lr_decay=config.layer_lr_decay,
        adversary=config.adversary,
        steps=config.steps,
        micro_batch_size=config.micro_batch_size,
        micro_batches=config.micro_batches(plan.hardware.devices),
        tokens_before=plan.tokens_before(None) if pretrained else 0,
        hardware=_share(plan),
        seed=plan.recipe.seed,
    )
    train(plan, spec, work, run)


def _share(plan: Plan) -> Hardware:
    """The machine as one of several fine-tunings that run side by side has it."""
    threads = max(1, plan.hardware.threads // plan.recipe.training.finetunings_at_once)
    return plan.hardware.model_copy(update={"threads": threads})


BUILDERS = {"finetuned": write_finetuned}


@flow(name="finetuning", flow_run_name="finetuning/{recipe}", result_serializer="json")
def finetuning(
    recipe: str = "demo",
    overrides: dict[str, Any] | None = None,
    refresh: list[str] | None = None,
    run: str | None = None,
) -> Outcomes:
    """Fine-tunes every task of a recipe, or finds the results; `training.finetunings_at_once` of them side by side.

    Args:
        recipe: name of a shipped recipe or path to a YAML file.
        overrides: dotted recipe keys and their values.
        refresh: stages to build even if they are there, such as 'finetuned/sentiment'.
        run: id of the run this is part of; none: it is a run of its own.
    """
    return run_stages(
        "finetuning", BUILDERS, recipe, overrides, refresh, run, lambda plan: plan.recipe.training.finetunings_at_once
    )
