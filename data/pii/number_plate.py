"""Chinese number plates of vehicles (GA 36-2018): province, issuing office, and five places, or six for new energy."""

import re

from data.pii.detector import Detector
from data.pii.trace import PROVINCES, Trace

_PLACE = "[0-9A-HJ-NP-Z]"


def is_plate(match: re.Match[str]) -> bool:
    """Whether the serial has as few letters as the standard allows."""
    serial: str = match["serial"]
    return sum(map(str.isdecimal, serial)) >= 3


NUMBER_PLATE = Detector(
    name="number_plate",
    traces=(Trace.PLATE,),
    pattern=re.compile(
        rf"(?P<value>[{PROVINCES}][A-HJ-NP-Z][ ·•・.-]?"
        rf"(?P<serial>[A-K][0-9A-HJ-NP-Z][0-9]{{4}}|[0-9]{{5}}[A-K]|{_PLACE}{{4}}(?:{_PLACE}|[挂学警港澳])))(?![0-9A-Za-z])"
    ),
    valid=is_plate,
)
