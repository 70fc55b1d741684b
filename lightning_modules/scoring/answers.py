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

from data.example_rows import ExampleRows
from data.examples import TaskDescription
from data.packing import Ints
from data.tokenizer import Tokenizer
from data.views.base import ViewContext
from data.views.classification import ClassificationView, ClassificationViewConfig
from data.views.prefix_lm import PrefixLMView, PrefixLMViewConfig
from data.vocabulary import SPECIALS
from lightning_modules.generation import DecodingConfig, decode
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


def classify(asked: Questions) -> Outputs:
    """Returns the most probable class of each example; inputs are cut to `length` positions."""
    trunk, tokenizer, examples, description = asked.trunk, asked.tokenizer, asked.examples, asked.description
    head = open_classifier(asked.weights, trunk)
    inputs = _cut(tokenizer, examples, [asked.length - description.specials] * len(examples))
    labels_N = np.array([example["label"] for example in examples], dtype=np.int64)
    rows = ExampleRows(inputs, [np.empty(0, np.int64)] * len(inputs), labels_N)
    view = ClassificationView(ClassificationViewConfig(), _context(tokenizer, asked.length))
    predicted_N, nll_N = np.empty(len(inputs), np.int64), np.empty(len(inputs))
    with inference(asked.hardware):
        for chosen in by_length([len(ids) for ids in inputs], asked.hardware.micro_batch_tokens, asked.progress):
            batch = view(rows.take(chosen), np.zeros(len(chosen), np.uint64)).batch.to(trunk.vocabulary_VD.device)
            assert batch.labels_S is not None
            logits_SK = head.logits(trunk, batch)
            predicted_N[chosen] = logits_SK.argmax(-1).cpu().numpy()
            nll_N[chosen] = F.cross_entropy(logits_SK, batch.labels_S, reduction="none").cpu().numpy()
    return Outputs(
        predictions=[description.labels[label] for label in predicted_N],
        references=references(examples),
        nll_N=nll_N,
        tokens_N=np.ones(len(inputs)),
        bytes_N=utf8_bytes([example["target"] for example in examples]),
    )


def write(asked: Questions) -> Outputs:
    """Generates an answer to each example and scores its right answer.

    Inputs are cut so that prompt and answer have `length` positions together.
    """
    trunk, tokenizer, examples, decoding = asked.trunk, asked.tokenizer, asked.examples, asked.decoding
    length, hardware = asked.length, asked.hardware
    prompts = _cut(tokenizer, examples, [length - 3 - decoding.max_new_tokens] * len(examples))
    predictions = [""] * len(examples)
    positions = hardware.micro_batch_tokens // decoding.beams
    with inference(hardware):
        for chosen in by_length([len(ids) for ids in prompts], positions, asked.progress, decoding.max_new_tokens):
            batch = [[SPECIALS.bos, *prompts[index].tolist(), SPECIALS.sep] for index in chosen]
            for index, ids in zip(chosen, decode(trunk, batch, decoding, mode="full"), strict=True):
                predictions[index] = tokenizer.decode(ids).strip()
    targets = [np.array(ids, np.int64) for ids in tokenizer.encode_batch([example["target"] for example in examples])]
    inputs = _cut(tokenizer, examples, [length - 3 - len(target) for target in targets])
    nll_N = _reference_nll(trunk, tokenizer, ExampleRows(inputs, targets, np.full(len(inputs), -1)), length, hardware)
    return Outputs(
        predictions=predictions,
        references=references(examples),
        nll_N=nll_N,
        tokens_N=np.array([len(target) + 1.0 for target in targets]),
        bytes_N=utf8_bytes([example["target"] for example in examples]),
    )


def references(examples: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Returns all right answers of each example, the one that is trained on first."""
    return [[example["target"], *example["others"]] for example in examples]


def _reference_nll(
    trunk: Trunk, tokenizer: Tokenizer, rows: ExampleRows, length: int, hardware: Hardware
) -> NDArray[np.float64]:
    view = PrefixLMView(PrefixLMViewConfig(), _context(tokenizer, length))
    nll_N = np.zeros(len(rows.inputs))
    samples = [np.concatenate(pair) for pair in zip(rows.inputs, rows.targets, strict=True)]
    with inference(hardware):
        for chosen in by_length([len(ids) for ids in samples], hardware.micro_batch_tokens):
            batch = view(rows.take(chosen), np.zeros(len(chosen), np.uint64)).batch.to(trunk.vocabulary_VD.device)
            assert batch.predict_M is not None and batch.targets_M is not None
            hidden_MD = trunk.hidden(batch).flatten(0, 1)[batch.predict_M]
            nll_M = target_nll(trunk, hidden_MD, batch.targets_M).double().cpu().numpy()
            np.add.at(nll_N, np.repeat(chosen, [len(rows.targets[index]) + 1 for index in chosen]), nll_M)
    return nll_N


def _cut(tokenizer: Tokenizer, examples: Sequence[dict[str, Any]], rooms: Sequence[int]) -> list[Ints]:
    """Returns the inputs' ids, each cut to its room, but never to nothing: no test example is left out."""
    encoded = tokenizer.encode_batch([example["input"] for example in examples])
    return [np.array(ids[: max(1, room)], np.int64) for ids, room in zip(encoded, rooms, strict=True)]


def _context(tokenizer: Tokenizer, length: int) -> ViewContext:
    return ViewContext(tokenizer.vocabulary, length, alignment="shifted")
