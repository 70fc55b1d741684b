"""Social security numbers of the United States: area, group and serial, none of them all zeros (SSA, 2011)."""

import re

from data.pii.detector import Detector, follows, in_address_line
from data.pii.label import NUMBER_OF_A_THING
from data.pii.trace import Trace

SOCIAL_SECURITY = Detector(
    name="social_security",
    traces=(Trace.DIGITS,),
    pattern=re.compile(
        r"(?<![0-9A-Za-z])(?<![0-9>][.-])(?P<value>(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4})"
        r"(?![0-9A-Za-z]|[.-][0-9<])"
    ),
    valid=lambda match: not (follows(match, NUMBER_OF_A_THING) or in_address_line(match)),
)
