"""Numbers of telephones as people write them, drawn anew each time."""

from __future__ import annotations

from benchmarks.pii_drawing import FULL_WIDTH, Drawing


def nanp(d: Drawing) -> tuple[str, str, str]:
    """Area, exchange and line of the North American numbering plan."""
    area = d.one("212", "415", "617", "303", "808", "646", "512", "416", "604", "787")
    return area, d.digits(3, "23456789"), d.digits(4)


def american_phone(d: Drawing) -> str:
    """Forms of the United States and Canada."""
    area, exchange, line = nanp(d)
    return d.one(
        f"({area}) {exchange}-{line}",
        f"({area}){exchange}-{line}",
        f"{area}-{exchange}-{line}",
        f"{area}.{exchange}.{line}",
        f"{area} {exchange} {line}",
        f"1-{area}-{exchange}-{line}",
        f"+1 {area} {exchange} {line}",
        f"+1{area}{exchange}{line}",
        f"{area}/{exchange}-{line}",
        f"+1 ({area}) {exchange}-{line}",
        f"{area}-{exchange}-{line} ext. {d.digits(3)}",
    )


def international_phone(d: Drawing) -> str:
    """ITU-T E.123, section 2: '+', country, spaces between the groups."""
    return d.one(
        f"+22 {d.digits(3, '6')} {d.digits(3)} {d.digits(4)}".replace("+22", "+220"),
        f"+44 20 {d.digits(4, '37')} {d.digits(4)}",
        f"+33 {d.digits(1, '1234567')} {d.digits(2)} {d.digits(2)} {d.digits(2)} {d.digits(2)}",
        f"+49 30 {d.digits(6)}",
        f"+81 3-{d.digits(4)}-{d.digits(4)}",
        f"+91 {d.digits(5, '6789')} {d.digits(5)}",
        f"+61 2 {d.digits(4)} {d.digits(4)}",
        f"+852 {d.digits(4, '2569')} {d.digits(4)}",
        f"+39 06 {d.digits(8)}",
        f"0044 20 {d.digits(4)} {d.digits(4)}",
        f"+7 (495) {d.digits(3)}-{d.digits(2)}-{d.digits(2)}",
        f"+55 11 9{d.digits(4)}-{d.digits(4)}",
        f"+65{d.digits(8, '689')}",
    )


def british_phone(d: Drawing) -> str:
    """Ofcom's ranges for drama, and Faker's."""
    return d.one(
        f"020 7946 0{d.digits(3)}",
        f"01632 960{d.digits(3)}",
        f"07700 900{d.digits(3)}",
        f"07700900{d.digits(3)}",
        f"0161 496 0{d.digits(3)}",
        f"+44 7700 900{d.digits(3)}",
        d.fake("en_GB", "phone_number"),
    )


def german_phone(d: Drawing) -> str:
    """Faker's, with its country."""
    while not (number := d.fake("de_DE", "phone_number")).startswith("+"):
        pass
    return number


def mobile(d: Drawing) -> str:
    """Forms of a Chinese mobile number."""
    number = d.fake("zh_CN", "phone_number")
    spaced, dashed = (mark.join((number[:3], number[3:7], number[7:])) for mark in " -")
    return d.one(
        number,
        number,
        spaced,
        dashed,
        f"+86{number}",
        f"+86 {spaced}",
        f"+86-{number}",
        f"0086{number}",
        f"86-{number}",
        f"(+86){number}",
        number.translate(FULL_WIDTH),
        spaced.translate(FULL_WIDTH),
    )


def landline(d: Drawing) -> str:
    """Area codes and lengths of the Chinese numbering plan."""
    area, length = d.random.choice(
        [("010", 8), ("021", 8), ("0755", 8), ("0571", 8), ("028", 8), ("0312", 7), ("0898", 8)]
    )
    line = d.digits(length, "2345678")
    number = d.one(
        f"{area}-{line}",
        f"({area}){line}",
        f"{area} {line}",
        f"（{area}）{line}",
        f"+86 {area[1:]} {line}",
        f"{area}{line}",
        f"{area}-{line[:-4]} {line[-4:]}",
        f"{area}－{line}",
        f"+86-{area[1:]}-{line}",
        f"400-{d.digits(3, '168')}-{d.digits(4)}",
    )
    return number + (f"转{d.digits(4, '8')}" if number.endswith(line) and d.random.random() < 0.2 else "")
