"""Compressed files, decompressed as a stream that is watched: what expands like no text does is not read on."""

import bz2
import gzip
import io
import lzma
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

import pyarrow as pa

from data.sources.formats.format import BrokenFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_EXPANSION = 1_000
"""Text shrinks to a third or a tenth; only what says one thing over and over shrinks to a thousandth."""
FREE_BYTES = 64 * 2**20
"""So much may come out of next to nothing."""

COMPRESSIONS: dict[str, Callable[[BinaryIO], BinaryIO]] = {
    ".gz": lambda stream: cast(BinaryIO, gzip.GzipFile(fileobj=stream)),
    ".xz": lambda stream: cast(BinaryIO, lzma.LZMAFile(stream)),  # noqa: SIM115  (whoever opened the stream closes it)
    ".bz2": lambda stream: cast(BinaryIO, bz2.BZ2File(stream)),
    # pyarrow's reader, because zstandard's takes a truncated file for a whole one
    ".zst": lambda stream: cast(BinaryIO, pa.input_stream(stream, compression="zstd")),
}
"""Suffix -> what reads it."""


def decompressed(stream: BinaryIO, name: str) -> BinaryIO:
    """The plain bytes of `stream`, decompressed as the name's suffix says.

    Reading raises `BrokenFile` when more than `MAX_EXPANSION` times the bytes read so far come out.
    """
    suffix = PurePosixPath(name).suffix
    if suffix not in COMPRESSIONS:
        return stream
    counted = _Counted(stream)
    return io.BufferedReader(_Watched(COMPRESSIONS[suffix](cast(BinaryIO, counted)), counted), 2**18)


@contextmanager
def on_disk(stream: BinaryIO, *, copied: bool = False) -> Iterator[BinaryIO]:
    """A stream that can be read at any place: itself where it can, else a copy that goes when it is closed.

    `copied` makes the copy in any case, for a stream that goes back only by beginning anew.
    """
    if stream.seekable() and not copied:
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy, 2**20)
        copy.seek(0)
        yield cast(BinaryIO, copy)


class _Counted(io.RawIOBase):
    """Counts what is read of a stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        chunk = self._stream.read(len(view))
        view[: len(chunk)] = chunk
        self.count += len(chunk)
        return len(chunk)


class _Watched(io.RawIOBase):
    """Compares what comes out with what went in."""

    def __init__(self, plain: BinaryIO, compressed: _Counted) -> None:
        self._plain, self._compressed = plain, compressed
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        chunk = self._plain.read(len(view))
        view[: len(chunk)] = chunk
        self._count += len(chunk)
        if self._count > FREE_BYTES + MAX_EXPANSION * self._compressed.count:
            raise BrokenFile(f"a decompression bomb: {self._compressed.count:,} bytes gave {self._count:,}")
        return len(chunk)
