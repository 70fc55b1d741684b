"""A trained model as a function from texts to answers; what a registered model runs. Knows nothing of any registry.

Shapes: B texts, D width, K classes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import numpy as np
import torch
from pydantic import Field

from data.answers import classes_text
from data.chat import turns_in
from data.config import Config
from data.example_rows import ExampleRows
from data.examples import Answers
from data.packing import Ints
from data.prompts import AROUND, Template, encode_chats, opening
from data.tokenizer import Tokenizer
from data.views.base import ViewContext
from data.views.classification import ClassificationView, ClassificationViewConfig
from lightning_modules.checkpoint import load_trunk
from lightning_modules.generation import DecodingConfig, answer_all, generate
from lightning_modules.hardware import HardwareConfig, resolve
from lightning_modules.networks import Trunk
from lightning_modules.objectives import Objective
from lightning_modules.objectives.classification import Classification
from lightning_modules.objectives.multi_label import MultiLabel
from lightning_modules.objectives.retrieval import Retrieval
from lightning_modules.objectives.span import Span
from lightning_modules.objectives.tagging import Tagging
from lightning_modules.scoring.found_answers import found_answers
from lightning_modules.scoring.language_model import document_nll
from lightning_modules.scoring.rankings import embeddings
from lightning_modules.scoring.reader import Reader
from lightning_modules.scoring.several_classes import chosen_classes, class_probabilities
from lightning_modules.scoring.systems import open_head
from lightning_modules.scoring.tagged import tagged_spans

if TYPE_CHECKING:
    from data.shards import Shards

SETTINGS = "predictor.json"
WEIGHTS, BASE, TOKENIZER = "weights", "base", "tokenizer"
"""Folders of a package: a weights folder, the one that an adapter in it belongs to, the tokenizer."""
_BATCH = 32
_HEADS: dict[str, type[Objective]] = {
    "class": Classification,
    "classes": MultiLabel,
    "ranking": Retrieval,
    "span": Span,
    "tags": Tagging,
}
"""Kind of answers -> what has the head for them."""


class PredictorConfig(Config):
    """`predictor.json`: how a model answers."""

    answers: Literal["continuation"] | Answers
    """`continuation`: a base model completes a text and says how likely it finds it. The others: a model fine-tuned for
    a task with such answers."""
    labels: tuple[str, ...] = ()
    """Names of classes, or of what spans are tagged with, in the order of their numbers."""
    sequence_length: int = Field(gt=3)
    """Positions read at once, as in training; longer inputs are cut."""
    decoding: DecodingConfig = DecodingConfig()
    """How text is generated."""
    template: Template = "pair"
    """How an answer stands behind what it answers. `chat`: texts are what a user says, or conversations: JSON lists of
    turns, as `data.chat.read_turns` takes them, that end with one of the user."""


class Predictor:
    """Answers texts one by one or many at once, with the same result."""

    def __init__(
        self, config: PredictorConfig, trunk: Trunk, tokenizer: Tokenizer, head: Objective | None = None
    ) -> None:
        self.config = config
        self.trunk = trunk
        self.tokenizer = tokenizer
        self.head = head

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Opens a package: `predictor.json`, `weights/`, `tokenizer/`, and `base/` where `weights/` is an adapter.

        Raises:
            ValueError: the parts do not belong together.
        """
        config = PredictorConfig.model_validate_json((folder / SETTINGS).read_text(encoding="utf-8"))
        base = folder / BASE
        trunk = load_trunk(folder / WEIGHTS, base if base.exists() else None)
        trunk = trunk.to("cuda" if torch.cuda.is_available() else "cpu")
        kind = _HEADS.get(config.answers)
        head = None if kind is None else open_head(folder / WEIGHTS, trunk, kind)
        return cls(config, trunk, Tokenizer.load(folder / TOKENIZER), head)

    @torch.inference_mode()
    def predict(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Answers each text with a row of equal columns.

        Returns:
            `continuation`: completion; nll, the nats of the text and its end; bits_per_byte. `class`: label, and
            `probability.<label>` for each. `classes`: labels, a JSON list, and `probability.<label>`. `tags`: spans, a
            JSON list of [start, end, label, text]. `span`, of texts with the question on their first line and the
            context behind it: answer, start (its first character, -1 without an answer) and margin, the logits by which
            it is above 'no answer'. `ranking`: embedding, whose product with another is the cosine. `text`: text.
        """
        match self.config.answers:
            case "continuation":
                return self._continue(texts)
            case "class":
                return [row for batch in self._encoded(texts, room=2) for row in self._classify(batch)]
            case "classes":
                return self._give_classes(texts)
            case "tags":
                return self._tag(texts)
            case "span":
                return self._find(texts)
            case "ranking":
                assert isinstance(self.head, Retrieval)
                return [{"embedding": own.tolist()} for own in embeddings(self._reader, self.head, texts)]
            case "text" if self.config.template == "chat":
                chats = (texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH))
                return [row for batch in chats for row in self._answer(self._chats(batch))]
            case "text":
                room = AROUND["pair"] + self.config.decoding.max_new_tokens
                return [row for batch in self._encoded(texts, room) for row in self._answer(batch)]

    def _continue(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        if not texts:
            return []
        documents = cast("Shards", _Texts(self.tokenizer.encode_batch(texts)))
        hardware = resolve(HardwareConfig(precision="fp32"))
        nll_D = document_nll(
            self.trunk,
            documents,
            np.arange(len(texts)),
            self.config.sequence_length,
            hardware,
            progress=lambda done, total: None,
        )
        return [
            {
                "completion": generate(self.trunk, self.tokenizer, text, self.config.decoding),
                "nll": float(nll),
                "bits_per_byte": float(nll / np.log(2) / len(text.encode())) if text else float("nan"),
            }
            for text, nll in zip(texts, nll_D, strict=True)
        ]

    @property
    def _reader(self) -> Reader:
        length = self.config.sequence_length
        return Reader(self.trunk, self.tokenizer, length, positions=_BATCH * length)

    def _give_classes(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        assert isinstance(self.head, MultiLabel)
        labels = self.config.labels
        return [
            {"labels": classes_text(chosen_classes(own, labels))}
            | {f"probability.{label}": float(share) for label, share in zip(labels, own, strict=True)}
            for own in class_probabilities(self._reader, self.head, texts)
        ]

    def _tag(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        assert isinstance(self.head, Tagging)
        found = tagged_spans(self._reader, self.head, texts, self.config.labels)
        return [
            {"spans": json.dumps([[*span, text[span.start : span.end]] for span in spans], ensure_ascii=False)}
            for text, spans in zip(texts, found, strict=True)
        ]

    def _find(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        assert isinstance(self.head, Span)
        return [
            {"answer": found.text, "start": float(found.start), "margin": found.margin}
            for found in found_answers(self._reader, self.head, texts)
        ]

    def _classify(self, inputs: list[Ints]) -> list[dict[str, Any]]:
        assert isinstance(self.head, Classification)
        context = ViewContext(self.tokenizer.vocabulary, self.config.sequence_length, alignment="shifted")
        view = ClassificationView(ClassificationViewConfig(), context)
        none = np.full(len(inputs), -1)
        rows = ExampleRows(inputs, [np.empty(0, np.int64)] * len(inputs), none)
        batch = view(rows, np.zeros(len(inputs), np.uint64)).batch.to(self.trunk.vocabulary_VD.device)
        probabilities_BK = self.head.logits(self.trunk, batch).softmax(-1).tolist()
        labels = self.config.labels
        return [
            {"label": labels[int(np.argmax(row))]}
            | {f"probability.{label}": share for label, share in zip(labels, row, strict=True)}
            for row in probabilities_BK
        ]

    def _answer(self, inputs: list[Ints]) -> list[dict[str, Any]]:
        template = self.config.template
        prompts = [opening(template, ids) for ids in inputs]
        # Each is drawn as if it were alone: the same text is answered the same, wherever it stands.
        answers = answer_all(
            self.trunk,
            self.tokenizer,
            prompts,
            self.config.decoding,
            mode="full" if template == "pair" else "causal",
            places=[0] * len(prompts),
        )
        return [{"text": answer.text} for answer in answers]

    def _chats(self, texts: Sequence[str]) -> list[Ints]:
        """Returns the prompts of conversations, their oldest turns left out where there is no room for them."""
        room = self.config.sequence_length - AROUND["chat"] - self.config.decoding.max_new_tokens
        prompts = encode_chats([turns_in(text) for text in texts], self.tokenizer, [room] * len(texts))
        return [prompt.ids for prompt in prompts if prompt is not None]

    def _encoded(self, texts: Sequence[str], room: int) -> Iterator[list[Ints]]:
        """Yields ids of the texts in batches, each cut so that `room` positions stay free; at least one token stays."""
        longest = max(1, self.config.sequence_length - room)
        for start in range(0, len(texts), _BATCH):
            encoded = self.tokenizer.encode_batch(texts[start : start + _BATCH])
            yield [np.array(ids[:longest], np.int64) for ids in encoded]


class _Texts:
    """Texts as `document_nll` reads them: it asks shards for nothing but their documents."""

    def __init__(self, encoded: list[list[int]]) -> None:
        self._encoded = encoded

    def document(self, index: int) -> Ints:
        return np.array(self._encoded[index], np.int64)
