"""Public IP addresses. Private, loopback and documentation addresses name nobody and stay; so do version numbers."""

import ipaddress
import re

from data.pii.detector import Detector, follows
from data.pii.trace import Trace

_VERSION = re.compile(
    r"(?:(?<![a-z])(?:versions?|ver|v|release|firmware|build|driver|patch|section|chapter|clause|rev|software|upgraded?"
    r"|updated?|downgraded?)|版本|升级|固件|驱动|更新|章节?|条|款|节)号?[\s.:：(]{0,3}(?:(?:from|to|of|and|or|至|到|为|是)[\s]?)?\Z",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?:(?<![a-z])(?:ip(?:v4)?|addr|address(?:es)?|hosts?|servers?|dns|ping|gateway|proxy|from|at|by|resolver)"
    r"|地址|服务器|主机|网关|代理|来自|解析)[\s.:：=(\[]{0,3}(?:is|was|为|是)?\s?\Z",
    re.IGNORECASE,
)
_LINE_START = re.compile(r"(?:^|\n)[\s#*§]{0,8}\Z")
_SMALL = 32
"""Numbers of versions and of headings stay below; of random addresses one in 4,096 is below in all four parts."""
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


def is_public(match: re.Match[str]) -> bool:
    """Whether it is an address that can belong to somebody."""
    try:
        address = ipaddress.ip_address(match["value"])
    except ValueError:
        return False
    if address.version == 6:
        return address in _GLOBAL_UNICAST and address.is_global
    small = max(address.packed) < _SMALL
    if follows(match, _VERSION) or (small and (follows(match, _LINE_START) or not follows(match, _ADDRESS))):
        return False
    return address.is_global and not address.is_multicast


IP_ADDRESS = Detector(
    name="ip_address",
    traces=(Trace.DOTS, Trace.COLONS),
    pattern=re.compile(
        r"""
        (?P<value>
            (?<![0-9A-Za-z])(?<![0-9>A-Za-z][./-]) (?:[0-9]{1,3}\.){3} [0-9]{1,3} (?![0-9A-Za-z]|[.-][0-9<])
          | (?<![0-9A-Za-z])(?<![0-9:>][:.]) [23][0-9A-Fa-f]{3}:{1,2} (?:[0-9A-Fa-f]{1,4}:{1,2}){0,6} [0-9A-Fa-f]{1,4}
            (?![0-9A-Za-z:]|\.[0-9])
        )
        """,
        re.VERBOSE,
    ),
    valid=is_public,
)
