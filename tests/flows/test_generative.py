"""Tasks whose answers are written, in a plan."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.evaluation import judge_of, task_predictor
from flows.plan import load_plan
from flows.recipe import RecipeError

SHARED = {"batch_size": 8, "micro_batch_size": 8, "sequence_length": 48, "peak_lr": 1e-3, "examples": 32}
CODE = {"max_new_tokens": 8, "samples": 5, "temperature": 0.8}


@pytest.fixture
def recipe(tiny_recipe: Path) -> Path:
    """The tiny recipe with a task of each kind that writes, after its own."""
    folder = tiny_recipe.parent
    (folder / "chats.jsonl").write_text(json.dumps(["你好", "您好"], ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "programs.jsonl").write_text(json.dumps({"prompt": "f", "solution": "f = 1", "tests": "f"}) + "\n")
    (folder / "sql.jsonl").write_text(json.dumps({"question": "?", "query": "SELECT 1", "schema": "", "rows": ""}))
    short = {"decoding": {"max_new_tokens": 8}}
    tasks: dict[str, dict[str, Any]] = {
        "talk": {"task": "dialogue", "data": {"source": "conversations", "path": str(folder / "chats.jsonl")}} | short,
        "sums": {"task": "arithmetic", "data": {"source": "arithmetic", "language": "zh", "form": "stories"}} | short,
        "tale": {"task": "story", "data": {"source": "openings", "sources": ["news"]}} | short,
        "guided": {
            "task": "guided_story",
            "data": {"source": "openings", "ask_keywords": 1, "ask_length": True},
            "decoding": {**CODE, "keywords": "forced", "choose": "constraints"},
            "judge": "topic",
        },
        "programs": {
            "task": "code",
            "data": {"source": "programs", "path": str(folder / "programs.jsonl")},
            "decoding": CODE,
        },
        "queries": {"task": "text_to_sql", "data": {"source": "sql", "path": str(folder / "sql.jsonl")}} | short,
    }
    raw = yaml.safe_load(tiny_recipe.read_text(encoding="utf-8"))
    raw["finetuning"] |= {name: SHARED | task for name, task in tasks.items()}
    path = folder / "writing.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(raw)), allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def test_tasks_of_the_corpus_inherit_its_split_and_others_come_before_it(recipe: Path) -> None:
    stages = load_plan(str(recipe)).stages

    assert "corpus" in stages["examples/tale"].reads
    assert not stages["examples/talk"].reads
    assert list(stages).index("examples/tale") > list(stages).index("corpus/tiny")


def test_a_judge_is_read_by_the_scores_of_its_task_and_by_no_training(recipe: Path) -> None:
    plan = load_plan(str(recipe))
    other = load_plan(str(recipe), {"finetuning.topic.peak_lr": 2e-3})

    assert plan.stages["scores/guided"].reads["judge"] == "finetuned/topic"
    changed = {label for label, stage in plan.stages.items() if stage.key != other.stages[label].key}
    assert {"scores/guided", "scores/topic", "finetuned/topic"} <= changed
    assert "finetuned/guided" not in changed
    folders = {"judge": Path("judge"), "weights": Path("base")}
    ref = judge_of(plan, plan.recipe.finetuning["guided"], folders)
    assert ref is not None
    assert (ref.labels, ref.base, ref.sequence_length) == (("calm", "loud"), None, 48)


@pytest.mark.parametrize("judge", ["tale", "programs", "nobody"])
def test_a_judge_is_a_classification_that_stands_before(recipe: Path, judge: str) -> None:
    with pytest.raises(RecipeError, match=f"finetuning.guided.judge: '{judge}' is no classification .* there: topic"):
        load_plan(str(recipe), {"finetuning.guided.judge": judge})


def test_how_answers_are_made_changes_scores_and_no_weights(recipe: Path) -> None:
    plan, other = load_plan(str(recipe)), load_plan(str(recipe), {"finetuning.talk.decoding.repetition_penalty": 1.3})
    changed = {label for label, stage in plan.stages.items() if stage.key != other.stages[label].key}

    assert changed == {"scores/talk", "registration/tiny"}


def test_a_registered_model_that_talks_is_told_so(recipe: Path) -> None:
    tasks = load_plan(str(recipe)).recipe.finetuning

    assert task_predictor(tasks["talk"]).template == "chat"
    assert task_predictor(tasks["queries"]).template == "pair"
