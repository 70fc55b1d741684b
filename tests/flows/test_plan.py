"""The plan: arithmetic, keys and refusals, all before anything is built."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.commands.plan import plan as plan_command
from flows.plan import MissingInput, load_plan
from flows.recipe import RecipeError, load_recipe
from lightning_modules.networks import flops_per_token
from tests.flows.conftest import tree

FOUNDATION, DISCRIMINATION = "pretraining.stages.foundation", "pretraining.stages.discrimination"
NO_GATE: dict[str, Any] = {f"{FOUNDATION}.gate": []}
"""The tiny recipe's gate names an objective that other objectives take the place of."""


def refused(recipe: Path, overrides: dict[str, Any]) -> str:
    """What the plan says is wrong, without the recipe's file, which it names first."""
    with pytest.raises(RecipeError) as caught:
        load_plan(str(recipe), overrides)
    said = str(caught.value)
    assert said.startswith(f"{recipe}: ")
    assert "\n" not in said
    return said.removeprefix(f"{recipe}: ")


def test_a_step_is_divided_into_rows_and_micro_batches(tiny_recipe: Path) -> None:
    plan = load_plan(str(tiny_recipe))
    batch = plan.batch(plan.recipe.pretraining.stages["foundation"])
    assert (batch.rows, batch.micro_batches, batch.devices, batch.step_tokens) == (2, 4, 1, 512)
    assert str(batch) == "2 sequences x 64 tokens x 4 accumulation x 1 device = 512 tokens/step"


