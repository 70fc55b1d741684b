"""Where documents come from. To add a kind of source: its file, its line in `SOURCES`, its name in `SourceConfig`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from data.sources.canaries import CanarySource, CanarySourceConfig
from data.sources.database import DatabaseConfig, DatabaseSource
from data.sources.files import FileConfig, FileSource
from data.sources.huggingface import HuggingFaceConfig, HuggingFaceSource
from data.sources.reading import Ledger, documents, extracted
from data.sources.source import Row, Source, SourceError, SourceFields, default_cache
from data.sources.task import TaskConfig, TaskSource
from data.sources.wheel import WheelConfig, WheelSource

__all__ = [
    "SOURCES",
    "Ledger",
    "Row",
    "Source",
    "SourceConfig",
    "SourceError",
    "SourceFields",
    "TaskConfig",
    "default_cache",
    "read_source",
    "source_key",
]

SOURCES: dict[str, type[Source[Any]]] = {
    "canaries": CanarySource,
    "database": DatabaseSource,
    "huggingface": HuggingFaceSource,
    "path": FileSource,
    "task": TaskSource,
    "wheel": WheelSource,
}
"""The key that a recipe's source has -> its reader."""


def _kind(settings: Any) -> str | None:
    present = settings if isinstance(settings, dict) else vars(settings)
    kinds = [kind for kind in SOURCES if kind in present]
    return kinds[0] if len(kinds) == 1 else None


SourceConfig = Annotated[
    Annotated[CanarySourceConfig, Tag("canaries")]
    | Annotated[DatabaseConfig, Tag("database")]
    | Annotated[HuggingFaceConfig, Tag("huggingface")]
    | Annotated[FileConfig, Tag("path")]
    | Annotated[TaskConfig, Tag("task")]
    | Annotated[WheelConfig, Tag("wheel")],
    Discriminator(
        _kind,
        custom_error_type="source_kind",
        custom_error_message=f"a source has exactly one of the keys {', '.join(SOURCES)}",
    ),
]
"""The settings of one source; which kind it is shows in the key it has."""


def _open(config: SourceFields, cache: Path, root: Path) -> Source[Any]:
    return SOURCES[str(_kind(config))](config, cache=cache, root=root)


def source_key(config: SourceFields, cache: Path, root: Path) -> dict[str, Any]:
    """The identity of a source's content, found without reading its documents; see `Source.key`."""
    return _open(config, cache, root).key()


def read_source(config: SourceFields, cache: Path, root: Path, ledger: Ledger | None = None) -> Iterator[Row]:
    """The rows of a source, at most `max_documents` of them; its ledger says which parts to pass over, and is filled.

    Raises:
        SourceError: there is none, or the source cannot be read.
    """
    ledger = Ledger() if ledger is None else ledger
    number = 0
    for row in extracted(documents(_open(config, cache, root).parts(), config, ledger)):
        yield row
        number += 1
    if not number + ledger.skipped:
        kind = str(_kind(config))
        raise SourceError(f"{kind} {getattr(config, kind)!r}: not one document in it; fill it, or take the source out")
