"""Recipes: every shipped one is valid, and whatever is wrong in one is said in a line that names the place."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.plan import load_plan
from flows.recipe import SHIPPED, RecipeError, find_recipe, load_recipe, parse_override

SHIPPED_NAMES = sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def refused(overrides: dict[str, Any], recipe: str = "smoke") -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe, overrides)
    return str(caught.value)


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_every_shipped_recipe_is_valid_and_carries_its_file_name(name: str) -> None:
    assert load_recipe(name, {}).name == name


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_every_shipped_recipe_is_planned_without_a_download(name: str) -> None:
    plan = load_plan(name)
    assert list(plan.stages)
    assert not plan.cache.exists()


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_every_shipped_recipe_survives_being_dumped_and_read_again(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name, {})
    path = tmp_path / "again.yaml"
    path.write_text(yaml.safe_dump(recipe.model_dump(mode="json"), allow_unicode=True))
    assert load_recipe(str(path), {}) == recipe


def test_an_override_changes_one_value() -> None:
    changed = load_recipe("smoke", {"pretraining.stages.foundation.tokens": "64K"})
    assert changed.pretraining.stages["foundation"].tokens == 64_000
    assert changed.model_copy(update={"pretraining": load_recipe("smoke", {}).pretraining}) == load_recipe("smoke", {})


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            {"pretraining.stages.foundation.objectives.cloze.objective": "maskd_lm"},
            (
                "recipes/smoke.yaml: pretraining.stages.foundation.objectives.cloze: unknown objective 'maskd_lm'. "
                "Did you mean 'masked_lm'? Known: "
            ),
        ),
        (
            {"pretraining.stages.foundation.peek_lr": 1},
            "recipes/smoke.yaml: pretraining.stages.foundation: unknown key 'peek_lr'. Did you mean 'peak_lr'? Known: ",
        ),
        ({"sede": 3}, "recipes/smoke.yaml: unknown key 'sede'. Did you mean 'seed'? Known: "),
        (
            {"finetuning.headline.data.sorces": []},
            "recipes/smoke.yaml: finetuning.headline.data: unknown key 'sorces'. Did you mean 'sources'? Known: ",
        ),
        (
            {"corpus.sources.news.membr": "x"},
            "recipes/smoke.yaml: corpus.sources.news: unknown key 'membr'. Did you mean 'member'? Known: ",
        ),
        (
            {"pretraining.stages.foundation.objectives.forward.share": 0.7},
            "recipes/smoke.yaml: pretraining.stages.foundation: shares must add up to 1, got 1.2 from forward, cloze",
        ),
        ({"pretraining.stages.foundation.objectives": {}}, "recipes/smoke.yaml: pretraining.stages.foundation"),
        (
            {"pretraining.stages.foundation.tokens": "1.5X"},
            "'1.5X' is not a count; write a whole number, or for example",
        ),
        (
            {"tokenizer.vocab_size": 10},
            "recipes/smoke.yaml: tokenizer.vocab_size: Input should be greater than or equal",
        ),
        ({"model.preset": "tinny"}, "unknown model preset 'tinny'. Did you mean 'tiny'? Known: "),
        ({"seed.x": 1}, "recipes/smoke.yaml: --set seed.x: seed is a value, so it has no keys below it"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(overrides: dict[str, Any], line: str) -> None:
    said = refused(overrides)
    assert line in said
    assert "\n" not in said


def test_two_mistakes_are_two_lines() -> None:
    assert refused({"sede": 3, "tokenizer.vocab_siz": 4}).count("\n") == 1


def test_keys_can_be_set_below_what_is_switched_off() -> None:
    found = load_recipe("smoke", {"retraining": None, "retraining.tokens": "8K", "retraining.peak_lr": 1e-3})
    assert found.retraining is not None
    assert (found.retraining.tokens, found.retraining.replay) == (8_000, 0.1)


def test_only_training_from_left_to_right_makes_a_language_model() -> None:
    stage = "pretraining.stages.encoder"
    backwards = {"objective": "causal_lm", "direction": "rtl", "share": 0.5}
    unheard = {"objective": "causal_lm", "weight": 0, "share": 0.5}
    assert load_recipe("gpt_bert", {}).pretraining.writes
    assert not load_recipe("albert", {}).pretraining.writes
    for forward in (backwards, unheard):
        assert not load_recipe("albert", {f"{stage}.objectives.order": forward}).pretraining.writes


def test_an_encoder_cannot_be_retrained_for_want_of_a_judge() -> None:
    said = refused({"retraining": {"tokens": "16K", "peak_lr": 1e-3}}, "albert")
    assert said.startswith("recipes/albert.yaml: retraining: champion and challenger are compared as language models, ")


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    raw = yaml.safe_load(find_recipe("smoke").read_text())
    del raw["tokenizer"]
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump(raw))
    with pytest.raises(RecipeError, match=r"r.yaml: tokenizer: Field required"):
        load_recipe(str(path), {})


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"unknown recipe 'dmo'. Did you mean 'demo'\? Shipped: albert, bert, "):
        load_recipe("dmo", {})


def test_a_missing_recipe_file_is_named() -> None:
    with pytest.raises(RecipeError, match=r"mine.yaml: no such file"):
        load_recipe("mine.yaml", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "not YAML"),
        ("- a list", "a recipe is a mapping with the keys name, "),
        ("name: a\nname: b\n", "key 'name' is written twice"),
    ],
)
def test_a_file_that_is_no_recipe_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=said) as caught:
        load_recipe(str(path), {})
    assert "\n" not in str(caught.value)


def test_set_reads_values_as_yaml() -> None:
    assert parse_override("a.b=1.5") == ("a.b", 1.5)
    assert parse_override("languages=[en, zh]") == ("languages", ["en", "zh"])
    assert parse_override("note=x=y") == ("note", "x=y")
    with pytest.raises(RecipeError, match="expected key=value"):
        parse_override("novalue")


def test_a_stride_that_would_skip_tokens_is_refused() -> None:
    length = list(load_recipe("smoke", {}).pretraining.stages.values())[-1].sequence_length

    assert load_recipe("smoke", {"evaluation.stride": length}).evaluation.stride == length
    assert f"evaluation.stride: {length + 1} is more than the {length} positions" in refused(
        {"evaluation.stride": length + 1}
    )
