"""Flow `retraining`: reads the sources again, goes on training on what is new, and judges by a paired test.

Nothing is replaced by hope: the new model becomes champion only when the interval of its paired difference from the
champion, on the same held-out documents, lies wholly on the better side.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from data.corpus import NothingLeft, build_corpus
from data.faults import reach
from data.shards import write_shards
from data.tokenizer import Tokenizer
from flows.corpus import held_out, record_corpus, with_examples
from flows.evaluation import base_predictor, openings, score
from flows.making import run_stage
from flows.mixture import mixture
from flows.plan import Plan, load_plan
from flows.recipe import RecipeError, RetrainingConfig
from flows.recording import Recording, recording
from flows.report import live
from flows.stages import FORMATS, PlannedStage
from flows.store import Artifact, Key, Work, write_atomically
from flows.tracking.registry import Package, Version, champion, promote, register
from flows.tracking.runs import StageRun
from flows.training import train
from flows.verdict import judge, verdict_markdown
from lightning_modules.adapters.full import FullConfig
from lightning_modules.scoring.spec import EvaluateSpec, SystemRef
from lightning_modules.spec import ShardData, TrainSpec
from lightning_modules.stage import StageConfig

FLOW = "retraining"


class NoChampion(RuntimeError):
    """There is no model to go on from."""


@dataclass(frozen=True)
class Retraining:
    """One attempt to better the champion: which artifacts it starts from, and the stages that follow."""

    plan: Plan
    config: RetrainingConfig
    champion: Version

    def known(self, kind: str) -> list[Artifact]:
        """The corpora or tokens that the champion has seen, oldest first.

        Raises:
            NoChampion: one of them is gone from the store.
        """
        found = []
        for fingerprint in json.loads(self.champion.tags[f"stagelm.{kind}"]):
            artifact = self.plan.store.find(kind, fingerprint)
            if artifact is None:
                raise NoChampion(
                    f"{self.champion.uri} was trained on {kind} {fingerprint[:8]}, "
                    f"which is not in {self.plan.store.root}: "
                    f"run the pipeline again (stagelm run {self.plan.recipe.name})"
                )
            found.append(artifact)
        return found

    @cached_property
    def weights(self) -> Artifact:
        """The champion's weights."""
        artifact = self.plan.store.find("weights", self.champion.fingerprint)
        if artifact is None:
            raise NoChampion(
                f"the weights of {self.champion.uri} are not in {self.plan.store.root}: run the pipeline again"
            )
        return artifact

    @cached_property
    def tokenizer(self) -> Artifact:
        """The champion's tokenizer: another one would make another model."""
        fingerprint = self.champion.tags["stagelm.tokenizer"]
        artifact = self.plan.store.find("tokenizer", fingerprint)
        if artifact is None:
            raise NoChampion(
                f"the tokenizer of {self.champion.uri} is not in {self.plan.store.root}: run the pipeline again"
            )
        return artifact

    @property
    def sources(self) -> str:
        """Content of all sources now; the champion's tag of the same form says what it was trained on."""
        return json.dumps(self.plan.sources, sort_keys=True)

    def planned(self, kind: str, name: str, values: dict[str, Any], inputs: dict[str, str]) -> PlannedStage:
        """A stage of this attempt."""
        key = Key(
            kind,
            f"{self.plan.recipe.name}-{name}" if kind in {"corpus", "tokens"} else name,
            FORMATS[kind],
            values,
            inputs,
        )
        return PlannedStage(kind, key.name, FLOW, key, {})

    def corpus(self) -> PlannedStage:
        """The documents that no known corpus has read."""
        known = {f"known:{number}": artifact.fingerprint for number, artifact in enumerate(self.known("corpus"))}
        first = self.plan.stage(f"corpus/{self.plan.recipe.name}").key
        return self.planned("corpus", "new", first.values, {**first.inputs, **known})

    def tokens(self, corpus: str) -> PlannedStage:
        """The new documents in the champion's tokens."""
        return self.planned("tokens", "new", {}, {"corpus": corpus, "tokenizer": self.tokenizer.fingerprint})

    def stage_config(self) -> StageConfig:
        """The last pretraining stage once more, at the length and rate that the recipe gives.

        Its text is the new text with the replay, and its weights do not move from those it ended with.
        """
        last = self.plan.recipe.pretraining.stages[self.plan.last_stage]
        changed = {"tokens": self.config.tokens, "peak_lr": self.config.peak_lr}
        return last.model_copy(update=changed | {"sources": None, "blend_fraction": 0.0})

    def retrained(self, tokens: str) -> PlannedStage:
        """The champion's weights, trained on."""
        values = {
            **self.plan.training_values(),
            **self.plan.stage_values(self.stage_config()),
            "replay": self.config.replay,
        }
        replay = {f"replay:{number}": artifact.fingerprint for number, artifact in enumerate(self.known("tokens"))}
        inputs = {
            "tokens": tokens,
            "weights": self.weights.fingerprint,
            "tokenizer": self.tokenizer.fingerprint,
            **replay,
        }
        return self.planned("weights", "retrained", values, inputs)

    def scores(self, name: str, tokens: str, challenger: str) -> PlannedStage:
        """Champion and challenger on the test documents of one tokens artifact."""
        values = {**self.plan.recipe.evaluation.model_dump(mode="json"), "seed": self.plan.recipe.seed}
        inputs = {"data": tokens, "champion": self.weights.fingerprint, "challenger": challenger}
        return self.planned("scores", f"retrained-on-{name}", values, inputs)

    def mixture(self, new: Path) -> ShardData:
        """New text, with the recipe's part of old text replayed; old artifacts by their size."""
        old = self.known("tokens") if self.config.replay else []
        sizes = [artifact.manifest["counts"]["counts"]["train"]["tokens"] for artifact in old]
        weights = self.plan.source_weights
        sources = mixture(new, weights, 1 - self.config.replay if old else 1.0)
        for artifact, size in zip(old, sizes, strict=True):
            sources += mixture(artifact.folder, weights, self.config.replay * size / sum(sizes))
        return ShardData(sources=sources)