def test_two_devices_share_the_micro_batches(tiny_recipe: Path) -> None:
    two = {"training.devices": 2, "training.strategy": "ddp", "training.threads": 2}
    plan = load_plan(str(tiny_recipe), two)
    batch = plan.batch(plan.recipe.pretraining.stages["foundation"])
    assert str(batch) == "2 sequences x 64 tokens x 2 accumulation x 2 devices = 512 tokens/step"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            {"training.micro_batch_tokens": 96},
            f"{FOUNDATION}: training.micro_batch_tokens: 96 is no multiple of sequence_length 64",
        ),
        (
            {"training.micro_batch_tokens": 32},
            f"{FOUNDATION}: training.micro_batch_tokens: 32 is no multiple of sequence_length 64",
        ),
        (
            {"training.global_batch_tokens": 192},
            f"{FOUNDATION}: training.global_batch_tokens: 192 is no multiple of micro_batch_tokens 128 x 1 devices",
        ),
        (
            {"training.global_batch_tokens": 64},
            f"{FOUNDATION}: training.global_batch_tokens: 64 is no multiple of micro_batch_tokens 128 x 1 devices",
        ),
        (
            {"model.max_positions": 32},
            "model: max_positions is 32, but sequences have 64 positions: raise it, or shorten sequence_length",
        ),
        (
            {"finetuning.topic.sequence_length": 65},
            "finetuning.topic.sequence_length: 65 is more than the model's 64 positions; set model.max_positions to it",
        ),
        (
            NO_GATE | {f"{FOUNDATION}.objectives": {"blank_infilling": {}}},
            f"{FOUNDATION}.objectives.blank_infilling: blank_infilling hides spans of up to 39 tokens, but the model",
        ),
        (
            {"model.hidden_size": 65},
            "model: hidden_size 65 is not a multiple of num_heads 2; change one of them",
        ),
        (
            NO_GATE | {f"{FOUNDATION}.objectives": {"texts": {"objective": "contrastive"}}},
            f"{FOUNDATION}.objectives.texts: contrastive compares two readings of a text that differ by dropout, but ",
        ),
        (
            NO_GATE | {f"{FOUNDATION}.objectives": {"next_sentence": {}}, "model.segments": 1},
            f"{FOUNDATION}.objectives.next_sentence: next_sentence has 2 segments, but the model's segment ",
        ),
        (
            NO_GATE
            | {
                f"{FOUNDATION}.objectives": {"pairs": {"objective": "next_sentence"}},
                "training.micro_batch_tokens": 64,
            },
            f"{FOUNDATION}.objectives.pairs: objective 'pairs' compares the rows of a micro-batch, which has only 1; ",
        ),
        (
            NO_GATE | {f"{FOUNDATION}.objectives": {"topic": {"objective": "classification", "classes": 2}}},
            f"{FOUNDATION}.objectives.topic: objective 'topic' reads labelled examples, not running text; use it in ",
        ),
        (
            {"corpus.sources.pairs.task": "headline"},
            "corpus.sources.pairs: task 'headline' is no entry of finetuning with a source of its own (topic, ",
        ),
        (
            {"corpus.sources.pairs.task": "translat"},
            "corpus.sources.pairs: task 'translat' is no entry of finetuning with a source of its own (topic, ",
        ),
        (
            {"model.architecture": "lstm"},
            "pretraining.stages.foundation.objectives.cloze: masked_lm looks to both sides, but a model of architect",
        ),
        (
            {"model.attention_window": 0},
            "model.attention_window: Input should be greater than 0 (given: 0)",
        ),
        (
            {"model.experts_per_token": 2},
            "model: experts_per_token says how experts are used, but there is one: set experts to 2 or more",
        ),
        (
            {"training.devices": 1000, "training.strategy": "ddp", "training.threads": 1000},
            "training: devices=1000 on cpu: this machine has ",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_place(tiny_recipe: Path, overrides: dict[str, Any], said: str) -> None:
    assert refused(tiny_recipe, overrides).startswith(said)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            {f"{DISCRIMINATION}.objectives.order.segments": 3, "model.segments": 2},
            f"{DISCRIMINATION}.objectives.order: sentence_order has 3 segments, but the model's segment table has 2",
        ),
        ({f"{FOUNDATION}.freeze": {"layers": 3}}, f"{FOUNDATION}: freeze.layers is 3, but the model has 2 layers"),
        (
            {"finetuning.translate.settings": {"label_smoothing": 0.999, "smoothing": "exclude_target"}},
            "finetuning.translate: label_smoothing 0.999 leaves the target less than",
        ),
        (
            {f"{FOUNDATION}.global_batch_tokens": 192},
            f"{FOUNDATION}: global_batch_tokens: 192 is no multiple of micro_batch_tokens 128 x 1 devices",
        ),
        (
            {f"{FOUNDATION}.blend_fraction": 0.1},
            f"{FOUNDATION}.blend_fraction: the first stage has none before it to come from; leave it 0",
        ),
        (
            {f"{FOUNDATION}.sources": {"new": 1}},
            f"{FOUNDATION}.sources: unknown source of the corpus 'new'. Did you mean 'news'? Known: news, pairs",
        ),
    ],
)
def test_stage_that_does_not_fit_is_refused_before_anything_starts(
    tiny_recipe: Path, overrides: dict[str, Any], said: str
) -> None:
    assert refused(tiny_recipe, overrides).startswith(said)


def keys(recipe: Path, overrides: dict[str, Any]) -> dict[str, str]:
    return {label: stage.key.fingerprint for label, stage in load_plan(str(recipe), overrides).stages.items()}


@pytest.mark.parametrize(
    "setting",
    [
        {"sources": {"news": 1}},
        {"global_batch_tokens": 1024},
        {"sequence_length": 32},
        {"optimizer": {"method": "muon"}},
        {"schedule": {"shape": "cosine"}},
        {"freeze": {"embeddings": True}},
        {"blend_fraction": 0.05},
    ],
)
def test_settings_of_a_stage_reach_its_key_and_no_earlier_one(tiny_recipe: Path, setting: dict[str, Any]) -> None:
    before = keys(tiny_recipe, {})
    after = keys(tiny_recipe, {f"{DISCRIMINATION}.{key}": value for key, value in setting.items()})
    assert [label for label in before if label.startswith("weights/") and before[label] != after[label]] == [
        "weights/discrimination"
    ]


