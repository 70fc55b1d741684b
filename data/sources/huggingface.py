"""Source `huggingface`: a data set of the Hugging Face hub, streamed."""

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from data.sources.source import Part, Row, Source, SourceError, SourceFields, part_key, row_of


class HuggingFaceConfig(SourceFields):
    """Settings of `huggingface`."""

    huggingface: str
    """Data set: 'owner/name', or the folder of a copy of it."""
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    """Commit of the data set: a branch would change under the same fingerprint."""
    subset: str | None = None
    """The data set's configuration."""
    split: str = "train"


class HuggingFaceSource(Source[HuggingFaceConfig]):
    """Streams one split."""

    name: ClassVar[str] = "huggingface"
    Config: ClassVar[type[SourceFields]] = HuggingFaceConfig

    def key(self) -> dict[str, Any]:
        """The commit and what is read of it."""
        return self.config.model_dump(include={"huggingface", "revision", "subset", "split"})

    def parts(self) -> Iterator[Part]:
        """The split: a commit does not change."""
        yield Part(part_key(self.key(), self.config), self._rows)

    def _rows(self) -> Iterator[Row]:
        """The documents in the order of the hub's files."""
        import datasets  # here, because only those who read from the hub need it

        config = self.config
        try:
            stream = datasets.load_dataset(
                config.huggingface, config.subset, split=config.split, revision=config.revision, streaming=True
            )
            for number, record in enumerate(stream):
                yield row_of(record, f"hf://datasets/{config.huggingface}@{config.revision[:8]}:{number}", config)
        except (OSError, ValueError) as error:
            raise SourceError(f"huggingface {config.huggingface!r}: {error}") from error
