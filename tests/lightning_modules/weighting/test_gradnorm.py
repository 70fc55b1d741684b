import math

import pytest

from lightning_modules.weighting.base import Observation
from lightning_modules.weighting.gradnorm import GradNorm, GradNormConfig


def weighted(unit_norms: dict[str, float], losses: dict[str, float], steps: int, **settings: object) -> GradNorm:
    """Factors after `steps` in which the gradient of each objective has the length factor * unit norm."""
    config = GradNormConfig.model_validate({"update_every_steps": 1, "smoothing": 0.0} | settings)
    weighting = GradNorm(config, list(unit_norms), seed=0)
    for step in range(steps):
        norms = {name: factor * unit_norms[name] for name, factor in weighting.factors().items()}
        weighting.observe(step, Observation(losses, norms))
    return weighting


def test_first_update_moves_every_factor_by_the_learning_rate():
    found = weighted({"a": 3.0, "b": 1.0}, {"a": 1.0, "b": 1.0}, steps=1, learning_rate=0.025).factors()

    # Adam's first step is the sign of the gradient: a is too long, b too short.
    assert found == pytest.approx({"a": 1 - math.tanh(0.025), "b": 1 + math.tanh(0.025)})


def test_equal_rates_end_with_gradients_of_one_length():
    found = weighted({"a": 3.0, "b": 1.0}, {"a": 1.0, "b": 1.0}, steps=300).factors()

    assert found == pytest.approx({"a": 0.5, "b": 1.5}, rel=0.06)  # the sign of the gradient turns around the optimum


def test_what_has_kept_more_of_its_loss_ends_with_the_longer_gradient():
    found = weighted(
        {"a": 3.0, "b": 1.0}, {"a": 4.0, "b": 2.0}, steps=300, references={"a": 4.0, "b": 4.0}, alpha=1.0
    ).factors()

    # a has kept twice the share of b, so its gradient is to be twice as long: 3 f_a = 2 f_b, f_a + f_b = 2.
    assert found == pytest.approx({"a": 0.8, "b": 1.2}, rel=0.06)


def test_the_scale_of_all_losses_does_not_matter():
    small, large = ({"a": 3.0 * scale, "b": scale} for scale in (1e-6, 1e6))

    assert weighted(small, {"a": 1.0, "b": 1.0}, steps=20).factors() == pytest.approx(
        weighted(large, {"a": 1.0, "b": 1.0}, steps=20).factors()
    )


def test_nothing_winds_up_beyond_the_bounds():
    losses = {"a": 1.0, "b": 1.0}
    weighting = weighted({"a": 1000.0, "b": 1.0}, losses, steps=500)
    assert weighting.factors() == pytest.approx({"a": 0.2, "b": 1.8})

    for step in range(500, 530):
        weighting.observe(step, Observation(losses, {"a": 1.0, "b": 1000.0}))
    assert weighting.factors()["a"] > 0.25


def test_an_objective_of_weight_zero_has_no_gradient_and_is_no_error():
    found = weighted({"a": 1.0, "b": 0.0}, {"a": 1.0, "b": 1.0}, steps=20).factors()

    assert all(math.isfinite(factor) for factor in found.values())


def test_gradients_are_asked_for_once_a_window_and_losses_always():
    weighting = GradNorm(GradNormConfig(update_every_steps=4), ["a"], seed=0)
    asked = []
    for step in range(6):
        asked.append("shared_gradients" in weighting.needs_at(step))
        assert "losses" in weighting.needs_at(step)
        weighting.observe(step, Observation({"a": 1.0}, {"a": 1.0}))

    assert asked == [True, False, False, False, True, False]
