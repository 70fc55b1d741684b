"""Exams in a recipe: planned, refused, held by the child process, and shown like every scored set."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flows.figures import headline, headline_metrics
from flows.plan import Plan, load_plan
from flows.recipe import RecipeError
from flows.stages import PlannedStage

PAIRS = [("The farmer visits.", "The farmer visit."), ("农民在市场。", "在农民市场。")]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two minimal pairs, English and Chinese."""
    file = tmp_path / "pairs.jsonl"
    rows = [{"sentence_good": good, "sentence_bad": bad} for good, bad in PAIRS]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def asking(**exams: Mapping[str, Any]) -> dict[str, Any]:
    return {"evaluation.exams": exams}


def keys(plan: Plan) -> dict[str, str]:
    return {label: stage.key.fingerprint for label, stage in plan.stages.items()}


def test_an_exam_is_a_stage_of_its_own_and_changes_no_other_score(tiny_recipe: Path, pairs: Path) -> None:
    without = keys(load_plan(str(tiny_recipe)))
    grammar = {"exam": "minimal_pairs", "path": str(pairs)}
    plan = load_plan(str(tiny_recipe), asking(grammar=grammar, hidden={"exam": "pseudo_perplexity", "tokens": 50}))
    added = keys(plan)

    assert set(added) - set(without) == {"scores/grammar", "scores/hidden"}
    assert {label for label in without if without[label] != added[label]} == {"registration/tiny"}
    assert plan.stage("scores/grammar").flow == "evaluation"
    assert plan.stage("scores/grammar").reads["weights"] == "weights/discrimination"
    assert {"grammar", "hidden", "language-model"} <= set(plan.stage("registration/tiny").reads)


def test_an_exam_is_held_again_when_its_file_changes_and_not_when_it_moves(tiny_recipe: Path, pairs: Path) -> None:
    def fingerprint(path: Path) -> str:
        exam = {"exam": "minimal_pairs", "path": str(path)}
        return load_plan(str(tiny_recipe), asking(grammar=exam)).stage("scores/grammar").key.fingerprint

    before = fingerprint(pairs)
    elsewhere = pairs.parent / "elsewhere" / pairs.name
    elsewhere.parent.mkdir()
    pairs.rename(elsewhere)
    assert fingerprint(elsewhere) == before

    elsewhere.write_text(elsewhere.read_text(encoding="utf-8").replace("farmer", "doctor"), encoding="utf-8")
    assert fingerprint(elsewhere) != before


@pytest.mark.parametrize(
    ("exams", "said"),
    [
        ({"grammar": {"exam": "minimal_pears"}}, "evaluation.exams.grammar"),
        ({"grammar": {"exam": "minimal_pairs", "path": "nowhere/*.jsonl"}}, "no file matches"),
        ({"topic": {"exam": "pseudo_perplexity"}}, "topic is scored already under this name"),
        ({"two words": {"exam": "pseudo_perplexity"}}, "cannot name a stage"),
    ],
)
def test_what_cannot_be_held_is_refused_before_anything_runs(
    tiny_recipe: Path, exams: dict[str, Any], said: str
) -> None:
    with pytest.raises((RecipeError, ValueError), match=said):
        load_plan(str(tiny_recipe), asking(**exams))


def test_a_network_is_not_asked_for_what_it_never_learnt(tiny_recipe: Path) -> None:
    stages = {name: f"pretraining.stages.{name}" for name in ("foundation", "discrimination")}
    causal = {f"{stage}.objectives": {"causal_lm": {"share": 1.0}} for stage in stages.values()}
    gates = {f"{stages['foundation']}.gate": []}

    with pytest.raises(RecipeError, match=r"evaluation.exams.hidden: asks for masked .* masked_lm"):
        load_plan(str(tiny_recipe), causal | gates | asking(hidden={"exam": "pseudo_perplexity"}))


TOPIC = {"template": "{input} It was {label}.", "verbalizer": {"calm": "calm", "loud": "loud"}}


def test_prompting_reads_the_examples_of_a_task_or_builds_its_own(tiny_recipe: Path) -> None:
    source = load_plan(str(tiny_recipe)).recipe.finetuning["topic"].data.model_dump(mode="json")
    plan = load_plan(
        str(tiny_recipe),
        asking(
            shared={"exam": "prompting", "task": "topic", **TOPIC}, own={"exam": "prompting", "data": source, **TOPIC}
        ),
    )

    assert plan.stage("scores/shared").reads["examples"] == "examples/topic"
    assert plan.stage("scores/own").reads["examples"] == "examples/own"
    assert plan.stage("examples/own").flow == "corpus"
    assert plan.labelled_source("own").labels == ("calm", "loud")


def test_a_verbaliser_of_other_classes_is_refused_with_its_place(tiny_recipe: Path) -> None:
    exam = {"exam": "prompting", "task": "topic", **TOPIC, "verbalizer": {"calm": "calm", "noisy": "loud"}}
    with pytest.raises(RecipeError, match=r"evaluation.exams.shared: verbalizer has calm, noisy, but .* calm, loud"):
        load_plan(str(tiny_recipe), asking(shared=exam))


def test_an_exam_is_held_by_the_child_and_found_again(in_store: Any, pairs: Path) -> None:
    from flows.evaluation import BUILDERS

    plan = load_plan(in_store.recipe, asking(grammar={"exam": "minimal_pairs", "path": str(pairs)}))
    stage: PlannedStage = plan.stage("scores/grammar")
    with plan.store.building(stage.key) as work:
        BUILDERS["scores"](plan, stage, work, _NoRun())  # type: ignore[arg-type]
    folder = plan.folder("scores/grammar")
    content = json.loads((folder / "scores.json").read_text(encoding="utf-8"))

    figures, line = headline_metrics(folder), headline(folder)
    shutil.rmtree(folder)  # the store is that of all tests

    assert content["task"] == "minimal_pairs"
    assert {row["system"] for row in content["scores"]} == {"pretrained", "untrained", "unigram"}
    assert line.startswith("choice_accuracy ")
    assert "grammar/choice_accuracy_mean_of_groups" in figures
    assert "grammar/scoring" not in figures  # a text is no figure


class _NoRun:
    """Keeps nothing of what would be sent to MLflow."""

    def artifact(self, *_: object) -> None: ...
