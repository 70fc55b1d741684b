"""A corpus from its sources: read, clean, take out duplicates, split, write.

Cleaning runs in a pool of processes over chunks of one source; results are put in the order of reading, so the files
are equal to the byte for any number of workers. In between everything lies in one Arrow file on disk, mapped into
memory: only signatures and short columns are held.
"""

import hashlib
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Annotated, Self

import pyarrow as pa
from pydantic import Field, model_validator

from data.chunk import CLEANED_SCHEMA, SAMPLE_CHARACTERS, Chunk, ChunkCleaner
from data.cleaning import CleaningConfig
from data.config import Config
from data.corpus_folder import CorpusSummary
from data.corpus_selection import Known, NothingLeft, select, write_selected
from data.dedup import DedupConfig
from data.faults import reach
from data.pii import PIIConfig
from data.sources import SourceConfig, SourceError, read_source
from data.split import SplitConfig

__all__ = ["CorpusConfig", "CorpusSummary", "NothingLeft", "build_corpus"]

CHUNK_CHARACTERS = 2**20
CHUNK_DOCUMENTS = 4_096

Progress = Callable[[str, int, int], None]
"""Called with the phase ('clean', 'write'), documents done, and documents in all (0 while that is unknown)."""


class CorpusConfig(Config):
    """Settings of a corpus."""

    sources: dict[str, SourceConfig] = Field(min_length=1)
    """Name -> source. Their order is the order of preference among duplicates."""
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], ...] = Field(("en",), min_length=1)
    """ISO 639-1 codes of what is kept."""
    cleaning: CleaningConfig = CleaningConfig()
    pii: PIIConfig | None = PIIConfig()
    """null leaves personal data where it is."""
    dedup: DedupConfig = DedupConfig()
    split: SplitConfig = SplitConfig()

    @model_validator(mode="after")
    def every_document_gets_a_language(self) -> Self:
        """Refuses sources whose documents would have no language, or one that is not kept."""
        for name, source in self.sources.items():
            if source.language is None and self.cleaning.language is None:
                raise ValueError(f"sources.{name}: give it a `language`, since the rule that would find it is off")
            if source.language is not None and source.language not in self.languages:
                raise ValueError(
                    f"sources.{name}: its language {source.language!r} is not among the languages kept: "
                    f"{', '.join(self.languages)}"
                )
        return self


def _no_progress(phase: str, done: int, total: int) -> None:
    pass


def build_corpus(
    config: CorpusConfig,
    *,
    output: Path,
    cache: Path,
    root: Path,
    workers: int = 2,
    known: Sequence[Path] = (),
    progress: Progress = _no_progress,
) -> CorpusSummary:
    """Writes a corpus artifact.

    Args:
        config: the recipe's `corpus`.
        output: gets the files; what an unfinished build left there is replaced.
        cache: for downloads and hashes of files.
        root: the project's folder, to which relative paths of sources belong.
        workers: processes that clean; the result does not depend on it.
        known: earlier corpora, whose documents are not taken again: neither those they read nor duplicates of what
            they kept.
        progress: see `Progress`.

    Raises:
        SourceError: a source cannot be read.
        NothingLeft: no document is left to train on; the message says what dropped most.
        RuntimeError: a worker died.
    """
    output.mkdir(parents=True, exist_ok=True)
    earlier = Known.load(known)
    cleaned = output / "cleaned.arrow.part"
    with pa.OSFile(str(cleaned), "wb") as sink, pa.ipc.new_file(sink, CLEANED_SCHEMA) as file:
        done = 0
        for batch in _cleaned(config, _chunks(config, cache, root, earlier), workers):
            file.write_batch(batch)
            done += batch.num_rows
            progress("clean", done, 0)
    reach("corpus/cleaned")

    with pa.memory_map(str(cleaned)) as mapped:
        table = pa.ipc.open_file(mapped).read_all()
        dropped = select(table, config.dedup, earlier)
        licences = {name: source.licence for name, source in config.sources.items()}
        summary = write_selected(table, dropped, config.split, licences, output, progress)
        del table
    cleaned.unlink()
    reach("corpus/written")
    return summary


def _chunks(config: CorpusConfig, cache: Path, root: Path, known: Known) -> Iterator[Chunk]:
    """All documents of all sources, in their order."""
    for order, (name, source) in enumerate(config.sources.items()):
        chunk, characters = Chunk(name, order), 0
        try:
            for row in read_source(source, cache, root):
                raw = hashlib.sha256(row.text.encode()).digest()
                reason = f"source/{row.defect}" if row.defect else None
                if reason is None and raw in known.raws:
                    reason = "known/seen_before"
                chunk.texts.append(row.text if reason is None else row.text[:SAMPLE_CHARACTERS])
                chunk.titles.append(row.title)
                chunk.origins.append(row.origin)
                chunk.raws.append(None if row.defect else raw)
                chunk.dropped.append(reason)
                characters += len(chunk.texts[-1])
                if characters >= CHUNK_CHARACTERS or len(chunk.texts) >= CHUNK_DOCUMENTS:
                    yield chunk
                    chunk, characters = Chunk(name, order), 0
        except SourceError as error:
            raise SourceError(f"corpus.sources.{name}: {error}") from error
        if chunk.texts:
            yield chunk


def _cleaned(config: CorpusConfig, chunks: Iterator[Chunk], workers: int) -> Iterator[pa.RecordBatch]:
    """The chunks cleaned, in their order; here, or by a pool when there is more than one worker."""
    if workers <= 1:
        yield from map(_cleaner(config).clean, chunks)
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of Arrow's and others' threads
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start_worker, initargs=(config,))
    waiting: deque[Future[pa.RecordBatch]] = deque()
    try:
        for chunk in chunks:
            waiting.append(pool.submit(_clean_in_worker, chunk))
            if len(waiting) > 2 * workers:  # no more text in memory than keeps all of them busy
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise RuntimeError(
            "a cleaning process died, most likely for lack of memory; free some, or run with fewer workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _cleaner(config: CorpusConfig) -> ChunkCleaner:
    return ChunkCleaner(dict(config.sources), config.languages, config.cleaning, config.pii, config.dedup)


_worker_cleaner: ChunkCleaner


def _start_worker(config: CorpusConfig) -> None:
    global _worker_cleaner
    _worker_cleaner = _cleaner(config)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this worker when its parent was killed: the pool's queue alone would let it wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _clean_in_worker(chunk: Chunk) -> pa.RecordBatch:
    return _worker_cleaner.clean(chunk)
