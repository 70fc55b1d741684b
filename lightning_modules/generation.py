"""Text from a trunk: greedy, beam search and sampling over a key-value cache.

Shapes: B prompts, K beams of each, R = B x K rows, T positions of the longest prompt, V vocabulary entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from data.batch import Attention, AttentionMode
from data.config import Config
from data.tokenizer import Tokenizer
from data.vocabulary import SPECIALS
from lightning_modules.networks import KVCache, Trunk


class DecodingConfig(Config):
    """How an answer is chosen among all possible ones."""

    max_new_tokens: int = Field(64, gt=0)
    """Longest answer, eos included."""
    beams: int = Field(1, gt=0)
    """Hypotheses kept at each step; 1 is greedy."""
    length_penalty: float = Field(1.0, ge=0.0)
    """Hypotheses are ranked by log-probability / length to this power; 0 favours short ones (Wu et al. 2016)."""
    temperature: float = Field(0.0, ge=0.0)
    """0 takes the most probable; above, tokens are drawn from the softmax of logits / temperature."""
    top_k: int | None = Field(None, gt=0)
    """Draw among so many most probable tokens only."""
    top_p: float = Field(1.0, gt=0.0, le=1.0)
    """Draw among the fewest tokens that hold this probability."""

    @model_validator(mode="after")
    def _beams_or_sampling(self) -> Self:
        if self.temperature and self.beams > 1:
            raise ValueError(f"beams={self.beams} and temperature={self.temperature:g}: search or draw, not both")
        return self


def generate(trunk: Trunk, tokenizer: Tokenizer, prompt: str, config: DecodingConfig, seed: int = 0) -> str:
    """Returns the text with which the model continues `prompt`, without the prompt.

    Of a prompt longer than the model reads, the end is kept.
    """
    room = max(1, trunk.config.max_positions - config.max_new_tokens - 1)
    prompt_ids = [SPECIALS.bos, *tokenizer.encode(prompt)[-room:]]
    return tokenizer.decode(decode(trunk, [prompt_ids], config, mode="causal", seed=seed)[0])


@torch.inference_mode()
def decode(
    trunk: Trunk, prompts: Sequence[Sequence[int]], config: DecodingConfig, *, mode: AttentionMode, seed: int = 0
) -> list[list[int]]:
    """Returns an answer to each prompt, without eos and specials.

    Args:
        trunk: in evaluation mode.
        prompts: token ids with all their specials.
        config: search or sampling.
        mode: how positions of the prompt see each other; `full` where the whole prompt is a prefix.
        seed: of the drawing; search draws nothing.
    """
    device = trunk.vocabulary_VD.device
    beams, count = config.beams, len(prompts)
    ids_BT, positions_BT, samples_BT = (tensor.to(device) for tensor in left_padded(prompts))
    cache = KVCache(trunk.config)
    state_RD = trunk.extend(ids_BT, positions_BT, cache, Attention(mode, samples_BT))[:, -1]
    first_R = torch.arange(count, device=device).repeat_interleave(beams)
    state_RD, position_R = state_RD[first_R], positions_BT[first_R, -1]
    cache.select(first_R)

    generator = torch.Generator(device).manual_seed(seed)
    answers_RL = torch.empty(count * beams, 0, dtype=torch.int64, device=device)
    ended_R = torch.zeros(count * beams, dtype=torch.bool, device=device)
    # All beams of a prompt start alike: the first alone counts, or they would stay alike.
    scores_R = torch.full((count, beams), -torch.inf, device=device).index_fill_(1, first_R[:1], 0.0).flatten()
    for _ in range(config.max_new_tokens):
        logp_RV = _next_token(trunk, state_RD, ended_R)
        if config.temperature:
            token_R = _draw(logp_RV, config, generator)
            from_R = torch.arange(count, device=device)
        else:
            lengths_R = (answers_RL != SPECIALS.pad).sum(1) + ~ended_R
            from_R, token_R = _best(scores_R, logp_RV, lengths_R, config)
        scores_R = scores_R[from_R] + logp_RV[from_R, token_R]
        answers_RL = torch.cat((answers_RL[from_R], token_R[:, None]), dim=1)
        ended_R = ended_R[from_R] | (token_R == SPECIALS.eos)
        if ended_R.all():
            break
        if beams > 1:
            cache.select(from_R)
        position_R = position_R + 1
        state_RD = trunk.extend(token_R[:, None], position_R[:, None], cache)[:, -1]
    best = answers_RL.unflatten(0, (count, beams))[:, 0].tolist()  # `_best` keeps the best hypothesis first
    return [[token for token in answer if token not in (SPECIALS.eos, SPECIALS.pad)] for answer in best]


def left_padded(prompts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Returns ids, positions and sample ids (B, T), padded on the left so that all prompts end in one column."""
    length = max(map(len, prompts))
    padding = [length - len(prompt) for prompt in prompts]
    ids_BT = torch.tensor([[SPECIALS.pad] * pads + list(prompt) for pads, prompt in zip(padding, prompts, strict=True)])
    columns_BT = torch.arange(length) - torch.tensor(padding)[:, None]
    return ids_BT, columns_BT.clamp(min=0), torch.where(columns_BT < 0, -1, 0)


def _next_token(trunk: Trunk, state_RD: Tensor, ended_R: Tensor) -> Tensor:
    """Returns log-probabilities (R, V) of the next token: text or eos; after eos, padding for certain."""
    logits_RV = trunk.project(state_RD).float()
    logits_RV[:, : SPECIALS.count] = logits_RV[:, : SPECIALS.count].where(
        torch.arange(SPECIALS.count, device=logits_RV.device) == SPECIALS.eos, -torch.inf
    )
    logp_RV = logits_RV.log_softmax(-1)
    logp_RV[ended_R] = -torch.inf
    logp_RV[ended_R, SPECIALS.pad] = 0.0
    return logp_RV


def _best(scores_R: Tensor, logp_RV: Tensor, lengths_R: Tensor, config: DecodingConfig) -> tuple[Tensor, Tensor]:
    """Returns, for each prompt's K best hypotheses, best first, the row it continues and its next token."""
    ranking_RV = (scores_R[:, None] + logp_RV) / lengths_R[:, None] ** config.length_penalty
    vocabulary = logp_RV.size(1)
    ranking_BW = ranking_RV.view(-1, config.beams * vocabulary)
    choice_BK = ranking_BW.topk(config.beams, dim=1).indices
    first_row_B = torch.arange(len(choice_BK), device=choice_BK.device)[:, None] * config.beams
    return (first_row_B + choice_BK // vocabulary).flatten(), (choice_BK % vocabulary).flatten()


def _draw(logp_RV: Tensor, config: DecodingConfig, generator: torch.Generator) -> Tensor:
    """Returns a token for each row, from the head of its distribution (top-p: Holtzman et al. 2020)."""
    sorted_RV, tokens_RV = (logp_RV / config.temperature).softmax(-1).sort(dim=-1, descending=True, stable=True)
    before_RV = sorted_RV.cumsum(-1) - sorted_RV
    sorted_RV = sorted_RV.where(before_RV < config.top_p, 0.0)
    if config.top_k is not None:
        sorted_RV[:, config.top_k :] = 0.0
    return tokens_RV.gather(1, torch.multinomial(sorted_RV, 1, generator=generator)).squeeze(1)
