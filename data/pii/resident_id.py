"""Chinese resident identity numbers: 18 places with region, birth date and a check character (GB 11643-1999)."""

import re
from datetime import date

from data.pii.detector import Detector
from data.pii.trace import Trace

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
    traces=(Trace.MANY_DIGITS,),
    # The first two places are a province (GB/T 2260), or one of the permits for Hong Kong, Macao and Taiwan residents.
    pattern=re.compile(
        r"(?<![0-9A-Za-z])(?P<value>(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{4}"
        r"(?P<gap>[ -]?)(?:18|19|20)[0-9]{6}(?P=gap)[0-9]{3}[0-9Xx])(?![0-9A-Za-z])"
    ),
    valid=lambda match: is_resident_id(match["value"].replace(match["gap"], "")),
)
