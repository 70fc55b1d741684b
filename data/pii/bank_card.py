"""Payment card numbers: of a known issuer, grouped as cards are, with a right check digit (ISO/IEC 7812-1)."""

import re

from data.pii.detector import Detector, digits_of, follows, in_address_line
from data.pii.label import NUMBER_OF_A_THING
from data.pii.trace import Trace

# First digits -> lengths, as the card networks publish them.
_ISSUERS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("95588", "95588", (19,)),  # ICBC, older than UnionPay's range
    ("6011", "6011", (16, 19)),  # Discover
    ("644", "649", (16, 19)),
    ("65", "65", (16, 19)),
    ("300", "305", (14, 16, 19)),  # Diners Club
    ("36", "36", (14, 16, 19)),
    ("38", "39", (14, 16, 19)),
    ("3528", "3589", (16, 19)),  # JCB
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("5018", "5018", (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("5020", "5020", (13, 14, 15, 16, 17, 18, 19)),
    ("5038", "5038", (13, 14, 15, 16, 17, 18, 19)),
    ("5893", "5893", (13, 14, 15, 16, 17, 18, 19)),
    ("6304", "6304", (13, 14, 15, 16, 17, 18, 19)),
    ("6759", "6763", (13, 14, 15, 16, 17, 18, 19)),
)


def passes_luhn(digits: str) -> bool:
    """Whether the digits' sum is a multiple of 10, every second from the right counted double (18 as 1 + 8)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def has_issuer(digits: str) -> bool:
    """Whether a card network gives out numbers that begin so, of this length."""
    return any(low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in _ISSUERS)


def is_bank_card(match: re.Match[str]) -> bool:
    """Whether the number is a card's, and not said to be something else's."""
    digits = digits_of(match["value"])
    if not (has_issuer(digits) and passes_luhn(digits)):
        return False
    return not (follows(match, NUMBER_OF_A_THING) or in_address_line(match))


BANK_CARD = Detector(
    name="bank_card",
    traces=(Trace.MANY_DIGITS,),
    pattern=re.compile(
        r"""
        (?<![0-9A-Za-z_/])(?<![0-9>][.-]) (?P<value>
            [2-69][0-9]{12,18}
          | [2-69][0-9]{3} (?P<gap>[ -]) [0-9]{4} (?P=gap) [0-9]{4} (?P=gap) [0-9]{4} (?:(?P=gap)[0-9]{1,3})?
          | 3[0-9]{3} (?P<split>[ -]) [0-9]{6} (?P=split) [0-9]{4,5}
          | [69][0-9]{5} [ -] [0-9]{10,13}
        ) (?![0-9A-Za-z_]|[.-][0-9<])
        """,
        re.VERBOSE,
    ),
    valid=is_bank_card,
)
