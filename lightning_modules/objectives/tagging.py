"""Tagging: which label the words or characters of a text have, by a linear head over their states.

Source: Devlin et al. 2019, arXiv:1810.04805, section 5.3: the first token of a word answers for it, and tags are chosen
one by one. Shapes: M units, D width, G = 1 + 2 x labels tags.
"""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from data.batch import TokenBatch
from data.config import Config
from data.encodings.tags import OUTSIDE, tag_count
from data.views.tagging import TaggingViewConfig
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.trunk import Trunk
from lightning_modules.objectives.base import Objective, Term


class TaggingConfig(TaggingViewConfig):
    """Settings of `tagging`."""


class Tagging(Objective):
    """Mean over the units."""

    name: ClassVar[str] = "tagging"
    config_class: ClassVar[type[Config]] = TaggingConfig
    config: TaggingConfig

    def __init__(self, config: TaggingConfig, model_config: ModelConfig, specials: Specials) -> None:
        super().__init__(config, model_config, specials)
        self.classifier = nn.Linear(model_config.hidden_size, tag_count(config.classes))
        self.initialize(seed=0)

    def logits(self, trunk: Trunk, batch: TokenBatch) -> Tensor:
        """Returns (M, G) in fp32."""
        assert batch.predict_M is not None
        logits_MG: Tensor = self.classifier(trunk.hidden(batch).flatten(0, 1)[batch.predict_M])
        return logits_MG.float()

    def forward(self, trunk: Trunk, batch: TokenBatch) -> dict[str, Term]:
        """Summed cross-entropy over the units, in nats; chance is ln G.

        `inside` is the accuracy among units that have a label: most have none.
        """
        assert batch.targets_M is not None
        logits_MG = self.logits(trunk, batch)
        loss_sum = F.cross_entropy(logits_MG, batch.targets_M, reduction="sum")
        right_M, inside_M = logits_MG.argmax(-1) == batch.targets_M, batch.targets_M != OUTSIDE
        count = batch.targets_M.numel()
        ratios: dict[str, tuple[Tensor, int | Tensor]] = {
            "accuracy": (right_M.sum(), count),
            "inside": ((right_M & inside_M).sum(), inside_M.sum()),
        }
        return {self.name: Term(loss_sum, count, ratios)}
