"""Queries and documents, each a row of its own, cut to its length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.document import Split
from data.example_rows import QueryRows
from data.examples import EncodedExamples, read_candidates, read_examples
from data.packing import Ints

if TYPE_CHECKING:
    from data.tokenizer import Tokenizer

SPECIALS_OF_A_ROW = 2
"""bos and eos."""


def encode_queries(
    folder: Path, split: Split, tokenizer: Tokenizer, sequence_length: int, threads: int
) -> EncodedExamples:
    """Encodes one split of an `examples` artifact whose answers are a `ranking`; cut texts are counted."""
    examples, candidates = read_examples(folder, split), read_candidates(folder, split)
    right = [[example["target"], *example["others"]] for example in examples]
    wrong = [example["details"]["negatives"] for example in examples]
    used = list(dict.fromkeys(key for keys in (*right, *wrong) for key in keys))
    numbers = {key: number for number, key in enumerate(used)}
    queries, cut = encode_texts(tokenizer, [example["input"] for example in examples], sequence_length, threads)
    documents, more = encode_texts(tokenizer, [candidates[key] for key in used], sequence_length, threads)
    right_numbers, wrong_numbers = (
        [[numbers[key] for key in keys] for keys in all_keys] for all_keys in (right, wrong)
    )
    rows = QueryRows(queries, right_numbers, wrong_numbers, documents)
    longest = [
        max(len(query), *(len(documents[number]) for number in (*own, *others)))
        for query, own, others in zip(queries, rows.right, rows.wrong, strict=True)
    ]
    return EncodedExamples(rows, np.array(longest) + SPECIALS_OF_A_ROW, truncated=cut + more, dropped=0)


def encode_texts(
    tokenizer: Tokenizer, texts: Sequence[str], sequence_length: int, threads: int = 1
) -> tuple[list[Ints], int]:
    """Returns the ids of texts, cut to leave room for specials, and how many were cut."""
    room = sequence_length - SPECIALS_OF_A_ROW
    encoded = tokenizer.encode_batch(texts, threads)
    return [np.array(ids[:room], np.int64) for ids in encoded], sum(len(ids) > room for ids in encoded)
