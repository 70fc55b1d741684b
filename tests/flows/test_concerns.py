"""Exams of concerns in a recipe: planned, refused, held on the finished tiny run, and told on page and card."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.evaluation import BUILDERS, scored_with
from flows.model_card import card_facts, model_card
from flows.plan import Plan, load_plan
from flows.recipe import RecipeError
from lightning_modules.evaluate import evaluate

WORDS = {"land": ["farmer", "baker", "miner", "农民"], "town": ["doctor", "judge", "singer", "医生"]}
EXAMS: dict[str, dict[str, Any]] = {
    "gaps": {"exam": "group_gaps", "task": "topic", "words": WORDS, "at_least": 1},
    "exchanged": {"exam": "counterfactual", "task": "topic", "swaps": {"pairs": [["farmer", "doctor"]]}},
    "why": {"exam": "attributions", "task": "topic", "texts": 3, "steps": 16},
    "next": {"exam": "attributions", "texts": 3, "length": 12, "steps": 16},
    "by_heart": {"exam": "extraction", "prefix_tokens": 8, "continuation_tokens": 4, "documents": 5},
}


def planned(recipe: Any, exams: dict[str, Any], **overrides: Any) -> Plan:
    return load_plan(str(recipe), {"evaluation.exams": exams, **overrides})


def test_exams_of_a_task_read_what_it_left_and_those_of_the_base_model_do_not(tiny_recipe: Path) -> None:
    plan = planned(tiny_recipe, EXAMS)

    assert plan.stage("scores/gaps").reads.items() >= {
        ("examples", "examples/topic"),
        ("scored", "scores/topic"),
    }
    assert plan.stage("scores/exchanged").reads["scratch"] == "finetuned/topic-scratch"
    assert plan.stage("scores/why").reads["pretrained"] == "finetuned/topic"
    assert not {"finetuned/topic", "examples/topic"} & set(plan.stage("scores/next").reads.values())
    registration = plan.stage("registration/tiny")
    assert scored_with(plan, registration, "topic") == ["topic", "gaps", "exchanged", "why"]
    assert scored_with(plan, registration, None) == ["language-model", "next", "by_heart"]


def test_canaries_are_a_source_of_the_corpus_and_change_it(tiny_recipe: Path) -> None:
    secrets = {"exam": "canaries", "source": "secrets"}
    without = planned(tiny_recipe, {})
    plan = planned(tiny_recipe, {"secrets": secrets}, **{"corpus.sources.secrets": {"canaries": {"repeats": [1, 4]}}})

    assert plan.stage("scores/secrets").reads["corpus"] == "corpus/tiny"
    assert plan.stage("corpus/tiny").key.fingerprint != without.stage("corpus/tiny").key.fingerprint


@pytest.mark.parametrize(
    ("exams", "said"),
    [
        (
            {"a": {"exam": "canaries", "source": "news"}},
            r"'news' is no source of canaries \(there are none\)",
        ),
        ({"a": {"exam": "group_gaps", "task": "topics"}}, "Did you mean '(examples|scores)/topic'"),
        ({"a": {"exam": "counterfactual", "task": "topic", "swaps": {}}}, "nothing to swap"),
        ({"a": {"exam": "stereotype_pairs", "path": "nowhere.jsonl"}}, "no file matches|nowhere"),
    ],
)
def test_what_cannot_be_held_is_refused_before_anything_runs(
    tiny_recipe: Path, exams: dict[str, Any], said: str
) -> None:
    with pytest.raises((RecipeError, ValueError), match=said):
        planned(tiny_recipe, exams)


def test_exams_are_held_on_a_finished_run_and_stand_on_the_card(in_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.evaluation.score", lambda spec, work: evaluate(spec))
    plan = planned(in_store.recipe, EXAMS)
    for name in EXAMS:
        stage = plan.stage(f"scores/{name}")
        with plan.store.building(stage.key) as work:
            BUILDERS["scores"](plan, stage, work, _NoRun())  # type: ignore[arg-type]
    content = {name: json.loads((plan.folder(f"scores/{name}") / "scores.json").read_text()) for name in EXAMS}

    assert {row["system"] for row in content["gaps"]["scores"]} == {"pretrained", "scratch", "majority", "tfidf"}
    assert {row[0] for row in content["gaps"]["tables"][0]["rows"]} == {"land", "town"}
    assert [row["metric"] for row in content["exchanged"]["scores"]] == ["score_change"] * 2
    assert content["why"]["facts"]["steps"] == 16
    assert content["next"]["headline"]["metric"] == "completeness_error"
    assert content["by_heart"]["facts"].keys() >= {"extracted_training", "extracted_held_out"}
    card = model_card(plan, card_facts(plan, "tiny-topic", "topic", ["topic", "gaps", "exchanged"]))
    assert "### gaps" in card
    assert "| equalised_odds_gap | lower | pretrained | " in card


class _NoRun:
    """Keeps nothing of what would be sent to MLflow."""

    def artifact(self, *_: object) -> None: ...
