"""What the next token of an answer may be, beyond what the model finds likely.

Rules work on logits, before the softmax: what they leave is a distribution again, of which search and drawing know
nothing else. Shapes: R rows, L tokens of each answer so far, V vocabulary entries.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from data.vocabulary import SPECIALS
from lightning_modules.generation.config import DecodingConfig

Words = Sequence[Sequence[int]]
"""Token ids of each word that an answer has to hold."""


def ruled(logits_RV: Tensor, answers_RL: Tensor, config: DecodingConfig, wanted_R: Sequence[Words] | None) -> Tensor:
    """Returns the logits with what is ruled out at minus infinity.

    Args:
        logits_RV: of the model, fp32.
        answers_RL: what has been written; all of one length, where a row has ended it holds padding.
        config: which rules hold.
        wanted_R: words that each row has to hold; None asks for none.
    """
    vocabulary, length = logits_RV.size(1), answers_RL.size(1)
    token_V = torch.arange(vocabulary, device=logits_RV.device)
    special_V = (token_V < SPECIALS.count) & (token_V != SPECIALS.eos)
    ends_R = logits_RV.masked_fill(special_V, -torch.inf).argmax(-1) == SPECIALS.eos if wanted_R else None
    if config.repetition_penalty > 1.0 and length:
        logits_RV = _penalized(logits_RV, answers_RL, config.repetition_penalty)
    logits_RV = logits_RV.masked_fill(special_V, -torch.inf)
    if config.no_repeat_ngram:
        logits_RV = _without_repeats(logits_RV, answers_RL, config.no_repeat_ngram)
    if length < config.min_new_tokens:
        logits_RV[:, SPECIALS.eos] = -torch.inf
    if wanted_R:
        assert ends_R is not None
        left = config.max_new_tokens - length
        for row, (words, answer) in enumerate(zip(wanted_R, answers_RL.tolist(), strict=True)):
            _ask_for(words, logits_RV[row], answer, bool(ends_R[row]), left)
    # Where every token is ruled out (a vocabulary of few), the answer ends.
    logits_RV[:, SPECIALS.eos] = logits_RV[:, SPECIALS.eos].where(logits_RV.isfinite().any(-1), 0.0)
    return logits_RV


def _penalized(logits_RV: Tensor, answers_RL: Tensor, penalty: float) -> Tensor:
    seen_RL = logits_RV.gather(1, answers_RL)
    return logits_RV.scatter(1, answers_RL, torch.where(seen_RL < 0, seen_RL * penalty, seen_RL / penalty))


def _without_repeats(logits_RV: Tensor, answers_RL: Tensor, size: int) -> Tensor:
    """Rules out every token that would complete a run of `size` tokens that the answer holds; eos never does."""
    length = answers_RL.size(1)
    if length < size:
        return logits_RV
    runs_RWS = answers_RL.unfold(1, size, 1)
    now_RS = answers_RL[:, length - size + 1 :]
    begun_RW = (runs_RWS[:, :, :-1] == now_RS[:, None]).all(-1)
    row, run = begun_RW.nonzero(as_tuple=True)
    token = runs_RWS[row, run, -1]
    text = token >= SPECIALS.count
    logits_RV = logits_RV.clone()
    logits_RV[row[text], token[text]] = -torch.inf
    return logits_RV


def _ask_for(words: Words, logits_V: Tensor, answer: list[int], ends: bool, left: int) -> None:
    """Changes one row's logits until it holds its words: a word begun is finished, and eos waits for the last."""
    if SPECIALS.eos in answer or not (missing := [list(word) for word in words if not holds(answer, word)]):
        return
    begun = [_begun(answer, word) for word in missing]
    most = max(begun)
    if most or ends or left <= sum(map(len, missing)) + 1:
        word = missing[begun.index(most)]
        logits_V.fill_(-torch.inf)
        logits_V[word[most]] = 0.0
    else:
        logits_V[SPECIALS.eos] = -torch.inf


def holds(answer: Sequence[int], word: Sequence[int]) -> bool:
    """Returns whether the word's tokens stand in the answer, one after another."""
    size = len(word)
    return any(list(answer[start : start + size]) == list(word) for start in range(len(answer) - size + 1))


def _begun(answer: list[int], word: list[int]) -> int:
    """Returns how many of the word's first tokens the answer ends with."""
    return next((size for size in range(len(word) - 1, 0, -1) if answer[-size:] == word[:size]), 0)
