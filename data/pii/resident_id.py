"""Chinese resident identity numbers: 18 places with a birth date and a check character (GB 11643-1999)."""

import re
from datetime import date

from data.pii.detector import MANY_DIGITS, Detector

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


def is_resident_id(number: str) -> bool:
    """Whether the birth date exists and the last place is the weighted sum's check character (ISO 7064 MOD 11-2)."""
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number[:17], strict=True))
    return number[17].upper() == _CHECKS[total % 11]


RESIDENT_ID = Detector(
    name="resident_id",
    hint=MANY_DIGITS,
    pattern=re.compile(r"(?<![0-9A-Za-z])[1-9][0-9]{5}(?:18|19|20)[0-9]{9}[0-9Xx](?![0-9A-Za-z])"),
    valid=is_resident_id,
)
