import pytest
import torch
from transformers import get_cosine_schedule_with_warmup

from lightning_modules.schedules import ScheduleConfig

SHAPES = ("cosine", "linear", "stable_decay")


@pytest.mark.parametrize("shape", SHAPES)
def test_starts_at_zero_peaks_after_the_warm_up_and_ends_at_the_floor(shape: str):
    schedule = ScheduleConfig(shape=shape, warmup_fraction=0.1, final_fraction=0.05)

    assert schedule.factor(0, 100) == 0.0
    assert schedule.factor(5, 100) == 0.5
    assert schedule.factor(10, 100) == 1.0
    assert schedule.factor(100, 100) == pytest.approx(0.05)


@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_half_way_down_is_half_the_peak(shape: str):
    assert ScheduleConfig(shape=shape, warmup_fraction=0.1, final_fraction=0.0).factor(55, 100) == pytest.approx(0.5)


def test_stable_decay_holds_the_peak_until_its_decay():
    schedule = ScheduleConfig(shape="stable_decay", warmup_fraction=0.1, decay_fraction=0.2, final_fraction=0.0)

    assert [schedule.factor(step, 100) for step in (10, 50, 80)] == [1.0, 1.0, 1.0]
    assert schedule.factor(90, 100) == pytest.approx(0.5)


def test_decay_longer_than_what_the_warm_up_leaves_starts_right_after_it():
    schedule = ScheduleConfig(shape="stable_decay", warmup_fraction=0.5, decay_fraction=1.0, final_fraction=0.0)

    assert schedule.factor(50, 100) == 1.0
    assert schedule.factor(75, 100) == pytest.approx(0.5)


@pytest.mark.parametrize("shape", SHAPES)
def test_one_step_is_made_at_the_peak_or_at_the_floor(shape: str):
    assert ScheduleConfig(shape=shape, warmup_fraction=0.0, final_fraction=0.5).factor(1, 1) in (0.5, 1.0)


def test_cosine_equals_that_of_transformers():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=8, num_training_steps=40)
    ours = ScheduleConfig(shape="cosine", warmup_fraction=0.2, final_fraction=0.0)

    for step in range(41):
        assert ours.factor(step, 40) == pytest.approx(theirs.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        theirs.step()
