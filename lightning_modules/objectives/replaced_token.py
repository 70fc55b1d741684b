"""Replaced-token detection: say of every token whether a small generator put it there.

Source: Clark et al. 2020 (ELECTRA), arXiv:2003.10555, section 2 and appendix A. The generator is trained by
likelihood, never against the discriminator: nothing differentiable passes through the sampled tokens.
Shapes: B rows, T positions, D trunk width, G generator width, M hidden positions, N text positions, V vocabulary.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from data.batch import TokenBatch
from data.config import Config
from data.views.replaced_token import ReplacedTokenViewConfig
from data.vocabulary import Specials
from lightning_modules.networks.config import ModelConfig
from lightning_modules.networks.estimates import flops_per_token
from lightning_modules.networks.generator import Generator
from lightning_modules.networks.trunk import Trunk
from lightning_modules.networks.widths import swiglu_width
from lightning_modules.objectives.base import Objective, Term
from lightning_modules.objectives.cross_entropy import CHUNK_LOGITS, summed_cross_entropy


class ReplacedTokenConfig(ReplacedTokenViewConfig):
    """Settings of `replaced_token`. Its weight in a recipe is usually 50: its loss is small beside that of tokens."""

    source: Literal["generator", "uniform"] = "generator"
    """Where replacements come from; `uniform` over all text tokens is the weak baseline."""
    generator_width: float = Field(0.25, gt=0.0, le=1.0)
    """Width of the generator as a share of the trunk's, in whole attention heads, at least one."""
    generator_layers: int | None = Field(None, gt=0)
    """None: as many as the trunk."""
    generator_weight: float = Field(1.0, ge=0.0)
    """What the mean of the generator's loss is multiplied by, whatever the objective's own weight."""

    def generator_network(self, model_config: ModelConfig) -> ModelConfig:
        """Returns the shape of the generator beside a trunk of this shape; both have heads of the same size.

        It is dense beside a trunk of experts too: it is small, and nothing would balance its router.
        """
        heads = max(1, round(model_config.num_heads * self.generator_width))
        width = heads * model_config.head_size
        return model_config.model_copy(
            update={
                "hidden_size": width,
                "num_heads": heads,
                "num_kv_heads": heads,
                "intermediate_size": swiglu_width(width),
                "experts": 1,
                "num_layers": self.generator_layers or model_config.num_layers,
            }
        )


