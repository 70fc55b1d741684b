"""The spread between seeds."""

import math

import numpy as np
import pytest

from lightning_modules.metrics.reseeding import seed_spread


def test_spread_is_pooled_within_recipes():
    # within: (1 + 0 + 1) and (2 + 2), by 2 + 1 degrees of freedom; the recipes' own means do not matter
    spread = seed_spread([[1.0, 2.0, 3.0], [70.0, 70.0 + 2 * math.sqrt(2)], [5.0]])

    assert (spread.seeds, spread.degrees) == (5, 3)
    assert spread.deviation == pytest.approx(math.sqrt(6 / 3))


def test_one_recipe_has_the_sample_standard_deviation():
    values = [3.1, 2.9, 3.4, 3.3]

    assert seed_spread([values]).deviation == pytest.approx(np.std(values, ddof=1))


def test_margin_is_students_for_a_difference_of_two_runs():
    # t of 2 degrees of freedom at 0.975 is 4.302653
    assert seed_spread([[1.0, 2.0, 3.0]]).margin == pytest.approx(4.302653 * math.sqrt(2), abs=1e-5)


def test_few_seeds_still_cover_95_percent_of_differences_between_runs():
    random = np.random.default_rng(0)
    seeds, pairs = random.normal(size=(4000, 3)), random.normal(size=(4000, 2))
    inside = [
        abs(new - old) <= seed_spread([known]).margin for known, (old, new) in zip(seeds[:2000], pairs, strict=False)
    ]

    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


def test_nothing_is_known_without_a_recipe_that_ran_twice():
    assert seed_spread([[1.0], [2.0]]) is None
    assert seed_spread([]) is None


def test_difference_is_given_in_deviations():
    spread = seed_spread([[1.0, 3.0]])

    assert spread.deviations(-2 * math.sqrt(2)) == pytest.approx(2.0)
    assert seed_spread([[1.0, 1.0]]).deviations(0.1) == math.inf
    assert seed_spread([[1.0, 1.0]]).deviations(0.0) == 0.0
