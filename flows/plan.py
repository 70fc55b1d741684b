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

from data.cleaning import sources_of_rules
from data.decontamination import against_key
from data.engines import require_engine
from data.sources import default_cache, source_key
from data.tasks import LabelledSource, examples_key
from data.tasks.base import Places
from data.views import VIEWS
from flows.batch import Batch, divide
from flows.recipe import Recipe, RecipeError, find_recipe, load_recipe, recipe_place, said_at
from flows.stages import PlannedStage, lay_out
from flows.store import Artifact, Store, canonical_json
from flows.tracking.settings import TrackingSettings, load_settings
from lightning_modules.hardware import Hardware, resolve
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.estimates import count_parameters
from lightning_modules.stage import StageConfig


class MissingInput(RuntimeError):
    """A stage was asked for whose input has not been built."""


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
    """Corpus source, or 'cleaning.rule.setting' that reads one -> sha256 of its content identity."""
    labelled: dict[str, str]
    """Task, or exam with a labelled set of its own -> sha256 of the set's content identity."""
    examined: dict[str, str]
    """Exam -> sha256 of the content identity of its own files."""
    against: dict[str, str]
    """Table of `corpus.decontamination.against` -> sha256 of its file."""

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

    @property
    def sequence_length(self) -> int:
        """Positions that the last stage reads at once."""
        return self.recipe.pretraining.stages[self.last_stage].sequence_length

    def labelled_source(self, name: str) -> LabelledSource:
        """The labelled set of a task, or of an exam that has its own."""
        if name in self.recipe.finetuning:
            return self.recipe.finetuning[name].data
        source = self.recipe.evaluation.exams[name].labelled
        assert source is not None  # `lay_out` plans examples for no others
        return source

    @property
    def source_weights(self) -> dict[str, float]:
        """Source of the corpus -> its weight in pretraining; empty where all weigh the same, so that none matters."""
        weights = {name: source.weight for name, source in self.recipe.corpus.sources.items()}
        return weights if len(set(weights.values())) > 1 else {}

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
        return lay_out(self)

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
        weighted = {"source_weights": self.source_weights} if self.source_weights and stage.sources is None else {}
        return {
            **weighted,
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
    sources, labelled, examined = {}, {}, {}
    for name, source in loaded.corpus.sources.items():
        with said_at(f"corpus.sources.{name}"):
            sources[name] = source_key(source, cache, project)
    for setting, read in sources_of_rules(loaded.corpus.cleaning).items():
        with said_at(f"corpus.cleaning.{setting}"):
            sources[f"cleaning.{setting}"] = source_key(read, cache, project)
    for task, config in loaded.finetuning.items():
        with said_at(f"finetuning.{task}"):
            labelled[task] = examples_key(config.data, cache, project)
    for name, exam in loaded.evaluation.exams.items():
        with said_at(f"evaluation.exams.{name}"):
            examined[name] = exam.content(Places(cache, project, corpus=None))
            if exam.labelled is not None:
                labelled[name] = examples_key(exam.labelled, cache, project)
    with said_at("corpus.decontamination.against"):
        decontamination = loaded.corpus.decontamination
        against = against_key(decontamination.against, cache, project) if decontamination else {}
    with said_at("corpus.engine"):
        require_engine(loaded.corpus.engine)
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
        examined={name: _digest(key) for name, key in examined.items()},
        against=against,
    )
    _check(plan)
    return plan


def _check(plan: Plan) -> None:
    """Refuses what does not fit together, now rather than in the middle of a run."""
    model = plan.model
    for name, stage in plan.recipe.pretraining.stages.items():
        with said_at(f"pretraining.stages.{name}"):
            rows = plan.batch(stage).rows
            stage.freeze.check_model(model)
        for use_name, use in stage.objectives.items():
            with said_at(f"pretraining.stages.{name}.objectives.{use_name}"):
                use.check_model(model)
                VIEWS[use.objective].check_rows(use_name, "windows", rows)
    for task, config in plan.recipe.finetuning.items():
        with said_at(f"finetuning.{task}"):
            config.check_model(model)
    _ = plan.stages


def _digest(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(identity).encode()).hexdigest()


def project_folder() -> Path:
    """The checkout this package is installed from; the current folder when it is installed from a wheel."""
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()
