import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_modules.metrics import METRICS, Outputs, interval

LABELS = ("no", "yes")
GAPS = ("accuracy_gap", "demographic_parity_gap", "equalised_odds_gap")


def outputs(true: list[int], predicted: list[int], groups: str) -> Outputs:
    return Outputs([LABELS[p] for p in predicted], [[LABELS[t]] for t in true], groups=list(groups))


def value(name: str, given: Outputs, labels: tuple[str, ...] = LABELS) -> float:
    metric = METRICS[name]("en", labels)
    return float(metric.value(metric.statistics(given).sum(0)))


def test_gaps_of_the_fixed_vector():
    given = outputs([1, 1, 0, 0, 1, 0, 1, 0], [1, 0, 0, 1, 1, 0, 0, 0], "aaaabbbb")

    # a: predicted yes 2/4, hit 1/2, false alarms 1/2, right 2/4; b: 1/4, 1/2, 0/2, 3/4
    assert value("demographic_parity_gap", given) == 25.0
    assert value("equalised_odds_gap", given) == 50.0
    assert value("accuracy_gap", given) == 25.0


def test_widest_of_three_groups_and_three_classes_counts():
    labels = ("x", "y", "z")
    given = Outputs(["x", "y", "y", "z", "z", "z"], [["x"], ["y"], ["x"], ["x"], ["z"], ["z"]], groups=list("aabbcc"))

    # z is predicted for 0/2, 1/2, 2/2; of true x, a finds 1/1 and b 0/1; right are 2/2, 0/2, 2/2
    assert value("demographic_parity_gap", given, labels) == 100.0
    assert value("equalised_odds_gap", given, labels) == 100.0
    assert value("accuracy_gap", given, labels) == 100.0


def test_prediction_that_is_no_label_counts_among_the_group_and_as_none_of_the_classes():
    given = Outputs(["yes", "?", "yes", "yes"], [["yes"]] * 4, groups=list("aabb"))

    assert value("demographic_parity_gap", given) == 50.0
    assert value("accuracy_gap", given) == 50.0


@pytest.mark.parametrize("name", GAPS)
def test_one_group_or_equal_groups_have_no_gap(name: str):
    assert value(name, outputs([1, 0], [1, 1], "aa")) == 0.0
    assert value(name, outputs([1, 0, 1, 0], [1, 1, 1, 1], "aabb")) == 0.0


@pytest.mark.parametrize("name", GAPS)
def test_resamples_without_a_group_are_left_without_its_gap_and_bounds_are_numbers(name: str):
    metric = METRICS[name]("en", LABELS)
    given = outputs([1, 0, 1, 1, 0], [1, 0, 1, 1, 1], "aaaab")
    found = interval(metric, metric.statistics(given), 200, seed=1)

    assert np.isfinite([found.low, found.high]).all()
    assert 0.0 <= found.low <= found.high <= 100.0


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from("abc")), min_size=1, max_size=30))
def test_gaps_equal_a_count_by_hand(rows: list[tuple[int, int, str]]):
    given_outputs = outputs([t for t, _, _ in rows], [p for _, p, _ in rows], "".join(g for *_, g in rows))

    def gap(of: list[tuple[int, int, str]], hit) -> float:
        rates = [np.mean([hit(row) for row in of if row[2] == g]) for g in sorted({row[2] for row in of})]
        return 100 * (max(rates) - min(rates)) if rates else 0.0

    odds = [gap([row for row in rows if row[0] == true], lambda row: row[1] == 1) for true in (0, 1)]
    assert value("demographic_parity_gap", given_outputs) == pytest.approx(gap(rows, lambda row: row[1] == 1))
    assert value("equalised_odds_gap", given_outputs) == pytest.approx(max(odds))
    assert value("accuracy_gap", given_outputs) == pytest.approx(gap(rows, lambda row: row[0] == row[1]))


def test_outputs_without_groups_are_refused():
    with pytest.raises(ValueError, match="accuracy_gap needs the group of each of 1 examples"):
        value("accuracy_gap", Outputs(["yes"], [["yes"]]))
