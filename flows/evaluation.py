"""Flow `evaluation`: every test set is scored beside its baselines, and the models are registered."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from prefect import flow

from data.document import iter_texts
from data.faults import reach
from flows.child import run_child
from flows.figures import headline_metrics
from flows.making import Outcomes, run_stages
from flows.model_card import card_facts, model_card, with_energy
from flows.plan import Plan
from flows.report import live
from flows.stages import LANGUAGE_MODEL, PlannedStage
from flows.store import Work, write_atomically
from flows.tracking.registry import Package, register
from flows.tracking.runs import StageRun
from lightning_modules.exams.spec import ExamineSpec
from lightning_modules.predictor import PredictorConfig
from lightning_modules.scoring.spec import EvaluateSpec, JudgeRef, SystemRef
from lightning_modules.tasks.finetuning import FinetuningConfig

EXAMPLE_TEXTS = 3
"""Inputs whose answers are kept with a registered model as its example."""
EXAMPLE_CHARACTERS = 200
CARDS = "cards"
"""Folder of a registration with a card for each model."""


def write_scores(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
    """Scores one test set, or holds one exam, in a child process."""
    folders = {role: plan.folder(label) for role, label in stage.reads.items()}
    shared: dict[str, Any] = {
        "name": stage.name,
        "tokenizer": folders["tokenizer"],
        "resamples": plan.recipe.evaluation.bootstrap,
        "hardware": plan.hardware,
        "seed": plan.recipe.seed,
        "work": work.folder,
        "output": work.output,
    }
    spec: EvaluateSpec | ExamineSpec
    if stage.name in plan.recipe.evaluation.exams:
        spec = ExamineSpec(
            **shared,
            exam=plan.recipe.evaluation.exams[stage.name],
            weights=folders["weights"],
            folders=folders,
            root=plan.project,
            sequence_length=plan.sequence_length,
        )
    elif stage.name == LANGUAGE_MODEL:
        spec = EvaluateSpec(
            **shared,
            task="language_model",
            data=folders["data"],
            systems={"pretrained": SystemRef(weights=folders["weights"])},
            corpus=plan.folder(f"corpus/{plan.recipe.name}"),
            sequence_length=plan.sequence_length,
            max_tokens=plan.recipe.evaluation.tokens,
            stride=plan.recipe.evaluation.stride,
        )
    else:
        config = plan.recipe.finetuning[stage.name]
        adapted = config.adapter.method != "full"
        spec = EvaluateSpec(
            **shared,
            task=config.task,
            data=folders["data"],
            systems={
                "pretrained": SystemRef(weights=folders["finetuned"], base=folders["weights"] if adapted else None),
                "scratch": SystemRef(weights=folders["scratch"]),
            },
            sequence_length=config.sequence_length,
            decoding=config.decoding,
            metrics=config.metrics,
            max_examples=plan.recipe.evaluation.examples,
            corpus=folders.get("corpus"),
            judge=judge_of(plan, config, folders),
        )
    score(spec, work)
    run.artifact(work.output / "scores.json", "tables")
    run.artifact(work.output / "examples.parquet", "samples")


def judge_of(plan: Plan, config: FinetuningConfig, folders: dict[str, Path]) -> JudgeRef | None:
    """The classifier that tells the sentiment of a task's answers, where the recipe names one."""
    if config.judge is None:
        return None
    judge = plan.recipe.finetuning[config.judge]
    return JudgeRef(
        weights=folders["judge"],
        base=folders["weights"] if judge.adapter.method != "full" else None,
        labels=judge.data.labels,
        sequence_length=judge.sequence_length,
    )


def score(spec: EvaluateSpec | ExamineSpec, work: Work) -> None:
    """Runs the child that scores a test set or holds an exam."""
    path = work.folder / "spec.json"
    write_atomically(path, spec.model_dump_json(indent=1))
    progress = live.progress(f"scores/{spec.name}")
    run_child(
        "lightning_modules.evaluate",
        path,
        work.folder,
        lambda line: progress(line["system"], line["done"], line["total"]),
        follow="progress.jsonl",
    )


