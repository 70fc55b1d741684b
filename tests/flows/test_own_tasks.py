"""A user's own tables as tasks of every kind, as far as the plan: nothing is built."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.plan import Plan, load_plan
from flows.recipe import RecipeError

TABLES = {
    "topics.csv": "body,topics\nhello,a|b\n",
    "names.conll": "李雷 B-PER\n\n",
    "squad.json": '{"data": []}',
    "queries.tsv": "text\tpage\nwho\tp1\n",
    "pages.csv": "id,text\np1,somebody\n",
}
TASKS: dict[str, dict[str, Any]] = {
    "topics": {
        "task": "multi_label",
        "data": {
            "path": "topics.csv", "input": "body", "classes": "topics", "separator": "|", "labels": ["a", "b"],
        },
    },
    "names": {
        "task": "tagging",
        "data": {"path": "names.conll", "language": "zh", "input": "tokens", "tags": "tags", "labels": ["PER"]},
    },
    "reading": {
        "task": "extractive_qa",
        "data": {"path": "squad.json", "input": "context", "question": "question", "answer": "answers"},
    },
    "manual": {
        "task": "retrieval",
        "data": {"path": "queries.tsv", "documents": "page", "searched": {"path": "pages.csv"}},
    },
}  # fmt: skip
SHARED = {"examples": 64, "batch_size": 8, "micro_batch_size": 8, "sequence_length": 48, "peak_lr": 1e-3}


def write(recipe: Path, changes: dict[str, dict[str, Any]] | None = None) -> Path:
    """The tiny recipe with four more tasks; `changes` are made to their data."""
    folder = recipe.parent
    for name, content in TABLES.items():
        (folder / name).write_text(content, encoding="utf-8")
    whole = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    for name, task in TASKS.items():
        data = {"source": "file"} | task["data"] | (changes or {}).get(name, {})
        data["path"] = str(folder / data["path"])
        if "searched" in data:
            data["searched"] = {"path": str(folder / data["searched"]["path"])}
        whole["finetuning"][name] = SHARED | task | {"data": data}
    own = folder / "own.yaml"
    own.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    return own


def keys(plan: Plan) -> dict[str, str]:
    return {label: stage.key.fingerprint for label, stage in plan.stages.items()}


def test_every_table_is_planned_as_examples_training_and_scores(tiny_recipe: Path):
    plan = load_plan(str(write(tiny_recipe)))

    for name in TASKS:
        for label in (f"examples/{name}", f"finetuned/{name}", f"finetuned/{name}-scratch", f"scores/{name}"):
            assert label in plan.stages
    assert plan.recipe.finetuning["names"].stage().objectives["tagging"].settings.classes == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(("file", "task"), [("names.conll", "names"), ("pages.csv", "manual")])
def test_a_changed_table_changes_the_keys_of_its_task_alone(tiny_recipe: Path, file: str, task: str):
    recipe = write(tiny_recipe)
    before = keys(load_plan(str(recipe)))
    (recipe.parent / file).write_text(TABLES[file] + "\n\n", encoding="utf-8")
    after = keys(load_plan(str(recipe)))
    changed = {label for label in before if before[label] != after[label]}

    assert {f"examples/{task}", f"finetuned/{task}", f"finetuned/{task}-scratch", f"scores/{task}"} <= changed
    assert {label for label in changed if not label.startswith("registration/")} == {
        label for label in changed if label.rpartition("/")[2].removesuffix("-scratch") == task
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"names": {"tags": None, "label": "tags", "labels": ["a", "b"]}},
            r"finetuning\.names: task 'tagging' needs data\.labels",
        ),
        ({"topics": {"classes": None, "target": "topics", "labels": []}}, r"task 'multi_label' needs data\.labels"),
        ({"reading": {"question": None}}, "answer needs question, the column of what is asked"),
    ],
)
def test_data_that_do_not_fit_the_task_are_refused_by_place(tiny_recipe: Path, changes: dict, message: str):
    with pytest.raises(RecipeError, match=message):
        load_plan(str(write(tiny_recipe, changes)))


def test_a_micro_batch_of_one_query_is_refused(tiny_recipe: Path):
    overrides = {"finetuning.manual.micro_batch_size": 1}
    with pytest.raises(RecipeError, match=r"task 'retrieval' compares the examples of a micro-batch.* got 1; raise"):
        load_plan(str(write(tiny_recipe)), overrides)
