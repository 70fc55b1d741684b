"""A corpus from its sources: read, clean, take out duplicates, split, write.

Reading and writing run here, cleaning on an engine, over chunks of one source; results are put in the order of reading,
so the files are equal to the byte for any engine and any number of workers. In between everything lies on disk.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Self

import pyarrow as pa
from pydantic import Field, ValidationError, model_validator

from data.chunk import CLEANED_SCHEMA, Chunk, ChunkCleaner
from data.cleaned import CleanedDocuments
from data.cleaning import CleaningConfig, overridden, prepare_rules
from data.config import Config
from data.corpus_card import write_card
from data.corpus_counts import CorpusSummary
from data.corpus_reading import CHUNK_CHARACTERS, CHUNK_DOCUMENTS, read_chunks
from data.corpus_selection import Selector
from data.corpus_writing import NothingLeft, Progress, write_corpus
from data.decontamination import DecontaminationConfig, read_artifact, read_table_of
from data.dedup import DedupConfig
from data.engines import EngineConfig, LocalConfig, build_engine
from data.faults import reach
from data.known import Known
from data.language import is_unspaced, split_words
from data.parts import read_parts
from data.pii import PIIConfig
from data.seen import Seen
from data.sources import Ledger, SourceConfig, SourceFields, read_source, source_key
from data.split import SplitConfig

__all__ = ["CleaningError", "CorpusConfig", "CorpusSummary", "NothingLeft", "build_corpus"]


SELECTION_BYTES = 2**28
"""About what a search for duplicates may hold beside its few numbers for each document."""


class CleaningError(RuntimeError):
    """A rule failed on a document: a fault of the rule, whatever the document holds."""


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
    decontamination: DecontaminationConfig | None = None
    """null: test examples are not looked for in the training text, and no score says how many are there."""
    split: SplitConfig = SplitConfig()
    engine: EngineConfig = LocalConfig()
    """Where cleaning runs: `local` or `ray`, or a mapping with `kind` and its settings. The result is the same."""

    @model_validator(mode="after")
    def every_document_gets_a_language(self) -> Self:
        """Refuses sources whose documents would have no language, or one that is not kept."""
        for name, source in self.sources.items():
            try:
                cleaning = overridden(self.cleaning, source.cleaning)
            except ValidationError as error:
                problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
                raise ValueError(f"sources.{name}.cleaning: {problems}") from error
            except ValueError as error:
                raise ValueError(f"sources.{name}.cleaning: {error}") from error
            finding = cleaning.language if source.type == "prose" else cleaning.code
            if source.language is None and finding is None:
                raise ValueError(f"sources.{name}: give it a `language`, since the rule that would find it is off")
            if source.language is not None and source.language not in self.languages:
                raise ValueError(
                    f"sources.{name}: its language {source.language!r} is not among the languages kept: "
                    f"{', '.join(self.languages)}"
                )
        if not any(source.weight for source in self.sources.values()):
            raise ValueError("sources: every one has weight 0; give one of them more")
        return self

    def too_little(self, source: str, text: str) -> bool:
        """Whether the length rule would not take what is left of a source's text."""
        own = self.sources[source]
        rule = overridden(self.cleaning, own.cleaning).length if own.cleaning else self.cleaning.length
        unspaced = is_unspaced(text)
        minimum = own.min_characters if unspaced else own.min_words
        if minimum is None:
            minimum = 1 if rule is None else rule.min_characters if unspaced else rule.min_words
        return len(split_words(text)) < minimum

    def content(self) -> dict[str, Any]:
        """All settings that a corpus depends on, as JSON: without the engine, and the weights of pretraining."""
        return self.model_dump(mode="json", exclude={"engine": True, "sources": {"__all__": {"weight"}}})


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
    examples: Mapping[str, Path] | None = None,
    scratch: Path | None = None,
    progress: Progress = _no_progress,
) -> CorpusSummary:
    """Writes a corpus artifact.

    Args:
        config: the recipe's `corpus`.
        output: gets the files; what an unfinished build left there is replaced.
        cache: for downloads and hashes of files.
        root: the project's folder, to which relative paths of sources belong.
        workers: cores of this machine for cleaning, where the recipe's engine names no number.
        known: earlier corpora, whose documents are not taken again: neither those they read nor duplicates of what
            they kept.
        examples: task -> its `examples` artifact, whose validation and test parts must not be trained on.
        scratch: for what is cleaned and not yet written, about as large as the sources' text. Give a folder that only
            builds of equal sources get, and a build goes on where a killed one was; none given: from the beginning.
        progress: see `Progress`.

    Raises:
        SourceError: a source cannot be read.
        CleaningError: a rule failed; the message says on which document.
        ValueError: what a rule is prepared from will not do, such as too few examples.
        NothingLeft: no document is left to train on; the message says what dropped most.
        RuntimeError: a worker died.
    """
    output.mkdir(parents=True, exist_ok=True)
    own = output / "scratch.part"
    shutil.rmtree(own, ignore_errors=True)
    scratch = scratch or own
    earlier = Known.load(known, config.dedup.shingle_words)
    seen, known_parts = Seen(known, scratch / "known"), read_parts(known)
    ledgers = {name: Ledger(known_parts) for name in config.sources}
    cleaned = CleanedDocuments(scratch / _stamp(config))
    chunks = islice(read_chunks(config.sources, cache, root, seen, ledgers), cleaned.batches, None)
    engine = build_engine(config.engine, workers)
    prepared = (output / "audit" / "prepared").resolve()
    facts = prepare_rules(config.cleaning, prepared, partial(_texts, cache, root))
    for done in cleaned.extend(engine.map(partial(_cleaning, config, prepared), chunks)):
        progress("clean", done, 0)
    reach("corpus/cleaned")

    selection = _selector(config, examples or {}, root).select(cleaned, earlier, scratch / "selection")
    reach("corpus/selected")
    summary = write_corpus(
        cleaned, selection, config.dedup.shingle_words, ledgers, facts, output, scratch / "sorted", progress
    )
    keys = {name: source_key(source, cache, root) for name, source in config.sources.items()}
    write_card(summary, config.sources, keys, config.content(), output)
    shutil.rmtree(own, ignore_errors=True)
    reach("corpus/written")
    return summary


