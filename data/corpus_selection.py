"""Which cleaned documents make the corpus: duplicates go, the rest is split and written, and all is counted."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.corpus_folder import CorpusSummary, SourceCounts, SplitWriter, write_card, write_counts, write_parquet
from data.dedup import DedupConfig, survivors
from data.dedup.near import PERMUTATIONS
from data.document import CORPUS_SCHEMA, SPLITS, draw
from data.split import SplitConfig, split_of

SAMPLES_PER_REASON = 20
WRITE_ROWS = 4_096

Reasons = NDArray[np.object_]
"""For each document 'rule/reason', or None where it stays."""


class NothingLeft(ValueError):
    """Every document was dropped; the message says by which rules."""


@dataclass(frozen=True)
class Known:
    """What earlier corpora read and kept."""

    raws: frozenset[bytes]
    """sha256 of every document as it was read."""
    kept: pa.Table
    """Columns `id`, `key` and `signature` of `audit/signatures.parquet`."""

    @classmethod
    def load(cls, corpora: Sequence[Path]) -> Self:
        """Reads the audit folders of corpus artifacts.

        Raises:
            FileNotFoundError: one of them is not a corpus.
        """
        seen = [pq.read_table(corpus / "audit" / "seen.parquet")["raw"].to_pylist() for corpus in corpora]
        kept = [pq.read_table(corpus / "audit" / "signatures.parquet") for corpus in corpora]
        empty = _KEPT_SCHEMA.empty_table()
        return cls(frozenset().union(*seen), pa.concat_tables([empty, *kept]))


_KEPT_SCHEMA = pa.schema(
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
        cleaned: rows of `CLEANED_SCHEMA`.
        config: what counts as a duplicate.
        known: what earlier corpora kept; it is preferred to everything here.

    Returns:
        The reasons of the rules and of the removal of duplicates, in the order of the rows.
    """
    dropped: Reasons = np.array(cleaned["dropped"].to_pylist(), dtype=object)
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
    return dropped


def _stays(dropped: Reasons) -> NDArray[np.bool_]:
    """For each document whether nothing speaks against it."""
    return np.fromiter((reason is None for reason in dropped), dtype=np.bool_, count=len(dropped))


def _matrix(signatures: pa.ChunkedArray) -> NDArray[np.uint32]:
    """(N, P) of a column without nulls."""
    joined = b"".join(signatures.to_pylist())
    return np.frombuffer(joined, dtype=np.uint32).reshape(-1, PERMUTATIONS)


def write_selected(
    cleaned: pa.Table,
    dropped: Reasons,
    split: SplitConfig,
    licences: Mapping[str, str],
    output: Path,
    progress: Callable[[str, int, int], None],
) -> CorpusSummary:
    """Writes the artifact; `licences` names every source in the order of the recipe.

    Raises:
        NothingLeft: no document is left to train on.
    """
    summary = _write_splits(cleaned, dropped, split, licences, output, progress)
    if summary.documents["train"] == 0:
        reasons = sum((Counter(counts.dropped) for counts in summary.sources.values()), Counter[str]())
        most = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common(5))
        raise NothingLeft(
            f"corpus: no document is left to train on, of {len(dropped):,} read; dropped most: {most or 'nothing'}. "
            f"Loosen these rules, or add sources"
        )
    stays = pa.array(_stays(dropped))
    kept = cleaned.select(_KEPT_SCHEMA.names).filter(stays).sort_by("id")
    write_parquet(kept.cast(_KEPT_SCHEMA), output / "audit" / "signatures.parquet")
    seen = pa.table({"raw": pc.unique(cleaned["raw"].drop_null())}).sort_by("raw")
    write_parquet(seen, output / "audit" / "seen.parquet")
    write_parquet(_dropped_samples(cleaned, dropped), output / "audit" / "dropped.parquet")
    write_counts(summary, output)
    write_card(summary, licences, output)
    return summary


def _write_splits(
    cleaned: pa.Table,
    dropped: Reasons,
    split: SplitConfig,
    licences: Mapping[str, str],
    output: Path,
    progress: Callable[[str, int, int], None],
) -> CorpusSummary:
    """Writes the parquet parts, and counts."""
    documents, sizes, languages = Counter[str](), Counter[str](), Counter[str]()
    read, kept, bytes_kept = Counter[str](), Counter[str](), Counter[str]()
    reasons, pii, repaired = (defaultdict[str, Counter[str]](Counter) for _ in range(3))
    with ExitStack() as stack:
        writers = {name: stack.enter_context(SplitWriter(output / name)) for name in SPLITS}
        for start in range(0, len(dropped), WRITE_ROWS):
            window = cleaned.slice(start, WRITE_ROWS).combine_chunks()
            window_reasons = dropped[start : start + WRITE_ROWS]
            for source, reason in zip(window["source"].to_pylist(), window_reasons, strict=True):
                read[source] += 1
                if reason is not None:
                    reasons[source][reason] += 1
            staying = window.filter(pa.array(_stays(window_reasons)))
            places = [split_of(document_id, split) for document_id in staying["id"].to_pylist()]
            byte_counts = pc.binary_length(staying["text"]).to_pylist()
            rows = zip(
                places,
                byte_counts,
                *(staying[column].to_pylist() for column in ("source", "language", "pii", "repairs")),
                strict=True,
            )
            for place, size, source, language, found, repairs in rows:
                documents[place] += 1
                sizes[place] += size
                languages[language] += 1
                kept[source] += 1
                bytes_kept[source] += size
                pii[source].update(found)
                repaired[source].update(repairs)
            for name, writer in writers.items():
                mask = pa.array([place == name for place in places], type=pa.bool_())
                for batch in staying.select(CORPUS_SCHEMA.names).filter(mask).to_batches():
                    writer.write(batch)
            progress("write", min(start + WRITE_ROWS, len(dropped)), len(dropped))
    return CorpusSummary(
        documents={name: documents[name] for name in SPLITS},
        bytes={name: sizes[name] for name in SPLITS},
        languages=dict(languages),
        sources={
            source: SourceCounts(
                read=read[source],
                kept=kept[source],
                bytes_kept=bytes_kept[source],
                dropped=dict(sorted(reasons[source].items())),
                pii=dict(pii[source]),
                repaired=dict(repaired[source]),
            )
            for source in licences
        },
    )


def _dropped_samples(cleaned: pa.Table, dropped: Reasons) -> pa.Table:
    """Some documents of every reason and source, drawn by their id: a person sees what a rule does."""
    rows = np.flatnonzero(~_stays(dropped))
    ids, sources = (cleaned[column].take(pa.array(rows)).to_pylist() for column in ("id", "source"))
    groups: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for row, document_id, source in zip(rows.tolist(), ids, sources, strict=True):
        groups[source, dropped[row]].append((draw(document_id), row))
    chosen = [row for key in sorted(groups) for _, row in sorted(groups[key])[:SAMPLES_PER_REASON]]
    samples = cleaned.select(["source", "text", "origin"]).take(pa.array(chosen, type=pa.int64()))
    rules, reasons = zip(*(dropped[row].split("/", 1) for row in chosen), strict=True) if chosen else ((), ())
    return pa.table(
        {
            "source": samples["source"],
            "rule": pa.array(rules, type=pa.string()),
            "reason": pa.array(reasons, type=pa.string()),
            "text": pc.utf8_slice_codeunits(samples["text"], 0, 500),
            "origin": samples["origin"],
        }
    )
