import pytest

from lightning_modules.weighting.base import Observation
from lightning_modules.weighting.dwa import DWA, DWAConfig


def observed(steps: list[dict[str, float]], every: int = 1) -> DWA:
    weighting = DWA(DWAConfig(update_every_steps=every), ["a", "b", "c"], seed=0)
    for step, losses in enumerate(steps):
        weighting.observe(step, Observation(losses))
    return weighting


def test_weights_are_those_of_the_paper():
    found = observed([{"a": 4.0, "b": 2.0, "c": 0.5}, {"a": 2.0, "b": 1.8, "c": 0.5}]).factors()

    assert found == pytest.approx({"a": 0.855816, "b": 1.045295, "c": 1.098889}, abs=1e-6)


def test_factors_are_equal_until_two_windows_are_complete():
    assert observed([{"a": 4.0, "b": 2.0, "c": 0.5}] * 3, every=2).factors() == {"a": 1.0, "b": 1.0, "c": 1.0}


def test_means_of_windows_are_compared():
    whole = observed([{"a": 4.0, "b": 2.0, "c": 0.5}, {"a": 2.0, "b": 1.8, "c": 0.5}])
    halves = observed(
        [
            {"a": 5.0, "b": 2.0, "c": 0.5}, {"a": 3.0}, {"a": 1.0, "b": 1.5}, {"a": 3.0, "b": 2.1, "c": 0.5},
        ], every=2
    )  # fmt: skip

    assert halves.factors() == pytest.approx(whole.factors())


def test_a_window_goes_on_until_every_objective_was_trained():
    found = observed([{"a": 5.0, "b": 2.0}, {"a": 3.0, "c": 0.5}, {"a": 2.0, "b": 1.8, "c": 0.5}])

    assert found.factors() == pytest.approx({"a": 0.855816, "b": 1.045295, "c": 1.098889}, abs=1e-6)


def test_a_loss_of_zero_is_no_error():
    found = observed([{"a": 0.0, "b": 2.0, "c": 1.0}, {"a": 1.0, "b": 2.0, "c": 1.0}]).factors()

    assert found == pytest.approx({"a": 2.6, "b": 0.2, "c": 0.2})
