import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from lightning_modules.metrics import METRICS, Outputs, bootstrap

ECE = METRICS["ece"]("en", ("no", "yes"))


def outputs(right: np.ndarray, confidence: np.ndarray) -> Outputs:
    return Outputs(
        ["yes" if each else "no" for each in right], [["yes"]] * len(right), confidence_N=np.asarray(confidence, float)
    )


def value(right: np.ndarray, confidence: np.ndarray) -> float:
    return float(ECE.value(ECE.statistics(outputs(right, confidence)).sum(0)))


def by_scikit_learn(right: np.ndarray, confidence: np.ndarray) -> float:
    """Its curve leaves empty bins out; so does the count."""
    share_right, mean_confidence = calibration_curve(right, confidence, n_bins=15)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, 16)[1:-1], confidence), minlength=15)
    return 100 * float((np.abs(share_right - mean_confidence) * counts[counts > 0]).sum() / len(right))


@pytest.mark.parametrize("seed", range(4))
def test_ece_is_that_of_scikit_learns_curve(seed: int):
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.4, 1.0, 300)
    right = random.random(300) < confidence**2

    assert value(right, confidence) == pytest.approx(by_scikit_learn(right, confidence), abs=1e-9)


def test_ece_worked_out_by_hand():
    # (0.6 + 0.64) / 2 of which half is right, in one bin; 0.95 and right in another
    assert value(np.array([1, 0, 1]), np.array([0.61, 0.65, 0.95])) == pytest.approx(100 * (2 * 0.13 + 0.05) / 3)


def test_edges_belong_to_the_bin_below_and_certainty_to_the_last():
    edges = np.linspace(0, 1, 16)
    counts = ECE.statistics(outputs(np.ones(16), edges))[:, :15].sum(0)

    assert counts.tolist() == [2] + [1] * 14


def test_a_bin_may_cancel_and_two_bins_may_not():
    assert value(np.array([1, 0]), np.array([0.5, 0.5])) == 0
    assert value(np.array([1, 0]), np.array([0.9, 0.5])) == pytest.approx(100 * (0.1 + 0.5) / 2)


def test_resampled_error_is_the_error_of_the_resample():
    random = np.random.default_rng(1)
    right, confidence = random.integers(2, size=30), random.uniform(0.5, 1, 30)
    values = ECE.value(bootstrap.resampled_sums(ECE.statistics(outputs(right, confidence)), resamples=3, seed=5))
    drawn = np.random.default_rng(5).integers(30, size=(3, 30), dtype=np.int32)

    expected = [by_scikit_learn(right[chosen], confidence[chosen]) for chosen in drawn]
    assert values == pytest.approx(expected, abs=1e-9)
