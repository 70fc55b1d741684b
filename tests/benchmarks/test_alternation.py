from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.alternation import OURS, Alternation, Spread, seconds_per_step, times_as_fast
from benchmarks.made_up import stage_spec, whole_rows, write_text
from lightning_modules.hardware import HardwareConfig, resolve
from lightning_modules.networks import ModelChoice


def test_others_take_as_many_steps_after_every_turn_of_ours():
    taken: list[tuple[str, int]] = []
    others = {name: lambda number, name=name: taken.append((name, number)) for name in ("bare", "peer")}
    alternation = Alternation(others, turn_steps=2)
    trainer, module = SimpleNamespace(), SimpleNamespace()
    alternation.on_train_start(trainer, module)
    for batch in range(5):
        alternation.on_train_batch_end(trainer, module, None, None, batch)

    assert taken == [
        ("bare", 0), ("bare", 1), ("peer", 0), ("peer", 1), ("bare", 2), ("bare", 3), ("peer", 2), ("peer", 3),
    ]  # fmt: skip
    assert {name: len(turns) for name, turns in alternation.seconds.items()} == {OURS: 2, "bare": 2, "peer": 2}


def test_ratio_is_taken_turn_by_turn_and_without_the_first():
    seconds = {OURS: [9.0, 1.0, 2.0, 4.0], "bare": [1.0, 2.0, 2.0, 2.0]}

    assert times_as_fast(seconds, "bare", warm_up=1) == Spread(1.0, 0.5, 2.0)


def test_spread_shows_the_median_with_its_ends():
    assert f"{Spread.of([3.0, 1.0, 2.25]):.1f}" == "2.2 (1.0 to 3.0)"


def test_turns_must_match():
    with pytest.raises(ValueError, match="zip"):
        times_as_fast({OURS: [1.0, 2.0], "bare": [1.0]}, "bare", warm_up=0)


def test_timing_a_stage_leaves_nothing_it_would_resume_from(tmp_path: Path):
    write_text(tmp_path, 64, whole_rows(16, documents=20))
    model = ModelChoice(preset="micro").resolve(64, 16)
    hardware = resolve(HardwareConfig(accelerator="cpu", threads=1))
    spec = stage_spec(
        tmp_path, model, {"objectives": {"causal_lm": {}}}, hardware, steps=50, rows=2, micro_batches=1
    )  # fmt: skip
    before = sorted(tmp_path.rglob("*"))

    assert seconds_per_step(spec, steps=3) > 0
    assert sorted(tmp_path.rglob("*")) == before
