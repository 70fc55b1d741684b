"""What only looks like personal data, drawn anew each time: the detectors of `data.pii` must leave all of it.

For each type what is most easily taken for it; what belongs to no type in particular (dates, prices, hashes, rows of
tables) stands under every one.
"""

from __future__ import annotations

import string

from benchmarks.pii_drawing import ALPHANUMERIC, HEX, Drawing, Value
from benchmarks.pii_values import card, fake, resident_id


def _other_digit(number: str, place: int) -> str:
    """The number with one digit changed, so that its check fails."""
    return number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]


def _wrong_card(d: Drawing) -> str:
    number = card(d)
    return _other_digit(number, len(number) - 1)


def _table_row(d: Drawing) -> str:
    return d.one("\t", "  ", " | ", " ").join(
        d.digits(d.random.randint(1, 6), "123456789") for _ in range(d.random.randint(4, 9))
    )


def _amount(d: Drawing) -> str:
    whole = f"{d.random.randint(10**4, 10**10):,}"
    return d.one(
        f"${whole}.{d.digits(2)}",
        f"€{whole}",
        f"{whole} dollars",
        f"¥{d.digits(7, '12')}",
        f"{d.digits(8, '123')}元",
        whole,
    )


def _date(d: Drawing) -> str:
    day = d.fakers["en_US"].date_time()
    return d.one(
        day.isoformat(),
        f"{day:%Y-%m-%d %H:%M:%S}",
        f"{day:%d.%m.%Y}",
        f"{day:%m/%d/%Y}",
        f"{day:%Y%m%d%H%M%S}",
        f"{day:%Y年%m月%d日}",
        f"{day:%Y}-{int(f'{day:%Y}') + 5}",
        f"{day:%H:%M:%S.%f}",
        str(int(day.timestamp())),
    )


def _coordinates(d: Drawing) -> str:
    return f"{d.random.uniform(-90, 90):.6f}, {d.random.uniform(-180, 180):.6f}"


def _identifier(d: Drawing) -> str:
    return d.one(
        f"10.{d.digits(4)}/{d.text(string.ascii_lowercase, 5)}.{d.digits(4)}.{d.digits(2)}.{d.digits(3)}",
        f"10.1038/s{d.digits(5)}-{d.digits(3)}-{d.digits(5)}-x",
        d.fake("en_US", "isbn13"),
        d.fake("en_US", "isbn10"),
        f"ISBN {d.fake('en_US', 'isbn13').replace('-', '')}",
        f"ISSN {d.digits(4)}-{d.digits(4)}",
        f"arXiv:{d.digits(4)}.{d.digits(5)}",
        f"PMID: {d.digits(8)}",
        d.fake("en_US", "uuid4"),
        d.fake("en_US", "sha256"),
        d.text(HEX, 40),
        d.fake("en_US", "ean13"),
        f"CN{d.digits(12, '2')}.{d.digits(1)}",
        f"US {d.digits(1, '6789')},{d.digits(3)},{d.digits(3)} B2",
        f"GB/T {d.digits(5)}-{d.digits(4, '2')}",
    )


def _order(d: Drawing) -> str:
    number = d.digits(d.random.randint(8, 20), "123456789")
    return d.one(
        f"order no. {number}",
        f"订单号{number}",
        f"tracking number {number}",
        f"运单号：{number}",
        f"invoice #{number}",
        f"QQ群{number[:9]}",
    )


def _version(d: Drawing) -> str:
    parts = [str(d.random.randint(0, 25)) for _ in range(4)]
    dotted = ".".join(parts)
    return d.one(
        f"version {dotted}",
        f"v{dotted}",
        f"Chrome/{d.random.randint(60, 130)}.0.{d.digits(4, '3456')}.{d.digits(3)}",
        f"build {dotted}",
        f"版本{dotted}",
        dotted,
        f"1.3.6.1.4.1.{d.digits(5, '1234')}.{d.digits(2)}",
        f"upgraded to {dotted}",
        f"firmware {dotted}",
    )


def _public_block(d: Drawing) -> str:
    label = d.one("PUBLIC KEY", "CERTIFICATE", "RSA PUBLIC KEY")
    return f"-----BEGIN {label}-----\n{d.text(ALPHANUMERIC, 64)}\n-----END {label}-----"


GENERAL: list[Value] = [_table_row, _amount, _date, _coordinates, _identifier, _order]

