import math
from itertools import pairwise

import pytest

from lightning_modules.weighting.base import Observation
from lightning_modules.weighting.excess_loss import ExcessLoss, ExcessLossConfig


def factors_after(losses: list[dict[str, float]], **settings: object) -> dict[str, float]:
    config = ExcessLossConfig.model_validate({"update_every_steps": 1, "smoothing": 0.0} | settings)
    weighting = ExcessLoss(config, list(losses[0]), seed=0)
    for step, each in enumerate(losses):
        weighting.observe(step, Observation(each))
    return weighting.factors()


def test_one_update_worked_out_by_hand():
    found = factors_after([{"a": 3.0, "b": 1.0}], references={"a": 2.0, "b": 1.0}, learning_rate=1.0, pull=0.1)

    # a is 50 % over its reference, b at it: e^.5 to 1, scaled to mean 1, then a tenth of the way back to 1.
    raised = 2 * math.exp(0.5) / (math.exp(0.5) + 1)
    assert found == pytest.approx({"a": 0.9 * raised + 0.1, "b": 0.9 * (2 - raised) + 0.1})


def test_equal_relative_losses_change_nothing():
    assert factors_after([{"a": 4.0, "b": 0.4}] * 9, references={"a": 2.0, "b": 0.2}) == pytest.approx({"a": 1, "b": 1})
    assert factors_after([{"a": 9.0, "b": 0.6}, {"a": 6.0, "b": 0.4}] * 9) == pytest.approx({"a": 1, "b": 1})


def test_an_objective_past_its_reference_is_no_longer_behind():
    assert factors_after([{"a": 1.0, "b": 0.1}], references={"a": 2.0, "b": 1.0}) == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize("references", [{}, {"a": 3.0, "b": 0.5}])
def test_the_unit_of_a_loss_does_not_matter(references: dict[str, float]):
    losses = [{"a": 9.0 - step, "b": 0.7 - step / 50} for step in range(6)]
    scaled = [{"a": 10 * each["a"], "b": each["b"]} for each in losses]
    scaled_references = {name: 10 * loss if name == "a" else loss for name, loss in references.items()}

    assert factors_after(losses, references=references) == pytest.approx(
        factors_after(scaled, references=scaled_references)
    )


def test_an_objective_that_stands_still_gains_until_its_bound_and_no_further():
    config = ExcessLossConfig(update_every_steps=1, smoothing=0.0, learning_rate=1.0, pull=0.0)
    weighting = ExcessLoss(config, ["still", "falling"], seed=0)
    trajectory = []
    for step in range(40):
        weighting.observe(step, Observation({"still": 5.0, "falling": 5.0 * 0.9**step}))
        trajectory.append(weighting.factors()["still"])

    assert all(later > earlier - 1e-12 for earlier, later in pairwise(trajectory))
    assert trajectory[1] > 1.0 and trajectory[-1] == pytest.approx(1.8)  # with two objectives the other holds 0.2


def test_nothing_moves_before_every_objective_was_seen_or_between_updates():
    weighting = ExcessLoss(ExcessLossConfig(update_every_steps=2, smoothing=0.0), ["a", "b"], seed=0)
    for step, losses in enumerate([{"a": 9.0}, {"a": 9.0}, {"a": 9.0, "b": 1.0}]):
        weighting.observe(step, Observation(losses))
    assert weighting.factors() == {"a": 1.0, "b": 1.0}

    weighting.observe(3, Observation({"b": 0.5}))
    assert weighting.factors()["a"] > 1.0


def test_losses_are_smoothed():
    weighting = ExcessLoss(ExcessLossConfig(smoothing=0.98), ["a"], seed=0)
    weighting.observe(0, Observation({"a": 2.0}))
    weighting.observe(1, Observation({"a": 1.0}))

    assert weighting.state_dict()["left"]["smoothed"] == {"a": pytest.approx(1.98)}


def test_references_for_some_objectives_are_refused():
    with pytest.raises(ValueError, match="references names a, but the stage has a, b"):
        ExcessLoss(ExcessLossConfig(references={"a": 1.0}), ["a", "b"], seed=0)
