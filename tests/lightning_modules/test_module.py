"""One optimizer step against the gradient written out."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector
from torch.utils.data import DataLoader

from data.batch import StepBatch
from lightning_modules import train
from lightning_modules.callbacks import StageRecorder
from lightning_modules.datamodule import StageData
from lightning_modules.ledger import Diverged, Ledger, StepRecord, Tally
from lightning_modules.module import StageModule
from lightning_modules.networks import ModelConfig
from lightning_modules.spec import TrainSpec
from lightning_modules.weighting import WEIGHTINGS, Observation

MakeSpec = Callable[..., TrainSpec]
LR = 0.1
THREE = {
    "cloze": {"objective": "masked_lm", "share": 0.5, "weight": 2.0},
    "replaced": {"objective": "replaced_token", "share": 0.25, "weight": 50.0},
    "order": {"objective": "sentence_order", "share": 0.25},
}


def one_step(make_spec: MakeSpec, name: str = "a", **stage: object) -> TrainSpec:
    """A stage of one step of plain gradient descent, unclipped."""
    plain = {
        "optimizer": {"method": "sgd", "momentum": 0.0},
        "peak_lr": LR,
        "clip_norm": 1e9,
        "schedule": {"shape": "linear", "warmup_fraction": 0.0, "final_fraction": 1.0},
    }
    return make_spec(name, stage=plain | stage, steps=1)


def run(spec: TrainSpec) -> tuple[StageModule, StepBatch]:
    """Trains and returns the module with the step it was trained on."""
    module, data = StageModule(spec), StageData(spec)
    train.train(module, data)
    return module, data.train_dataloader().step(0)


def run_observed(spec: TrainSpec) -> tuple[StageModule, list[Observation]]:
    """Trains and returns the module with what its weighting was shown."""
    module = StageModule(spec)
    shown = observing(module)
    train.train(module, StageData(spec))
    return module, shown


def observing(module: StageModule) -> list[Observation]:
    """Returns a list that gets what the module's weighting is shown."""
    shown = []
    observe = module.weighting.observe

    def note(step: int, observation: Observation) -> None:
        shown.append(observation)
        observe(step, observation)

    module.weighting.observe = note
    return shown


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
        objectives={
            "cloze": {"objective": "masked_lm", "share": 0.5, "weight": 2.0},
            "causal_lm": {"share": 0.25},
            "sentence_order": {"share": 0.25, "weight": 3.0},
        },
    )
    before = dict(StageModule(spec).named_parameters())

    module, batch = run(spec)

    counts = {micro.counts["masked_lm"] for micro in batch.micro_batches if micro.objective == "cloze"}
    assert len(counts) > 1
    expected = gradients(spec, batch)
    moved = {name: (before[name] - part) / LR for name, part in module.named_parameters()}
    for name, gradient in expected.items():
        torch.testing.assert_close(moved[name], gradient, rtol=1e-4, atol=2e-6)


EXPERTS = {"experts": 2, "experts_per_token": 2, "router_jitter": 0.0, "router_balance_weight": 3.0}


def test_losses_of_the_router_join_the_step_as_means_over_layers_and_micro_batches(make_spec: MakeSpec):
    plain = one_step(make_spec, objectives={"causal_lm": {"weight": 2.0}})
    spec = plain.model_copy(update={"model": ModelConfig(**plain.model.model_dump() | EXPERTS)})
    before = StageModule(spec)

    module, batch = run(spec)

    terms = [before.named_terms(micro) for micro in batch.micro_batches]
    means = {
        name: sum(of_micro[name].loss_sum for of_micro in terms) / sum(of_micro[name].count for of_micro in terms)
        for name in terms[0]
    }
    assert [of_micro["causal_lm/router_z"].count for of_micro in terms] == [2, 2, 2, 2]  # layers
    balance, z = means["causal_lm/router_balance"], means["causal_lm/router_z"]
    (2.0 * means["causal_lm"] + 3.0 * balance + 1e-3 * z).backward()
    for name, part in before.named_parameters():
        if part.grad is not None:
            moved = (part - module.get_parameter(name)) / LR
            torch.testing.assert_close(moved, part.grad, rtol=1e-4, atol=2e-6)
    assert module.trunk.model.layers[0].mlp.routing is None


