"""Mean nats of the tokens that were asked for: of a piece of a document, or of some of its positions."""

from typing import ClassVar, Literal

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs


class TokenLoss(Metric):
    """Sum of nll / tokens; sums are divided once, never averaged over texts."""

    name: ClassVar[str] = "token_loss"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    reads: ClassVar[Literal["answers", "likelihood"]] = "likelihood"
    signature = "token_loss|unit:nats-per-token|eos:not-asked|bos:context"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 2): nats, tokens."""
        return np.stack([outputs.nll_N, outputs.tokens_N], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns nats per token."""
        return sums[..., 0] / sums[..., 1]