def test_order_of_the_sources_is_no_part_of_a_key(tiny_recipe: Path) -> None:
    one, other = {"news": 0.6, "pairs": 0.4}, {"pairs": 0.4, "news": 0.6}
    assert keys(tiny_recipe, {f"{FOUNDATION}.sources": one}) == keys(tiny_recipe, {f"{FOUNDATION}.sources": other})


def test_the_batch_in_force_is_part_of_a_key_wherever_it_was_set(tiny_recipe: Path) -> None:
    """A stage with a batch of its own does not depend on the batch of the others."""
    label = "weights/foundation"
    assert keys(tiny_recipe, {f"{FOUNDATION}.global_batch_tokens": 512})[label] == keys(tiny_recipe, {})[label]
    own = {f"{FOUNDATION}.global_batch_tokens": 1024}
    assert keys(tiny_recipe, own)[label] == keys(tiny_recipe, {"training.global_batch_tokens": 1024})[label]
    assert keys(tiny_recipe, own | {"training.global_batch_tokens": 256})[label] == keys(tiny_recipe, own)[label]


def test_a_stage_with_a_batch_of_its_own_has_steps_of_its_own(tiny_recipe: Path) -> None:
    plan = load_plan(str(tiny_recipe), {f"{DISCRIMINATION}.global_batch_tokens": 1024})
    assert plan.derived()["steps"] == {"foundation": 8, "discrimination": 3}
    assert plan.tokens_before(None) == 4096 + 3072
    assert plan.derived()["batch"] == (
        "foundation: 2 sequences x 64 tokens x 4 accumulation x 1 device = 512 tokens/step; "
        "discrimination: 2 sequences x 64 tokens x 8 accumulation x 1 device = 1,024 tokens/step"
    )


def test_operations_are_those_of_the_objectives(tiny_recipe: Path) -> None:
    plan = load_plan(str(tiny_recipe))
    causal = flops_per_token(plan.model, 64, 1.0)
    masked = flops_per_token(plan.model, 64, 0.15)
    assert plan.flops(plan.recipe.pretraining.stages["foundation"]) == 4096 * (causal + masked) / 2
    total = sum(plan.flops(stage) for stage in plan.recipe.pretraining.stages.values())
    assert plan.derived()["pretraining_flops"] == total


def test_a_longer_task_fits_a_model_that_was_given_the_positions(tiny_recipe: Path) -> None:
    longer = {"finetuning.topic.sequence_length": 65, "model.max_positions": 65}
    assert load_plan(str(tiny_recipe), longer).model.max_positions == 65


@pytest.mark.parametrize(("tokens", "steps"), [(4096, 8), (4096 + 255, 8), (4096 + 257, 9), (1, 1), ("4K", 8)])
def test_a_stage_has_the_steps_nearest_to_its_tokens_and_at_least_one(
    tiny_recipe: Path, tokens: int | str, steps: int
) -> None:
    plan = load_plan(str(tiny_recipe), {f"{FOUNDATION}.tokens": tokens})
    assert plan.steps(plan.recipe.pretraining.stages["foundation"]) == steps


def test_tokens_before_a_stage_are_those_of_the_steps_that_are_really_made(tiny_recipe: Path) -> None:
    plan = load_plan(str(tiny_recipe), {f"{FOUNDATION}.tokens": 4100})
    assert [plan.tokens_before(stage) for stage in ("foundation", "discrimination", None)] == [0, 4096, 4096 + 3072]
    assert plan.derived()["pretraining_tokens"] == 7168
    assert plan.derived()["steps"] == {"foundation": 8, "discrimination": 6}


