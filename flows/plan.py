"""The plan of a run: every stage with its key, computed before the first one starts.

All checks that need no data happen here, and every derived value (steps, batch arithmetic, the model's sizes,
precision) is computed here and nowhere else. A stage's fingerprint depends on recipe values and on its inputs'
fingerprints, so the whole chain is known before anything is built.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data.sources import TaskConfig, default_cache, source_key
from data.tasks import examples_key
from flows.batch import Batch, divide
from flows.recipe import Recipe, RecipeError, find_recipe, load_recipe, recipe_place, said_at
from flows.store import Artifact, Key, Store, canonical_json
from flows.tracking.settings import TrackingSettings, load_settings
from lightning_modules.hardware import Hardware, resolve
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.estimates import count_parameters
from lightning_modules.stage import StageConfig
from lightning_modules.tasks.finetuning import FinetuningConfig

FORMATS = {
    "examples": 1,
    "corpus": 1,
    "tokenizer": 1,
    "tokens": 1,
    "weights": 1,
    "gate": 1,
    "finetuned": 1,
    "scores": 1,
    "registration": 1,
}
"""Raised when the meaning of a kind's content changes; tests/flows/test_formats.py holds the content to it."""
SCRATCH = "-scratch"
"""Suffix of the fine-tuning that starts from random weights: what pretraining is compared with."""
LANGUAGE_MODEL = "language-model"


class MissingInput(RuntimeError):
    """A stage was asked for whose input has not been built."""


