"""Personal data in texts, replaced by typed placeholders. To add a type: its file and its line in `DETECTORS`.

The bytes of a whole batch are looked at once for what personal data leaves behind (`trace`); patterns run only there.
"""

from collections.abc import Collection, Sequence
from typing import TypeVar

import pyarrow as pa
from pydantic import field_validator

from data.config import Config
from data.naming import look_up
from data.pii.api_key import API_KEY
from data.pii.bank_card import BANK_CARD
from data.pii.detector import Detector
from data.pii.email import EMAIL
from data.pii.finding import Span, find_spans
from data.pii.iban import IBAN
from data.pii.ip_address import IP_ADDRESS
from data.pii.number_plate import NUMBER_PLATE
from data.pii.passport import PASSPORT
from data.pii.phone import PHONE
from data.pii.private_key import PRIVATE_KEY
from data.pii.resident_id import RESIDENT_ID
from data.pii.secret import SECRET
from data.pii.social_security import SOCIAL_SECURITY

__all__ = [
    "DETECTORS",
    "Detector",
    "PIIConfig",
    "Span",
    "find_pii",
    "find_pii_batch",
    "replace_pii",
    "replace_pii_batch",
]

T = TypeVar("T", str, str | None)

DETECTORS: dict[str, Detector] = {
    "private_key": PRIVATE_KEY,
    "api_key": API_KEY,
    "email": EMAIL,
    "secret": SECRET,
    "iban": IBAN,
    "resident_id": RESIDENT_ID,
    "bank_card": BANK_CARD,
    "passport": PASSPORT,
    "number_plate": NUMBER_PLATE,
    "social_security": SOCIAL_SECURITY,
    "ip_address": IP_ADDRESS,
    "phone": PHONE,
}
"""The strictest first: where finds overlap, all of it becomes one find of the first one's type."""
ALL_TYPES = tuple(DETECTORS)


class PIIConfig(Config):
    """Which personal data is replaced."""

    types: tuple[str, ...] = ALL_TYPES
    """Names of `DETECTORS`."""

    @field_validator("types")
    @classmethod
    def types_are_known(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        """Refuses what no detector finds."""
        for name in types:
            look_up("type of personal data", name, DETECTORS)
        return types


def find_pii(text: str, types: Collection[str] = ALL_TYPES) -> list[Span]:
    """Returns where personal data stands in the text; spans are in order and do not overlap."""
    return find_pii_batch([text], types)[0]


def find_pii_batch(texts: Sequence[T] | pa.Array, types: Collection[str] = ALL_TYPES) -> list[list[Span]]:
    """Returns the spans of each text; null has none."""
    found = find_spans(texts, _wanted(types))
    return [found.get(index, []) for index in range(len(texts))]


def replace_pii(text: str, types: Collection[str] = ALL_TYPES) -> tuple[str, list[str]]:
    """Returns the text with placeholders, and the type of each thing replaced."""
    texts, found = replace_pii_batch([text], types)
    return texts[0], found[0]


def replace_pii_batch(
    texts: Sequence[T] | pa.Array, types: Collection[str] = ALL_TYPES
) -> tuple[list[T], list[list[str]]]:
    """Returns the texts with placeholders, and for each the types of what was replaced in it, in their order.

    A hundred texts cost little more than one, so give them together. null stays null.
    """
    replaced = texts.to_pylist() if isinstance(texts, pa.Array) else list(texts)
    found: list[list[str]] = [[] for _ in replaced]
    for index, spans in find_spans(texts, _wanted(types)).items():
        replaced[index] = _with_placeholders(replaced[index], spans)
        found[index] = [span.type for span in spans]
    return replaced, found


def _wanted(types: Collection[str]) -> list[Detector]:
    return [detector for name, detector in DETECTORS.items() if name in types]


def _with_placeholders(text: str, spans: Sequence[Span]) -> str:
    parts, end = [], 0
    for span in spans:
        parts += [text[end : span.start], DETECTORS[span.type].placeholder]
        end = span.end
    return "".join([*parts, text[end:]])