def test_a_generator_beside_experts_is_dense_and_penalises_nothing(make_spec: MakeSpec):
    plain = one_step(make_spec, objectives={"replaced_token": {}})
    spec = plain.model_copy(update={"model": ModelConfig(**plain.model.model_dump() | EXPERTS)})
    module, data = StageModule(spec), StageData(spec)

    terms = module.named_terms(data.train_dataloader().step(0).micro_batches[0])

    assert terms.keys() == module.current_weights().keys()
    assert {name.rpartition("/")[2] for name in terms} == {"replaced_token", "generator", "router_balance", "router_z"}
    assert terms["replaced_token/router_balance"].count == spec.model.num_layers


def test_validation_measures_routers_and_the_sparsity_of_the_network_once(make_spec: MakeSpec):
    plain = make_spec()
    spec = plain.model_copy(update={"model": ModelConfig(**plain.model.model_dump() | EXPERTS)})

    module, _ = run(spec)

    router = {"router_balance/loss", "router_balance/load_entropy", "router_balance/dropped_share", "router_z/loss"}
    own = {"loss", "accuracy"}
    uses = {f"validation/{use}/{part}" for use in spec.stage.objectives for part in own | router}
    assert module.validation_metrics.keys() == uses | {"validation/activation_sparsity"}
    assert 0.0 < module.validation_metrics["validation/activation_sparsity"] < 1.0
    assert module.validation_metrics["validation/forward/router_balance/dropped_share"] == 0.0
    logged = [json.loads(line)["metrics"] for line in (spec.work / "metrics.jsonl").read_text().splitlines()]
    assert "train/cloze/router_z/loss" in logged[1]
    assert not any("train/activation_sparsity" in metrics for metrics in logged)


@pytest.mark.parametrize("architecture", ["lstm", "convolution"])
def test_baselines_learn_what_they_can_read_and_refuse_the_rest(make_spec: MakeSpec, architecture: str):
    def spec(objective: str) -> TrainSpec:
        plain = make_spec(stage={"objectives": {objective: {}}}, steps=12)
        return plain.model_copy(update={"model": plain.model.model_copy(update={"architecture": architecture})})

    trained = spec("causal_lm")
    module, _ = run(trained)
    logged = [json.loads(line)["metrics"] for line in (trained.work / "metrics.jsonl").read_text().splitlines()]
    assert logged[-1]["validation/causal_lm/loss"] < logged[0]["validation/causal_lm/loss"]
    assert "validation/activation_sparsity" not in module.validation_metrics

    with pytest.raises(ValueError, match=f"masked_lm looks to both sides, but a model of architecture '{architecture}"):
        StageModule(spec("masked_lm"))


def test_weight_zero_leaves_heads_as_they_were(make_spec: MakeSpec):
    spec = one_step(
        make_spec, objectives={"causal_lm": {"share": 0.5}, "sentence_order": {"share": 0.5, "weight": 0.0}}
    )
    before = {name: part.clone() for name, part in StageModule(spec).objectives["sentence_order"].named_parameters()}

    module, _ = run(spec)

    for name, part in module.objectives["sentence_order"].named_parameters():
        assert torch.equal(part, before[name])


def test_gradient_is_linear_in_the_weights(make_spec: MakeSpec):
    def moved(first: float, second: float) -> Tensor:
        weights = {"causal_lm": {"share": 0.5, "weight": first}, "sentence_order": {"share": 0.5, "weight": second}}
        spec = one_step(make_spec, f"{first} {second}", objectives=weights)
        before = parameters_to_vector(StageModule(spec).parameters())
        return (before - parameters_to_vector(run(spec)[0].parameters())) / LR

    torch.testing.assert_close(moved(2.0, 3.0), 2.0 * moved(1.0, 0.0) + 3.0 * moved(0.0, 1.0), rtol=1e-4, atol=3e-6)


