import itertools
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from data.batch import Attention, AttentionMode, TokenBatch
from data.vocabulary import SPECIALS
from lightning_modules.generation import DecodingConfig, decode, write_all
from lightning_modules.networks import ModelChoice, Trunk

FIRST = SPECIALS.count
CONFIG = ModelChoice(preset="micro").resolve(vocab_size=FIRST + 5, sequence_length=32)
PROMPTS = [[2, FIRST, FIRST + 1, FIRST + 2], [2, FIRST + 3], [2, FIRST + 1, FIRST + 1]]


def sharp_trunk(seed: int = 0, **options: Any) -> Trunk:
    """Untrained, with the weights scaled up until it has opinions."""
    trunk = Trunk(ModelChoice(preset="micro", **options).resolve(CONFIG.vocab_size, CONFIG.max_positions), seed)
    with torch.no_grad():
        for parameter in trunk.model.parameters():
            parameter.mul_(4.0 if parameter.dim() > 1 else 1.0)
    return trunk.eval()


def log_probabilities(trunk: Trunk, prompt: list[int], answer: list[int], mode: AttentionMode) -> torch.Tensor:
    """(len(answer) + 1, V), over text and eos, without any cache."""
    ids = torch.tensor([prompt + answer])
    in_prefix = torch.arange(ids.numel())[None] < len(prompt)
    attention = Attention("causal") if mode == "causal" else Attention("prefix", in_prefix_BT=in_prefix)
    with torch.no_grad():
        states = trunk.hidden(TokenBatch(ids, torch.arange(ids.numel())[None], attention, seed=0))[0, len(prompt) - 1 :]
        logits = trunk.project(states)
    special = torch.arange(CONFIG.vocab_size) < FIRST
    special[SPECIALS.eos] = False
    return logits.masked_fill(special, -torch.inf).log_softmax(-1)


def greedy(trunk: Trunk, prompt: list[int], steps: int, mode: AttentionMode) -> list[int]:
    answer: list[int] = []
    while len(answer) < steps:
        token = int(log_probabilities(trunk, prompt, answer, mode)[-1].argmax())
        if token == SPECIALS.eos:
            break
        answer.append(token)
    return answer


@pytest.mark.parametrize("mode", ["causal", "full"])
@pytest.mark.parametrize("seed", range(3))
def test_cached_batched_greedy_is_the_uncached_one_prompt_by_prompt(mode: AttentionMode, seed: int):
    trunk = sharp_trunk(seed)
    found = decode(trunk, PROMPTS, DecodingConfig(max_new_tokens=8), mode=mode)

    assert found == [greedy(trunk, prompt, 8, mode) for prompt in PROMPTS]


@pytest.mark.parametrize(
    "options",
    [
        {"architecture": "lstm"},
        {"architecture": "convolution"},
        {"attention_window": 3},
        {"experts": 3, "qk_norm": True},
    ],
)
@pytest.mark.parametrize("beams", [1, 2])
def test_every_kind_of_network_continues_a_prompt_the_same_among_others_and_alone(options: dict[str, Any], beams: int):
    trunk, config = sharp_trunk(**options), DecodingConfig(max_new_tokens=8, beams=beams)
    alone = [decode(trunk, [prompt], config, mode="causal")[0] for prompt in PROMPTS]

    assert decode(trunk, PROMPTS, config, mode="causal") == alone
    if beams == 1:
        assert alone == [greedy(trunk, prompt, 8, "causal") for prompt in PROMPTS]


def score(trunk: Trunk, prompt: list[int], answer: list[int], limit: int, penalty: float) -> float:
    targets = answer if len(answer) == limit else [*answer, SPECIALS.eos]
    logp = log_probabilities(trunk, prompt, answer, "causal")
    return float(logp[torch.arange(len(targets)), targets].sum()) / len(targets) ** penalty


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_beam_as_wide_as_all_answers_finds_the_best_of_all(penalty: float):
    trunk, limit = sharp_trunk(), 2
    text = range(FIRST, CONFIG.vocab_size)
    every = [list(answer) for length in range(limit + 1) for answer in itertools.product(text, repeat=length)]
    config = DecodingConfig(max_new_tokens=limit, beams=CONFIG.vocab_size, length_penalty=penalty)

    for prompt, found in zip(PROMPTS, decode(trunk, PROMPTS, config, mode="causal"), strict=True):
        assert found == max(every, key=lambda answer: score(trunk, prompt, answer, limit, penalty))