def test_refresh_takes_a_label_a_kind_a_name_and_a_flow(tiny_recipe: Path) -> None:
    plan = load_plan(str(tiny_recipe))
    assert plan.select(["weights/foundation"]) == {"weights/foundation"}
    assert plan.select(["weights"]) == {"weights/foundation", "weights/discrimination"}
    assert plan.select(["topic"]) == {"examples/topic", "finetuned/topic", "scores/topic"}
    assert plan.select(["tokenization"]) == {"tokenizer/tiny", "tokens/tiny"}
    assert plan.select([]) == set()


def test_refresh_of_an_unknown_stage_suggests_the_nearest(tiny_recipe: Path) -> None:
    with pytest.raises(RecipeError, match=r"^--refresh weights/fundation: no such stage. Did you mean 'weights/found"):
        load_plan(str(tiny_recipe)).select(["weights/fundation"])


def test_an_input_that_is_not_built_is_named_with_the_flow_that_builds_it(tiny_recipe: Path) -> None:
    with pytest.raises(MissingInput, match=r"tokens/tiny of recipe 'tiny' has not been built; run the flow 'tokeniz"):
        load_plan(str(tiny_recipe)).folder("tokens/tiny")


def test_every_stage_comes_after_those_it_reads(tiny_recipe: Path) -> None:
    seen: set[str] = set()
    for stage in load_plan(str(tiny_recipe)).stages.values():
        assert set(stage.reads.values()) <= seen, stage.label
        seen.add(stage.label)


def encoder() -> dict[str, Any]:
    """Overrides that leave the tiny recipe nothing that is trained to go on with a text."""
    cloze = {"cloze": {"objective": "masked_lm"}}
    return {
        f"{FOUNDATION}.objectives": cloze,
        f"{FOUNDATION}.gate": [{"metric": "cloze/loss", "below": 20}],
        f"{DISCRIMINATION}.objectives": cloze,
        "retraining": None,
    }


def test_what_is_never_trained_to_go_on_with_a_text_is_not_scored_by_it(tiny_recipe: Path) -> None:
    plan = load_plan(str(tiny_recipe), encoder())
    assert "scores/language-model" not in plan.stages
    assert set(plan.stage("registration/tiny").reads) == {"topic", "headline", "translate"}

    news = {"news": load_recipe(str(tiny_recipe), {}).corpus.sources["news"].model_dump(mode="json")}
    alone = load_plan(str(tiny_recipe), {**encoder(), "finetuning": {}, "corpus.sources": news})
    assert not alone.of_flow("evaluation")


def test_recipe_of_another_name_reuses_every_stage_but_registers_under_its_own(tiny_recipe: Path) -> None:
    def keys(overrides: dict[str, Any]) -> dict[str, str]:
        plan = load_plan(str(tiny_recipe), overrides)
        return {label.replace("another", "tiny"): stage.key.fingerprint for label, stage in plan.stages.items()}

    before, after = keys({}), keys({"name": "another"})
    assert [label for label in before if before[label] != after[label]] == ["registration/tiny"]


def test_plan_names_the_key_that_changed_and_touches_nothing(
    in_store: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    before = tree(in_store.store)
    plan_command(in_store.recipe, [f"{FOUNDATION}.peak_lr=0.004"])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert "hit" in lines["tokens/tiny"]
    assert "miss" in lines["weights/foundation"]
    assert "values.stage.peak_lr: 0.003 -> 0.004" in lines["weights/foundation"]
    assert "inputs.weights: " in lines["weights/discrimination"]
    assert "hit" in lines["finetuned/topic-scratch"]
    assert "11 of 20 stages" in lines["to"]
    assert "the last training of this network here" in lines["foundation"]
    assert tree(in_store.store) == before


def test_plan_of_a_new_store_does_not_make_it(tiny_recipe: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "flows.cli", "plan", str(tiny_recipe)],
        env=os.environ | {"STAGELM_STORE": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("not built yet") == 20
    assert not (tmp_path / "none").exists()