@flow(name="retraining", flow_run_name="retraining/{recipe}", result_serializer="json")
def retraining(recipe: str = "demo", overrides: dict[str, Any] | None = None) -> State[Any]:
    """Trains the champion on where its sources have new text, and promotes the result if a paired test says so.

    Args:
        recipe: name of a shipped recipe or path to a YAML file; a pipeline of it must have registered a champion.
        overrides: dotted recipe keys and their values.
    """
    plan = load_plan(recipe, overrides)
    config = plan.recipe.retraining
    if config is None:
        raise RecipeError(f"recipe '{plan.recipe.name}' has no `retraining:`; give it tokens, replay and peak_lr")
    name = plan.tracking.base_model(plan.recipe.name)
    version = champion(plan.tracking, name)
    if version is None:
        raise NoChampion(
            f"no champion of {name} at {plan.tracking.registry}; run first: stagelm run {plan.recipe.name}"
        )
    attempt = Retraining(plan, config, version)
    if version.tags.get("stagelm.sources") == attempt.sources:
        return _nothing_new(f"the sources are those that {version.uri} was trained on")
    with recording(plan, FLOW) as record:
        try:
            corpus = run_stage(plan, attempt.corpus(), _write_corpus(attempt), record)
        except NothingLeft:
            return _nothing_new("every document has been read before, or is a duplicate of one that was")
        tokens = run_stage(plan, attempt.tokens(corpus["fingerprint"]), _write_tokens(attempt, corpus), record)
        new = plan.store.root / tokens["folder"]
        count = json.loads((new / "tokens.json").read_text())["counts"]["train"]["tokens"]
        if count < config.min_new_tokens:
            return _nothing_new(
                f"{count:,} new tokens are less than retraining.min_new_tokens, {config.min_new_tokens:,}"
            )
        return _judged(attempt, record, corpus, tokens, new)


