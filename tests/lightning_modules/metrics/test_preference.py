"""Bradley-Terry strengths: fixed values, what must hold whatever the wins, and the package choix where it is there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lightning_modules.metrics.bootstrap import intervals
from lightning_modules.metrics.preference import bradley_terry, win_share

FIXED = np.array([[0, 7, 8], [3, 0, 6], [2, 4, 0]], dtype=np.float64)

tables = arrays(np.float64, (4, 4), elements=st.integers(0, 20)).map(lambda wins: wins * (1 - np.eye(4)))


def test_7_to_3_and_6_to_4_and_8_to_2_have_the_strengths_of_choix():
    np.testing.assert_allclose(bradley_terry(FIXED), [0.74056993, -0.14910225, -0.59146768], atol=1e-8)


def test_two_systems_differ_by_the_log_odds():
    wins = np.array([[0, 30.0], [10, 0]])

    first, second = bradley_terry(wins)
    assert first - second == pytest.approx(np.log(3))
    assert first + second == pytest.approx(0)


def test_ties_alone_make_systems_equal():
    np.testing.assert_allclose(bradley_terry(np.full((3, 3), 2.5) * (1 - np.eye(3))), 0, atol=1e-12)


@settings(deadline=None, max_examples=50, derandomize=True)
@given(tables)
def test_at_the_strengths_expected_wins_are_those_seen(wins: np.ndarray):
    strengths = bradley_terry(wins, prior=0.1)

    started = wins + 0.1 * (1 - np.eye(4))
    expected = (started + started.T) / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(expected.sum(1), started.sum(1), atol=1e-6)
    assert strengths.sum() == pytest.approx(0, abs=1e-9)


@settings(deadline=None, max_examples=20, derandomize=True)
@given(tables, st.permutations(range(4)))
def test_names_of_systems_do_not_matter(wins: np.ndarray, order: list[int]):
    shuffled = bradley_terry(wins[np.ix_(order, order)], prior=0.5)

    np.testing.assert_allclose(shuffled, bradley_terry(wins, prior=0.5)[order], atol=1e-8)


def test_many_tables_at_once_give_what_each_gives_alone():
    wins = np.random.default_rng(0).integers(0, 9, size=(50, 3, 3)) * (1 - np.eye(3))

    together = bradley_terry(wins, prior=0.1)
    np.testing.assert_allclose(together, [bradley_terry(table, prior=0.1) for table in wins], atol=1e-8)


def test_system_that_always_wins_has_no_strength_without_a_prior():
    wins = np.array([[0, 5.0], [0, 0]])

    with pytest.raises(ValueError, match="no finite strengths fit"):
        bradley_terry(wins)
    with pytest.raises(ValueError, match="no finite strengths fit"):
        bradley_terry(np.zeros((2, 2)))
    first, second = bradley_terry(wins, prior=0.1)
    assert first - second == pytest.approx(np.log(5.1 / 0.1))


def test_equals_choix_on_drawn_wins():
    choix = pytest.importorskip("choix", reason="choix is not installed; its strengths above still hold")
    random = np.random.default_rng(2)
    for _ in range(5):
        wins = random.integers(1, 12, size=(4, 4)) * (1 - np.eye(4, dtype=int))
        pairs = [(i, j) for i in range(4) for j in range(4) for _ in range(wins[i, j])]

        np.testing.assert_allclose(bradley_terry(wins.astype(float)), choix.opt_pairwise(4, pairs), atol=1e-4)


def test_interval_over_items_holds_the_true_difference_about_19_times_in_20():
    random, true, held = np.random.default_rng(5), 1.0, 0
    for trial in range(100):
        won = random.random(60) < 1 / (1 + np.exp(-true))
        statistics = np.stack([np.zeros(60), won, ~won, np.zeros(60)], axis=1).astype(float)

        def difference(sums: np.ndarray) -> np.ndarray:
            return np.diff(-bradley_terry(sums.reshape(*sums.shape[:-1], 2, 2), prior=0.1))

        (found,) = intervals(difference, statistics, 200, seed=trial)
        assert found is not None
        held += found.low <= true <= found.high

    assert 88 <= held <= 99


def test_shares_of_pairs_that_were_never_compared_are_not_numbers():
    shares = win_share(np.array([[0, 3.5, 0], [1.5, 0, 0], [0, 0, 0]]))

    assert shares[0, 1] == pytest.approx(0.7)
    assert shares[1, 0] == pytest.approx(0.3)
    assert np.isnan(shares[0, 2])
