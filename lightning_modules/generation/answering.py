"""Answers as texts: as many as are asked for to each prompt, and the one of them that is given.

The choice and the metrics of `metrics/constraints.py` read what an example asks for by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from data.batch import AttentionMode
from data.constraints import Constraints
from data.tokenizer import Tokenizer
from lightning_modules.generation.config import DecodingConfig
from lightning_modules.generation.decoding import Written, write_all
from lightning_modules.generation.rules import Words
from lightning_modules.networks import Trunk

Judge = Callable[[Sequence[str]], Sequence[Mapping[str, float]]]
"""A classifier: texts -> class -> probability."""


class Answer(NamedTuple):
    """What a prompt is answered with."""

    text: str
    samples: list[str]
    """All answers drawn, `text` among them."""


def answer_all(
    trunk: Trunk,
    tokenizer: Tokenizer,
    prompts: Sequence[Sequence[int]],
    config: DecodingConfig,
    *,
    mode: AttentionMode,
    seed: int = 0,
    places: Sequence[int] | None = None,
    constraints: Sequence[Constraints] | None = None,
    judge: Judge | None = None,
) -> list[Answer]:
    """Answers each prompt, in whatever company, the same.

    Args:
        trunk: in evaluation mode.
        tokenizer: of the prompts' ids.
        prompts: token ids with all their specials.
        config: how answers are made and chosen.
        mode: how positions of the prompt see each other.
        seed: of the drawing.
        places: number of each prompt among all that are asked, which with the seed fixes what is drawn.
        constraints: of each prompt; None asks for none.
        judge: tells the sentiment of answers, where that is asked for.
    """
    count, each = len(prompts), config.samples
    asked = constraints or [Constraints()] * count
    numbers = range(count) if places is None else places
    wanted = [_words(own, tokenizer) for own in asked] if config.keywords == "forced" else None
    written = write_all(
        trunk,
        [prompt for prompt in prompts for _ in range(each)],
        config,
        mode=mode,
        seed=seed,
        keys=[number * each + sample for number in numbers for sample in range(each)],
        wanted=[words for words in wanted for _ in range(each)] if wanted else None,
    )
    texts = [tidy(tokenizer.decode(answer.ids)) for answer in written]
    judged = judge(texts) if judge and config.choose == "constraints" else None
    answers = []
    for index, own in enumerate(asked):
        part = slice(index * each, (index + 1) * each)
        best = chosen(written[part], texts[part], config, own, judged[part] if judged else None)
        answers.append(Answer(texts[part][best], texts[part]))
    return answers


def chosen(
    written: Sequence[Written],
    texts: Sequence[str],
    config: DecodingConfig,
    constraints: Constraints,
    judged: Sequence[Mapping[str, float]] | None = None,
) -> int:
    """Returns which of the answers to one prompt is given; of equals the first.

    Args:
        written: the answers.
        texts: the same, as text.
        config: says by what.
        constraints: of the prompt's example.
        judged: class -> probability of each text; None: no classifier was asked.
    """
    if config.choose == "first":
        return 0

    def rank(index: int) -> Any:
        likelihood = written[index].logp / max(1, written[index].tokens)
        if config.choose == "likeliest":
            return likelihood
        sentiment = judged[index].get(constraints.sentiment or "", 0.0) if judged else 0.0
        return sum(constraints.kept(texts[index]).values()) + sentiment, likelihood

    return max(range(len(written)), key=rank)


def tidy(text: str) -> str:
    """Returns an answer without the space that opens its first word and without blank lines around it.

    What is indented, as a program's lines may be, stays so.
    """
    text = text.rstrip().lstrip("\n")
    return text if text.startswith("  ") else text.removeprefix(" ")


def _words(constraints: Constraints, tokenizer: Tokenizer) -> Words:
    """Returns the keywords as they stand within a text: after a space, where the script has spaces."""
    return [tokenizer.encode(word if ord(word[0]) >= 0x2E80 else f" {word}") for word in constraints.keywords]
