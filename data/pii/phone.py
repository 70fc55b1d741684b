"""Phone numbers: international (ITU E.123, E.164), Chinese, of North America (NANP) and of the United Kingdom.

A number that is written without '+' must be of a plan's own length and grouping; after a word such as 'phone' or '电话'
any 7 to 12 digits are one.
"""

import re

from data.pii.detector import Detector, digits_of, follows, in_address_line
from data.pii.label import NUMBER_OF_A_THING, OF_A_PHONE
from data.pii.trace import Trace

# Country codes as the ITU gives them out (E.164 list), by their length.
_COUNTRY = (
    r"(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|2[1-689][0-9]|3[578][0-9]|42[0-9]|5[09][0-9]|6[7-9][0-9]|8[058][0-9]|9[679][0-9])"
)
# In short messages words run into numbers: 'call09061701461', '08452810075over18'.
_START = r"(?:(?<![0-9A-Za-z+])(?<![0-9>][.-])|(?<=[Cc]all)|(?<=CALL)|(?<=[Tt]el)|(?<=TEL)|(?<=[Hh]elp))"
_END = r"(?:(?![0-9A-Za-z]|[.-][0-9<])|(?=[g-zG-Z][a-z]))"
_CHINA = r"(?:\((?:\+|00)?86\)[ -]?|(?:\+|00)?86[ -]?)?"
_EXTENSION = r"(?:(?:[ ]?(?:x|ext\.?|extension|转|分机号?)[ ]?|-)[0-9]{1,6})?"
_UNITS = re.compile(
    r"\s?(?:[元块万亿%‰℃°吨米人次个件股]|美元|人民币|(?:dollars|euros|usd|eur|rmb|yuan|million|kg|km|mm)\b)",
    re.IGNORECASE,
)
_PRICE = re.compile(r"[$€£¥￥]\s?\Z")


def _area(code: str) -> str:
    """An area code, in brackets or not, and what separates it from the number."""
    return rf"(?:\({code}\)|{code})[ -]{{0,2}}"


def is_phone(match: re.Match[str]) -> bool:
    """Whether its length fits, and neither what stands before nor after makes it something else."""
    if not 7 <= len(digits_of(match["value"])) <= 20 or in_address_line(match):
        return False
    if match["value"].startswith("+"):
        return 8 <= len(digits_of(match["number"])) <= 15
    if follows(match, _PRICE) or _UNITS.match(match.string, match.end()):
        return False
    if match["labelled"] is not None:
        return follows(match, OF_A_PHONE)
    return not follows(match, NUMBER_OF_A_THING)


PHONE = Detector(
    name="phone",
    traces=(Trace.DIGITS,),
    pattern=re.compile(
        rf"""
        (?=[0-9+(]) (?P<value>
            (?<![0-9+]) (?P<number>\+[ ]?{_COUNTRY} (?:[ .-]?\(0?[0-9]{{0,4}}\))? (?:[ ./-]?[0-9]){{5,13}}) {_EXTENSION}
          | {_START} (?:
                00[ -]?{_COUNTRY} [ .-] (?:\(0?[0-9]{{1,4}}\)[ .-]?)? [0-9] (?:[ .-]?[0-9]){{5,12}}
              | {_CHINA} 1[3-9][0-9][ -]?[0-9]{{4}}[ -]?[0-9]{{4}}
              | {_CHINA} {_area("0(?:10|2[0-57-9])")} [2-8][0-9]{{3}}[ -]?[0-9]{{4}} {_EXTENSION}
              | {_CHINA} {_area("0[3-9][0-9]{2}")} [2-8][0-9]{{2,3}}[ -]?[0-9]{{4}} {_EXTENSION}
              | [48]00[1-9][0-9]{{6}}
              | [48]00[ -](?:[0-9]{{3}}[ -]?[0-9]{{4}}|[0-9]{{4}}[ -][0-9]{{3}})
              | (?:(?:\+|00)?1[ .-]?)? (?:\([2-9][0-9]{{2}}\)[ ]?[0-9]{{3}}|[2-9][0-8][0-9][./-][2-9][0-9]{{2}})
                [ .-][0-9]{{4}} {_EXTENSION}
              | (?<![0-9>][ ]) (?:1[ ])? [2-9][0-8][0-9][ ][2-9][0-9]{{2}}[ -][0-9]{{4}} (?![ ][0-9<])
              | \(0[1-9][0-9]{{1,4}}\)[ -]? [0-9]{{3,8}} (?:[ -][0-9]{{2,5}})?
              | 0[1-9][0-9]{{1,4}}[ ]?/[ ]?[0-9]{{5,8}}
              | 02[0-9][ ]?[0-9]{{4}}[ ]?[0-9]{{4}} | 0[1-9][0-9]{{2}}[ -][0-9]{{3}}[ -]?[0-9]{{4}}
              | 0[1-9][0-9]{{3}}[ -][0-9]{{3}}[ -]?[0-9]{{3}} | 0[1-35789][0-9]{{9}}
              | (?P<labelled>(?:\([0-9]{{2,5}}\)[ ]?)?[0-9](?:[ .-]?[0-9]){{6,11}}) {_EXTENSION}
            )
        ) {_END}
        """,
        re.VERBOSE,
    ),
    valid=is_phone,
)
