"""How gradients become updates.

Weights that multiply (matrices) decay; vectors, tables of embeddings and biases do not: pulling those towards zero
only changes a scale that the next norm undoes, or forgets rare tokens.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator, Field
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Muon, Optimizer

from data.config import Config
from data.naming import look_up

Scales = Mapping[int, float]
"""Id of a parameter -> what its learning rate is multiplied by where that is not 1; `lr_scale` of its group."""
_ALIKE: Scales = {}


class AdamWConfig(Config):
    """AdamW. Source: Loshchilov and Hutter 2019, arXiv:1711.05101."""

    method: Literal["adamw"] = "adamw"
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = Field(1e-8, gt=0.0)
    weight_decay: float = Field(0.1, ge=0.0)
    """Of matrices; times the learning rate, per step."""

    def build(self, model: nn.Module, peak_lr: float, fused: bool = True, scales: Scales = _ALIKE) -> Optimizer:
        """Returns the optimizer of all parameters that ask for a gradient."""
        return self.over(_scaled(_grouped(*split_by_decay(model), self.weight_decay), scales), peak_lr, fused)

    def over(self, groups: list[dict[str, Any]], peak_lr: float, fused: bool) -> Optimizer:
        """Returns the optimizer of the given groups."""
        return AdamW(groups, lr=peak_lr, betas=self.betas, eps=self.eps, fused=fused)


class SGDConfig(Config):
    """Stochastic gradient descent with momentum."""

    method: Literal["sgd"] = "sgd"
    momentum: float = Field(0.9, ge=0.0, lt=1.0)
    weight_decay: float = Field(0.0, ge=0.0)
    """Of matrices; added to the gradient."""

    def build(self, model: nn.Module, peak_lr: float, fused: bool = True, scales: Scales = _ALIKE) -> Optimizer:
        """Returns the optimizer of all parameters that ask for a gradient."""
        groups = _scaled(_grouped(*split_by_decay(model), self.weight_decay), scales)
        return SGD(groups, lr=peak_lr, momentum=self.momentum, fused=fused)


class MuonConfig(Config):
    """Muon for the matrices of the trunk, AdamW for all else, also for experts, which lie many in one tensor.

    Source: Jordan 2024, kellerjordan.github.io/posts/muon. Its updates are scaled to the size of AdamW's (Liu et al.
    2025, arXiv:2502.16982, section 2.2), so one `peak_lr` serves both.
    """

    method: Literal["muon"] = "muon"
    momentum: float = Field(0.95, ge=0.0, lt=1.0)
    weight_decay: float = Field(0.1, ge=0.0)
    """Of the matrices that Muon updates; times the learning rate, per step."""
    others: AdamWConfig = Field(default_factory=AdamWConfig)
    """For embeddings, norms, experts and the heads."""

    def build(self, model: nn.Module, peak_lr: float, fused: bool = True, scales: Scales = _ALIKE) -> Optimizer:
        """Returns the optimizer of all parameters that ask for a gradient.

        Raises:
            ValueError: there is no matrix for Muon among them.
        """
        in_trunk = {id(parameter) for parameter in model.get_submodule("trunk").parameters()}
        matrices, others = split_by_decay(model)
        muons = [parameter for parameter in matrices if id(parameter) in in_trunk and parameter.ndim == 2]
        heads = [parameter for parameter in matrices if id(parameter) not in in_trunk or parameter.ndim > 2]
        if not muons:
            raise ValueError("optimizer 'muon': no matrix of the trunk is trained here; use 'adamw'")
        muon = Muon(
            _scaled([{"params": muons}], scales),
            lr=peak_lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        rest = _scaled(_grouped(heads, others, self.others.weight_decay), scales)
        return Joined([muon, self.others.over(rest, peak_lr, fused)])


OPTIMIZERS: dict[str, type[AdamWConfig] | type[SGDConfig] | type[MuonConfig]] = {
    "adamw": AdamWConfig,
    "sgd": SGDConfig,
    "muon": MuonConfig,
}


def _known(given: Any) -> Any:
    if isinstance(given, dict):
        look_up("optimizer", str(given.get("method")), OPTIMIZERS)
    return given


OptimizerConfig = Annotated[
    Annotated[AdamWConfig | SGDConfig | MuonConfig, Field(discriminator="method")], BeforeValidator(_known)
]


class Joined(Optimizer):
    """Several optimizers of disjoint parameters as one: one `step()`, one list of groups, one state."""

    def __init__(self, parts: list[Optimizer]) -> None:
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], defaults={})
        self.param_groups = [group for part in parts for group in part.param_groups]  # theirs, not copies

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Steps each part once."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Returns the states of the parts, in their order."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Loads what `state_dict` gave."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def _grouped(decayed: list[Tensor], others: list[Tensor], weight_decay: float) -> list[dict[str, Any]]:
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def _scaled(groups: list[dict[str, Any]], scales: Scales) -> list[dict[str, Any]]:
    """Divides groups so that each has one scale; without scales they stay as they are."""
    if not scales:
        return groups
    divided = []
    for group in groups:
        by_scale: dict[float, list[Tensor]] = {}
        for parameter in group["params"]:
            by_scale.setdefault(scales.get(id(parameter), 1.0), []).append(parameter)
        divided += [group | {"params": members, "lr_scale": scale} for scale, members in by_scale.items()]
    return divided


def split_by_decay(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Returns the trained matrices, which decay, and everything else that is trained: vectors and tables."""
    tables = {id(part.weight) for part in model.modules() if isinstance(part, nn.Embedding)}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in trained if parameter.ndim >= 2 and id(parameter) not in tables]
    decayed = {id(parameter) for parameter in matrices}
    return [*matrices], [parameter for parameter in trained if id(parameter) not in decayed]
