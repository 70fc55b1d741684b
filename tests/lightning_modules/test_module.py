"""One optimizer step against the gradient written out."""

from collections.abc import Callable

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from data.batch import StepBatch
from lightning_modules import train
from lightning_modules.callbacks import StageRecorder
from lightning_modules.datamodule import StageData
from lightning_modules.ledger import Diverged, Ledger, StepRecord, Tally
from lightning_modules.module import StageModule
from lightning_modules.spec import TrainSpec

MakeSpec = Callable[..., TrainSpec]
LR = 0.1


def one_step(make_spec: MakeSpec, **stage: object) -> TrainSpec:
    """A stage of one step of plain gradient descent, unclipped."""
    plain = {
        "optimizer": {"method": "sgd", "momentum": 0.0},
        "peak_lr": LR,
        "clip_norm": 1e9,
        "schedule": {"shape": "linear", "warmup_fraction": 0.0, "final_fraction": 1.0},
    }
    return make_spec(stage=plain | stage, steps=1)


def run(spec: TrainSpec) -> tuple[StageModule, StepBatch]:
    """Trains and returns the module with the step it was trained on."""
    module, data = StageModule(spec), StageData(spec)
    train.train(module, data)
    return module, data.train_dataloader().step(0)


def gradients(spec: TrainSpec, batch: StepBatch) -> dict[str, Tensor]:
    """The gradient of sum over objectives of weight * (all losses of the step summed / all their units)."""
    module = StageModule(spec)
    loss = torch.zeros(())
    for name, use in spec.stage.objectives.items():
        terms = [
            module.objectives[name](module.trunk, micro.batch)[use.objective]
            for micro in batch.micro_batches
            if micro.objective == name
        ]
        loss = loss + use.weight * sum(term.loss_sum for term in terms) / sum(term.count for term in terms)
    loss.backward()
    return {name: part.grad for name, part in module.named_parameters() if part.grad is not None}


def test_step_over_unequal_micro_batches_equals_one_big_batch(make_spec: MakeSpec):
    spec = one_step(
        make_spec,
        objectives={"cloze": {"objective": "masked_lm", "share": 0.75, "weight": 2.0}, "causal_lm": {"share": 0.25}},
    )
    before = dict(StageModule(spec).named_parameters())

    module, batch = run(spec)

    counts = {micro.counts["masked_lm"] for micro in batch.micro_batches if micro.objective == "cloze"}
    assert len(counts) > 1
    expected = gradients(spec, batch)
    moved = {name: (before[name] - part) / LR for name, part in module.named_parameters()}
    for name, gradient in expected.items():
        torch.testing.assert_close(moved[name], gradient, rtol=1e-4, atol=2e-6)


def test_weight_zero_leaves_heads_as_they_were(make_spec: MakeSpec):
    spec = one_step(
        make_spec, objectives={"causal_lm": {"share": 0.5}, "sentence_order": {"share": 0.5, "weight": 0.0}}
    )
    before = {name: part.clone() for name, part in StageModule(spec).objectives["sentence_order"].named_parameters()}

    module, _ = run(spec)

    for name, part in module.objectives["sentence_order"].named_parameters():
        assert torch.equal(part, before[name])


def test_gradient_is_clipped_over_all_that_is_trained(make_spec: MakeSpec):
    spec = one_step(make_spec, objectives={"causal_lm": {}}, clip_norm=0.01)
    before = {name: part.clone() for name, part in StageModule(spec).named_parameters()}

    module, _ = run(spec)

    moved = torch.cat([((before[name] - part) / LR).flatten() for name, part in module.named_parameters()])
    assert moved.norm().item() == pytest.approx(0.01, rel=1e-2)


