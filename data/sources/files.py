"""Source `path`: files of the project, the machine or a remote store, chosen by a pattern."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, BinaryIO, ClassVar, Protocol, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from data.sources.formats import format_of, read_documents
from data.sources.local import FileHashes, LocalFile, find_local
from data.sources.remote import find_remote
from data.sources.source import Document, FileFields, Part, Source, SourceFields, part_key

_URL = re.compile(r"[a-z][a-z0-9+.-]*(://|::)")
_SECRET = re.compile(r"key|secret|token|passw|credential|auth", re.IGNORECASE)


class FileConfig(FileFields):
    """Settings of `path`."""

    path: str
    """A file, a pattern such as 'more/**/*.jsonl.zst', or a URL of either: 's3://bucket/texts/*.parquet', 'gs://...',
    'https://...', whatever fsspec opens. Suffixes: those of `FORMATS`, plain or with one of `COMPRESSIONS`."""
    options: dict[str, str | int | float | bool] = Field({})
    """Of the remote file system, such as {anon: true} or {endpoint_url: ...}; what is secret is taken from the
    environment, as each of them does."""
    version: str | None = None
    """What you change when remote files change, where their server gives neither checksum nor date."""

    @model_validator(mode="after")
    def holds_no_secret(self) -> Self:
        """Refuses what would be kept with every run."""
        remedy = "leave it to the environment: a recipe is kept with every run"
        if is_url(self.path) and urlsplit(self.path.rpartition("::")[2]).password:
            raise ValueError(f"path: it holds a password; {remedy}")
        if secrets := [name for name in self.options if _SECRET.search(name)]:
            raise ValueError(f"options: {', '.join(secrets)} is secret; {remedy}")
        if not is_url(self.path) and (self.options or self.version):
            raise ValueError("options and version are for URLs; a file here is identified by its content")
        return self


def is_url(path: str) -> bool:
    """Whether fsspec is to open it: 's3://...', also a chain of them; not 'C:/...'."""
    return _URL.match(path) is not None


class StoredFile(Protocol):
    """A file, wherever it lies."""

    @property
    def name(self) -> str:
        """What origins begin with."""

    def identity(self) -> list[Any]:
        """JSON that changes when the content does, found without reading a remote file."""

    def open(self) -> AbstractContextManager[BinaryIO]:
        """Opens it to be read from its beginning.

        Raises:
            SourceError: it cannot be read, or, at its closing, it has changed since it was opened.
        """


class FileSource(Source[FileConfig]):
    """Reads the files in the order of their names."""

    name: ClassVar[str] = "path"
    Config: ClassVar[type[SourceFields]] = FileConfig

    def key(self) -> dict[str, Any]:
        """Names and identities of the files."""
        with FileHashes(self.cache) as hashes:
            return {"files": [[file.name, *file.identity()] for file in self._files(hashes)]}

    def parts(self) -> Iterator[Part]:
        """A part a file."""
        with FileHashes(self.cache) as hashes:
            for file in self._files(hashes):
                content = [format_of(file.name), *file.identity()]
                yield Part(part_key(content, self.config), partial(self._documents, file))

    def _documents(self, file: StoredFile) -> Iterator[Document]:
        with file.open() as stream:
            yield from read_documents(stream, file.name, self.config)

    def _files(self, hashes: FileHashes) -> list[StoredFile]:
        config = self.config
        files: list[StoredFile] = []
        if is_url(config.path):
            files += find_remote(config.path, config.options, config.version)
        else:
            files += [LocalFile(name, path, hashes) for name, path in find_local(config.path, self.root)]
        for file in files:
            format_of(file.name)
        return files
