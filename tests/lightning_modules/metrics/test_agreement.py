"""Krippendorff's alpha against values of the package `krippendorff` and against what can be worked out by hand."""

import numpy as np
import pytest

from lightning_modules.metrics.agreement import MISSING, coincidences, krippendorff_alpha
from lightning_modules.metrics.bootstrap import intervals

LEVELS = ("nominal", "ordinal", "interval")
NAN = MISSING
# Twelve units, four raters, values 1 to 5, a third missing; drawn once.
HOLES = np.array(
    [
        [5, 1, 1, 2, NAN, 5, 5, NAN, 1, 1, NAN, 3],
        [NAN, 3, 2, NAN, 4, 4, 1, 1, 3, 2, 5, NAN],
        [3, 3, 4, NAN, 1, NAN, 4, NAN, 4, 2, 2, NAN],
        [NAN, 4, 5, 2, 5, NAN, 1, NAN, 5, 2, 1, 2],
    ]
)
EXAMPLE = np.array(  # of Krippendorff's paper: three raters, fifteen units
    [
        [NAN, NAN, NAN, NAN, NAN, 3, 4, 1, 2, 1, 1, 3, 3, NAN, 3],
        [1, NAN, 2, 1, 3, 3, 4, 3, NAN, NAN, NAN, NAN, NAN, NAN, NAN],
        [NAN, NAN, 2, 1, 3, 4, 4, NAN, 2, 1, 1, 3, 3, NAN, 4],
    ]
)


def indices(ratings_RN: np.ndarray) -> np.ndarray:
    """(N, R) of indices among the values 1 to 5."""
    return np.where(ratings_RN == MISSING, MISSING, ratings_RN - 1).T


def alpha(ratings_RN: np.ndarray, level: str) -> float:
    return float(krippendorff_alpha(coincidences(indices(ratings_RN), 5).sum(0), level))


def test_two_raters_who_differ_once_in_five_have_eight_elevenths():
    ratings = np.array([[1, 2, 3, 3, 2], [1, 2, 3, 1, 2]])

    # Ten values: 3 ones, 4 twos, 3 threes, so D_e = (100 - 9 - 16 - 9) / 90 and D_o = 2 / 10.
    assert alpha(ratings, "nominal") == pytest.approx(1 - 0.2 / (66 / 90))
    assert alpha(ratings, "nominal") == pytest.approx(0.727273, abs=5e-7)


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        (EXAMPLE, (0.691358024691358, 0.8067214199413153, 0.8108448928121059)),
        (HOLES, (-0.030501089324618924, -0.09548731717391701, -0.07360000000000011)),
    ],
)
def test_equals_the_package_where_ratings_are_missing(ratings: np.ndarray, expected: tuple[float, ...]):
    assert [alpha(ratings, level) for level in LEVELS] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_equals_the_package_on_drawn_ratings(level: str):
    package = pytest.importorskip("krippendorff", reason="krippendorff is not installed; its values above still hold")
    random = np.random.default_rng(1)
    for _ in range(20):
        ratings = random.integers(1, 6, size=(3, 10))
        ratings[random.random(ratings.shape) < 0.3] = MISSING
        shown = np.where(ratings == MISSING, np.nan, ratings)

        expected = package.alpha(shown, value_domain=[1, 2, 3, 4, 5], level_of_measurement=level)
        assert alpha(ratings, level) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_full_agreement_is_1_and_ratings_all_alike_have_no_alpha(level: str):
    assert alpha(np.array([[1, 2, 5, 2], [1, 2, 5, 2]]), level) == 1
    assert np.isnan(alpha(np.array([[3, 3, 3], [3, 3, 3]]), level))
    assert np.isnan(alpha(np.array([[1, 2, 3], [NAN, NAN, NAN]]), level))


def test_neighbours_disagree_less_than_ends_except_on_a_nominal_scale():
    near, far = np.array([[1, 2, 3, 4, 5], [2, 2, 3, 4, 5]]), np.array([[1, 2, 3, 4, 5], [5, 2, 3, 4, 5]])

    assert alpha(near, "nominal") == pytest.approx(alpha(far, "nominal"), abs=0.02)
    assert alpha(near, "ordinal") > alpha(far, "ordinal") + 0.5
    assert alpha(near, "interval") > alpha(far, "interval") + 0.5


def test_order_of_raters_and_a_unit_with_one_rating_change_nothing():
    alone = np.concatenate([HOLES, np.array([[4], [NAN], [NAN], [NAN]])], axis=1)

    for level in LEVELS:
        assert alpha(HOLES[::-1], level) == pytest.approx(alpha(HOLES, level), abs=1e-12)
        assert alpha(alone, level) == pytest.approx(alpha(HOLES, level), abs=1e-12)


def test_interval_is_of_resampled_units_and_leaves_out_resamples_without_alpha():
    statistics = coincidences(indices(np.array([[1, 2], [1, 2]])), 5)

    (found,) = intervals(lambda sums: krippendorff_alpha(sums, "nominal")[..., None], statistics, 200, seed=1)
    assert found is not None
    # Half of the resamples hold one unit twice and so a single value: no alpha. In the others it is 1.
    assert (found.value, found.low, found.high) == (1, 1, 1)
    (undefined,) = intervals(lambda sums: krippendorff_alpha(sums, "nominal")[..., None], statistics[:1], 20, seed=1)
    assert undefined is None


@pytest.mark.parametrize("wrong", [5, -2])
def test_rating_that_is_no_value_is_refused(wrong: int):
    with pytest.raises(ValueError, match="ratings must be -1 or 0 to 4"):
        coincidences(np.array([[0, wrong]]), 5)
