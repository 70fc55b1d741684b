"""What candidates a network finds nearest to queries. Shapes: Q queries, C candidates, N texts, D width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from data.encodings.ranking import SPECIALS_OF_A_ROW, encode_texts
from data.example_rows import ExampleRows
from data.views.classification import ClassificationView, ClassificationViewConfig
from lightning_modules.metrics.ranking import KEPT
from lightning_modules.objectives.retrieval import Retrieval
from lightning_modules.scoring.reader import Reader


def embeddings(reader: Reader, head: Retrieval, texts: Sequence[str]) -> NDArray[np.float32]:
    """Returns (N, D), each of length 1: queries and documents alike, cut to a row."""
    inputs, _ = encode_texts(reader.tokenizer, texts, reader.length)
    none = [np.empty(0, np.int64)] * len(inputs)
    # A text alone in its row, read to both sides: as `classification` reads it, whatever the class.
    rows, view = (
        ExampleRows(inputs, none, np.full(len(inputs), -1)),
        ClassificationView(ClassificationViewConfig(), reader.context),
    )
    found_ND = np.zeros((len(inputs), reader.trunk.config.hidden_size), np.float32)
    for chosen, batch in reader.batches(view, rows, [len(ids) + SPECIALS_OF_A_ROW for ids in inputs]):
        found_ND[chosen] = head.embedded(reader.trunk, batch).float().cpu().numpy()
    return found_ND


def rankings(reader: Reader, head: Retrieval, queries: Sequence[str], candidates: Mapping[str, str]) -> list[list[str]]:
    """Returns for each query the ids of the nearest candidates, at most 100; of equally near ones the first listed."""
    ids = list(candidates)
    documents_CD = embeddings(reader, head, list(candidates.values()))
    return [
        [ids[place] for place in np.argsort(-(documents_CD @ query_D), kind="stable")[:KEPT]]
        for query_D in embeddings(reader, head, queries)
    ]