PARTICULAR: dict[str, list[Value]] = {
    "email": [
        lambda d: f"@{d.fake('en_US', 'user_name')}",
        lambda d: f"{d.random.randint(2, 9)} @ ${d.digits(2)}",
        lambda d: "user@localhost",
        lambda d: f"icon{d.digits(2)}@2x.png",
        lambda d: f"git@github.com:{d.fake('en_US', 'user_name')}/code.git",
        lambda d: f"{d.fake('en_US', 'domain_word')}@{d.digits(1)}.{d.digits(2, '12')}.{d.digits(1)}",
        lambda d: d.one(
            "look at the dot com boom",
            "meet us at noon",
            "(somewhat) late",
            "find it at the shop dot it is small",
            "@张三 @李四",
        ),
    ],
    "phone": [
        lambda d: f"{d.random.randint(10**10, 2 * 10**10):,}",
        lambda d: f"1{d.digits(10, '3456789')}元",
        lambda d: f"0.{d.digits(11)}",
        lambda d: f"http://{d.fake('en_US', 'domain_word')}.com/item?id=1{d.digits(10, '3456789')}",
        lambda d: f"order {d.digits(10, '23456789')}",
        lambda d: f"{d.digits(5, '123456789')}-{d.digits(4)}",
        lambda d: f"（2019）京01民终{d.digits(4)}号",
        lambda d: d.digits(13, "1"),
        lambda d: f"QQ：{d.digits(9, '123456789')}",
        lambda d: f"{d.digits(3, '1')}-{d.digits(2)}-{d.digits(3)}",
        lambda d: d.digits(9, "123456789"),
    ],
    "resident_id": [
        lambda d: _other_digit(resident_id(d), 16),
        lambda d: resident_id(d)[:10] + "1332" + d.digits(4),
        lambda d: "99" + d.digits(16),
        lambda d: resident_id(d)[:17],
        lambda d: d.digits(18, "6789"),
        lambda d: f"91{d.digits(6)}MA{d.text(string.digits + 'ABCDEFGH', 7)}1X",
        lambda d: d.digits(19, "1"),
    ],
    "bank_card": [
        _wrong_card,
        _wrong_card,
        lambda d: card(d)[:11],
        lambda d: d.digits(16, "179"),
        lambda d: f"35{d.digits(13)}",
        lambda d: d.fake("en_US", "ean13"),
        lambda d: f"order number {card(d)}",
        lambda d: f"{d.random.random():.16f}",
        lambda d: d.digits(19, "1"),
    ],
    "ip_address": [
        _version,
        _version,
        fake("en_US", "ipv4_private"),
        lambda d: d.one("127.0.0.1", "0.0.0.0", "255.255.255.0", "::1", "fe80::1", "2001:db8::1"),
        lambda d: f"{d.random.randint(256, 999)}.1.1.1",
        fake("en_US", "mac_address"),
        lambda d: d.one("std::vector", "10:30:45:12", "3:2:1", "Foo::Bar::baz"),
        lambda d: f"\n{'.'.join(d.digits(4, '123456789'))} Results",
    ],
    "iban": [
        lambda d: _other_digit(d.fake("de_DE", "iban"), 12),
        lambda d: _other_digit(d.fake("en_GB", "iban"), 12),
        lambda d: f"DE{d.digits(9)}",
        lambda d: d.fake("en_US", "swift"),
        lambda d: f"XX{d.digits(20)}",
        lambda d: f"LH{d.digits(4)}",
        lambda d: f"US{d.digits(10)}",
    ],
    "api_key": [
        fake("en_US", "sha1"),
        fake("en_US", "md5"),
        fake("en_US", "uuid4"),
        lambda d: "sk-learn and sk-image",
        lambda d: f"AKIA{d.digits(4)}",
        lambda d: "-".join(d.fakers["en_US"].words(5)),
        lambda d: f"https://{d.fake('en_US', 'domain_word')}.com/{d.text(ALPHANUMERIC, 22)}",
    ],
    "secret": [
        lambda d: f"sha256: {d.text(HEX, 64)}",
        lambda d: f"commit = {d.text(HEX, 40)}",
        lambda d: "token = next_token_from_lexer",
        lambda d: 'password: "your_password_here"',
        lambda d: "password = os.environ.get",
        lambda d: f"checksum={d.text(HEX, 32)}",
        lambda d: "secret: my-secret-in-the-vault",
        lambda d: "api_key = settings.payment_api_key",
        lambda d: "the token is passed_through_unchanged",
    ],
    "private_key": [
        _public_block,
        lambda d: "PRIVATE KEY",
        lambda d: "-----BEGIN RSA PRIVATE KEY-----",
    ],
    "passport": [
        lambda d: f"passport {d.random.randint(2000, 2030)}",
        lambda d: d.one("E", "G") + d.digits(8),
        lambda d: f"passport fee {d.digits(6, '12345')}",
        lambda d: f"护照办理需{d.digits(2, '12')}天",
        lambda d: "passport photos and visas",
    ],
    "number_plate": [
        lambda d: f"京A股{d.digits(5)}",
        lambda d: f"沪C{d.digits(8)}",
        lambda d: f"川A{d.digits(2)}",
        lambda d: f"新V{d.digits(1)}版",
        lambda d: f"苏E联赛{d.digits(4, '2')}",
        lambda d: f"A{d.digits(5)}",
        lambda d: f"云B{d.text('ABCDEFGH', 5)}",
    ],
    "social_security": [
        lambda d: f"000-{d.digits(2)}-{d.digits(4)}",
        lambda d: f"9{d.digits(2)}-{d.digits(2)}-{d.digits(4)}",
        lambda d: f"666-{d.digits(2)}-{d.digits(4)}",
        lambda d: f"{d.digits(5)}-{d.digits(4)}",
        lambda d: f"{d.digits(2)}-{d.digits(7)}",
        lambda d: f"{d.digits(3)}-{d.digits(2)}-{d.digits(4)}-{d.digits(2)}",
    ],
}
"""Type -> what is most easily taken for it."""
