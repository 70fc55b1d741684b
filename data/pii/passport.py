"""Passport numbers, where the text says that they are: the numbers alone look like any others (ICAO Doc 9303)."""

import re

from data.pii.detector import Detector
from data.pii.trace import Trace

PASSPORT = Detector(
    name="passport",
    traces=(Trace.DIGITS,),
    pattern=re.compile(
        r"""
        (?:(?<![A-Za-z])(?:[Pp]assports?|PASSPORT)|护照)
        (?:\s(?i:number|numbers|num|no|nr|id|book|card)|号码?|编号|证件号码?)*
        [\s.:：#(]{0,3} (?:is|was|为|是)?:? \s?
        (?P<value>[A-Z]{1,2}[0-9]{7,8}|[0-9]{9})
        (?![0-9A-Za-z]|[.-][0-9<])
        """,
        re.VERBOSE,
    ),
)
