"""Text from a trunk: greedy, beam search and sampling over a key-value cache.

Shapes: B prompts, K beams of each, R = B x K rows, T positions of the longest prompt, V vocabulary entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from data.batch import Attention, AttentionMode
from data.tokenizer import Tokenizer
from data.views.noise import key, row_seeds, uniform
from data.vocabulary import SPECIALS
from lightning_modules.generation.config import DecodingConfig
from lightning_modules.generation.rules import Words, ruled
from lightning_modules.networks import KVCache, Trunk


class Written(NamedTuple):
    """An answer to a prompt."""

    ids: list[int]
    """Without eos and specials."""
    logp: float
    """Log-probability of the answer and its end, in nats, under the rules and at temperature 1."""
    tokens: int
    """What `logp` is summed over."""


def generate(trunk: Trunk, tokenizer: Tokenizer, prompt: str, config: DecodingConfig, seed: int = 0) -> str:
    """Returns the text with which the model continues `prompt`, without the prompt.

    Of a prompt longer than the model reads, the end is kept.
    """
    room = max(1, trunk.config.max_positions - config.max_new_tokens - 1)
    prompt_ids = [SPECIALS.bos, *tokenizer.encode(prompt)[-room:]]
    return tokenizer.decode(decode(trunk, [prompt_ids], config, mode="causal", seed=seed)[0])


def decode(
    trunk: Trunk,
    prompts: Sequence[Sequence[int]],
    config: DecodingConfig,
    *,
    mode: AttentionMode,
    seed: int = 0,
    keys: Sequence[int] | None = None,
    wanted: Sequence[Words] | None = None,
) -> list[list[int]]:
    """Returns an answer to each prompt, without eos and specials; see `write_all`."""
    return [
        written.ids for written in write_all(trunk, prompts, config, mode=mode, seed=seed, keys=keys, wanted=wanted)
    ]


@torch.inference_mode()
def write_all(
    trunk: Trunk,
    prompts: Sequence[Sequence[int]],
    config: DecodingConfig,
    *,
    mode: AttentionMode,
    seed: int = 0,
    keys: Sequence[int] | None = None,
    wanted: Sequence[Words] | None = None,
) -> list[Written]:
    """Returns an answer to each prompt with its likelihood.

    An answer does not depend on the prompts beside it, also where it is drawn.

    Args:
        trunk: in evaluation mode.
        prompts: token ids with all their specials.
        config: search or sampling; its `samples` and `choose` are the caller's work.
        mode: how positions of the prompt see each other; `full` where the whole prompt is a prefix.
        seed: of the drawing; search draws nothing.
        keys: with the seed they fix what is drawn for each prompt; None: its place, so that equal prompts are answered
            differently.
        wanted: words, as token ids, that the answer to each prompt has to hold; None asks for none.
    """
    device = trunk.vocabulary_VD.device
    beams, count = config.beams, len(prompts)
    ids_BT, positions_BT, samples_BT = (tensor.to(device) for tensor in left_padded(prompts))
    cache = KVCache(trunk.config)
    state_RD = trunk.extend(ids_BT, positions_BT, cache, Attention(mode, samples_BT))[:, -1]
    first_R = torch.arange(count, device=device).repeat_interleave(beams)
    state_RD, position_R = state_RD[first_R], positions_BT[first_R, -1]
    cache.select(first_R)

    place_B = np.arange(count) if keys is None else np.array(keys)
    noise_BL = uniform(row_seeds(key(seed, "decoding"), place_B), "token", config.max_new_tokens)
    wanted_R = [words for words in wanted for _ in range(beams)] if wanted is not None and any(wanted) else None
    answers_RL = torch.empty(count * beams, 0, dtype=torch.int64, device=device)
    ended_R = torch.zeros(count * beams, dtype=torch.bool, device=device)
    # All beams of a prompt start alike: the first alone counts, or they would stay alike.
    scores_R = torch.full((count, beams), -torch.inf, device=device).index_fill_(1, first_R[:1], 0.0).flatten()
    for step in range(config.max_new_tokens):
        logp_RV = _next_token(trunk, state_RD, ended_R, answers_RL, config, wanted_R)
        if config.temperature:
            token_R = _draw(logp_RV, config, torch.from_numpy(noise_BL[:, step]).to(device))
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
    # `_best` keeps the best hypothesis first.
    best, logp = answers_RL.unflatten(0, (count, beams))[:, 0].tolist(), scores_R.view(count, beams)[:, 0].tolist()
    return [
        Written([token for token in answer if token >= SPECIALS.count], score, sum(map(bool, answer)))
        for answer, score in zip(best, logp, strict=True)
    ]


def left_padded(prompts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Returns ids, positions and sample ids (B, T), padded on the left so that all prompts end in one column."""
    length = max(map(len, prompts))
    padding = [length - len(prompt) for prompt in prompts]
    ids_BT = torch.tensor([[SPECIALS.pad] * pads + list(prompt) for pads, prompt in zip(padding, prompts, strict=True)])
    columns_BT = torch.arange(length) - torch.tensor(padding)[:, None]
    return ids_BT, columns_BT.clamp(min=0), torch.where(columns_BT < 0, -1, 0)


def _next_token(
    trunk: Trunk,
    state_RD: Tensor,
    ended_R: Tensor,
    answers_RL: Tensor,
    config: DecodingConfig,
    wanted_R: Sequence[Words] | None,
) -> Tensor:
    """Returns log-probabilities (R, V) of the next token: text or eos; after eos, padding for certain."""
    logp_RV = ruled(trunk.project(state_RD).float(), answers_RL, config, wanted_R).log_softmax(-1)
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


def _draw(logp_RV: Tensor, config: DecodingConfig, noise_R: Tensor) -> Tensor:
    """Returns a token for each row, from the head of its distribution (top-p: Holtzman et al. 2020).

    Args:
        noise_R: uniform between 0 and 1, the place in the cumulated distribution: a row's own, so that its neighbours
            do not matter.
    """
    sorted_RV, tokens_RV = (
        (logp_RV / config.temperature).double().softmax(-1).sort(dim=-1, descending=True, stable=True)
    )
    before_RV = sorted_RV.cumsum(-1) - sorted_RV
    sorted_RV = sorted_RV.where(before_RV < config.top_p, 0.0)
    if config.top_k is not None:
        sorted_RV[:, config.top_k :] = 0.0
    upto_RV = sorted_RV.cumsum(-1)
    place_R = (upto_RV <= noise_R[:, None] * upto_RV[:, -1:]).sum(-1)
    return tokens_RV.gather(1, place_R[:, None]).squeeze(1)
