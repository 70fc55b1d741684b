"""E-mail addresses (RFC 5322, the forms in use), also spelled against robots: 'ada [at] example [dot] org'."""

import re

from data.pii.detector import Detector
from data.pii.trace import Trace

_LETTER = "0-9A-Za-z\u00c0-\u024f"
_LABEL = rf"[{_LETTER}](?:[{_LETTER}-]{{0,61}}[{_LETTER}])?"
_LOCAL = rf"(?<![{_LETTER}_])[{_LETTER}_][{_LETTER}_.%+'&-]{{0,63}}"
# Letters of one case: in 'a@example.org.Write' the sentence begins after 'org'.
_TOP = r"(?:[a-z]{2,24}|[A-Z]{2,24}|xn--[0-9a-z-]{1,59})(?![0-9A-Za-z])"
_DOT = r"(?:[ ]?[\[({【][ ]?(?:dot|DOT|Dot|\.)[ ]?[\])}】][ ]?|[ ](?:dot|DOT|Dot)[ ]|\.)"
_AT = r"[ ]?[\[({【][ ]?(?:at|AT|At|@)[ ]?[\])}】][ ]?"
# Spelled without brackets it may be a sentence; the name, the host and its end must then look like an address.
_SPOKEN_TOP = r"(?:com|org|net|edu|gov|info|io|ai|co|cn|uk|de|fr|eu|jp|in|us|ca|au|ch|nl|se|it|es|tw|hk)(?![0-9A-Za-z])"
_SPOKEN = r"[ ](?:dot|DOT|Dot)[ ]"

_NOT_HOSTS = re.compile(
    r"(?:the|a|an|this|that|these|those|my|our|your|his|her|their|its|all|home|work|one|some|any)", re.IGNORECASE
)
_NOT_NAMES = re.compile(
    r"(?:us|me|it|him|her|them|you|out|look|looking|arrive|arrived|available|site|online|here|more|is|are"
    r"|was|be|found|find|page|website|store|shop|buy|sold|stay|live|now|visit|order|begins|starts|and"
    r"|or|information|details)",
    re.IGNORECASE,
)
_FILES = re.compile(r"(?:png|jpg|jpeg|gif|svg|webp|bmp|ico|css|js|html|htm|php|pdf|mp4|zip)", re.IGNORECASE)
_ROBOTS = re.compile(r"(?:git|hg|svn)", re.IGNORECASE)


def is_address(match: re.Match[str]) -> bool:
    """Whether it can be somebody's: not a file ('icon@2x.png'), a repository or a sentence ('us at the dot com')."""
    if (spoken := match["name"]) is not None:
        return not (_NOT_NAMES.fullmatch(spoken) or _NOT_HOSTS.fullmatch(match["host"]))
    name, _, rest = match["value"].partition("@")
    return not (_ROBOTS.fullmatch(name) or _FILES.fullmatch(rest.rpartition(".")[2]))


EMAIL = Detector(
    name="email",
    traces=(Trace.AT,),
    pattern=re.compile(
        rf"""
        (?P<value>
            {_LOCAL} @ (?:{_LABEL}\.){{1,8}} {_TOP} (?!:[/~])
          | {_LOCAL} (?:[ ]@[ ]|@|{_AT}) (?:{_LABEL}{_DOT}){{1,4}} {_TOP}
          | (?<![{_LETTER}_.-]) (?P<name>[{_LETTER}_.-]{{2,40}}) (?:{_SPOKEN}{_LABEL}){{0,2}}
            [ ](?:at|AT|At)[ ] (?P<host>{_LABEL}) (?:{_SPOKEN}{_LABEL}){{0,3}} {_SPOKEN} {_SPOKEN_TOP}
        )
        """,
        re.VERBOSE,
    ),
    valid=is_address,
)
