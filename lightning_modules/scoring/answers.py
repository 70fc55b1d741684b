"""What a fine-tuned network answers to labelled test examples, and how likely it finds the right answers.

Shapes: N examples, B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray

from data.constraints import Constraints
from data.example_rows import ExampleRows
from data.examples import TaskDescription
from data.packing import Ints
from data.prompts import AROUND, LEAST, Template, encode_prompts, opening
from data.tokenizer import Tokenizer
from data.views.base import View, ViewContext
from data.views.chat import ChatView, ChatViewConfig
from data.views.classification import ClassificationView, ClassificationViewConfig
from data.views.prefix_lm import PrefixLMView, PrefixLMViewConfig
from lightning_modules.generation import Answer, DecodingConfig, Judge, answer_all
from lightning_modules.hardware import Hardware
from lightning_modules.metrics import Outputs
from lightning_modules.networks import Trunk
from lightning_modules.scoring.batches import Progress, by_length
from lightning_modules.scoring.results import utf8_bytes
from lightning_modules.scoring.systems import inference, open_classifier, target_nll


@dataclass(frozen=True)
class Questions:
    """N test examples, and the fine-tuned network that is to answer them."""

    trunk: Trunk
    weights: Path
    """Weights folder that the trunk comes from; it holds the heads."""
    tokenizer: Tokenizer
    description: TaskDescription
    examples: Sequence[dict[str, Any]]
    length: int
    """Longest row in positions."""
    decoding: DecodingConfig
    hardware: Hardware
    progress: Progress
    candidates: Mapping[str, str] = field(default_factory=dict)
    """Id -> text of what is ranked, where that is asked."""
    template: Template = "pair"
    seed: int = 0
    judge: Judge | None = None
    """Tells the sentiment of answers, where examples ask for one."""


def classify(asked: Questions) -> Outputs:
    """Returns the most probable class of each example; inputs are cut to `length` positions."""
    trunk, tokenizer, examples, description = asked.trunk, asked.tokenizer, asked.examples, asked.description
    head = open_classifier(asked.weights, trunk)
    inputs = _cut(tokenizer, examples, [asked.length - description.specials] * len(examples))
    labels_N = np.array([example["label"] for example in examples], dtype=np.int64)
    rows = ExampleRows(inputs, [np.empty(0, np.int64)] * len(inputs), labels_N)
    view = ClassificationView(ClassificationViewConfig(), _context(tokenizer, asked.length))
    predicted_N = np.empty(len(inputs), np.int64)
    nll_N, confidence_N = np.empty(len(inputs)), np.empty(len(inputs))
    with inference(asked.hardware):
        for chosen in by_length([len(ids) for ids in inputs], asked.hardware.micro_batch_tokens, asked.progress):
            batch = view(rows.take(chosen), np.zeros(len(chosen), np.uint64)).batch.to(trunk.vocabulary_VD.device)
            assert batch.labels_S is not None
            logits_SK = head.logits(trunk, batch)
            predicted_N[chosen] = logits_SK.argmax(-1).cpu().numpy()
            confidence_N[chosen] = logits_SK.double().softmax(-1).amax(-1).cpu().numpy()
            nll_N[chosen] = F.cross_entropy(logits_SK, batch.labels_S, reduction="none").cpu().numpy()
    return Outputs(
        predictions=[description.labels[label] for label in predicted_N],
        references=references(examples),
        nll_N=nll_N,
        tokens_N=np.ones(len(inputs)),
        bytes_N=utf8_bytes([example["target"] for example in examples]),
        confidence_N=confidence_N,
    )


def write(asked: Questions) -> Outputs:
    """Generates an answer to each example, or several, and scores its right answer.

    Inputs are cut so that prompt and answer have `length` positions together.
    """
    tokenizer, examples = asked.tokenizer, asked.examples
    answers = _generated(asked)
    texts = [answer.text for answer in answers]
    targets = [np.array(ids, np.int64) for ids in tokenizer.encode_batch([example["target"] for example in examples])]
    return Outputs(
        predictions=texts,
        references=references(examples),
        nll_N=_reference_nll(asked, targets),
        tokens_N=np.array([len(target) + 1.0 for target in targets]),
        bytes_N=utf8_bytes([example["target"] for example in examples]),
        samples=[answer.samples for answer in answers] if asked.decoding.samples > 1 else (),
        details=details(examples),
        judged=most_probable(asked.judge, texts),
    )


def _generated(asked: Questions) -> list[Answer]:
    decoding, template, hardware = asked.decoding, asked.template, asked.hardware
    prompts = _prompts(asked, [asked.length - AROUND[template] - decoding.max_new_tokens] * len(asked.examples))
    constraints = [Constraints.of(example["details"]) for example in asked.examples]
    answers: list[Answer] = [Answer("", [])] * len(prompts)
    positions = hardware.micro_batch_tokens // (decoding.beams * decoding.samples)
    with inference(hardware):
        for chosen in by_length([len(ids) for ids in prompts], positions, asked.progress, decoding.max_new_tokens):
            found = answer_all(
                asked.trunk,
                asked.tokenizer,
                [opening(template, prompts[index]) for index in chosen],
                decoding,
                mode="full" if template == "pair" else "causal",
                seed=asked.seed,
                places=chosen.tolist(),
                constraints=[constraints[index] for index in chosen],
                judge=asked.judge,
            )
            for index, answer in zip(chosen, found, strict=True):
                answers[index] = answer
    return answers


def details(examples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns what metrics may need of each example; empty where no example has any.

    What was said before an answer is none of it: it is in the prompt.
    """
    needed = [{key: value for key, value in example["details"].items() if key != "messages"} for example in examples]
    return needed if any(needed) else []


