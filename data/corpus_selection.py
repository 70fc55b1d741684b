"""Which cleaned documents make the corpus: duplicates go."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.dedup import DedupConfig, survivors
from data.dedup.near import PERMUTATIONS

SELECTED_BY = ("id", "source_order", "key", "dropped", "signature")
"""Columns of `CLEANED_SCHEMA` that decide."""

Reasons = pa.DictionaryArray
"""For each document 'rule/reason', or null where it stays."""


@dataclass(frozen=True)
class Known:
    """What earlier corpora kept."""

    kept: pa.Table
    """Columns `id`, `key` and `signature` of `audit/signatures.parquet`."""

    @classmethod
    def load(cls, corpora: Sequence[Path]) -> Self:
        """Reads the audit folders of corpus artifacts.

        Raises:
            FileNotFoundError: one of them is not a corpus.
        """
        kept = [pq.read_table(corpus / "audit" / "signatures.parquet") for corpus in corpora]
        return cls(pa.concat_tables([KEPT_SCHEMA.empty_table(), *kept]))


KEPT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("key", pa.binary(32)),
        pa.field("signature", pa.binary(4 * PERMUTATIONS)),
    ]
)


def select(cleaned: pa.Table, config: DedupConfig, known: Known) -> Reasons:
    """Decides about duplicates.

    An exact duplicate is counted as one whatever else is wrong with it, so that the count says how often a source
    repeats itself and not how the other rules are set.

    Args:
        cleaned: the columns `SELECTED_BY` of all rows.
        config: what counts as a duplicate.
        known: what earlier corpora kept; it is preferred to everything here.

    Returns:
        The reasons of the rules and of the removal of duplicates, in the order of the rows.
    """
    dropped: NDArray[np.object_] = np.array(cleaned["dropped"].to_pylist(), dtype=object)
    preference = pc.sort_indices(cleaned, [("source_order", "ascending"), ("id", "ascending")]).to_numpy()
    if config.exact:
        unread = [reason is not None and reason.startswith(("source/", "known/")) for reason in dropped]
        rows = preference[~np.array(unread, dtype=bool)[preference]]
        keys = cleaned["key"].combine_chunks().take(pa.array(rows))
        codes = keys.dictionary_encode().indices.to_numpy()
        first = np.zeros(len(rows), dtype=bool)
        first[np.unique(codes, return_index=True)[1]] = True
        dropped[rows[~first]] = "dedup/exact"
        dropped[rows[pc.is_in(keys, known.kept["key"].combine_chunks()).to_numpy(zero_copy_only=False)]] = "known/exact"
    if config.near:
        alive = preference[_stays(dropped[preference])]
        signatures = np.concatenate(
            [_matrix(known.kept["signature"]), _matrix(cleaned["signature"].take(pa.array(alive)))]
        )
        kept = survivors(signatures, config.threshold)[known.kept.num_rows :]
        own = np.arange(len(alive)) + known.kept.num_rows
        dropped[alive[kept != own]] = "dedup/near"
        dropped[alive[kept < known.kept.num_rows]] = "known/near"
    return pa.array(dropped, pa.string()).dictionary_encode()


def _stays(dropped: NDArray[np.object_]) -> NDArray[np.bool_]:
    """For each document whether nothing speaks against it."""
    return np.fromiter((reason is None for reason in dropped), dtype=np.bool_, count=len(dropped))


def _matrix(signatures: pa.ChunkedArray) -> NDArray[np.uint32]:
    """(N, P) of a column without nulls."""
    joined = b"".join(signatures.to_pylist())
    return np.frombuffer(joined, dtype=np.uint32).reshape(-1, PERMUTATIONS)
