"""How a network is made to give each kind of answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from data.answers import classes_text, ranking_text, tags_text
from data.examples import Answers
from lightning_modules.metrics import Outputs
from lightning_modules.objectives.multi_label import MultiLabel
from lightning_modules.objectives.retrieval import Retrieval
from lightning_modules.objectives.span import Span
from lightning_modules.objectives.tagging import Tagging
from lightning_modules.scoring.answers import Questions, classify, references, write
from lightning_modules.scoring.found_answers import found_answers
from lightning_modules.scoring.rankings import rankings
from lightning_modules.scoring.reader import Reader
from lightning_modules.scoring.several_classes import chosen_classes, class_probabilities
from lightning_modules.scoring.systems import inference, open_head
from lightning_modules.scoring.tagged import tagged_spans


def give_classes(asked: Questions) -> Outputs:
    """Returns the classes that are more probable than not."""
    head = open_head(asked.weights, asked.trunk, MultiLabel)
    with inference(asked.hardware):
        probabilities_NK = class_probabilities(_reader(asked), head, _inputs(asked))
    labels = asked.description.labels
    return _outputs(asked, [classes_text(chosen_classes(own, labels)) for own in probabilities_NK])


def tag(asked: Questions) -> Outputs:
    """Returns the spans that the most probable tags make."""
    head = open_head(asked.weights, asked.trunk, Tagging)
    with inference(asked.hardware):
        found = tagged_spans(_reader(asked), head, _inputs(asked), asked.description.labels)
    return _outputs(asked, [tags_text(spans) for spans in found])


def find(asked: Questions) -> Outputs:
    """Returns the best stretch of each context, or nothing."""
    head = open_head(asked.weights, asked.trunk, Span)
    with inference(asked.hardware):
        found = found_answers(_reader(asked), head, _inputs(asked))
    return _outputs(asked, [answer.text for answer in found])


def rank(asked: Questions) -> Outputs:
    """Returns the candidates by how near they are to each query."""
    head = open_head(asked.weights, asked.trunk, Retrieval)
    with inference(asked.hardware):
        found = rankings(_reader(asked), head, _inputs(asked), asked.candidates)
    return _outputs(asked, [ranking_text(ids) for ids in found])


def _reader(asked: Questions) -> Reader:
    return Reader(asked.trunk, asked.tokenizer, asked.length, asked.hardware.micro_batch_tokens, asked.progress)


def _inputs(asked: Questions) -> list[str]:
    return [example["input"] for example in asked.examples]


def _outputs(asked: Questions, predictions: Sequence[str]) -> Outputs:
    return Outputs(predictions=predictions, references=references(asked.examples))


ANSWERING: dict[Answers, Callable[[Questions], Outputs]] = {
    "class": classify,
    "classes": give_classes,
    "ranking": rank,
    "span": find,
    "tags": tag,
    "text": write,
}
