"""Parts of the network that a stage leaves as the one before left them: no gradient, no optimizer state, no decay."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field
from torch import nn

from data.config import Config
from lightning_modules.networks import ModelConfig, Trunk


class FreezeConfig(Config):
    """What of the network is not trained."""

    embeddings: bool = False
    """All tables: of tokens, segments and places in spans. The table of tokens is the output projection too."""
    layers: int = Field(0, ge=0)
    """So many layers of the trunk, the first ones."""
    heads: tuple[str, ...] = ()
    """Names, in the stage, of the objectives whose heads stay as they are; a generator belongs to the heads."""

    def check_model(self, model: ModelConfig) -> None:
        """Refuses more layers than the model has.

        Raises:
            ValueError: says how many there are.
        """
        if self.layers > model.num_layers:
            raise ValueError(f"freeze.layers is {self.layers}, but the model has {model.num_layers} layers; lower it")

    def apply(self, trunk: Trunk, objectives: Mapping[str, nn.Module]) -> None:
        """Takes the frozen parameters out of training; called before the optimizer is made.

        Raises:
            ValueError: the trunk has fewer layers, or an objective of `heads` has none.
        """
        self.check_model(trunk.config)
        for name in self.heads:
            if not list(objectives[name].parameters()):
                raise ValueError(f"freeze.heads: {name!r} has no head of its own to freeze; take it out")
        tables = (trunk.model.embed_tokens, trunk.segments, trunk.span_positions) if self.embeddings else ()
        for part in (
            *filter(None, tables),
            *trunk.model.layers[: self.layers],
            *(objectives[name] for name in self.heads),
        ):
            part.requires_grad_(False)
