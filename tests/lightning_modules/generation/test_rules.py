import itertools
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from transformers import NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor

from data.vocabulary import SPECIALS
from lightning_modules.generation import DecodingConfig, decode
from lightning_modules.generation.rules import holds, ruled
from lightning_modules.networks import ModelChoice, Trunk

FIRST, VOCABULARY = SPECIALS.count, SPECIALS.count + 6
CONFIG = ModelChoice(preset="micro").resolve(vocab_size=VOCABULARY, sequence_length=32)
PROMPTS = [[2, FIRST, FIRST + 1], [2, FIRST + 3]]


def logits(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, VOCABULARY, generator=torch.Generator().manual_seed(seed))


def text_of(scores: torch.Tensor) -> torch.Tensor:
    """Scores of what can be said: the specials do not matter."""
    return scores[:, FIRST:]


ANSWERS = torch.tensor([[0, 1, 2, 0, 1, 4, 0, 1], [5, 5, 5, 5, 3, 2, 5, 5]]) + FIRST


def test_the_repetition_penalty_is_that_of_transformers():
    found = ruled(logits(2), ANSWERS, DecodingConfig(repetition_penalty=1.7), None)
    expected = RepetitionPenaltyLogitsProcessor(1.7)(ANSWERS, logits(2))

    torch.testing.assert_close(text_of(found), text_of(expected))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_runs_that_may_not_return_are_those_of_transformers(size: int):
    found = ruled(logits(2), ANSWERS, DecodingConfig(no_repeat_ngram=size), None)
    expected = NoRepeatNGramLogitsProcessor(size)(ANSWERS, logits(2))

    assert torch.equal(text_of(found), text_of(expected))


def trunk(seed: int = 0) -> Trunk:
    made = Trunk(CONFIG, seed)
    with torch.no_grad():
        for parameter in made.model.parameters():
            parameter.mul_(4.0 if parameter.dim() > 1 else 1.0)
    return made.eval()


WAYS: list[dict[str, Any]] = [{}, {"beams": 3}, {"temperature": 1.0}]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(3))
def test_no_answer_is_shorter_than_the_least_or_repeats_a_run(way: dict[str, Any], seed: int):
    config = DecodingConfig(max_new_tokens=10, min_new_tokens=5, no_repeat_ngram=2, **way)
    for answer in decode(trunk(seed), PROMPTS, config, mode="causal"):
        pairs = list(itertools.pairwise(answer))
        assert len(answer) >= 5
        assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(3))
def test_words_that_are_asked_for_stand_in_the_answer(way: dict[str, Any], seed: int):
    words = [[FIRST + 2, FIRST + 4, FIRST + 2], [FIRST + 5]]
    config = DecodingConfig(max_new_tokens=8, **way)
    asked, free = decode(trunk(seed), PROMPTS, config, mode="causal", wanted=[words, []])

    assert all(holds(asked, word) for word in words)
    assert free == decode(trunk(seed), PROMPTS, config, mode="causal")[1]


def test_words_are_written_even_where_they_fill_all_the_room():
    words = [[FIRST + 2, FIRST + 4], [FIRST + 5, FIRST + 1]]
    [answer] = decode(trunk(), PROMPTS[:1], DecodingConfig(max_new_tokens=5), mode="causal", wanted=[words])

    assert all(holds(answer, word) for word in words)
    assert len(answer) <= 5


def test_where_all_text_is_ruled_out_the_answer_ends():
    config = DecodingConfig(max_new_tokens=20, min_new_tokens=19, no_repeat_ngram=1)
    for answer in decode(trunk(), PROMPTS, config, mode="causal"):
        assert sorted(answer) == list(range(FIRST, VOCABULARY))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samples": 3}, "samples=3 would all be the same: set temperature above 0"),
        ({"choose": "likeliest"}, "choose=likeliest has nothing to choose from"),
        ({"min_new_tokens": 8, "max_new_tokens": 8}, "min_new_tokens=8 leaves eos no room in max_new_tokens=8"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        DecodingConfig(**settings)
