"""Documents out of an open file. To add a format: its file, and its suffix in `FORMATS`.

A file may be larger than memory and may be damaged. What is wrong with one document (bytes that are not UTF-8, a line
beyond `LINE_LIMIT_BYTES`, a page without text) is a row with a defect. A broken archive is an error, since nobody knows
what it lacks.
"""

import csv
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

import pyarrow as pa

from data.sources.formats.compression import COMPRESSIONS, decompressed
from data.sources.formats.format import BrokenFile, Reader
from data.sources.formats.jsonl import read_jsonl
from data.sources.formats.mediawiki import read_mediawiki
from data.sources.formats.pages import read_page
from data.sources.formats.parquet import read_parquet
from data.sources.formats.separated import read_csv, read_tsv
from data.sources.formats.text import read_text
from data.sources.formats.warc import read_warc
from data.sources.source import Document, FileFields, SourceError

__all__ = ["COMPRESSIONS", "FORMATS", "decompressed", "format_of", "read_documents"]

FORMATS: dict[str, Reader] = {
    ".csv": read_csv,
    ".htm": read_page,
    ".html": read_page,
    ".jsonl": read_jsonl,
    ".parquet": read_parquet,
    ".tsv": read_tsv,
    ".txt": read_text,
    ".warc": read_warc,
    ".wet": read_warc,
    ".xml": read_mediawiki,
}
"""Suffix -> what reads it."""

_BROKEN = (
    BrokenFile,
    EOFError,
    OSError,
    csv.Error,
    lzma.LZMAError,
    pa.ArrowException,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What libraries raise at a file that ends early or holds what it must not."""
_ARCHIVES = (".7z", ".rar", ".tar", ".tbz2", ".tgz", ".txz", ".zip", *COMPRESSIONS)


def format_of(name: str) -> str:
    """The format's suffix without the compression's: '.jsonl' for 'a.jsonl.gz'.

    Raises:
        SourceError: no reader knows it.
    """
    path = PurePosixPath(name)
    suffix = (path.with_suffix("") if path.suffix in COMPRESSIONS else path).suffix
    if suffix in _ARCHIVES:
        raise SourceError(f"{name}: an archive of files is not opened; unpack it and name the files in it")
    if suffix not in FORMATS:
        raise SourceError(
            f"{name}: unknown format {suffix!r}; known: {', '.join(FORMATS)}, plain or with {', '.join(COMPRESSIONS)}"
        )
    return suffix


def read_documents(stream: BinaryIO, name: str, config: FileFields) -> Iterator[Document]:
    """The documents of one file.

    Args:
        stream: as stored, possibly compressed.
        name: where documents say they come from; its suffix gives format and compression.
        config: the columns' names, and what one document is.

    Raises:
        SourceError: the archive is broken, or lacks the column that the recipe names.
    """
    reader = FORMATS[format_of(name)]
    done = 0
    try:
        for document in reader(decompressed(stream, name), name, config):
            yield document
            done += 1
    except _BROKEN as error:
        what = str(error) if isinstance(error, BrokenFile) else f"{type(error).__name__}: {error}"
        raise SourceError(
            f"{name}: broken after {done:,} documents ({what}); fetch the file again or take it out of the source"
        ) from error
