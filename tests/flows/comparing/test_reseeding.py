"""Which runs count as other seeds of a recipe, and what is said of a difference by them."""

import shlex

import numpy as np
import pytest

from flows.comparing.reseeding import find_seeds
from flows.comparing.runs import compare_runs
from flows.recipe import parse_override
from flows.records import all_records


def language_model(stores, name, nats, **settings):
    stages = [stores.stage("corpus", "toy", "c"), stores.documents(f"s-{name}", [nats] * 10)]
    return stores.run(name, stages, **settings)


def test_runs_that_differ_in_their_seed_alone_are_found_one_a_seed(stores):
    record = language_model(stores, "one", 100.0)
    language_model(stores, "old", 300.0, seed=18)
    language_model(stores, "new", 101.0, seed=18)
    language_model(stores, "other-rate", 102.0, seed=19, rate=0.2)
    stores.run("other-data", [stores.stage("corpus", "toy", "d"), stores.documents("s", [9.0] * 10)], seed=20)

    seeds = find_seeds(record, all_records(stores.root), stores.root)

    assert [run.id for run in seeds.runs] == ["one", "new"]
    assert len(seeds.scores["language-model", "bits_per_byte"]) == 2


def test_failed_runs_and_other_formats_are_no_seeds(stores):
    record = language_model(stores, "one", 100.0)
    failed = language_model(stores, "failed", 101.0, seed=18)
    older = language_model(stores, "older", 102.0, seed=19)
    (stores.root / older.stages[1].folder / "manifest.json").write_text('{"format": 1}')
    records = [record, failed.model_copy(update={"status": "failed"}), older]

    assert [run.id for run in find_seeds(record, records, stores.root).runs] == ["one"]


def test_difference_is_held_against_the_spread_of_both_recipes_seeds(stores):
    one, two = language_model(stores, "one", 100.0), language_model(stores, "two", 90.0, rate=0.2)
    for seed, change in ((18, 1.0), (19, -1.0)):
        language_model(stores, f"one-{seed}", 100.0 + change, seed=seed)
        language_model(stores, f"two-{seed}", 90.0 + 2 * change, seed=seed, rate=0.2)

    delta = compare_runs([one, two], stores.root).scores[0]

    # in nats: squares within the recipes are 2 and 8, by 4 degrees of freedom
    unit = 1 / (100 * np.log(2))
    assert delta.spread.deviation == pytest.approx(np.sqrt(10 / 4) * unit)
    assert (delta.spread.seeds, delta.spread.degrees) == (6, 4)
    assert delta.spread.deviations(delta.difference) == pytest.approx(10 / np.sqrt(2.5))
    # t of 4 degrees is 2.776, so the margin is 6.2 nats and 10 are beyond
    assert delta.beyond_reseeding is True


def test_two_seeds_of_one_recipe_are_pooled_once(stores):
    one, two = language_model(stores, "one", 100.0), language_model(stores, "two", 101.0, seed=18)
    language_model(stores, "three", 102.0, seed=19)

    delta = compare_runs([one, two], stores.root).scores[0]

    assert (delta.spread.seeds, delta.spread.degrees) == (3, 2)
    assert delta.beyond_reseeding is False


def test_without_other_seeds_the_commands_that_make_them_are_given(stores):
    record = language_model(stores, "one", 100.0, seed=18)
    record = record.model_copy(update={"overrides": {"seed": 18, "name": "我 and 'you'", "rate": 1e-5}})
    language_model(stores, "two", 100.0, seed=19)

    comparison = compare_runs([record, record], stores.root)
    (command,) = comparison.seeds[0].missing.splitlines()
    words = shlex.split(command)

    assert comparison.scores[0].beyond_reseeding is None
    assert words[:3] == ["stagelm", "run", "toy"]
    assert dict(parse_override(word) for word in words[4::2]) == {"name": "我 and 'you'", "rate": 1e-5, "seed": 20}
    assert words[3::2] == ["--set"] * 3


def test_enough_seeds_ask_for_no_more(stores):
    record = language_model(stores, "one", 100.0)
    for seed in (18, 19):
        language_model(stores, f"seed-{seed}", 100.0, seed=seed)

    assert find_seeds(record, all_records(stores.root), stores.root).missing == ""
