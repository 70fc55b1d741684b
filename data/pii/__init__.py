"""Personal data in a text, replaced by typed placeholders. To add a type: its file and its line in `DETECTORS`."""

from collections.abc import Iterable

from pydantic import field_validator

from data.config import Config
from data.naming import look_up
from data.pii.api_key import API_KEY
from data.pii.bank_card import BANK_CARD
from data.pii.detector import Detector
from data.pii.email import EMAIL
from data.pii.ip_address import IP_ADDRESS
from data.pii.phone import PHONE
from data.pii.resident_id import RESIDENT_ID

__all__ = ["DETECTORS", "Detector", "PIIConfig", "replace_pii"]

DETECTORS: dict[str, Detector] = {
    "api_key": API_KEY,
    "email": EMAIL,
    "resident_id": RESIDENT_ID,
    "bank_card": BANK_CARD,
    "ip_address": IP_ADDRESS,
    "phone": PHONE,
}
"""In the order in which they are applied: the strictest first, so that no part of an id is taken for a phone number."""


class PIIConfig(Config):
    """Which personal data is replaced."""

    types: tuple[str, ...] = tuple(DETECTORS)
    """Names of `DETECTORS`."""

    @field_validator("types")
    @classmethod
    def types_are_known(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        """Refuses what no detector finds."""
        for name in types:
            look_up("type of personal data", name, DETECTORS)
        return types


def replace_pii(text: str, types: Iterable[str] = tuple(DETECTORS)) -> tuple[str, list[str]]:
    """Returns the text with placeholders, and the type of each thing replaced."""
    wanted = set(types)
    found: list[str] = []
    for name, detector in DETECTORS.items():
        if name in wanted:
            text, count = detector.replace(text)
            found += [name] * count
    return text, found
