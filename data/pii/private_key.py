"""Private keys in the text form of RFC 7468, also with their line ends written out."""

import re

from data.pii.detector import Detector
from data.pii.trace import Trace

PRIVATE_KEY = Detector(
    name="private_key",
    traces=(Trace.KEY_BLOCK,),
    pattern=re.compile(
        r"(?P<value>-----BEGIN [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:\s{0,2}[A-Za-z-]{1,30}: [^\n]{0,100}\n){0,4}[A-Za-z0-9+/=\s\\]{0,8000}"
        r"-----END [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----)"
    ),
)
