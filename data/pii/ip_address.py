"""Public IP addresses; private, loopback and documentation addresses name nobody and stay."""

import ipaddress
import re

from data.pii.detector import Detector


def is_public(address: str) -> bool:
    """Whether it is an address that can belong to somebody."""
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


IP_ADDRESS = Detector(
    name="ip_address",
    hint=re.compile(r"[0-9A-Fa-f][.:][0-9A-Fa-f:]"),
    pattern=re.compile(
        r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\.[0-9])"
        r"|(?<![0-9A-Za-z:])(?:[0-9A-Fa-f]{1,4}:{1,2}){2,7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z:])"
    ),
    valid=is_public,
)
