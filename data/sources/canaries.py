"""Source `canaries`: made-up secrets, put in so often, by which an exam finds what a model learns by heart."""

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field, model_validator

from data.canaries import CanaryConfig
from data.sources.source import Part, Row, Source, SourceFields, part_key


class CanarySourceConfig(SourceFields):
    """Settings of `canaries`; short and made up, its documents are spared what would drop them for that."""

    canaries: CanaryConfig
    """`{}` for the defaults, which are Chinese where the source's language is zh."""
    language: str = "en"
    licence: str = "CC0-1.0"
    min_words: int | None = Field(1, ge=1)
    min_characters: int | None = Field(1, ge=1)
    cleaning: dict[str, dict[str, Any] | None] = Field({"quality": None, "repetition": None})

    @model_validator(mode="before")
    @classmethod
    def _in_the_language(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("language") == "zh" and isinstance(given.get("canaries"), dict):
            return {**given, "canaries": CanaryConfig.chinese().model_dump() | given["canaries"]}
        return given


class CanarySource(Source[CanarySourceConfig]):
    """One document for each time that a canary is put in."""

    name: ClassVar[str] = "canaries"
    Config: ClassVar[type[SourceFields]] = CanarySourceConfig

    def key(self) -> dict[str, Any]:
        """The settings: all follows from them."""
        return {"canaries": self.config.canaries.model_dump(mode="json")}

    def parts(self) -> Iterator[Part]:
        """All of them."""
        yield Part(part_key(self.key(), self.config), self._rows)

    def _rows(self) -> Iterator[Row]:
        for number, (name, text) in enumerate(self.config.canaries.documents()):
            yield Row(text, None, f"canary:{name}:{number}")
