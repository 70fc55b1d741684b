import pytest

from lightning_modules.weighting.base import Observation
from lightning_modules.weighting.famo import FAMO, FAMOConfig

NAMES = ["a", "b", "c"]
BEFORE = dict.fromkeys(NAMES, 1.0)
AFTER = {"a": 0.9, "b": 0.99, "c": 1.0}


def observed(steps: int, every: int = 1) -> FAMO:
    weighting = FAMO(FAMOConfig(update_every_steps=every), NAMES, seed=0)
    for step in range(steps):
        weighting.observe(step, Observation(BEFORE, losses_after=AFTER))
    return weighting


def test_twenty_updates_give_the_weights_of_the_authors_code():
    assert observed(20).z_K.tolist() == pytest.approx([0.160, 0.417, 0.423], abs=5e-4)


def test_factors_are_the_weights_times_their_number():
    weighting = observed(20)

    assert list(weighting.factors().values()) == pytest.approx([3.0 * z for z in weighting.z_K.tolist()])


def test_progress_is_measured_once_a_window():
    weighting = FAMO(FAMOConfig(update_every_steps=5), NAMES, seed=0)
    asked = []
    for step in range(11):
        asked.append(bool(weighting.needs_at(step)))
        weighting.observe(step, Observation(BEFORE, losses_after=AFTER))

    assert [step for step, each in enumerate(asked) if each] == [0, 5, 10]
    assert weighting.factors() == observed(3).factors()


def test_a_window_stays_open_until_every_objective_was_trained():
    weighting = FAMO(FAMOConfig(update_every_steps=5), NAMES, seed=0)
    for step, trained in enumerate(["ab", "ab", "c"]):
        assert weighting.needs_at(step) == weighting.needs
        weighting.observe(
            step, Observation({n: BEFORE[n] for n in trained}, losses_after={n: AFTER[n] for n in trained})
        )

    assert weighting.needs_at(3) == weighting.needs_at(4) == frozenset()
    assert weighting.factors() == observed(1).factors()
