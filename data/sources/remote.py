"""Files behind a URL, by fsspec: listed where the file system can, identified without reading, read as a stream."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urlsplit

from data.sources.source import SourceError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 8 * 2**20
_CHECKSUMS = ("ETag", "etag", "md5Hash", "generation", "blob_id", "sha", "checksum", "Content-MD5", "Digest")
_DATES = ("Last-Modified", "LastModified", "last_modified", "mtime", "updated", "modified", "created")
"""What file systems call them; the first that a file has identifies it."""


@dataclass(frozen=True)
class RemoteFile:
    """A `StoredFile` behind a URL."""

    name: str
    """Its URL, without what follows a '?', since signatures change and are secret."""
    path: str
    filesystem: Any
    version: str | None
    """Given by the recipe."""

    def identity(self) -> list[Any]:
        """Checksum, or version of the recipe, or date; and size.

        Raises:
            SourceError: there is none of them, or the file is not there.
        """
        with _as_source_errors(self.name):
            info = self.filesystem.info(self.path)
        size = info.get("size")
        if self.version is not None:
            return [f"version {self.version}", size]
        for name in (*_CHECKSUMS, *_DATES):
            if info.get(name):
                return [f"{name} {info[name]}", size]
        raise SourceError(
            f"{self.name}: its server gives neither checksum nor date, so a change would not be seen; "
            f"give the source a `version`, and change it when the file changes"
        )

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Opens it, and asks at the end whether it is still the same."""
        before = self.identity()
        with _as_source_errors(self.name):
            # Servers of the web need not know ranges, and what is read from its beginning needs none.
            block = 0 if self.name.startswith(("http://", "https://")) else BLOCK_BYTES
            stream = self.filesystem.open(self.path, "rb", block_size=block)
        with stream:
            yield cast(BinaryIO, io.BufferedReader(_Stream(stream), 2**18))
        self.filesystem.invalidate_cache()
        if self.identity() != before:
            raise SourceError(f"{self.name}: it changed while it was read; run again when it is whole")


def find_remote(url: str, options: Mapping[str, Any], version: str | None) -> list[RemoteFile]:
    """The files that a URL means, sorted by name; '*' and '[...]' in it are patterns.

    Raises:
        SourceError: there are none, or the library for this kind of URL is not installed.
    """
    import fsspec  # here, because only those who read remote files need it

    shown = _without_query(url)
    try:
        filesystem, path = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        raise SourceError(
            f"path {shown!r}: {error}; pip install 'stagelm[remote]' brings what S3, GCS and https need"
        ) from error
    except ValueError as error:
        raise SourceError(f"path {shown!r}: {error}") from error
    with _as_source_errors(shown):
        paths = sorted(filesystem.glob(path)) if set("*[") & set(path) else [path]
    if not paths:
        raise SourceError(f"path {shown!r}: no file matches; mend it, or add the files")
    return [RemoteFile(_without_query(filesystem.unstrip_protocol(p)), p, filesystem, version) for p in paths]


def _without_query(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl() if url.startswith("http") else url


@contextmanager
def _as_source_errors(name: str) -> Iterator[None]:
    """Each file system has errors of its own, without a common base."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(f"{name}: {type(error).__name__}: {error or 'no more is said'}") from error


class _Stream(io.RawIOBase):
    """Reads on and on; what goes wrong on the way is an OSError, as it is for a file."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        try:
            chunk = self._stream.read(len(view))
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        view[: len(chunk)] = chunk
        return len(chunk)
