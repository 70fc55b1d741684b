"""Where `prefix` and `prompt` stand: in front of what attention sees, so there must be attention.

Shapes: P positions in front, D width, V vocabulary entries.
"""

import torch
from torch import Tensor, nn

from data.vocabulary import SPECIALS
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.transformer import Transformer

_NO_ATTENTION = (
    "adapter {!r} is seen by attention, which only the transformer has: set model.architecture to 'transformer', or "
    "choose lora, partial or full"
)


def refuse_without_attention(method: str, model: ModelConfig) -> None:
    """Looks at the network as a recipe declares it.

    Raises:
        ValueError: it has no attention.
    """
    if not model.attends:
        raise ValueError(_NO_ATTENTION.format(method))


def in_front(trunk: nn.Module, method: str) -> Transformer:
    """Returns the layers of a trunk that something can be put in front of.

    Raises:
        ValueError: they have no attention.
    """
    stack = trunk.get_submodule("model")
    if not isinstance(stack, Transformer):
        raise ValueError(_NO_ATTENTION.format(method))
    return stack


def drawn_embeddings(stack: Transformer, length: int) -> Tensor:
    """Returns (P, D): embeddings of tokens, no specials, drawn from torch's generator."""
    vocabulary_VD = stack.embed_tokens.weight
    drawn_P = torch.randint(SPECIALS.count, vocabulary_VD.size(0), (length,))
    return vocabulary_VD.detach()[drawn_P.to(vocabulary_VD.device)]