class ReplacedToken(Objective):
    """Two terms: `replaced_token`, over all text positions, and `generator`, over the hidden ones."""

    name: ClassVar[str] = "replaced_token"
    config_class: ClassVar[type[Config]] = ReplacedTokenConfig
    config: ReplacedTokenConfig

    def __init__(self, config: ReplacedTokenConfig, model_config: ModelConfig, specials: Specials) -> None:
        super().__init__(config, model_config, specials)
        self.dense = nn.Linear(model_config.hidden_size, model_config.hidden_size)
        self.classifier = nn.Linear(model_config.hidden_size, 1)
        self.generator = (
            Generator(config.generator_network(model_config), model_config.hidden_size)
            if config.source == "generator"
            else None
        )
        self.initialize(seed=0)

    @classmethod
    def term_weights(cls, config: ReplacedTokenConfig, weight: float) -> dict[str, float]:
        weights = super().term_weights(config, weight)
        return weights if config.source == "uniform" else weights | {"generator": config.generator_weight}

    @classmethod
    def flops_per_position(cls, config: ReplacedTokenConfig, model_config: ModelConfig, sequence_length: int) -> float:
        """The trunk and the head's matrix; and the generator between its projections, with its likelihood and draws."""
        width = model_config.hidden_size
        discriminator = super().flops_per_position(config, model_config, sequence_length) + 6.0 * width**2
        if config.source == "uniform":
            return discriminator
        network = config.generator_network(model_config)
        between = flops_per_token(network, sequence_length, 0.0) + 6.0 * 2 * width * network.hidden_size
        return discriminator + between + (6.0 + 2.0) * config.at(0.5).rate * model_config.vocab_size * width

    def forward(self, trunk: Trunk, batch: TokenBatch) -> dict[str, Term]:
        """Summed losses in nats: binary cross-entropy of the discriminator, cross-entropy of the generator.

        Label 1 means replaced. A sampled token that equals the original is original, and no special token is ever
        sampled. `auc` is measured in evaluation only: it waits for the device.
        """
        assert batch.original_ids_BT is not None and batch.corrupted_M is not None and batch.real_N is not None
        sampled_M, generator_term = self._replacements(trunk, batch)
        original = batch.original_ids_BT.flatten()
        shown = original.index_copy(0, batch.corrupted_M, sampled_M)
        labels_N = (shown != original)[batch.real_N].float()
        states_ND = trunk.hidden(replace(batch, input_ids_BT=shown.view_as(batch.input_ids_BT)))
        states_ND = states_ND.flatten(0, 1)[batch.real_N]
        logits_N = self.classifier(F.gelu(self.dense(states_ND))).squeeze(-1).float()
        loss_sum = F.binary_cross_entropy_with_logits(logits_N, labels_N, reduction="sum")
        return {self.name: Term(loss_sum, labels_N.numel(), self._ratios(logits_N.detach(), labels_N))} | generator_term

    def _replacements(self, trunk: Trunk, batch: TokenBatch) -> tuple[Tensor, dict[str, Term]]:
        assert batch.predict_M is not None and batch.targets_M is not None
        # Drawn on the CPU, so that the device does not decide which tokens come out.
        drawn_M = torch.rand(batch.targets_M.numel(), generator=torch.Generator().manual_seed(batch.seed))
        drawn_M = drawn_M.to(batch.targets_M.device)
        first, entries = self.specials.count, self.model_config.vocab_size
        if self.generator is None:
            return (first + drawn_M * (entries - first)).long().clamp_max(entries - 1), {}
        hidden_MD = self.generator(trunk, batch).flatten(0, 1)[batch.predict_M]
        loss_sum, _, right = summed_cross_entropy(hidden_MD, trunk.vocabulary_VD, batch.targets_M)
        count = batch.targets_M.numel()
        sampled_M = sample_tokens(trunk, hidden_MD, drawn_M, first)
        return sampled_M, {"generator": Term(loss_sum, count, {"accuracy": (right, count)})}

    def _ratios(self, logits_N: Tensor, labels_N: Tensor) -> dict[str, tuple[Tensor, int | Tensor]]:
        count, replaced = labels_N.numel(), labels_N.sum()
        guess_N = (logits_N > 0).float()
        found = (guess_N * labels_N).sum()
        share = replaced / max(count, 1)
        ratios: dict[str, tuple[Tensor, int | Tensor]] = {
            "accuracy": ((guess_N == labels_N).sum(), count),
            "replaced_share": (replaced, count),
            # What a discriminator that knows nothing but the share would lose: H(p), in nats.
            "base_rate_loss": (-(torch.xlogy(share, share) + torch.xlogy(1 - share, 1 - share)) * count, count),
            "precision": (found, guess_N.sum()),
            "recall": (found, replaced),
        }
        if not self.training:
            ratios["auc"] = ordered_pairs(logits_N, labels_N)
        return ratios


@torch.no_grad()
def sample_tokens(trunk: Trunk, hidden_MD: Tensor, drawn_M: Tensor, first: int) -> Tensor:
    """Returns int64 (M): ids from `first` on, drawn from the softmax over them, one uniform number a row.

    By inversion of the cumulative distribution, which needs one random number where Gumbel noise needs V; in chunks
    of rows, as in `cross_entropy`.
    """
    step = max(1, CHUNK_LOGITS // trunk.config.vocab_size)
    sampled = []
    for hidden_CD, drawn_C in zip(hidden_MD.split(step), drawn_M.split(step), strict=True):
        cumulative_CV = trunk.project(hidden_CD)[:, first:].float().softmax(-1).cumsum(-1)
        level_C1 = (drawn_C * cumulative_CV[:, -1]).unsqueeze(1)
        index_C = torch.searchsorted(cumulative_CV, level_C1, right=True).squeeze(1)
        sampled.append(first + index_C.clamp_max(cumulative_CV.size(1) - 1))
    return torch.cat(sampled)


def ordered_pairs(scores_N: Tensor, labels_N: Tensor) -> tuple[Tensor, int]:
    """Returns (pairs of a replaced and an original token where the replaced one scores higher, all such pairs).

    Ties count one half. The quotient is the area under the ROC curve; over several batches, pairs within a batch.
    """
    positive, negative = scores_N[labels_N == 1], scores_N[labels_N == 0].sort().values
    below = torch.searchsorted(negative, positive) + torch.searchsorted(negative, positive, right=True)
    return below.sum() / 2, len(positive) * len(negative)
