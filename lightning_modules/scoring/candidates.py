"""How likely a network finds each of several continuations of a text: the text is read once, whatever their number.

Shapes: N contexts, B rows of a batch, R rows of continuations, L positions of the longest, M predicted tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from data.batch import Attention
from data.packing import Ints
from data.vocabulary import SPECIALS
from lightning_modules.generation.decoding import left_padded
from lightning_modules.hardware import Hardware
from lightning_modules.networks import KVCache, Trunk
from lightning_modules.scoring.batches import by_length
from lightning_modules.scoring.inference import inference, target_nll
from lightning_modules.scoring.token_likelihood import Floats

Candidates = Sequence[Ints]
"""Continuations of one context, token ids without specials, at least one token each."""


def candidate_nll(
    trunk: Trunk,
    contexts: Sequence[Ints],
    candidates: Sequence[Candidates],
    hardware: Hardware,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[list[Floats]]:
    """Returns, for each context and each of its candidates, the nats of the candidate's tokens.

    Args:
        contexts: token ids without specials; may be empty, bos is put before.
    """
    most = max(map(len, candidates), default=1)
    found: list[list[Floats]] = [[] for _ in contexts]
    lengths = [(len(context) + 1) * most for context in contexts]
    with inference(hardware):
        for chosen in by_length(lengths, hardware.micro_batch_tokens, progress):
            batch = [contexts[index] for index in chosen]
            for index, own in zip(chosen, _batch(trunk, batch, [candidates[index] for index in chosen]), strict=True):
                found[index] = own
    return found


def _batch(trunk: Trunk, contexts: Sequence[Ints], candidates: Sequence[Candidates]) -> list[list[Floats]]:
    device = trunk.vocabulary_VD.device
    prompts = [[SPECIALS.bos, *context.tolist()] for context in contexts]
    ids_BT, positions_BT, samples_BT = (tensor.to(device) for tensor in left_padded(prompts))
    cache = KVCache(trunk.config)
    state_BD = trunk.extend(ids_BT, positions_BT, cache, Attention("causal", samples_BT))[:, -1]
    row_R = np.repeat(np.arange(len(contexts)), [len(own) for own in candidates])
    flat = [ids for own in candidates for ids in own]
    first_R = torch.from_numpy(np.array([ids[0] for ids in flat]))
    nll = [target_nll(trunk, state_BD[torch.from_numpy(row_R).to(device)], first_R.to(device)).double().cpu().numpy()]
    long = [index for index, ids in enumerate(flat) if len(ids) > 1]
    if long:
        nll.append(_later(trunk, cache, positions_BT[:, -1], row_R[long], [flat[index] for index in long]))
    found = [nll[0][[index]] for index in range(len(flat))]
    ends = np.cumsum([len(flat[index]) - 1 for index in long])
    for index, later in zip(long, np.split(nll[-1], ends[:-1]) if long else [], strict=True):
        found[index] = np.concatenate([found[index], later])
    parts = iter(found)
    return [[next(parts) for _ in own] for own in candidates]


def _later(trunk: Trunk, cache: KVCache, last_B: torch.Tensor, row_R: Ints, candidates: Candidates) -> Floats:
    """Returns the nats of all tokens but the first of each candidate, one candidate after the other."""
    device = last_B.device
    rows = torch.from_numpy(row_R).to(device)
    cache.select(rows)
    width = max(map(len, candidates)) - 1
    # Padding stands on the right, after everything that is asked for, so that causal attention alone keeps it out.
    read_RL = torch.full((len(candidates), width), SPECIALS.pad, dtype=torch.int64)
    for row, ids in enumerate(candidates):
        read_RL[row, : len(ids) - 1] = torch.from_numpy(ids[:-1].astype(np.int64))
    position_RL = last_B[rows][:, None] + 1 + torch.arange(width, device=device)
    state_RLD = trunk.extend(read_RL.to(device), position_RL, cache, Attention("causal"))
    asked_M = np.concatenate([row * width + np.arange(len(ids) - 1) for row, ids in enumerate(candidates)])
    targets_M = torch.from_numpy(np.concatenate([ids[1:] for ids in candidates]).astype(np.int64)).to(device)
    hidden_MD = state_RLD.flatten(0, 1)[torch.from_numpy(asked_M).to(device)]
    return target_nll(trunk, hidden_MD, targets_M).double().cpu().numpy()
