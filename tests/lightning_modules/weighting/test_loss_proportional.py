import pytest

from lightning_modules.weighting.base import Observation
from lightning_modules.weighting.loss_proportional import LossProportional, LossProportionalConfig


def factors_after(losses: list[dict[str, float]], **settings: object) -> dict[str, float]:
    config = LossProportionalConfig.model_validate({"update_every_steps": 1, "smoothing": 0.0} | settings)
    weighting = LossProportional(config, list(losses[0]), seed=0)
    for step, each in enumerate(losses):
        weighting.observe(step, Observation(each))
    return weighting.factors()


def test_factor_is_the_share_of_the_first_loss_that_is_left():
    # a has kept 3/4, b 1/4 of the first loss.
    assert factors_after([{"a": 8.0, "b": 0.4}, {"a": 6.0, "b": 0.1}]) == pytest.approx({"a": 1.5, "b": 0.5})


def test_alpha_is_the_exponent():
    losses = [{"a": 8.0, "b": 0.4}, {"a": 8.0, "b": 0.2}]

    assert factors_after(losses, alpha=2.0) == pytest.approx({"a": 1.6, "b": 0.4})
    assert factors_after(losses, alpha=0.0) == pytest.approx({"a": 1.0, "b": 1.0})


def test_given_references_take_the_place_of_the_first_losses():
    found = factors_after([{"a": 6.0, "b": 0.1}], references={"a": 8.0, "b": 0.4})

    assert found == pytest.approx({"a": 1.5, "b": 0.5})


def test_an_objective_without_loss_left_falls_to_its_bound():
    assert factors_after([{"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 0.0}]) == pytest.approx({"a": 1.8, "b": 0.2})
