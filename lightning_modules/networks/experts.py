"""A mixture of experts in the place of a layer's feed-forward network: a router sends each position to a few of many.

Source: Fedus et al. 2021 (Switch), arXiv:2101.03961, section 2; two experts as in Mixtral (Jiang et al. 2024,
arXiv:2401.04088), whose parameter names these are. Padding is neither sent nor counted.
Shapes: B rows, T positions, N positions that are not padding, D width, E experts, I width inside one, K experts of a
position, A = N K assignments of a position to an expert, R those of them for which there was room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.sparsity import Metered
from lightning_modules.term import Term


class Routing(NamedTuple):
    """What one layer's router did in one forward."""

    balance: Tensor
    z: Tensor
    load_entropy: Tensor
    """Of the share of assignments that each expert was given, before any were dropped, in nats; at most ln E."""
    dropped: Tensor
    """Assignments for which there was no room."""
    assignments: int


class Router(nn.Module):
    """Scores every expert for every position, in fp32 whatever the precision; no adapter touches it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.experts, config.hidden_size))
        self.jitter = config.router_jitter

    def forward(self, x_ND: Tensor) -> Tensor:
        """Returns logits (N, E)."""
        x_ND = x_ND.float()
        if self.training and self.jitter:
            x_ND = x_ND * torch.empty_like(x_ND).uniform_(1 - self.jitter, 1 + self.jitter)
        with torch.autocast(x_ND.device.type, enabled=False):
            return F.linear(x_ND, self.weight.float())


class Experts(Metered):
    """E SwiGLUs in two tensors; gate and up projection share the first."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.empty(config.experts, 2 * config.intermediate_size, config.hidden_size))
        self.down_proj = nn.Parameter(torch.empty(config.experts, config.hidden_size, config.intermediate_size))

    def forward(self, x_RD: Tensor, sizes: list[int]) -> Tensor:
        """Returns (R, D); the first `sizes[0]` rows are the first expert's, and so on."""
        outputs = []
        weights = zip(self.gate_up_proj.unbind(), self.down_proj.unbind(), strict=True)
        for part_D, (gate_up, down) in zip(x_RD.split(sizes), weights, strict=True):
            gate, up = F.linear(part_D, gate_up).chunk(2, dim=-1)
            inner = F.silu(gate) * up
            if self.meter is not None:
                self.meter.count(inner)
            outputs.append(F.linear(inner, down))
        return torch.cat(outputs)


