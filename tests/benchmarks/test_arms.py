import json
from pathlib import Path

import pytest

from benchmarks import arms
from benchmarks.arms import ARMS, CAUSAL, HYBRID, MASKED, Experiment, flops_per_position, load, run
from benchmarks.ordering import grammar_experiment
from lightning_modules.networks import ModelChoice

MODEL = ModelChoice(preset="micro", num_heads=4).resolve(vocab_size=100, sequence_length=25)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return grammar_experiment(tmp_path_factory.mktemp("build"), steps=3, texts=80, count=4)


def test_flops_are_those_worked_out_by_hand():
    matrices = 2 * (4 * 64 * 64 + 3 * 64 * 192)
    attention = 2 * 2 * 25 * 64

    assert flops_per_position(MODEL, CAUSAL) == pytest.approx(6 * (matrices + attention + 100 * 64 * 24 / 25))
    assert flops_per_position(MODEL, MASKED) == pytest.approx(6 * (matrices + attention + 100 * 64 * 0.15 * 24 / 25))
    assert flops_per_position(MODEL, HYBRID) == pytest.approx(
        (flops_per_position(MODEL, CAUSAL) + flops_per_position(MODEL, MASKED)) / 2
    )


def test_arms_of_equal_flops_spend_what_causal_modelling_spends(tmp_path: Path):
    experiment = Experiment(
        "flops", tmp_path, MODEL, [], steps=900, rows=1, micro_batches=1, training={"peak_lr": 1e-3}
    )
    spent = {name: experiment.steps_of(arm) * flops_per_position(MODEL, arm.shares) for name, arm in ARMS.items()}

    one_step = flops_per_position(MODEL, CAUSAL)
    assert spent["masked-flops"] == pytest.approx(spent["causal"], abs=one_step)
    assert spent["hybrid-flops"] == pytest.approx(spent["causal"], abs=one_step)
    assert spent["masked"] < spent["hybrid"] < spent["causal"]
    assert {experiment.steps_of(ARMS[name]) for name in ("causal", "masked", "hybrid")} == {900}


def test_run_is_judged_at_its_thirds_and_says_what_it_depends_on(experiment: Experiment, tmp_path: Path):
    made = run(experiment, "hybrid", 0, tmp_path / "a.json")

    assert [point.step for point in made.curve] == [1, 2, 3]
    assert {len(point.causal) for point in made.curve} == {len(point.masked) for point in made.curve} == {4}
    assert load(tmp_path / "a.json") == made
    assert made.settings["shares"] == {"causal_lm": 0.5, "masked_lm": 0.5}


def test_same_seed_gives_the_same_run_and_another_seed_another(experiment: Experiment, tmp_path: Path):
    seeds = {"a": 0, "b": 0, "c": 1}
    first, again, other = (run(experiment, "causal", seed, tmp_path / f"{name}.json") for name, seed in seeds.items())

    assert first == again
    assert [point.causal for point in first.curve] != [point.causal for point in other.curve]


def test_finished_run_is_kept_until_something_it_depends_on_changes(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "a.json"
    made = run(experiment, "causal", 0, path)
    trained: list[object] = []
    monkeypatch.setattr(arms, "fit", lambda spec, callbacks: trained.append(spec))

    assert run(experiment, "causal", 0, path) == made
    assert trained == []
    path.write_text(json.dumps({"settings": made.settings | {"steps": 1}, "curve": []}))
    run(experiment, "causal", 0, path)
    assert len(trained) == 1
