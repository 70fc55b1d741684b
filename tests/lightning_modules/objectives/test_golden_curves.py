"""The first twenty steps of every objective that trains on running text, held to curves that are kept.

A change of what is computed, be it the view, the loss, the first weights, the order of the data or the optimizer, moves
a curve by more than the last bits in which processors differ. Where the change is meant, delete the objective's entry
and record it anew.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.views import VIEWS
from data.vocabulary import SPECIALS
from lightning_modules import train
from lightning_modules.datamodule import StageData
from lightning_modules.module import StageModule
from lightning_modules.objectives import OBJECTIVES
from lightning_modules.spec import TrainSpec

pytestmark = pytest.mark.usefixtures("one_thread")
KEPT = Path(__file__).with_name("golden_curves.json")
"""Objective -> loss -> its mean in each step, in nats."""
RECORD = "STAGELM_RECORD_CURVES"
"""Set, it adds the curves that are missing; those that are there are never changed."""
STEPS = 20
TOLERANCE = 1e-4
TRAINED_ON_TEXT = sorted(name for name in OBJECTIVES if "windows" in VIEWS[name].reads)
NEEDED = {"contrastive": {"dropout": 0.1}}
"""Objective -> what of the network it cannot do without, and others should be spared."""

Curves = dict[str, list[float]]


@pytest.fixture
def text(tmp_path: Path, artifacts: Path) -> Path:
    """Tokens in which one follows from the one before but for a choice of two, so that there is something to learn."""
    folder = tmp_path / "tokens"
    folder.mkdir()
    facts = (artifacts / "tokens" / "tokens.json").read_text()
    (folder / "tokens.json").write_text(facts)
    words, random = json.loads(facts)["vocab_size"] - SPECIALS.count, np.random.default_rng(0)
    for split, documents in (("train", 150), ("validation", 10)):
        lengths = random.integers(10, 60, documents)
        walk = np.cumsum(random.choice([1, 5], lengths.sum()))
        (SPECIALS.count + walk % words).astype(np.uint16).tofile(folder / f"{split}.bin")
        np.save(folder / f"{split}.offsets.npy", np.concatenate(([0], lengths.cumsum())))
        np.save(folder / f"{split}.bytes.npy", lengths * 2)
    return folder


@pytest.fixture
def trained(make_spec: Callable[..., TrainSpec], text: Path) -> Callable[..., tuple[Curves, dict[str, bytes]]]:
    """Trains one objective with its defaults; returns its losses step by step, and its weights."""

    def trained(objective: str, run: str) -> tuple[Curves, dict[str, bytes]]:
        spec = make_spec(
            run,
            data={"kind": "shards", "sources": [{"path": text, "share": 1.0}]},
            stage={"objectives": {objective: {}}, "tokens": STEPS * 256},
            steps=STEPS,
            log_steps=1,
            checkpoint_steps=STEPS,
        )
        network = spec.model.model_copy(update={"span_positions": 41, **NEEDED.get(objective, {})})
        spec = spec.model_copy(update={"model": network})
        train.train(StageModule(spec), StageData(spec))
        lines = [json.loads(line)["metrics"] for line in (spec.work / "metrics.jsonl").read_text().splitlines()]
        steps = [line for line in lines if "train/loss" in line]
        names = [name for name in steps[0] if name.endswith("/loss") and name != "train/loss"]
        weights = {path.name: path.read_bytes() for path in spec.output.glob("*.safetensors")}
        return {name.removeprefix("train/"): [step[name] for step in steps] for name in names}, weights

    return trained


@pytest.mark.parametrize("objective", TRAINED_ON_TEXT)
def test_twenty_steps_repeat_to_the_bit_and_follow_the_kept_curve(objective: str, trained: Callable[..., tuple]):
    (curves, weights), again = trained(objective, "once"), trained(objective, "again")
    assert (curves, weights) == again

    kept = json.loads(KEPT.read_text())
    if os.environ.get(RECORD) and objective not in kept:
        kept[objective] = {name: [round(loss, 6) for loss in curve] for name, curve in curves.items()}
        KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")

    assert objective in kept, f"no curve is kept for {objective}; record it: {RECORD}=1 python -m pytest {__file__}"
    assert curves.keys() == kept[objective].keys()
    for name, curve in curves.items():
        assert curve == pytest.approx(kept[objective][name], rel=0, abs=TOLERANCE), name
        assert len(curve) == STEPS


def test_no_curve_is_kept_of_what_is_gone():
    assert set(json.loads(KEPT.read_text())) <= set(TRAINED_ON_TEXT)
