import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.interleave import interleave


@pytest.mark.parametrize(
    ("shares", "order"),
    [
        ([0.5, 0.5], [0, 1, 0, 1, 0, 1, 0, 1]),
        ([0.25, 0.75], [1, 1, 0, 1, 1, 1, 0, 1]),
        ([1.0], [0] * 8),
        ([2, 1, 1], [0, 1, 0, 2, 0, 1, 0, 2]),
    ],
)
def test_turns_are_spread_evenly(shares: list[float], order: list[int]):
    assert interleave(shares, 8).tolist() == order


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_nobody_is_ever_a_whole_turn_from_its_share(units: list[int]):
    turns = 2 * sum(units) + 3
    taken = np.cumsum(
        interleave([unit / sum(units) for unit in units], turns)[:, None] == np.arange(len(units)), axis=0
    )
    due = np.arange(1, turns + 1)[:, None] * np.array(units) / sum(units)

    assert np.abs(taken - due).max() < 1


def test_rare_participant_gets_its_turn():
    assert np.bincount(interleave([1 - 1e-4, 1e-4], 20_000)).tolist() == [19_998, 2]


def test_order_does_not_depend_on_its_length():
    assert interleave([0.3, 0.7], 7).tolist() == interleave([0.3, 0.7], 1000)[:7].tolist()


@pytest.mark.parametrize("shares", [[], [0.5, 0.0], [-1.0, 2.0]])
def test_shares_that_are_not_positive_are_refused(shares: list[float]):
    with pytest.raises(ValueError, match="shares must be positive"):
        interleave(shares, 3)
