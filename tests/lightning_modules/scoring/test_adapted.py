"""Every adapter from training to its answers: scored, packed as a model, exported or refused, resumed after a kill."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from lightning_modules import callbacks, keeping, train
from lightning_modules.adapters import ADAPTERS
from lightning_modules.checkpoint import load_trunk
from lightning_modules.datamodule import StageData
from lightning_modules.evaluate import evaluate
from lightning_modules.export.writing import Source, export
from lightning_modules.module import StageModule
from lightning_modules.predictor import Predictor, PredictorConfig
from lightning_modules.spec import TrainSpec

from .conftest import CONFIG, HARDWARE

pytestmark = pytest.mark.usefixtures("one_thread")
METHODS: dict[str, dict[str, Any]] = {
    "partial": {"method": "partial", "frozen_layers": 1},
    "head_only": {"method": "partial", "head_only": True},
    "lora": {"method": "lora", "rank": 2, "targets": ["q_proj", "v_proj"]},
    "prefix": {"method": "prefix", "length": 3},
    "computed": {"method": "prefix", "length": 3, "reparameterised": True, "inner_size": 16},
    "prompt": {"method": "prompt", "length": 3},
}
MERGED = {"partial", "head_only", "lora"}
Tune = Callable[..., TrainSpec]


@pytest.fixture
def tune(folders: Path, tmp_path: Path) -> Tune:
    """Returns a spec that fine-tunes `pretrained` on `sentiment`, of which only the parts for training are there."""
    labelled = tmp_path / "labelled"
    if not labelled.exists():
        shutil.copytree(folders / "sentiment", labelled)
        (labelled / "test.parquet").unlink()

    def make(name: str, **changes: Any) -> TrainSpec:
        stage = {
            "tokens": 6 * 4 * 32, "peak_lr": 3e-2, "sequence_length": 32,
            "objectives": {"classification": {"classes": 2}}, "selection": {"every_steps": 2},
        }  # fmt: skip
        fields: dict[str, Any] = {
            "name": "finetuning/polarity", "work": tmp_path / name / "work", "output": tmp_path / name / "output",
            "tokenizer": folders / "tokenizer", "model": CONFIG, "init": folders / "pretrained", "stage": stage,
            "data": {"kind": "examples", "path": labelled}, "adapter": {"method": "full"}, "steps": 6,
            "micro_batch_size": 4, "micro_batches": 1, "tokens_before": 0, "hardware": HARDWARE, "seed": 3,
            "checkpoint_steps": 2, "log_steps": 3,
        }  # fmt: skip
        return TrainSpec.model_validate(fields | changes)

    return make


def run(spec: TrainSpec) -> StageModule:
    module = StageModule(spec)
    train.train(module, StageData(spec))
    return module


def test_every_method_is_tried_here():
    assert {settings["method"] for settings in METHODS.values()} == ADAPTERS.keys() - {"full"}


@pytest.mark.parametrize("name", METHODS)
def test_an_adapter_answers_in_scoring_and_as_a_model_what_it_did_in_training(
    name: str, tune: Tune, make_spec: Callable[..., Any], folders: Path, tmp_path: Path
):
    """Fine-tuning finds no test.parquet in its folder, and the base's own tensors are what they were."""
    spec = tune(name, adapter=METHODS[name])
    module = run(spec)
    base, saved = (
        load_file(folders / "pretrained" / "model.safetensors"),
        load_file(spec.output / "adapter.safetensors"),
    )
    state = module.trunk.state_dict()
    trained = {key for key, parameter in module.trunk.named_parameters() if parameter.requires_grad}
    frozen = [key for key in base if key in state and key not in trained]
    assert frozen
    assert all(torch.equal(state[key], base[key]) for key in frozen)
    assert sum(tensor.numel() for tensor in saved.values()) < 0.5 * sum(tensor.numel() for tensor in base.values())
    optimizer = module.configure_optimizers()
    assert sum(p.numel() for group in optimizer.param_groups for p in group["params"]) == sum(
        p.numel() for p in module.parameters() if p.requires_grad
    )

    evaluate(
        make_spec(
            task="classification", data=folders / "sentiment", sequence_length=32,
            systems={"tuned": {"weights": spec.output, "base": folders / "pretrained"}},
        )
    )  # fmt: skip
    rows = pq.read_table(tmp_path / "output" / "examples.parquet").to_pylist()
    answers = [row for row in rows if row["system"] == "tuned"]
    texts = {row["id"]: row["input"] for row in pq.read_table(folders / "sentiment" / "test.parquet").to_pylist()}

    package = tmp_path / "package"
    package.mkdir()
    for part, folder in (
        ("weights", spec.output),
        ("base", folders / "pretrained"),
        ("tokenizer", folders / "tokenizer"),
    ):
        shutil.copytree(folder, package / part)
    config = PredictorConfig(answers="class", labels=("bad", "good"), sequence_length=32)
    (package / "predictor.json").write_text(config.model_dump_json())
    predicted = Predictor.load(package).predict([texts[row["example_id"]] for row in answers])
    assert [row["label"] for row in predicted] == [row["prediction"] for row in answers]
    nll = [-np.log(row[f"probability.{json.loads(answer['references'])[0]}"] if isinstance(answer["references"], str)
                   else row[f"probability.{answer['references'][0]}"])
           for row, answer in zip(predicted, answers, strict=True)]  # fmt: skip
    np.testing.assert_allclose(nll, [row["nll"] for row in answers], rtol=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_an_adapter_is_exported_merged_or_refused_by_name(name: str, tune: Tune, folders: Path, tmp_path: Path):
    spec = tune(name, adapter=METHODS[name], steps=2)
    run(spec)
    source = Source(spec.output, folders / "tokenizer", folders / "pretrained", ("bad", "good"))
    if name not in MERGED:
        with pytest.raises(ValueError, match=f"adapter '{METHODS[name]['method']}' adds .* cannot be merged"):
            export(source, "eurobert-classifier", tmp_path / "exported")
        assert not (tmp_path / "exported").exists()
        return
    export(source, "eurobert-classifier", tmp_path / "exported")
    merged = load_trunk(spec.output, folders / "pretrained", merge=True).state_dict()
    written = load_file(tmp_path / "exported" / "model.safetensors")
    assert sum(torch.equal(tensor, merged[key]) for key, tensor in written.items() if key in merged) > 10


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    ("name", "point"),
    [("computed", "train/selected"), ("prompt", "train/checkpointed"), ("lora", "train/checkpointed")],
)
def test_a_kill_costs_nothing_with_all_that_fine_tuning_can_do(
    name: str, point: str, tune: Tune, monkeypatch: pytest.MonkeyPatch
):
    terms = {"pairs": [["kala.", "tena."]]}
    labelled = tune("any").data.model_dump() | {"counterfactual": terms}
    changes = {
        "adapter": METHODS[name], "model": CONFIG.model_copy(update={"dropout": 0.1}), "layer_lr_decay": 0.8,
        "adversary": {"epsilon": 0.5}, "data": labelled,
    }  # fmt: skip
    killed, whole = tune("killed", **changes), tune("whole", **changes)
    reached: list[str] = []

    def reach(place: str) -> None:
        reached.append(place)
        if place == point and (reached.count(place) == 2 or "checkpointed" not in point):
            raise Killed

    with monkeypatch.context() as dying:
        for module in (callbacks, keeping, train):
            dying.setattr(module, "reach", reach)
        with pytest.raises(Killed):
            run(killed)
    run(killed)
    run(whole)

    one, other = ({file.name: file.read_bytes() for file in spec.output.iterdir()} for spec in (killed, whole))
    assert one == other
    assert json.loads(one["stage.json"])["flops"] > 0


def test_counterfactual_copies_are_trained_on_and_not_validated_on(tune: Tune):
    plain = tune("plain")
    [first] = pq.read_table(plain.data.path / "train.parquet").slice(0, 1).to_pylist()
    word = first["input"].split()[0]
    swapped = tune("swapped", data=plain.data.model_dump() | {"counterfactual": {"pairs": [[word, "zzz"]]}})
    texts = [row["input"] for row in pq.read_table(plain.data.path / "train.parquet").to_pylist()]
    holding = sum(word.lower() in text.lower().rstrip(".").split() for text in texts)

    counts = []
    for spec in (plain, swapped):
        data = StageData(spec)
        [view] = data.views.values()
        counts.append(tuple(len(data._encoded(spec.data, split, view).lengths_N) for split in ("train", "validation")))
    assert counts == [(30, 4), (30 + holding, 4)]
    assert holding > 0


def test_with_nothing_left_to_train_a_stage_is_refused(tune: Tune, folders: Path):
    stage = tune("any").stage.model_dump() | {"objectives": {"prefix_lm": {}}, "selection": None}
    with pytest.raises(ValueError, match="nothing is left to train: adapter 'partial'"):
        StageModule(tune("headless", stage=stage, adapter=METHODS["head_only"]))
