"""One optimizer step: many micro-batches of several objectives, divided once by counts over all of them.

Lightning gives the loop, the devices and the checkpoint; the step itself is written out here, because a mean over
micro-batches of unequal counts is not the mean over their union.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from data.batch import MicroBatch, StepBatch
from data.vocabulary import SPECIALS
from lightning_modules.adversary import Adversary
from lightning_modules.checkpoint import hand_over
from lightning_modules.layerwise import rate_scales
from lightning_modules.ledger import Interval, Ledger, Number, StepRecord, Tally, check_finite, summed
from lightning_modules.networks import Trunk
from lightning_modules.networks.sparsity import metered
from lightning_modules.objectives import OBJECTIVES, Objective
from lightning_modules.shared_gradients import SharedGradients
from lightning_modules.spec import TrainSpec
from lightning_modules.stage import named_term
from lightning_modules.term import Term
from lightning_modules.weighting import Observation, build_weighting


class StageModule(pl.LightningModule):
    """The trunk, the objectives of one stage with their heads, and how they are trained together."""

    def __init__(self, spec: TrainSpec) -> None:
        """Builds everything: first weights come from the seed alone, or from the stage before.

        Raises:
            ValueError: parts of the spec do not fit each other, or the weights to start from.
        """
        super().__init__()
        self.automatic_optimization = False
        self.spec = spec
        self.stage = spec.stage
        self.trunk = Trunk(spec.model, spec.seed)
        self.objectives = {name: _build_objective(spec, name) for name in self.stage.objectives}
        self.heads = nn.ModuleList(self.objectives.values())  # not a ModuleDict, which refuses names such as 'forward'
        self.loaded_heads = [] if spec.init is None else hand_over(spec.init, spec.model, self.trunk, self.objectives)
        self.adapter = spec.adapter.build()
        if spec.init is None and not self.adapter.replaces_trunk:
            raise ValueError(f"adapter {self.adapter.name!r} adds to trained weights, but there are none to start from")
        torch.manual_seed(spec.seed)  # what the adapter adds starts from the seed alone
        self.adapter.apply(self.trunk)
        self.stage.freeze.apply(self.trunk, self.objectives)
        if not any(parameter.requires_grad for parameter in self.parameters()):
            raise ValueError(
                f"nothing is left to train: adapter {self.adapter.name!r} and freeze leave the network as it is, and "
                f"{', '.join(self.objectives)} has no head that is trained; train more of the network"
            )
        if spec.hardware.compile:
            for layer in self.trunk.model.layers:
                layer.compile()
        self.adversary = None if spec.adversary is None else Adversary(self.trunk, spec.adversary)
        self.weighting = build_weighting(self.stage.weighting, list(self.stage.objectives), spec.seed)
        self.shared_gradients = SharedGradients(self.trunk) if "shared_gradients" in self.weighting.needs else None
        self.term_weights = self.stage.term_weights(spec.model)
        self.ledger = Ledger()
        self.completed_steps = 0
        self.completed_positions = 0
        """Through the trunk, over all ranks; known for the steps that `close_ledger` has read."""
        self.validation_tally = Tally()
        self.validation_metrics: dict[str, float] = {}

    def configure_optimizers(self) -> Optimizer:
        fused = self.spec.hardware.precision != "fp16"  # fused kernels unscale by themselves, too late for the clipping
        scales = rate_scales(self.trunk, self.spec.layer_lr_decay)
        return self.stage.optimizer.build(self, self.stage.peak_lr, fused, scales)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Moves a step or a micro-batch; Lightning's own way copies frozen dataclasses field by field and fails."""
        if isinstance(batch, StepBatch):
            return replace(batch, micro_batches=[_moved(micro, device) for micro in batch.micro_batches])
        return _moved(batch, device)

    def training_step(self, batch: StepBatch, batch_idx: int) -> None:
        """Back-propagates every micro-batch, then clips and steps once.

        The gradient is that of the sum over terms of weight * factor * (summed loss / count), with sums and counts over
        all micro-batches of all ranks.
        """
        if batch.step != self.completed_steps:
            raise RuntimeError(f"the loader gave step {batch.step} where step {self.completed_steps} was due")
        optimizer = self.optimizers()
        assert isinstance(optimizer, LightningOptimizer)
        lr = self.stage.peak_lr * self.stage.schedule.factor(batch.step + 1, self.spec.steps)
        for group in optimizer.optimizer.param_groups:
            group["lr"] = lr * group.get("lr_scale", 1.0)
        weights, factors = self.current_weights(), self.weighting.factors()
        shared = self.shared_gradients if "shared_gradients" in self.weighting.needs_at(batch.step) else None
        counts = self._counts_over_ranks(batch.micro_batches)
        tally = Tally()
        for index, micro in enumerate(batch.micro_batches):
            last = index == len(batch.micro_batches) - 1
            if self.adversary is None:
                with self._keeping_gradients_local(unless=last):
                    terms = self._back_propagate(micro, weights, counts)
            else:
                with self._keeping_gradients_local(unless=False), self.adversary.watching():
                    terms = self._back_propagate(micro, weights, counts)
                weighed = {name: self.adversary.config.weight * weight for name, weight in weights.items()}
                with self._keeping_gradients_local(unless=last), self.adversary.moving():
                    moved = self._back_propagate(micro, weighed, counts)
                for name, term in moved.items():
                    tally.add_ratio(f"{name}/adversarial_loss", term.loss_sum.detach(), term.count)
            _enter(tally, terms)
            if shared is not None:
                shared.enter(micro.objective)
        norms = {} if shared is None else shared.norms(self._loss_scale())
        optimizer.step()
        optimizer.zero_grad()
        self.completed_steps += 1
        self._observe(batch, tally, norms)
        self.ledger.add(
            StepRecord(
                step=self.completed_steps,
                tally=tally,
                weights=weights,
                factors=factors,
                lr=lr,
                positions=batch.positions,
                text_tokens=sum(micro.text_tokens for micro in batch.micro_batches),
                grad_norm=self._grad_norm,
            )
        )

    def _back_propagate(
        self, micro: MicroBatch, weights: dict[str, float], counts: dict[str, Number]
    ) -> dict[str, Term]:
        """Runs one micro-batch forth and back; returns its terms."""
        # Dropout draws from the batch's seed, so no generator's state has to survive a kill.
        torch.manual_seed(micro.batch.seed)
        terms = self.named_terms(micro)
        parts = [weights[name] * term.loss_sum / counts[name] for name, term in terms.items()]
        # DDP averages over the ranks, but the counts are already those of all.
        self.manual_backward(self.trainer.world_size * torch.stack(parts).sum())
        return terms

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clips; Lightning calls this when fp16 gradients have their true scale again."""
        trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self._grad_norm = clip_grad_norm_(trained, self.stage.clip_norm).detach()

    def named_terms(self, micro: MicroBatch) -> dict[str, Term]:
        """Runs one micro-batch; returns '<use>' for the objective's own loss and '<use>/<term>' for the others.

        Among these are the losses of the network's own, over the last forward that the objective made.
        """
        objective = self.objectives[micro.objective]
        terms = objective(self.trunk, micro.batch) | self.trunk.penalties()
        return {named_term(micro.objective, objective.name, term): value for term, value in terms.items()}

    def current_weights(self) -> dict[str, float]:
        """Returns what multiplies the mean of each named term in this step."""
        factors, former = self.weighting.factors(), self.spec.former_weights
        own = self.stage.blended(self.completed_steps, self.spec.steps)
        return {
            name: (own * weight + (1.0 - own) * former.get(name, 0.0)) * factors[name.partition("/")[0]]
            for name, weight in self.term_weights.items()
        }

    def validation_step(self, batch: MicroBatch, batch_idx: int) -> None:
        torch.manual_seed(batch.batch.seed)
        with metered(self.trunk) as sparsity:
            _enter(self.validation_tally, self.named_terms(batch))
        self.validation_tally.add_ratio("activation_sparsity", sparsity.near_zero, sparsity.activations)

    def on_validation_epoch_start(self) -> None:
        self.validation_tally = Tally()

    def on_validation_epoch_end(self) -> None:
        """Leaves the losses of all objectives, over all ranks, in `validation_metrics`."""
        [(tally, _)] = summed([self.validation_tally], [[]], self.device)
        self.validation_metrics = tally.metrics("validation")

    def close_ledger(self) -> Interval:
        """Reads what the steps since the last reading came to, over all ranks.

        Raises:
            Diverged: a loss or a gradient of these steps is not finite.
        """
        # The scaler of fp16 skips a step whose gradient has overflown, by itself.
        interval = self.ledger.close(self.device, finite_gradients=self.spec.hardware.precision != "fp16")
        self.completed_positions += interval.positions
        return interval

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["stage"] = {
            "completed_steps": self.completed_steps,
            "completed_positions": self.completed_positions,
            "weighting": self.weighting.state_dict(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.completed_steps = checkpoint["stage"]["completed_steps"]
        self.completed_positions = checkpoint["stage"]["completed_positions"]
        self.weighting.load_state_dict(checkpoint["stage"]["weighting"])

    def _counts_over_ranks(self, micro_batches: Iterable[MicroBatch]) -> dict[str, Number]:
        """Returns named term -> units in this step, at least 1: what counted nothing has a loss of 0."""
        counts: dict[str, Number] = {}
        penalties = dict.fromkeys(self.spec.model.penalty_weights, self.spec.model.num_layers)
        for micro in micro_batches:
            for term, count in (micro.counts | penalties).items():
                name = named_term(micro.objective, self.objectives[micro.objective].name, term)
                counts[name] = counts.get(name, 0) + count
        if self.trainer.world_size > 1:
            total = torch.tensor(list(counts.values()), dtype=torch.float32, device=self.device)
            dist.all_reduce(total)
            return dict(zip(counts, total.clamp(min=1.0), strict=True))  # stays on the device: nothing waits
        return {name: max(count, 1) for name, count in counts.items()}

    def _keeping_gradients_local(self, unless: bool) -> contextlib.AbstractContextManager[None]:
        """Exchanges gradients in the last micro-batch of a step only."""
        wrapper = self.trainer.strategy.model
        if unless or not isinstance(wrapper, DistributedDataParallel):
            return contextlib.nullcontext()
        return wrapper.no_sync()

    def _loss_scale(self) -> float:
        """Returns what fp16 multiplies the loss, and so the gradient until the step, by."""
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        return 1.0 if scaler is None else float(scaler.get_scale())

    def _observe(self, batch: StepBatch, tally: Tally, gradient_norms: dict[str, float]) -> None:
        """Shows the weighting what it needs of this step, over all ranks."""
        needs = self.weighting.needs_at(batch.step)
        tallies = {"losses": tally} if needs else {}
        if "loss_after_step" in needs:
            tallies["losses_after"] = self._again(batch.micro_batches)
        totals = [total for total, _ in summed(list(tallies.values()), [[] for _ in tallies], self.device)]
        shown = {
            field: {name: loss for name, loss in total.losses().items() if name in self.stage.objectives}
            for field, total in zip(tallies, totals, strict=True)
        }
        for losses in shown.values():
            check_finite(self.completed_steps, losses)
        # An objective whose micro-batches held nothing to learn has no loss, and the length 0 is not its gradient's.
        norms = {name: norm for name, norm in gradient_norms.items() if name in shown.get("losses", {})}
        self.weighting.observe(batch.step, Observation(gradient_norms=norms, **shown))

    @torch.no_grad()
    def _again(self, micro_batches: Iterable[MicroBatch]) -> Tally:
        """Runs micro-batches of a step under the weights after it; dropout and all that is drawn stay the same."""
        tally = Tally()
        for micro in micro_batches:
            torch.manual_seed(micro.batch.seed)
            _enter(tally, self.named_terms(micro))
        return tally


def _build_objective(spec: TrainSpec, name: str) -> Objective:
    use = spec.stage.objectives[name]
    objective = OBJECTIVES[use.objective](use.settings, spec.model, SPECIALS)
    objective.initialize(spec.seed)
    return objective


def _enter(tally: Tally, terms: dict[str, Term]) -> None:
    for name, term in terms.items():
        ratios: dict[str, tuple[Number, Number]] = dict(term.ratios)
        tally.add(name, term.loss_sum.detach(), term.count, ratios)


def _moved(micro: MicroBatch, device: torch.device) -> MicroBatch:
    return micro if device.type == "cpu" else replace(micro, batch=micro.batch.to(device))