@pytest.mark.parametrize("method", WEIGHTINGS)
def test_first_step_is_the_same_under_every_weighting(make_spec: MakeSpec, method: str):
    """Factors start at 1, and what a weighting has measured leaves no trace in the step."""
    static, module = (
        run(one_step(make_spec, str(place), objectives=THREE, weighting={"method": name}))[0]
        for place, name in enumerate(("static", method))
    )

    for name, part in module.state_dict().items():
        assert torch.equal(part, static.state_dict()[name]), name


def test_factors_multiply_the_weights(make_spec: MakeSpec):
    module = StageModule(make_spec(stage={"objectives": THREE}))
    module.weighting.load_state_dict({"factors": {"cloze": 0.5, "replaced": 2.0, "order": 0.5}})

    assert module.current_weights() == {"cloze": 1.0, "replaced": 100.0, "replaced/generator": 2.0, "order": 0.5}


def test_gradient_norms_are_those_of_each_objective_alone(make_spec: MakeSpec):
    spec = one_step(make_spec, objectives=THREE, weighting={"method": "gradnorm"}, clip_norm=1e-3)

    module, [observation] = run_observed(spec)

    fresh, batch = StageModule(spec), StageData(spec).train_dataloader().step(0)
    weights, counts = fresh.current_weights(), module._counts_over_ranks(batch.micro_batches)
    for use in THREE:
        loss = sum(
            weights[name] * term.loss_sum / counts[name]
            for micro in batch.micro_batches
            if micro.objective == use
            for name, term in fresh.named_terms(micro).items()
        )
        parts = torch.autograd.grad(loss, list(fresh.trunk.model.layers[-1].parameters()))
        norm = torch.cat([part.flatten() for part in parts]).norm().item()
        assert observation.gradient_norms[use] == pytest.approx(norm, rel=1e-4)


def test_an_objective_that_counted_nothing_shows_neither_loss_nor_gradient(make_spec: MakeSpec):
    objectives = {"cloze": {"objective": "masked_lm", "share": 0.5}, "order": THREE["order"] | {"share": 0.5}}
    module = StageModule(one_step(make_spec, objectives=objectives, weighting={"method": "gradnorm"}))
    data = StageData(module.spec)
    step = data.train_dataloader().step(0)
    nothing = torch.empty(0, dtype=torch.long)
    emptied = [
        replace(micro, batch=replace(micro.batch, predict_M=nothing, targets_M=nothing), counts={"masked_lm": 0})
        if micro.objective == "cloze"
        else micro
        for micro in step.micro_batches
    ]
    data.statistics = {}
    data.train_dataloader = lambda: DataLoader([replace(step, micro_batches=emptied)], batch_size=None)

    shown = observing(module)
    train.train(module, data)

    assert shown[0].losses.keys() == shown[0].gradient_norms.keys() == {"order"}


def test_losses_after_a_step_that_moves_nothing_are_those_before_it(make_spec: MakeSpec):
    """So dropout and the generator's samples are drawn alike; with a step that moves something, losses differ."""
    model = make_spec().model.model_dump() | {"dropout": 0.3}
    losses = []
    for lr in (1e-30, LR):
        spec = one_step(make_spec, f"{lr}", objectives=THREE, weighting={"method": "famo"}, peak_lr=lr)
        losses += run_observed(TrainSpec.model_validate(spec.model_dump() | {"model": model}))[1]

    assert losses[0].losses_after == losses[0].losses == losses[1].losses
    assert all(losses[1].losses_after[use] != losses[1].losses[use] for use in THREE)


def test_what_is_dear_is_measured_when_the_weighting_asks(make_spec: MakeSpec):
    _, observations = run_observed(make_spec(stage={"weighting": {"method": "famo", "update_every_steps": 4}}))

    assert [bool(each.losses_after) for each in observations] == [True, False, False, False, True, False]


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
    return StepRecord(
        step, tally, {"a": 2.0}, {"a": 0.5}, 0.1, positions=8, text_tokens=6, grad_norm=torch.tensor(grad_norm)
    )


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
            "train/a/factor": 0.5,
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