def most_probable(judge: Judge | None, texts: Sequence[str]) -> list[str]:
    """Returns what a judge calls each text; empty where there is none."""
    return [max(classes, key=lambda name: classes[name]) for classes in judge(texts)] if judge else []


def references(examples: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Returns all right answers of each example, the one that is trained on first."""
    return [[example["target"], *example["others"]] for example in examples]


def _reference_nll(asked: Questions, targets: Sequence[Ints]) -> NDArray[np.float64]:
    trunk, length = asked.trunk, asked.length
    context = _context(asked.tokenizer, length)
    view: View[Any] = (
        PrefixLMView(PrefixLMViewConfig(), context)
        if asked.template == "pair"
        else ChatView(ChatViewConfig(replies="last"), context)
    )
    inputs = _prompts(asked, [length - AROUND[asked.template] - len(target) for target in targets])
    rows = ExampleRows(inputs, list(targets), np.full(len(inputs), -1))
    nll_N = np.zeros(len(inputs))
    samples = [np.concatenate(pair) for pair in zip(rows.inputs, rows.targets, strict=True)]
    with inference(asked.hardware):
        for chosen in by_length([len(ids) for ids in samples], asked.hardware.micro_batch_tokens):
            batch = view(rows.take(chosen), np.zeros(len(chosen), np.uint64)).batch.to(trunk.vocabulary_VD.device)
            assert batch.predict_M is not None and batch.targets_M is not None
            hidden_MD = trunk.hidden(batch).flatten(0, 1)[batch.predict_M]
            nll_M = target_nll(trunk, hidden_MD, batch.targets_M).double().cpu().numpy()
            np.add.at(nll_N, np.repeat(chosen, [len(rows.targets[index]) + 1 for index in chosen]), nll_M)
    return nll_N


def _prompts(asked: Questions, rooms: Sequence[int]) -> list[Ints]:
    """Returns the prompts' ids, each cut to its room, but never to nothing: no test example is left out."""
    least = LEAST[asked.template]
    rooms = [max(least, room) for room in rooms]
    found = encode_prompts(asked.template, asked.examples, asked.tokenizer, rooms)
    return [prompt.ids for prompt in found if prompt is not None]


def _cut(tokenizer: Tokenizer, examples: Sequence[dict[str, Any]], rooms: Sequence[int]) -> list[Ints]:
    """Returns the inputs' ids, each cut to its room, but never to nothing: no test example is left out."""
    encoded = tokenizer.encode_batch([example["input"] for example in examples])
    return [np.array(ids[: max(1, room)], np.int64) for ids, room in zip(encoded, rooms, strict=True)]


def _context(tokenizer: Tokenizer, length: int) -> ViewContext:
    return ViewContext(tokenizer.vocabulary, length, alignment="shifted")
