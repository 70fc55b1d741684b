"""Phone numbers: international with '+', of the United States and Canada, and Chinese mobile numbers."""

import re

from data.pii.detector import MANY_DIGITS, Detector, digits_of


def _has_phone_length(match: str) -> bool:
    return 8 <= len(digits_of(match)) <= 15  # E.164 allows 15


PHONE = Detector(
    name="phone",
    hint=MANY_DIGITS,
    pattern=re.compile(
        r"""
        (?<![0-9A-Za-z+.])(?:
            \+[1-9][0-9]{0,2} [ .-]? (?:\([0-9]{1,4}\)[ .-]?)? [0-9]{1,5} (?:[ .-]?[0-9]{2,5}){1,4}
          | (?:1[ .-])? \([2-9][0-9]{2}\) [ ]? [2-9][0-9]{2} [ .-] [0-9]{4}
          | (?:1[.-])? [2-9][0-9]{2} (?P<separator>[.-]) [2-9][0-9]{2} (?P=separator) [0-9]{4}
          | 1[3-9][0-9] (?P<gap>[ -]?) [0-9]{4} (?P=gap) [0-9]{4}
        )(?![0-9A-Za-z])
        """,
        re.VERBOSE,
    ),
    valid=_has_phone_length,
)
