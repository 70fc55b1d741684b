"""The tokens of a corpus on disk: one flat file a split, opened as a memory map.

Shards hold text only: bos, eos and padding are added where rows are read, so they serve every sequence length.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.document import SPLITS, Split, iter_texts
from data.faults import reach
from data.vocabulary import ids_dtype

if TYPE_CHECKING:  # a machine that only trains needs no tokenizer library
    from data.tokenizer import Tokenizer


@dataclass(frozen=True, eq=False)
class Shards:
    """One split of a `tokens` artifact, of D documents."""

    tokens: NDArray[np.unsignedinteger]
    """All documents, one after another; memory-mapped, uint16 or uint32."""
    offsets: NDArray[np.int64]
    """(D + 1,): document d is tokens[offsets[d]:offsets[d + 1]]."""
    document_bytes: NDArray[np.int64]
    """(D,): UTF-8 bytes of each document's text."""
    vocab_size: int
    tokenizer_sha256: str
    sources: tuple[tuple[str, int], ...] = ()
    """(source of the corpus, number of documents) in their order: the documents of one source lie together."""

    @classmethod
    def open(cls, folder: Path, split: Split) -> Shards:
        """Opens a `tokens` artifact without reading the tokens."""
        facts = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
        path, dtype = folder / f"{split}.bin", ids_dtype(facts["vocab_size"])
        empty = path.stat().st_size == 0  # an empty file cannot be mapped
        return cls(
            tokens=np.empty(0, dtype) if empty else np.memmap(path, dtype, mode="r"),
            offsets=np.load(folder / f"{split}.offsets.npy"),
            document_bytes=np.load(folder / f"{split}.bytes.npy"),
            vocab_size=facts["vocab_size"],
            tokenizer_sha256=facts["tokenizer_sha256"],
            sources=tuple((name, count) for name, count in facts.get("sources", {}).get(split, ())),
        )

    def of_source(self, source: str) -> Shards:
        """Returns the documents of one source of the corpus, as a view.

        Raises:
            ValueError: this split has none of it, or its documents lie apart.
        """
        places = [place for place, (name, _) in enumerate(self.sources) if name == source]
        if len(places) != 1:
            known = ", ".join(f"{name} {count:,}" for name, count in self.sources) or "none is known"
            raise ValueError(
                f"source {source!r} is not one run of documents in this split of the tokens (they are: {known}): "
                "give it more text, or take it out of the stage's `sources`"
            )
        first = sum(count for _, count in self.sources[: places[0]])
        last = first + self.sources[places[0]][1]
        start, end = int(self.offsets[first]), int(self.offsets[last])
        return replace(
            self,
            tokens=self.tokens[start:end],
            offsets=self.offsets[first : last + 1] - start,
            document_bytes=self.document_bytes[first:last],
            sources=(self.sources[places[0]],),
        )

    def source_tokens(self) -> dict[str, int]:
        """Returns source of the corpus -> its tokens in this split; sources without a document are not named."""
        ends = np.cumsum([count for _, count in self.sources], dtype=np.int64)
        lengths = np.diff(self.offsets[np.concatenate([[0], ends]).astype(np.int64)])
        return {name: int(length) for (name, _), length in zip(self.sources, lengths, strict=True)}

    @property
    def documents(self) -> int:
        """D."""
        return len(self.document_bytes)

    def document(self, index: int) -> NDArray[np.int64]:
        """Returns the tokens of one document."""
        return self.tokens[self.offsets[index] : self.offsets[index + 1]].astype(np.int64)


def write_shards(
    corpus: Path,
    tokenizer: Tokenizer,
    output: Path,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> dict[str, Any]:
    """Encodes every split of a corpus, a batch of documents at a time.

    Args:
        corpus: folder of a `corpus` artifact.
        tokenizer: what encodes it.
        output: an existing folder; becomes the `tokens` artifact.
        progress: is told what is counted, the documents encoded so far over all splits, and 0: their number is unknown.

    Returns:
        What `tokens.json` holds: vocab_size, tokenizer_sha256 and, by split, the counts of documents, tokens and bytes,
        and how many documents of which source follow one another.
    """
    counts: dict[str, dict[str, int]] = {}
    sources: dict[str, list[tuple[str, int]]] = {}
    documents = 0
    for split in SPLITS:
        counts[split], sources[split] = _write_split(corpus, split, tokenizer, output, progress, documents)
        documents += counts[split]["documents"]
        reach("tokens/encoded")
    facts = {
        "vocab_size": tokenizer.vocab_size,
        "tokenizer_sha256": tokenizer.sha256,
        "counts": counts,
        "sources": sources,
    }
    (output / "tokens.json").write_text(json.dumps(facts, sort_keys=True, indent=1), encoding="utf-8")
    reach("tokens/written")
    return facts


def _write_split(
    corpus: Path,
    split: Split,
    tokenizer: Tokenizer,
    output: Path,
    progress: Callable[[str, int, int], None],
    before: int,
) -> tuple[dict[str, int], list[tuple[str, int]]]:
    threads = os.cpu_count() or 1
    lengths = [np.zeros(1, np.int64)]
    document_bytes = [np.empty(0, np.int64)]
    sources: list[str] = []
    with (output / f"{split}.bin").open("wb") as file:
        for batch in iter_texts(corpus, split, ("text", "source")):
            texts = batch.column("text")
            ids, offsets = tokenizer.encode_arrays(texts, threads)
            file.write(ids.tobytes())
            lengths.append(np.diff(offsets))
            document_bytes.append(pc.binary_length(texts).to_numpy().astype(np.int64))
            sources += batch.column("source").to_pylist()
            progress("documents encoded", before + len(sources), 0)
    ends, sizes = np.cumsum(np.concatenate(lengths)), np.concatenate(document_bytes)
    np.save(output / f"{split}.offsets.npy", ends)
    np.save(output / f"{split}.bytes.npy", sizes)
    counts = {"documents": len(sizes), "tokens": int(ends[-1]), "bytes": int(sizes.sum())}
    return counts, [(source, len(list(run))) for source, run in groupby(sources)]
