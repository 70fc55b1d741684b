"""How probable a network finds each class of texts that may have several. Shapes: N texts, K classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.encodings.classes import SPECIALS_OF_A_ROW
from data.example_rows import ClassesRows
from data.views.multi_label import MultiLabelView
from lightning_modules.objectives.multi_label import MultiLabel
from lightning_modules.scoring.reader import Reader

THRESHOLD = 0.5
"""A class is given from this probability on."""


def class_probabilities(reader: Reader, head: MultiLabel, texts: Sequence[str]) -> NDArray[np.float64]:
    """Returns (N, K), each class for itself; longer texts are cut, but never to nothing."""
    room = max(1, reader.length - SPECIALS_OF_A_ROW)
    inputs = [np.array(ids[:room], np.int64) for ids in reader.tokenizer.encode_batch(texts)]
    classes = head.config.classes
    rows, view = (
        ClassesRows(inputs, np.zeros((len(inputs), classes), np.int64)),
        MultiLabelView(head.config, reader.context),
    )
    probabilities_NK = np.zeros((len(inputs), classes))
    for chosen, batch in reader.batches(view, rows, [len(ids) + SPECIALS_OF_A_ROW for ids in inputs]):
        probabilities_NK[chosen] = head.logits(reader.trunk, batch).sigmoid().cpu().numpy()
    return probabilities_NK


def chosen_classes(probabilities_K: NDArray[np.float64], labels: Sequence[str]) -> list[str]:
    """Returns the names of the classes that are given."""
    return [label for label, share in zip(labels, probabilities_K, strict=True) if share >= THRESHOLD]
