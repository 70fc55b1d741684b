"""Tests of differences: fixed values, and what must hold of every p-value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_modules.metrics import METRICS, Outputs, compare
from lightning_modules.metrics.bootstrap import resampled_sums
from lightning_modules.metrics.paired import Judged, paired_differences
from lightning_modules.metrics.significance import bootstrap_p, holm, mcnemar

P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8)


def right(both: int, ours: int, theirs: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    sizes = [both, ours, theirs, neither]
    return np.repeat([True, True, False, False], sizes), np.repeat([True, False, True, False], sizes)


def test_mcnemar_of_5_against_15_is_0_0414_whatever_both_know():
    # 2 * sum over k <= 5 of C(20, k) / 2^20 = 43400 / 1048576
    assert mcnemar(*right(70, 5, 15, 10)) == pytest.approx(43400 / 2**20, abs=1e-12)
    assert mcnemar(*right(0, 15, 5, 3000)) == pytest.approx(0.0414, abs=5e-5)


def test_mcnemar_says_nothing_of_systems_that_differ_nowhere_or_equally_often():
    assert mcnemar(*right(12, 0, 0, 8)) == 1.0
    assert mcnemar(*right(12, 4, 4, 8)) == 1.0


def test_holm_multiplies_by_how_many_are_left_and_never_falls():
    # by hand: 0.01 * 4, 0.02 * 3, max(0.06, 0.03 * 2), max(0.06, 0.04 * 1)
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(P_VALUES)
def test_holm_lies_between_no_correction_and_bonferroni_and_keeps_the_order(given_p):
    adjusted = holm(given_p)

    for before, after in zip(given_p, adjusted, strict=True):
        assert before <= after <= min(1.0, len(given_p) * before) + 1e-12
    order = np.argsort(given_p, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


def test_bootstrap_p_is_twice_the_rarer_side_and_never_0():
    assert bootstrap_p(np.array([1.0] * 97 + [-1.0] * 2)) == pytest.approx(2 * 3 / 100)
    assert bootstrap_p(np.ones(99)) == pytest.approx(2 / 100)
    assert bootstrap_p(np.zeros(99)) == 1.0


def classes(count: int, seed: int) -> list[Judged]:
    random = np.random.default_rng(seed)
    labels = ["no", "perhaps", "yes"]
    true, ours, theirs = (random.choice(labels, count).tolist() for _ in range(3))
    judged = []
    for name in ("accuracy", "macro_f1"):
        metric = METRICS[name]("en", labels)
        old, new = (metric.statistics(Outputs(given, [[one] for one in true])) for given in (theirs, ours))
        judged.append(Judged(metric, new, old))
    return judged


def test_differences_equal_those_of_the_bootstrap_over_single_examples():
    judged = classes(60, seed=3)

    for one, found in zip(judged, paired_differences(judged, resamples=400, seed=5), strict=True):
        alone = compare(one.metric, one.ours_NK, one.theirs_NK, resamples=400, seed=5)
        values = (found.difference.value, found.difference.low, found.difference.high)
        assert values == pytest.approx((alone.value, alone.low, alone.high), abs=1e-9)


def test_accuracies_are_tested_by_mcnemar_and_all_else_by_resamples():
    accuracy, macro_f1 = paired_differences(judged := classes(60, seed=4), resamples=400, seed=5)

    assert (accuracy.test, macro_f1.test) == ("mcnemar", "bootstrap")
    hits = [judged[0].metric.value(part) > 0 for part in (judged[0].ours_NK, judged[0].theirs_NK)]
    assert accuracy.p == mcnemar(*hits)
    both = resampled_sums(np.concatenate([judged[1].ours_NK, judged[1].theirs_NK], axis=1), 400, 5)
    ours, theirs = (judged[1].metric.value(part) for part in np.split(both, 2, axis=1))
    assert macro_f1.p == bootstrap_p(ours - theirs)


def test_a_true_null_is_called_a_difference_about_one_time_in_twenty():
    p_values = [paired_differences(classes(100, seed)[1:], resamples=200, seed=17)[0].p for seed in range(200)]

    # 95 % of Binomial(200, 0.05) lie in 4 .. 16; the bootstrap is a little generous at 100 examples
    assert 4 <= sum(p <= 0.05 for p in p_values) <= 20


@pytest.mark.parametrize(("examples", "least"), [(1, 1.0), (2, 0.5), (6, 2 / 2**6), (30, 2 / 401)])
def test_few_examples_show_no_more_than_their_signs_could(examples, least):
    metric = METRICS["bits_per_byte"]("")
    theirs = np.tile([100.0, 100.0], (examples, 1))

    (found,) = paired_differences([Judged(metric, theirs - [1.0, 0.0], theirs)], 400, 17)

    assert found.p == pytest.approx(least)


def test_unequal_or_no_examples_are_refused():
    metric, few = METRICS["bits_per_byte"](""), np.ones((3, 2))

    with pytest.raises(ValueError, match=r"same examples, at least one, got \[3, 4\]"):
        paired_differences([Judged(metric, few, np.ones((4, 2)))], 10, 0)
    with pytest.raises(ValueError, match="at least one"):
        paired_differences([Judged(metric, few[:0], few[:0])], 10, 0)
