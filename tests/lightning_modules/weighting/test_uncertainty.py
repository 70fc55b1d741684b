import math

import pytest

from lightning_modules.weighting.base import Observation
from lightning_modules.weighting.uncertainty import Uncertainty, UncertaintyConfig


def observed(losses: dict[str, float], steps: int, learning_rate: float = 0.1) -> Uncertainty:
    weighting = Uncertainty(UncertaintyConfig(learning_rate=learning_rate), list(losses), seed=0)
    for step in range(steps):
        weighting.observe(step, Observation(losses))
    return weighting


def test_variance_of_a_constant_loss_becomes_the_loss():
    weighting = observed({"a": 4.0, "b": 2.0, "c": 1.0}, steps=1000)

    assert {name: math.exp(s) for name, s in weighting.s.items()} == pytest.approx({"a": 4.0, "b": 2.0, "c": 1.0})


def test_higher_loss_gets_the_lower_factor():
    # In proportion to 1/4, 1/2 and 1.
    assert observed({"a": 4.0, "b": 2.0, "c": 1.0}, steps=1000).factors() == pytest.approx(
        {"a": 3 / 7, "b": 6 / 7, "c": 12 / 7}
    )


def test_one_step_goes_down_the_papers_gradient():
    assert observed({"a": 4.0}, steps=1).s == {"a": pytest.approx(-0.1 * (1.0 - 4.0) / 2.0)}


def test_an_objective_that_was_not_trained_keeps_its_variance():
    weighting = observed({"a": 4.0, "b": 2.0}, steps=3)
    before = weighting.s["b"]
    weighting.observe(3, Observation({"a": 4.0}))

    assert weighting.s["b"] == before


def test_a_loss_of_zero_is_no_error():
    assert math.isfinite(observed({"a": 0.0}, steps=2000, learning_rate=1.0).s["a"])
