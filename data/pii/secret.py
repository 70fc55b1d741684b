"""Random values that the text itself calls a secret: 'token = ...', '"password": "..."', '密钥：...'."""

import math
import re
from collections import Counter

from data.pii.detector import Detector, follows
from data.pii.trace import Trace

_MIN_BITS = 3.0
"""Entropy per character: 16 random hexadecimal digits have about 3.4, words joined by '_' and numbers repeat more."""
_MIN_CHANGES = 3
"""Changes between letter and digit: 'release_2024_final' has none, 'v2final3' has three."""


_NAME = re.compile(
    r"""
    (?:passw(?:or)?d|pwd|secret|token|credentials?|(?:api|access|auth|private|account|storage|encryption)[ _-]?key
      |密码|口令|密钥|令牌)
    (?:_[a-z]{2,10})? ["'`\]]{0,2} \s{0,3} (?:=>|:=|[:=]|is|是|为) \s{0,3} ["'`]?\Z
    | (?<![a-z])bearer\s\Z
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_random(match: re.Match[str]) -> bool:
    """Whether the value has a secret's name, and letters and digits alternate in it as in a random one."""
    value = match["value"]
    changes = len(re.findall(r"[0-9](?=[A-Za-z])|[A-Za-z](?=[0-9])", value))
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())
    return changes >= _MIN_CHANGES and bits >= _MIN_BITS and follows(match, _NAME)


SECRET = Detector(
    name="secret",
    traces=(Trace.LONG_WORD,),
    pattern=re.compile(
        r"(?<![0-9A-Za-z+/_.-])(?P<value>[0-9A-Za-z+/_-][0-9A-Za-z+/_.-]{14,511}[0-9A-Za-z+/_-]={0,2})(?![0-9A-Za-z+/_-])"
    ),
    valid=is_random,
)