@dataclass(frozen=True)
class PlannedStage:
    """One stage: what it is, what it reads, and the flow that builds it."""

    kind: str
    name: str
    flow: str
    key: Key
    reads: dict[str, str]
    """Role -> label of the stage that gives it."""
    after: tuple[str, ...] = ()
    """Labels of the gates that have to be passed before it is built; they are no part of its key."""

    @property
    def label(self) -> str:
        """'weights/foundation'; unique in a plan."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Plan:
    """A validated recipe on one machine and one store."""

    recipe: Recipe
    overrides: dict[str, Any]
    project: Path
    store: Store
    cache: Path
    tracking: TrackingSettings
    hardware: Hardware
    sources: dict[str, str]
    """Corpus source -> sha256 of its content identity."""
    labelled: dict[str, str]
    """Task -> sha256 of its labelled set's content identity."""

    @cached_property
    def model(self) -> ModelConfig:
        """The network, with the vocabulary of the recipe's tokenizer."""
        longest = max(stage.sequence_length for stage in self.recipe.pretraining.stages.values())
        with said_at("model"):
            model = self.recipe.model.resolve(vocab_size=self.recipe.tokenizer.vocab_size, sequence_length=longest)
        for name, task in self.recipe.finetuning.items():
            if task.sequence_length > model.max_positions:
                raise RecipeError(
                    f"finetuning.{name}.sequence_length: {task.sequence_length} is more than the model's "
                    f"{model.max_positions} positions; set model.max_positions to it or more"
                )
        return model

    @property
    def last_stage(self) -> str:
        """The pretraining stage whose weights are fine-tuned, scored and registered."""
        return list(self.recipe.pretraining.stages)[-1]

    def batch(self, stage: StageConfig) -> Batch:
        """The arithmetic of a pretraining step; raises RecipeError where the sizes do not divide."""
        return divide(self.recipe.training, self.hardware.devices, stage)

    def steps(self, stage: StageConfig) -> int:
        """Optimizer steps that spend the stage's tokens, at least one."""
        return max(1, round(stage.tokens / self.batch(stage).step_tokens))

    def tokens(self, stage: StageConfig) -> int:
        """Positions through the trunk of the steps that are really made."""
        return self.steps(stage) * self.batch(stage).step_tokens

    def tokens_before(self, stage: str | None) -> int:
        """Positions through the trunk before a pretraining stage; None: after all of them."""
        names = list(self.recipe.pretraining.stages)
        before = names if stage is None else names[: names.index(stage)]
        return sum(self.tokens(self.recipe.pretraining.stages[name]) for name in before)

    def flops(self, stage: StageConfig) -> float:
        """Floating-point operations of a pretraining stage."""
        return stage.flops_per_position(self.model) * self.tokens(stage)

    @cached_property
    def stages(self) -> dict[str, PlannedStage]:
        """All stages by label, each after those it reads."""
        return _Stages(self).all()

    def stage(self, label: str) -> PlannedStage:
        """The stage of a label such as 'weights/foundation'."""
        return self.stages[label]

    def select(self, names: list[str]) -> set[str]:
        """The labels that `--refresh` means: a label ('weights/foundation'), or a kind, name or flow that has stages.

        Raises:
            RecipeError: a name that fits no stage.
        """
        chosen: set[str] = set()
        for name in names:
            fitting = {s.label for s in self.stages.values() if name in {s.label, s.kind, s.name, s.flow}}
            if not fitting:
                near = difflib.get_close_matches(name, self.stages, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise RecipeError(f"--refresh {name}: no such stage.{hint} Stages: {', '.join(self.stages)}")
            chosen |= fitting
        return chosen

    def of_flow(self, flow: str) -> list[PlannedStage]:
        """The stages that one flow builds, in order."""
        return [stage for stage in self.stages.values() if stage.flow == flow]

    def found(self, label: str) -> Artifact | None:
        """The finished artifact of a stage, if there is one."""
        return self.store.find(self.stages[label].kind, self.stages[label].key.fingerprint)

    def folder(self, label: str) -> Path:
        """The folder of a finished stage.

        Raises:
            MissingInput: it has not been built.
        """
        artifact = self.found(label)
        if artifact is None:
            stage = self.stages[label]
            done = "passed" if stage.kind == "gate" else "built"
            raise MissingInput(
                f"{label} of recipe '{self.recipe.name}' has not been {done}; run the flow '{stage.flow}' first, or "
                f"everything with: stagelm run {self.recipe.name}"
            )
        return artifact.folder

    def training_values(self) -> dict[str, Any]:
        """What every training depends on.

        Micro-batch, threads and compilation are not among it: they are fixed when a stage first starts and reused
        when it resumes.
        """
        return {
            "model": self.model.model_dump(mode="json"),
            "precision": self.hardware.precision,
            "global_batch_tokens": self.recipe.training.global_batch_tokens,
            "seed": self.recipe.seed,
        }

    def stage_values(self, stage: StageConfig) -> dict[str, Any]:
        """What a stage of pretraining depends on beside that: its settings, with the batch that is in force."""
        return {
            "global_batch_tokens": self.batch(stage).step_tokens,
            "stage": stage.model_dump(mode="json", exclude={"global_batch_tokens", "gate"}),
        }

    def derived(self) -> dict[str, Any]:
        """What was computed from the recipe: printed, logged and kept with the run."""
        parameters = count_parameters(self.model)
        stages = self.recipe.pretraining.stages
        batches = {name: str(self.batch(stage)) for name, stage in stages.items()}
        one, *others = dict.fromkeys(batches.values())
        return {
            "parameters": parameters["total"],
            "parameters_trunk": parameters["trunk"],
            "batch": "; ".join(f"{name}: {batch}" for name, batch in batches.items()) if others else one,
            "steps": {name: self.steps(stage) for name, stage in stages.items()},
            "pretraining_tokens": self.tokens_before(None),
            "pretraining_flops": sum(self.flops(stage) for stage in stages.values()),
            "hardware": self.hardware.model_dump(mode="json"),
        }


class _Stages:
    """Lays out the stages of a plan in the order they are built."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.recipe = plan.recipe
        self.stages: dict[str, PlannedStage] = {}
        self.gates: dict[str, str] = {}
        """Label of weights -> label of their gate."""

    def add(
        self,
        flow: str,
        kind: str,
        name: str,
        values: Mapping[str, Any],
        reads: Mapping[str, str],
        sources: Mapping[str, str] | None = None,
    ) -> str:
        """Adds a stage and returns its label. `sources` are inputs that are no stage: role -> sha256."""
        inputs = {role: self.stages[label].key.fingerprint for role, label in reads.items()}
        key = Key(kind, name, FORMATS[kind], dict(values), {**(sources or {}), **inputs})
        after = tuple(self.gates[label] for label in reads.values() if label in self.gates)
        stage = PlannedStage(kind, name, flow, key, dict(reads), after)
        self.stages[stage.label] = stage
        return stage.label

    def all(self) -> dict[str, PlannedStage]:
        recipe, name = self.recipe, self.recipe.name
        own = {task: config for task, config in recipe.finetuning.items() if config.data.source != "corpus"}
        for task, config in own.items():
            self.examples(task, config, {})
        fed = self.fed_tasks(own)
        corpus = self.add(
            "corpus",
            "corpus",
            name,
            recipe.corpus.model_dump(mode="json"),
            {f"task:{task}": f"examples/{task}" for task in fed},
            {f"source:{source}": digest for source, digest in self.plan.sources.items()},
        )
        for task, config in recipe.finetuning.items():
            if config.data.source == "corpus":
                self.examples(task, config, {"corpus": corpus})
        tokenizer = self.add(
            "tokenization",
            "tokenizer",
            name,
            {**recipe.tokenizer.model_dump(mode="json"), "seed": recipe.seed},
            {"corpus": corpus},
        )
        tokens = self.add("tokenization", "tokens", name, {}, {"corpus": corpus, "tokenizer": tokenizer})
        weights = self.pretraining(tokens, tokenizer)
        scored = [self.score(LANGUAGE_MODEL, {}, {"data": tokens, "weights": weights, "tokenizer": tokenizer})]
        for task, config in recipe.finetuning.items():
            scored.append(self.finetuning(task, config, weights, tokenizer))
        tracking = self.plan.tracking
        self.add(
            "evaluation",
            "registration",
            name,
            {
                "registry": tracking.registry_uri or tracking.tracking_uri or "store",
                "aliases": tracking.aliases.model_dump(mode="json"),
            },
            {label.partition("/")[2]: label for label in scored},
        )
        order = ["corpus", "tokenization", "pretraining", "finetuning", "evaluation"]
        return dict(sorted(self.stages.items(), key=lambda item: order.index(item[1].flow)))

    def fed_tasks(self, own: Mapping[str, FinetuningConfig]) -> list[str]:
        """Tasks whose training text is a source of the corpus."""
        tasks = set()
        for name, source in self.recipe.corpus.sources.items():
            if not isinstance(source, TaskConfig):
                continue
            if source.task not in own:
                known = ", ".join(sorted(own)) or "none here"
                raise RecipeError(
                    f"corpus.sources.{name}: task {source.task!r} is no entry of finetuning with a source of its own "
                    f"({known}); a task that draws from the corpus cannot feed it"
                )
            tasks.add(source.task)
        return sorted(tasks)

    def examples(self, task: str, config: FinetuningConfig, reads: Mapping[str, str]) -> str:
        values = config.data.model_dump(mode="json")
        return self.add("corpus", "examples", task, values, reads, {"labelled": self.plan.labelled[task]})

    def pretraining(self, tokens: str, tokenizer: str) -> str:
        label = ""
        for stage, config in self.recipe.pretraining.stages.items():
            reads = {"tokens": tokens, "tokenizer": tokenizer, **({"weights": label} if label else {})}
            values = {**self.plan.training_values(), **self.plan.stage_values(config)}
            label = self.add("pretraining", "weights", stage, values, reads)
            if config.gate:
                conditions = [condition.model_dump(mode="json") for condition in config.gate]
                judged = {"weights": label, "tokens": tokens, "tokenizer": tokenizer}
                self.gates[label] = self.add("pretraining", "gate", stage, {"conditions": conditions}, judged)
        return label

    def finetuning(self, task: str, config: FinetuningConfig, weights: str, tokenizer: str) -> str:
        settings = config.model_dump(mode="json", exclude={"data", "decoding", "micro_batch_size"})
        values = {**self.plan.training_values(), "finetuning": settings}
        shared = {"examples": f"examples/{task}", "tokenizer": tokenizer}
        tuned = self.add("finetuning", "finetuned", task, values, {**shared, "weights": weights})
        scratch = self.add("finetuning", "finetuned", task + SCRATCH, values, shared)
        return self.score(
            task,
            {"task": config.task, "decoding": config.decoding.model_dump(mode="json")},
            {
                "data": f"examples/{task}",
                "finetuned": tuned,
                "scratch": scratch,
                "weights": weights,
                "tokenizer": tokenizer,
            },
        )

    def score(self, name: str, values: Mapping[str, Any], reads: Mapping[str, str]) -> str:
        evaluation = {
            **self.recipe.evaluation.model_dump(mode="json"),
            "precision": self.plan.hardware.precision,
            "seed": self.recipe.seed,
        }
        return self.add("evaluation", "scores", name, {**evaluation, **values}, reads)


def load_plan(recipe: str, overrides: Mapping[str, Any] | None = None) -> Plan:
    """Reads and checks a recipe and computes its plan on this machine.

    Raises:
        RecipeError: the recipe cannot be used.
        SourceError: a source is missing, empty or not what its sha256 says.
    """
    overrides = dict(overrides or {})
    loaded = load_recipe(recipe, overrides)
    project, cache = project_folder(), default_cache()
    store = Store.default(project)
    tracking = load_settings(project, store.root)
    with said_at(recipe_place(find_recipe(recipe))):
        return _plan(loaded, overrides, project, cache, store, tracking)


def _plan(
    loaded: Recipe, overrides: dict[str, Any], project: Path, cache: Path, store: Store, tracking: TrackingSettings
) -> Plan:
    sources, labelled = {}, {}
    for name, source in loaded.corpus.sources.items():
        with said_at(f"corpus.sources.{name}"):
            sources[name] = source_key(source, cache, project)
    for task, config in loaded.finetuning.items():
        with said_at(f"finetuning.{task}"):
            labelled[task] = examples_key(config.data, cache, project)
    with said_at("training"):
        hardware = resolve(loaded.training)
    plan = Plan(
        recipe=loaded,
        overrides=overrides,
        project=project,
        store=store,
        cache=cache,
        tracking=tracking,
        hardware=hardware,
        sources={name: _digest(key) for name, key in sources.items()},
        labelled={name: _digest(key) for name, key in labelled.items()},
    )
    model = plan.model
    for name, stage in loaded.pretraining.stages.items():
        with said_at(f"pretraining.stages.{name}"):
            stage.check_model(model)
            stage.check_rows(plan.batch(stage).rows)
    for task, finetuning in loaded.finetuning.items():
        with said_at(f"finetuning.{task}"):
            finetuning.stage().check_model(model)
    _ = plan.stages  # lays everything out, so that what does not fit is refused now
    return plan


def _digest(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(identity).encode()).hexdigest()


def project_folder() -> Path:
    """The checkout this package is installed from; the current folder when it is installed from a wheel."""
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()
