"""Random values that the text itself calls a secret: 'token = ...', '"password": "..."', '密钥：...'."""

import math
import re
from collections import Counter

from data.pii.detector import Detector, follows
from data.pii.trace import Trace

_MIN_BITS = 3.0
"""Entropy per character: 16 random hexadecimal digits have about 3.4."""
_MIN_CHANGES, _MIN_CHANGES_IN_LETTERS = 0.2, 0.4
"""Share of neighbours that are not both digits, small or capital letters: about 0.6 in a random value, 0.5 in a
hexadecimal one, below 0.2 in words with numbers, 0.35 in camelCase."""
_CHANGE = re.compile(r"[0-9](?=[A-Za-z])|[a-z](?=[0-9A-Z])|[A-Z](?=[0-9a-z])")


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
    least = _MIN_CHANGES if re.search("[0-9]", value) else _MIN_CHANGES_IN_LETTERS
    if len(_CHANGE.findall(value)) < least * len(value):
        return False
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())
    return bits >= _MIN_BITS and follows(match, _NAME)


SECRET = Detector(
    name="secret",
    traces=(Trace.LONG_WORD,),
    pattern=re.compile(
        r"(?<![0-9A-Za-z+/_.-])(?P<value>[0-9A-Za-z+/_-][0-9A-Za-z+/_.-]{14,511}[0-9A-Za-z+/_-]={0,2})(?![0-9A-Za-z+/_-])"
    ),
    valid=is_random,
)
