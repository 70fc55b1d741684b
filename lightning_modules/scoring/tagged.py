"""What spans a network tags in texts of any length. Shapes: U units of a text, M of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.answers import TaggedSpan
from data.encodings.tags import SPECIALS_OF_A_ROW, spans_of_tags, tagged_row
from data.example_rows import UnitRows
from data.units import encode_units, windows
from data.views.tagging import TaggingView
from lightning_modules.objectives.tagging import Tagging
from lightning_modules.scoring.reader import Reader


def tagged_spans(reader: Reader, head: Tagging, texts: Sequence[str], labels: Sequence[str]) -> list[list[TaggedSpan]]:
    """Returns the spans of each text, in characters; each unit gets its most probable tag."""
    encoded = [encode_units(reader.tokenizer, text) for text in texts]
    tags = [np.zeros(len(units.first_U), np.int64) for units in encoded]
    places = [
        (text, first, last)
        for text, units in enumerate(encoded)
        for first, last in windows(units, reader.length - SPECIALS_OF_A_ROW)
    ]
    parts = [tagged_row(encoded[text].cut(first, last), reader.length) for text, first, last in places]
    rows = UnitRows(
        [part.ids_N for part in parts],
        [part.first_U for part in parts],
        [np.zeros_like(part.first_U) for part in parts],
    )
    view = TaggingView(head.config, reader.context)
    for chosen, batch in reader.batches(view, rows, [len(part.ids_N) + SPECIALS_OF_A_ROW for part in parts]):
        answers_M = head.logits(reader.trunk, batch).argmax(-1).cpu().numpy()
        sizes = [len(parts[index].first_U) for index in chosen]
        for index, own in zip(chosen, np.split(answers_M, np.cumsum(sizes)[:-1]), strict=True):
            text, first, last = places[index]
            tags[text][first:last] = own
    return [spans_of_tags(units, own, labels) for units, own in zip(encoded, tags, strict=True)]