def write_registration(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
    """Registers the task models, and the base model if it writes; what is registered already stays as it is."""
    recipe = plan.recipe
    tokenizer, base = plan.folder(f"tokenizer/{recipe.name}"), plan.folder(f"weights/{plan.last_stage}")
    # Everything that retraining needs to go on from here.
    tags = {
        "stagelm.recipe": recipe.name,
        "stagelm.description": recipe.description,
        "stagelm.sources": json.dumps(plan.sources, sort_keys=True),
        "stagelm.corpus": json.dumps([plan.stage(f"corpus/{recipe.name}").key.fingerprint]),
        "stagelm.tokens": json.dumps([plan.stage(f"tokens/{recipe.name}").key.fingerprint]),
        "stagelm.tokenizer": plan.stage(f"tokenizer/{recipe.name}").key.fingerprint,
    }
    (work.output / CARDS).mkdir(exist_ok=True)
    models = {}
    tasks: list[str | None] = list(recipe.finetuning)
    if recipe.pretraining.writes:
        tasks.insert(0, None)  # the base model
    for task in tasks:
        if task is None:
            name, weights = plan.tracking.base_model(recipe.name), f"weights/{plan.last_stage}"
            package = Package(base, tokenizer, base_predictor(plan))
        else:
            config = recipe.finetuning[task]
            name, weights = plan.tracking.task_model(recipe.name, task), f"finetuned/{task}"
            adapted = base if config.adapter.method != "full" else None
            package = Package(plan.folder(weights), tokenizer, task_predictor(config), adapted)
        scored = scored_with(plan, stage, task)
        facts = card_facts(plan, name, task, scored)
        card = model_card(plan, facts)
        write_atomically(work.output / CARDS / f"{name}.md", card)
        version = register(
            plan.tracking,
            name,
            replace(package, card=with_energy(card, facts)),
            fingerprint=plan.stage(weights).key.fingerprint,
            run_id=run.run_id,
            metrics=model_metrics(plan, scored),
            tags=tags,
            example=openings(plan.folder(f"corpus/{recipe.name}")) if task is None else task_inputs(plan, task),
        )
        models[name] = version.fingerprint
        work.record[name] = version.number
        reach("registration/registered")
    run.artifact(work.output / CARDS, "reports")
    write_atomically(work.output / "models.json", json.dumps(models, indent=1, sort_keys=True))
    reach("registration/written")


def scored_with(plan: Plan, registration: PlannedStage, task: str | None) -> list[str]:
    """Returns the test sets and exams that say something of a task's model, or of the base model."""
    recipe = plan.recipe
    subjects: dict[str, str | None] = {name: name for name in recipe.finetuning}
    subjects |= {name: exam.subject for name, exam in recipe.evaluation.exams.items()}
    return [name for name in registration.reads if subjects.get(name) == task]


def model_metrics(plan: Plan, scored: Sequence[str]) -> dict[str, float]:
    """What a model scored in its test sets and exams."""
    return {name: value for label in scored for name, value in headline_metrics(plan.folder(f"scores/{label}")).items()}


def base_predictor(plan: Plan) -> PredictorConfig:
    """How the base model answers: it goes on writing."""
    return PredictorConfig(answers="continuation", sequence_length=plan.model.max_positions)


def task_predictor(config: FinetuningConfig) -> PredictorConfig:
    """How a task's model answers."""
    return PredictorConfig(
        answers=config.kind.answers,
        labels=tuple(config.data.labels),
        sequence_length=config.sequence_length,
        decoding=config.decoding,
        template=config.kind.template,
    )


def task_inputs(plan: Plan, task: str) -> list[str]:
    """A few inputs to show a task's model by."""
    table = pq.read_table(plan.folder(f"examples/{task}") / "validation.parquet", columns=["input"])
    return [str(text) for text in table["input"][:EXAMPLE_TEXTS].to_pylist()]


def openings(corpus: Path) -> list[str]:
    """The beginnings of a few held-out documents, to show a base model by."""
    batch = next(iter_texts(corpus, "validation"))
    return [text[:EXAMPLE_CHARACTERS] for text in batch["text"][:EXAMPLE_TEXTS].to_pylist()]


BUILDERS = {"scores": write_scores, "registration": write_registration}


@flow(name="evaluation", flow_run_name="evaluation/{recipe}", result_serializer="json")
def evaluation(
    recipe: str = "demo",
    overrides: dict[str, Any] | None = None,
    refresh: list[str] | None = None,
    run: str | None = None,
) -> Outcomes:
    """Scores every test set of a recipe and registers its models, or finds that done.

    Args:
        recipe: name of a shipped recipe or path to a YAML file.
        overrides: dotted recipe keys and their values.
        refresh: stages to build even if they are there, such as 'scores/sentiment'.
        run: id of the run this is part of; none: it is a run of its own.
    """
    return run_stages("evaluation", BUILDERS, recipe, overrides, refresh, run)