class MixtureOfExperts(nn.Module):
    """Router and experts of one layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.gate = Router(config)
        self.experts = Experts(config)
        self.routing: Routing | None = None
        """Of the last forward, until `router_terms` takes it."""

    @torch.compiler.disable  # how many rows an expert gets is known only when they are sent
    def forward(self, x_BTD: Tensor, real_BT: Tensor | None = None) -> Tensor:
        """Returns (B, T, D): zero for padding, and for a position that no expert had room for."""
        x_ND = x_BTD.flatten(0, 1) if real_BT is None else x_BTD[real_BT]
        logits_NE = self.gate(x_ND)
        probability_NE = logits_NE.softmax(-1)
        gate_NK, expert_NK = choose(probability_NE, self.config.experts_per_token)
        assignment_R, sizes_E = dispatch(expert_NK.flatten(), self.config.experts, self._capacity(len(x_ND)))
        self.routing = _routing(logits_NE, probability_NE, expert_NK, sizes_E)
        out_RD = self.experts(x_ND[assignment_R // expert_NK.size(1)], sizes_E.tolist())
        gated_RD = out_RD * gate_NK.flatten()[assignment_R, None].to(out_RD.dtype)
        sent_AD = gated_RD.new_zeros(expert_NK.numel(), x_ND.size(1)).index_copy(0, assignment_R, gated_RD)
        mixed_ND: Tensor = sent_AD.unflatten(0, expert_NK.shape).sum(1)
        if real_BT is None:
            return mixed_ND.view_as(x_BTD)
        return mixed_ND.new_zeros(x_BTD.shape).masked_scatter(real_BT[..., None], mixed_ND)

    def _capacity(self, positions: int) -> int | None:
        config = self.config
        factor = config.capacity_factor if self.training else config.evaluation_capacity_factor
        return None if factor is None else math.ceil(positions * config.experts_per_token / config.experts * factor)


def choose(probability_NE: Tensor, experts_per_token: int) -> tuple[Tensor, Tensor]:
    """Returns the gates (N, K), and the experts (N, K) they belong to, the most probable first.

    The only expert is weighed by its probability: by 1, as two are by shares that add up to 1, it would teach the
    router nothing, since nothing else of the choice has a gradient.
    """
    gate_NK, expert_NK = probability_NE.topk(experts_per_token, dim=-1)
    if experts_per_token > 1:
        gate_NK = gate_NK / gate_NK.sum(-1, keepdim=True)
    return gate_NK, expert_NK


def dispatch(expert_A: Tensor, experts: int, capacity: int | None) -> tuple[Tensor, Tensor]:
    """Returns the assignments that are carried out (R,), sorted by expert, and how many each expert gets (E,).

    Of more than `capacity` assignments an expert takes the first: no position is displaced by a later one, which a
    causal model must not see.
    """
    order_A = expert_A.argsort(stable=True)
    load_E = torch.bincount(expert_A, minlength=experts)
    if capacity is None:
        return order_A, load_E
    place_A = torch.arange(len(expert_A), device=expert_A.device) - (load_E.cumsum(0) - load_E)[expert_A[order_A]]
    return order_A[place_A < capacity], load_E.clamp(max=capacity)


def balance_loss(probability_NE: Tensor, expert_NK: Tensor) -> Tensor:
    """Returns E sum_e f_e P_e: f the share of assignments given to each expert, P its mean probability.

    1 where both are even, E where everything goes to one expert. With K = 2 too, unlike Mixtral's, whose f adds up to
    K. f has no gradient: P carries it. Nothing to route gives 0.
    """
    experts = probability_NE.size(1)
    load_E = torch.bincount(expert_NK.flatten(), minlength=experts) / max(expert_NK.numel(), 1)
    return experts * (load_E * probability_NE.sum(0) / max(len(probability_NE), 1)).sum()


def z_loss(logits_NE: Tensor) -> Tensor:
    """Returns the mean of logsumexp², which keeps logits small; nothing to route gives 0."""
    return logits_NE.logsumexp(-1).square().sum() / max(len(logits_NE), 1)


def router_terms(mixtures: Sequence[MixtureOfExperts]) -> dict[str, Term]:
    """Returns the routers' losses over the last forward, one unit a layer, and forgets them."""
    routings = [mixture.routing for mixture in mixtures if mixture.routing is not None]
    for mixture in mixtures:
        mixture.routing = None
    if not routings:
        return {}
    layers = len(routings)
    ratios: dict[str, tuple[Tensor, int | Tensor]] = {
        "load_entropy": (torch.stack([routing.load_entropy for routing in routings]).sum(), layers),
        "dropped_share": (
            torch.stack([routing.dropped for routing in routings]).sum(),
            sum(routing.assignments for routing in routings),
        ),
    }
    return {
        "router_balance": Term(torch.stack([routing.balance for routing in routings]).sum(), layers, ratios),
        "router_z": Term(torch.stack([routing.z for routing in routings]).sum(), layers),
    }


def _routing(logits_NE: Tensor, probability_NE: Tensor, expert_NK: Tensor, sizes_E: Tensor) -> Routing:
    load_E = torch.bincount(expert_NK.flatten(), minlength=probability_NE.size(1)) / max(expert_NK.numel(), 1)
    return Routing(
        balance=balance_loss(probability_NE, expert_NK),
        z=z_loss(logits_NE),
        load_entropy=torch.special.entr(load_E).sum(),
        dropped=expert_NK.numel() - sizes_E.sum(),
        assignments=expert_NK.numel(),
    )