def _stamp(config: CorpusConfig) -> str:
    """Names what chunks hold after cleaning: equal for equal settings, schema and size of chunks."""
    facts = [config.content(), CLEANED_SCHEMA.to_string(), CHUNK_CHARACTERS, CHUNK_DOCUMENTS]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _selector(config: CorpusConfig, examples: Mapping[str, Path], root: Path) -> Selector:
    against = config.decontamination.against if config.decontamination else {}
    evaluations = [read_artifact(name, folder) for name, folder in sorted(examples.items())]
    evaluations += [read_table_of(name, table, root) for name, table in sorted(against.items())]
    return Selector(config.dedup, config.split, config.decontamination, evaluations, config.too_little, SELECTION_BYTES)


def _texts(cache: Path, root: Path, source: SourceFields) -> Iterator[str]:
    """What of a source can be read."""
    return (row.text for row in read_source(source, cache, root) if row.defect is None)


def _cleaning(config: CorpusConfig, prepared: Path) -> Callable[[Chunk], pa.RecordBatch]:
    """The function that workers apply to chunks."""
    cleaner = ChunkCleaner(dict(config.sources), config.languages, config.cleaning, config.pii, config.dedup, prepared)
    return partial(_clean, cleaner)


def _clean(cleaner: ChunkCleaner, chunk: Chunk) -> pa.RecordBatch:
    """Cleans a chunk; where that fails, looks for the document that it fails on."""
    try:
        return cleaner.clean(chunk)
    except OSError:  # the machine's fault: a full disk where compiled code is kept
        raise
    except Exception as failure:
        origins = chunk.rows["origin"].to_pylist()
        place = f"one of {origins[0]} to {origins[-1]}"
        for row, origin in enumerate(origins):
            try:
                cleaner.clean(Chunk(chunk.source, chunk.source_order, chunk.rows.slice(row, 1)))
            except Exception:
                place = origin
                break
        raise CleaningError(
            f"corpus.sources.{chunk.source}: {place}: a rule failed ({type(failure).__name__}: {failure}); "
            f"switch it off, or take the document out of the source"
        ) from failure
