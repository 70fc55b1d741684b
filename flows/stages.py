"""The stages of a plan in the order they are built: what each one is, what it reads, and the key it has by that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.naming import look_up
from data.sources import TaskConfig
from data.tasks import LabelledSource
from flows.recipe import RecipeError, said_at
from flows.store import Key
from lightning_modules.exams.base import Exam
from lightning_modules.tasks.finetuning import FinetuningConfig

if TYPE_CHECKING:
    from flows.plan import Plan

FORMATS = {
    "examples": 3,
    "corpus": 3,
    "tokenizer": 1,
    "tokens": 2,
    "weights": 2,
    "gate": 1,
    "finetuned": 3,
    "scores": 4,
    "registration": 2,
}
"""Raised when the meaning of a kind's content changes; tests/flows/test_formats.py holds the content to it."""
SCRATCH = "-scratch"
"""Suffix of the fine-tuning that starts from random weights: what pretraining is compared with."""
LANGUAGE_MODEL = "language-model"


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


def lay_out(plan: Plan) -> dict[str, PlannedStage]:
    """Returns all stages of a plan by label, each after those it reads.

    Raises:
        RecipeError: a source of the corpus draws from a task that cannot feed it.
    """
    return _Layout(plan).all()


class _Layout:
    """The stages so far."""

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
        own = {task: config for task, config in recipe.finetuning.items() if not config.data.of_corpus}
        for task, config in own.items():
            self.examples(task, config.data, {})
        fed = self.fed_tasks(own)
        looked_into = sorted(own) if recipe.corpus.decontamination else fed
        corpus = self.add(
            "corpus",
            "corpus",
            name,
            recipe.corpus.content(),
            {f"task:{task}": f"examples/{task}" for task in looked_into},
            {f"source:{source}": digest for source, digest in self.plan.sources.items()}
            | {f"against:{table}": digest for table, digest in self.plan.against.items()},
        )
        for task, config in recipe.finetuning.items():
            if config.data.of_corpus:
                self.examples(task, config.data, {"corpus": corpus})
        for exam, settings in recipe.evaluation.exams.items():
            if settings.labelled is not None:
                read = {"corpus": corpus} if settings.labelled.of_corpus else {}
                self.examples(exam, settings.labelled, read)
        tokenizer = self.add(
            "tokenization",
            "tokenizer",
            name,
            {**recipe.tokenizer.model_dump(mode="json"), "seed": recipe.seed},
            {"corpus": corpus},
        )
        tokens = self.add("tokenization", "tokens", name, {}, {"corpus": corpus, "tokenizer": tokenizer})
        weights = self.pretraining(tokens, tokenizer)
        scored: list[str] = []
        if recipe.pretraining.writes:
            read = {"data": tokens, "weights": weights, "tokenizer": tokenizer}
            scored.append(self.score(LANGUAGE_MODEL, {"stride": recipe.evaluation.stride}, read))
        for task, config in recipe.finetuning.items():
            scored.append(self.finetuning(task, config, weights, tokenizer))
        examined: list[str] = []
        for exam, settings in recipe.evaluation.exams.items():
            with said_at(f"evaluation.exams.{exam}"):
                examined.append(self.exam(exam, settings, weights, tokens, tokenizer))
        if scored:
            self.registration([*scored, *examined])
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

    def examples(self, task: str, source: LabelledSource, reads: Mapping[str, str]) -> str:
        values = source.model_dump(mode="json")
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
        settings = config.model_dump(mode="json", exclude={"data", "decoding", "judge", "metrics", "micro_batch_size"})
        values = {**self.plan.training_values(), "finetuning": settings}
        shared = {"examples": f"examples/{task}", "tokenizer": tokenizer}
        tuned = self.add("finetuning", "finetuned", task, values, {**shared, "weights": weights})
        scratch = self.add("finetuning", "finetuned", task + SCRATCH, values, shared)
        searched = self.recipe.corpus.decontamination is not None and not config.data.of_corpus
        return self.score(
            task,
            {
                "task": config.task,
                "decoding": config.decoding.model_dump(mode="json"),
                **({"metrics": list(config.metrics)} if config.metrics else {}),
            },
            {
                "data": f"examples/{task}",
                "finetuned": tuned,
                "scratch": scratch,
                "weights": weights,
                "tokenizer": tokenizer,
                **({"corpus": f"corpus/{self.recipe.name}"} if searched else {}),
                **({"judge": f"finetuned/{config.judge}"} if config.judge else {}),
            },
        )

    def exam(self, name: str, exam: Exam, weights: str, tokens: str, tokenizer: str) -> str:
        own = {"tokens": tokens, "corpus": f"corpus/{self.recipe.name}"}
        reads = {"weights": weights, "tokenizer": tokenizer}
        if exam.labelled is not None:
            reads["examples"] = f"examples/{name}"
        for role, label in exam.reads().items():
            reads[role] = own.get(label, label)
            look_up("stage", reads[role], self.stages)
        values = {"exam": exam.settings(), "sequence_length": self.plan.sequence_length}
        return self.score(name, values, reads, {"exam": self.plan.examined[name]})

    def registration(self, scored: Sequence[str]) -> None:
        tracking = self.plan.tracking
        values = {
            "registry": tracking.registry_uri or tracking.tracking_uri or "store",
            "aliases": tracking.aliases.model_dump(mode="json"),
            "models": tracking.models.model_dump(mode="json"),
            "recipe": self.recipe.name,
            "description": self.recipe.description,
        }
        reads = {label.partition("/")[2]: label for label in scored}
        self.add("evaluation", "registration", self.recipe.name, values, reads)

    def score(
        self,
        name: str,
        values: Mapping[str, Any],
        reads: Mapping[str, str],
        sources: Mapping[str, str] | None = None,
    ) -> str:
        evaluation = {
            **self.recipe.evaluation.model_dump(mode="json", exclude={"exams", "stride"}),
            "precision": self.plan.hardware.precision,
            "seed": self.recipe.seed,
        }
        return self.add("evaluation", "scores", name, {**evaluation, **values}, reads, sources)
