"""Flow `pretraining`: the declared stages, each from the weights of the one before, through its gate if it has one."""

import json
from typing import Any

from prefect import flow

from data.shards import Shards
from data.tokenizer import Tokenizer
from flows.gates import write_gate
from flows.making import Outcomes, run_stages
from flows.mixture import mixture
from flows.plan import Plan
from flows.stages import PlannedStage
from flows.store import Work
from flows.tracking.runs import StageRun
from flows.training import train
from lightning_modules.adapters import FullConfig
from lightning_modules.samples import text_samples
from lightning_modules.spec import ShardData, ShardSource, TrainSpec


def write_weights(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
    """Trains one stage, from the weights it reads or from random ones, and keeps a few texts that it writes."""
    config = plan.recipe.pretraining.stages[stage.name]
    batch, former = plan.batch(config), stage.reads.get("weights")
    stage_before = plan.recipe.pretraining.stages[plan.stage(former).name] if former else None
    tokens = plan.folder(stage.reads["tokens"])
    if config.sources:  # by name: the order of a mapping is no part of a key
        shares = sorted(config.sources.items())
        sources = [ShardSource(path=tokens, source=name, share=share) for name, share in shares]
    else:
        sources = mixture(tokens, plan.source_weights)
    spec = TrainSpec(
        name=f"pretraining/{stage.name}",
        work=work.folder,
        output=work.output,
        tokenizer=plan.folder(stage.reads["tokenizer"]),
        model=plan.model,
        init=plan.folder(former) if former else None,
        data=ShardData(sources=sources),
        stage=config,
        former_weights=stage_before.term_weights(plan.model) if stage_before else {},
        adapter=FullConfig(),
        steps=plan.steps(config),
        micro_batch_size=batch.rows,
        micro_batches=batch.micro_batches,
        tokens_before=plan.tokens_before(stage.name),
        hardware=plan.hardware,
        seed=plan.recipe.seed,
    )
    train(plan, spec, work, run)
    held_out, tokenizer = Shards.open(tokens, "validation"), Tokenizer.load(spec.tokenizer)
    work.record["samples"] = text_samples(work.output, tokenizer, held_out, config)
    run.text(json.dumps(work.record["samples"], ensure_ascii=False, indent=1), "samples.json", "samples")


BUILDERS = {"weights": write_weights, "gate": write_gate}


@flow(name="pretraining", flow_run_name="pretraining/{recipe}", result_serializer="json")
def pretraining(
    recipe: str = "demo",
    overrides: dict[str, Any] | None = None,
    refresh: list[str] | None = None,
    run: str | None = None,
) -> Outcomes:
    """Trains the declared stages of a recipe, or finds them.

    Args:
        recipe: name of a shipped recipe or path to a YAML file.
        overrides: dotted recipe keys and their values.
        refresh: stages to build even if they are there, such as 'weights/foundation'.
        run: id of the run this is part of; none: it is a run of its own.
    """
    return run_stages("pretraining", BUILDERS, recipe, overrides, refresh, run)