def always(token: int) -> Trunk:
    """A trunk whose every state is most like `token`'s row."""
    trunk = sharp_trunk()
    with torch.no_grad():
        for layer in trunk.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        trunk.model.embed_tokens.weight.copy_(torch.ones_like(trunk.model.embed_tokens.weight))
        trunk.model.embed_tokens.weight[token] *= 2
    return trunk


@pytest.mark.parametrize("beams", [1, 3])
def test_an_answer_ends_at_eos(beams: int):
    config = DecodingConfig(max_new_tokens=8, beams=beams)
    assert decode(always(SPECIALS.eos), PROMPTS, config, mode="causal") == [[], [], []]


def test_specials_are_never_generated():
    found = decode(always(SPECIALS.mask), PROMPTS, DecodingConfig(max_new_tokens=4), mode="causal")
    assert not set(itertools.chain(*found)) & set(range(FIRST))


def test_sampling_is_fixed_by_its_seed():
    trunk, config = Trunk(CONFIG).eval(), DecodingConfig(max_new_tokens=12, temperature=1.0)
    first, again, other = (decode(trunk, PROMPTS, config, mode="causal", seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other


@pytest.mark.parametrize("limit", [{"top_k": 1}, {"top_p": 1e-6}])
def test_sampling_from_one_token_is_greedy(limit: dict):
    trunk = sharp_trunk()
    drawn = decode(trunk, PROMPTS, DecodingConfig(max_new_tokens=8, temperature=1.0, **limit), mode="causal")

    assert drawn == decode(trunk, PROMPTS, DecodingConfig(max_new_tokens=8), mode="causal")


def test_searching_and_drawing_at_once_is_refused():
    with pytest.raises(ValidationError, match=r"beams=2 and temperature=0\.5: search or draw"):
        DecodingConfig(beams=2, temperature=0.5)


def test_what_is_drawn_for_a_prompt_does_not_depend_on_its_neighbours():
    trunk, config = sharp_trunk(), DecodingConfig(max_new_tokens=8, temperature=1.5)
    together = decode(trunk, PROMPTS, config, mode="causal", seed=4, keys=[7, 8, 9])

    assert decode(trunk, PROMPTS[::-1], config, mode="causal", seed=4, keys=[9, 8, 7]) == together[::-1]
    assert decode(trunk, PROMPTS[1:2], config, mode="causal", seed=4, keys=[8]) == together[1:2]


def test_tokens_are_drawn_as_often_as_they_are_likely():
    trunk, draws = sharp_trunk(), 4000
    config = DecodingConfig(max_new_tokens=1, temperature=2.0)
    drawn = decode(trunk, PROMPTS[:1] * draws, config, mode="causal")
    logp = log_probabilities(trunk, PROMPTS[0], [], "causal")[-1]
    expected = (logp / 2.0).softmax(-1)

    for token in range(FIRST, CONFIG.vocab_size):
        share, p = drawn.count([token]) / draws, float(expected[token])
        assert abs(share - p) < 4 * (p * (1 - p) / draws) ** 0.5 + 1e-9


@pytest.mark.parametrize("beams", [1, 3])
def test_the_likelihood_of_an_answer_is_that_of_its_tokens_and_end(beams: int):
    trunk = sharp_trunk()
    for prompt, written in zip(
        PROMPTS, write_all(trunk, PROMPTS, DecodingConfig(max_new_tokens=4, beams=beams), mode="causal"), strict=True
    ):
        assert written.logp == pytest.approx(score(trunk, prompt, written.ids, 4, 0.0), abs=1e-4)
        assert written.tokens == min(4, len(written.ids) + 1)


def test_a_beam_with_a_least_length_finds_the_best_of_the_long_enough():
    trunk, limit = sharp_trunk(), 3
    text = list(range(FIRST, CONFIG.vocab_size))
    config = DecodingConfig(max_new_tokens=limit, min_new_tokens=2, beams=len(text) ** 2, length_penalty=0.0)

    def ruled_score(prompt: list[int], answer: list[int]) -> float:
        logp = log_probabilities(trunk, prompt, answer, "causal")
        logp[:2, SPECIALS.eos] = -torch.inf  # before two tokens no end; what is left adds up to one
        logp = logp.log_softmax(-1)
        targets = answer if len(answer) == limit else [*answer, SPECIALS.eos]
        return float(logp[torch.arange(len(targets)), targets].sum())

    every = [list(answer) for length in (2, 3) for answer in itertools.product(text, repeat=length)]
    for prompt, found in zip(PROMPTS, decode(trunk, PROMPTS, config, mode="causal"), strict=True):
        assert found == max(every, key=lambda answer: ruled_score(prompt, answer))
