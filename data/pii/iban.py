"""International bank account numbers (ISO 13616): a country of the registry, its length, and 1 modulo 97 (ISO 7064)."""

import re
from collections import defaultdict

from data.pii.detector import Detector
from data.pii.trace import Trace

# The SWIFT registry: country and the length of its numbers.
_LENGTHS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18
FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20
LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24
SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""


def passes_mod_97(number: str) -> bool:
    """Whether the number, its first four places moved to the end and letters read as 10 to 35, is 1 modulo 97."""
    return int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97 == 1


def _by_length() -> str:
    countries = defaultdict[int, list[str]](list)
    for entry in _LENGTHS.split():
        countries[int(entry[2:])].append(entry[:2])
    return "|".join(
        rf"(?:{'|'.join(names)})[0-9]{{2}}(?:[ -]?[0-9A-Z]){{{length - 4}}}" for length, names in countries.items()
    )


IBAN = Detector(
    name="iban",
    traces=(Trace.MANY_DIGITS,),
    pattern=re.compile(rf"(?<![0-9A-Za-z])(?=[A-Z]{{2}}[0-9]{{2}})(?P<value>{_by_length()})(?![0-9A-Za-z])"),
    valid=lambda match: passes_mod_97(re.sub("[ -]", "", match["value"])),
)
