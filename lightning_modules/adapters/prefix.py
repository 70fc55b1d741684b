"""Prefix tuning: every layer gets P keys and values in front of its own, and only these are trained.

Source: Li and Liang 2021, arXiv:2101.00190, section 4. They start from what the network makes of tokens of its
vocabulary, which the paper's section 7.4 finds better than random numbers, above all with few examples. The text keeps
its positions: keys of the prefix are not turned by any.
Shapes: P positions of the prefix, D width, I width inside, N numbers of a position in all layers.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lightning_modules.adapters.base import Adapter, MethodConfig, check_fit
from lightning_modules.adapters.placing import drawn_embeddings, in_front, refuse_without_attention
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.front import PrefixFront, flattened


class PrefixConfig(MethodConfig):
    """Settings of `prefix`."""

    method: Literal["prefix"] = "prefix"
    length: int = Field(20, ge=0)
    """P: positions of the prefix; with 0 the network is the base itself, and only heads are trained."""
    reparameterised: bool = False
    """Compute the prefix by a small network (two layers, tanh) and train that: steadier where the learning rate is
    high, at many times the parameters in training. What is saved is the prefix alone."""
    inner_size: int = Field(512, gt=0)
    """I: width of that network."""

    @property
    def trains_trunk(self) -> bool:
        return self.length > 0

    def check_model(self, model: ModelConfig) -> None:
        """Refuses a network without attention.

        Raises:
            ValueError: it has none.
        """
        refuse_without_attention(self.method, model)

    def build(self) -> "Prefix":
        """Returns the method."""
        return Prefix(self)


class Prefix(Adapter):
    """Puts keys and values in front of every layer's."""

    name: ClassVar[str] = "prefix"
    replaces_trunk: ClassVar[bool] = False

    def __init__(self, config: PrefixConfig) -> None:
        self.config = config

    @torch.no_grad()
    def apply(self, trunk: nn.Module) -> None:
        """Freezes the trunk and adds the prefix, drawn from torch's generator.

        Raises:
            ValueError: the network has no attention.
        """
        trunk.requires_grad_(False)
        stack = in_front(trunk, self.name)
        if not self.config.length:
            return
        training = stack.training
        stack.eval()  # without dropout
        first_PN = flattened(stack.read_front(drawn_embeddings(stack, self.config.length)))
        stack.train(training)
        source = None
        if self.config.reparameterised:
            length, numbers = first_PN.shape
            source = PrefixSource(length, numbers, stack.config.hidden_size, self.config.inner_size).to(first_PN)
        stack.front = PrefixFront(stack.config, first_PN, source)

    def state(self, trunk: nn.Module) -> dict[str, Tensor]:
        """Returns the keys and values, (P, N), by the name of their table."""
        front = in_front(trunk, self.name).front
        return {"model.front.table.weight": front.numbers().detach()} if isinstance(front, PrefixFront) else {}

    def load(self, trunk: nn.Module, state: dict[str, Tensor]) -> None:
        """Puts saved keys and values in front; what computed them in training is left out.

        Raises:
            ValueError: they are of another length or architecture.
        """
        check_fit(self.state(trunk), state, self.name)
        stack = in_front(trunk, self.name)
        for numbers_PN in state.values():
            stack.front = PrefixFront(stack.config, numbers_PN.to(stack.embed_tokens.weight))

    def merge(self, trunk: nn.Module) -> None:
        """Refuses.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "adapter 'prefix' adds keys and values that no weight of the base can hold, so it cannot be merged; "
            "use the model with its base, or fine-tune with lora, partial or full"
        )


class PrefixSource(nn.Module):
    """Computes what is added to the first keys and values, (P, N); at the start nothing."""

    def __init__(self, length: int, numbers: int, width: int, inner: int) -> None:
        super().__init__()
        self.codes = nn.Embedding(length, width)
        self.inner = nn.Linear(width, inner)
        self.outer = nn.Linear(inner, numbers)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self) -> Tensor:
        """Returns it."""
        added_PN: Tensor = self.outer(self.inner(self.codes.weight).tanh())
        return added_PN
