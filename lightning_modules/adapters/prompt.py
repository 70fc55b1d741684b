"""Prompt tuning: P trained embeddings in front of every sample, read by the frozen network like words.

Source: Lester et al. 2021, arXiv:2104.08691; they start from embeddings of the vocabulary (section 3.2). Here the
prompt is read from left to right and never sees the text, so that samples packed into one row can share it; for text
that is itself read from left to right that is the paper's method exactly.
Shapes: P positions of the prompt, D width.
"""

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from lightning_modules.adapters.base import Adapter, MethodConfig, check_fit
from lightning_modules.adapters.placing import drawn_embeddings, in_front, refuse_without_attention
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.front import PromptFront


class PromptConfig(MethodConfig):
    """Settings of `prompt`."""

    method: Literal["prompt"] = "prompt"
    length: int = Field(20, gt=0)
    """P: embeddings in front."""

    def check_model(self, model: ModelConfig) -> None:
        """Refuses a network without attention.

        Raises:
            ValueError: it has none.
        """
        refuse_without_attention(self.method, model)

    def build(self) -> "Prompt":
        """Returns the method."""
        return Prompt(self)


class Prompt(Adapter):
    """Puts embeddings in front of every sample."""

    name: ClassVar[str] = "prompt"
    replaces_trunk: ClassVar[bool] = False

    def __init__(self, config: PromptConfig) -> None:
        self.config = config

    def apply(self, trunk: nn.Module) -> None:
        """Freezes the trunk and adds embeddings of tokens drawn from torch's generator.

        Raises:
            ValueError: the network has no attention.
        """
        trunk.requires_grad_(False)
        stack = in_front(trunk, self.name)
        stack.front = PromptFront(drawn_embeddings(stack, self.config.length))

    def state(self, trunk: nn.Module) -> dict[str, Tensor]:
        """Returns the embeddings, (P, D), by the name of their table."""
        front = in_front(trunk, self.name).front
        assert isinstance(front, PromptFront)
        return {"model.front.table.weight": front.table.weight.detach()}

    def load(self, trunk: nn.Module, state: dict[str, Tensor]) -> None:
        """Copies the embeddings.

        Raises:
            ValueError: they are of another length or width.
        """
        own = self.state(trunk)
        check_fit(own, state, self.name)
        for name, tensor in own.items():
            tensor.copy_(state[name])

    def merge(self, trunk: nn.Module) -> None:
        """Refuses.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "adapter 'prompt' adds embeddings that no token has, so it cannot be merged into the base; "
            "use the model with its base, or fine-tune with lora, partial or full"
        )