def _judged(
    attempt: Retraining, record: Recording, corpus: dict[str, Any], tokens: dict[str, Any], new: Path
) -> State[Any]:
    """Trains, scores, registers, decides and keeps the verdict."""
    plan = attempt.plan
    challenger = run_stage(plan, attempt.retrained(tokens["fingerprint"]), _write_weights(attempt, new), record)
    weights = plan.store.root / challenger["folder"]
    scored = []
    for name, fingerprint, folder in [
        *((f"known-{number}", old.fingerprint, old.folder) for number, old in enumerate(attempt.known("tokens"))),
        ("new", tokens["fingerprint"], new),
    ]:
        if json.loads((folder / "tokens.json").read_text())["counts"]["test"]["documents"]:
            stage = attempt.scores(name, fingerprint, challenger["fingerprint"])
            scored.append(run_stage(plan, stage, _write_scores(attempt, weights, folder), record))
    verdict = judge([plan.store.root / outcome["folder"] for outcome in scored], attempt.champion, plan)
    registered = register(
        plan.tracking,
        attempt.champion.name,
        Package(weights, attempt.tokenizer.folder, base_predictor(plan)),
        fingerprint=challenger["fingerprint"],
        run_id=record.tracking.run_id,
        metrics={"verdict/difference": verdict.difference, "verdict/low": verdict.low, "verdict/high": verdict.high},
        tags={
            **{key: value for key, value in attempt.champion.tags.items() if key.startswith("stagelm.")},
            "stagelm.sources": attempt.sources,
            "stagelm.corpus": json.dumps([*(a.fingerprint for a in attempt.known("corpus")), corpus["fingerprint"]]),
            "stagelm.tokens": json.dumps([*(a.fingerprint for a in attempt.known("tokens")), tokens["fingerprint"]]),
        },
        example=openings(attempt.known("corpus")[0].folder),
    )
    promote(plan.tracking, registered.name, registered.number, verdict)
    text = verdict_markdown(verdict, registered, scored)
    write_atomically(plan.store.root / "runs" / f"{record.id}.verdict.md", text)
    record.tracking.text(text, "verdict.md", "reports")
    create_markdown_artifact(key="verdict", markdown=text, description=verdict.reason)
    live.note(verdict.reason)
    return Completed(
        name="Promoted" if verdict.promoted else "Kept", message=verdict.reason, data=verdict.model_dump(mode="json")
    )


def _nothing_new(why: str) -> State[Any]:
    live.note(f"nothing new: {why}")
    return Completed(name="NothingNew", message=f"nothing new: {why}", data={"promoted": False, "reason": why})


def _write_corpus(attempt: Retraining) -> Any:
    plan = attempt.plan

    def build(_: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
        summary = build_corpus(
            with_examples(plan),
            output=work.output,
            cache=plan.cache,
            root=plan.project,
            workers=plan.hardware.threads,
            known=[artifact.folder for artifact in attempt.known("corpus")],
            examples=held_out(plan),
            scratch=work.folder / "scratch",
            progress=live.progress(stage.label),
        )
        work.counts = summary.model_dump(mode="json")
        record_corpus(stage, work, run)

    return build


def _write_tokens(attempt: Retraining, corpus: dict[str, Any]) -> Any:
    def build(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
        tokenizer = Tokenizer.load(attempt.tokenizer.folder)
        work.counts = write_shards(
            plan.store.root / corpus["folder"], tokenizer, work.output, live.progress(stage.label)
        )

    return build


def _write_weights(attempt: Retraining, new: Path) -> Any:
    def build(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
        config = attempt.stage_config()
        batch = plan.batch(config)
        spec = TrainSpec(
            name=stage.label,
            work=work.folder,
            output=work.output,
            tokenizer=attempt.tokenizer.folder,
            model=plan.model,
            init=attempt.weights.folder,
            data=attempt.mixture(new),
            stage=config,
            adapter=FullConfig(),
            steps=plan.steps(config),
            micro_batch_size=batch.rows,
            micro_batches=batch.micro_batches,
            tokens_before=json.loads((attempt.weights.folder / "stage.json").read_text())["tokens"],
            hardware=plan.hardware,
            seed=plan.recipe.seed,
        )
        train(plan, spec, work, run)
        reach("retraining/trained")

    return build


def _write_scores(attempt: Retraining, challenger: Path, tokens: Path) -> Any:
    def build(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
        spec = EvaluateSpec(
            name=stage.name,
            task="language_model",
            systems={
                "challenger": SystemRef(weights=challenger),
                "champion": SystemRef(weights=attempt.weights.folder),
            },
            tokenizer=attempt.tokenizer.folder,
            data=tokens,
            sequence_length=attempt.stage_config().sequence_length,
            resamples=plan.recipe.evaluation.bootstrap,
            max_tokens=plan.recipe.evaluation.tokens,
            stride=plan.recipe.evaluation.stride,
            hardware=plan.hardware,
            seed=plan.recipe.seed,
            work=work.folder,
            output=work.output,
        )
        score(spec, work)

    return build