def test_weights_blend_from_those_of_the_stage_before(make_spec: MakeSpec):
    objectives = {
        "forward": {"objective": "causal_lm", "share": 0.5, "weight": 0.5},
        "replaced": {"objective": "replaced_token", "share": 0.5, "weight": 50.0},
    }
    spec = make_spec(
        stage={"objectives": objectives, "blend_fraction": 0.5}, steps=8, former_weights={"forward": 1.0, "cloze": 3.0}
    )
    module = StageModule(spec)
    weights = []
    for module.completed_steps in range(8):
        weights.append(module.current_weights())

    assert [step["forward"] for step in weights] == [0.875, 0.75, 0.625, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert [step["replaced"] for step in weights] == [12.5, 25.0, 37.5, 50.0, 50.0, 50.0, 50.0, 50.0]
    assert [step["replaced/generator"] for step in weights] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert weights[0].keys() == {"forward", "replaced", "replaced/generator"}


def test_step_in_the_blend_follows_the_blended_weight(make_spec: MakeSpec):
    """With two steps and a blend over both, the first has half of the way behind it."""
    blend = {"objectives": {"causal_lm": {"weight": 3.0}}, "blend_fraction": 1.0}
    spec = one_step(make_spec, **blend).model_copy(update={"steps": 2, "former_weights": {"causal_lm": 1.0}})
    module, batch = StageModule(spec), StageData(spec).train_dataloader().step(0)
    expected = gradients(one_step(make_spec, objectives={"causal_lm": {"weight": 2.0}}), batch)

    terms = [module.named_terms(micro)["causal_lm"] for micro in batch.micro_batches]
    loss = module.current_weights()["causal_lm"] * sum(t.loss_sum for t in terms) / sum(t.count for t in terms)
    loss.backward()

    for name, part in module.named_parameters():
        if name in expected:
            torch.testing.assert_close(part.grad, expected[name])


def test_step_that_is_not_due_is_refused(make_spec: MakeSpec):
    module, data = StageModule(make_spec()), StageData(make_spec())

    with pytest.raises(RuntimeError, match="the loader gave step 3 where step 0 was due"):
        module.training_step(data.train_dataloader().step(3), 0)


def test_metrics_file_is_cut_back_to_the_checkpoint(make_spec: MakeSpec):
    spec = make_spec()
    spec.work.mkdir(parents=True)
    recorder = StageRecorder(spec)
    recorder.path.write_bytes(b"kept\n")
    state = recorder.state_dict()
    recorder.path.write_bytes(b"kept\nlost\n")

    StageRecorder(spec).load_state_dict(state)

    assert recorder.path.read_bytes() == b"kept\n"


def record(step: int, loss_sum: float, count: int, grad_norm: float = 1.0) -> StepRecord:
    tally = Tally()
    tally.add("a", torch.tensor(loss_sum), count, {"accuracy": (torch.tensor(1.0), count)})
    return StepRecord(step, tally, {"a": 2.0}, 0.1, positions=8, text_tokens=6, grad_norm=torch.tensor(grad_norm))


def test_interval_weighs_losses_by_their_units():
    ledger = Ledger()
    ledger.add(record(1, 6.0, 2))
    ledger.add(record(2, 2.0, 2, grad_norm=5.0))

    interval = ledger.close(torch.device("cpu"))

    assert interval.metrics == pytest.approx(
        {
            "train/loss": 4.0,  # mean of 2 * 3 and 2 * 1
            "train/a/loss": 2.0,  # 8 nats over 4 units
            "train/a/accuracy": 0.5,
            "train/a/weight": 2.0,
            "train/lr": 0.1,
            "train/grad_norm": 5.0,
        }
    )
    assert (interval.positions, interval.text_tokens) == (16, 12)


@pytest.mark.parametrize(
    ("loss_sum", "grad_norm", "message"),
    [(float("nan"), 1.0, "step 2: the loss of 'a' is nan"), (1.0, float("inf"), "step 2: the gradient of 'a' is inf")],
)
def test_first_step_that_is_not_finite_is_named(loss_sum: float, grad_norm: float, message: str):
    ledger = Ledger()
    ledger.add(record(1, 1.0, 1))
    ledger.add(record(2, loss_sum, 1, grad_norm))
    ledger.add(record(3, float("nan"), 1))

    with pytest.raises(Diverged, match=message):
        ledger.close(torch.device("cpu"))


def test_empty_interval_has_no_metrics():
    assert Ledger().close(torch.device("cpu")).metrics == {}


def test_lightning_is_not_asked_to_log_or_save(make_spec: MakeSpec):
    spec = make_spec()

    trainer = train._trainer(spec, StageRecorder(spec))

    assert isinstance(trainer, pl.Trainer)
    assert trainer.loggers == []
    assert trainer.checkpoint_callbacks == []
