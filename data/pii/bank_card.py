"""Payment card numbers: 13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1)."""

import re

from data.pii.detector import MANY_DIGITS, Detector, digits_of


def passes_luhn(number: str) -> bool:
    """Whether the digits' sum is a multiple of 10, every second from the right counted double (18 as 1 + 8)."""
    total = 0
    for place, digit in enumerate(reversed(digits_of(number))):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


BANK_CARD = Detector(
    name="bank_card",
    hint=MANY_DIGITS,
    # 2 to 6 open the numbers of all card networks, UnionPay's 62 among them.
    pattern=re.compile(r"(?<![0-9A-Za-z.])[2-6][0-9]{3}(?:[ -]?[0-9]){9,15}(?![0-9A-Za-z])"),
    valid=passes_luhn,
)
