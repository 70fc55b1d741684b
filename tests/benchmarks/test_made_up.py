from pathlib import Path

import numpy as np
import pytest

from benchmarks.made_up import network, running_text, stage_spec, whole_rows, write_text
from benchmarks.objectives import without_mask
from data.batch import StepBatch
from data.packing import pack
from data.shards import Shards
from lightning_modules.datamodule import StageData
from lightning_modules.hardware import HardwareConfig, resolve
from lightning_modules.networks import ModelChoice
from lightning_modules.objectives import OBJECTIVES
from lightning_modules.spec import TrainSpec

LENGTH = 64
MODEL = ModelChoice(preset="micro").resolve(512, LENGTH)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    write_text(folder, 512, whole_rows(LENGTH, documents=40))
    return folder


def spec(folder: Path, objective: str) -> TrainSpec:
    hardware = resolve(HardwareConfig(accelerator="cpu", threads=1))
    return stage_spec(
        folder, network(MODEL, [objective]), {"objectives": {objective: {}}}, hardware, steps=4, rows=4, micro_batches=2
    )


def steps(folder: Path, objective: str) -> list[StepBatch]:
    return list(StageData(spec(folder, objective)).train_dataloader())


def test_documents_of_whole_rows_share_no_row(text: Path):
    packing = pack(Shards.open(text, "train").offsets, LENGTH)

    assert packing.single_rows == packing.rows
    assert packing.padding_fraction == 0.0


def test_some_documents_fill_several_rows():
    assert set(np.unique((whole_rows(LENGTH, 100) + 1) // (LENGTH - 1))) == {1, 2, 3, 4}


@pytest.mark.parametrize("objective", running_text())
def test_every_objective_finds_something_to_learn_from(text: Path, objective: str):
    counts = [micro.counts[objective] for step in steps(text, objective) for micro in step.micro_batches]

    assert min(counts) > 0


def test_fine_tuning_objectives_are_not_among_those_of_running_text():
    assert "classification" not in running_text()
    assert {"causal_lm", "masked_lm", "replaced_token", "sentence_order"} <= set(running_text()) <= OBJECTIVES.keys()


@pytest.mark.parametrize("objective", running_text())
def test_no_objective_refuses_its_network(objective: str):
    part = OBJECTIVES[objective]

    part.check_model(part.config_class(), network(MODEL, [objective]))


def test_network_has_what_an_objective_needs_and_is_left_alone_for_others():
    assert network(MODEL, ["causal_lm", "contrastive"]).dropout == 0.1
    assert network(MODEL, ["causal_lm"]) == MODEL


@pytest.mark.parametrize("objective", ["causal_lm", "masked_lm", "replaced_token"])
def test_single_rows_need_no_mask(text: Path, objective: str):
    assert without_mask(spec(text, objective)) == 1.0


def test_shared_rows_need_a_mask(tmp_path: Path):
    write_text(tmp_path, 512, np.full(200, 20))

    assert without_mask(spec(tmp_path, "causal_lm")) == 0.0
