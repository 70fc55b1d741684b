"""Personal data as people write it, drawn anew each time: what the detectors of `data.pii` must find.

Values come from Faker and from the documents of the field (named at each type), never from the detectors' patterns. A
form gives what stands before the value in the same breath ('passport no. ') and the value itself.
"""

from __future__ import annotations

import base64
import ipaddress
import string

from benchmarks.pii_drawing import ALPHANUMERIC, BASE64_URL, FULL_WIDTH, HEX, Drawing, Form, Value
from benchmarks.pii_phones import (
    american_phone,
    british_phone,
    german_phone,
    international_phone,
    landline,
    mobile,
    nanp,
)


def _local_part(d: Drawing) -> str:
    """RFC 5322's dot-atom in the shapes that mail providers allow."""
    first, last = d.fake("en_US", "first_name").lower(), d.fake("en_US", "last_name").lower()
    return d.one(
        first,
        f"{first}.{last}",
        f"{first}_{last}",
        f"{first[0]}{last}",
        f"{first}-{last}{d.digits(2)}",
        f"{first}+{d.one('news', 'shop', 'lists')}",
        f"{first.title()}.{last.title()}",
        d.digits(9, "123456789"),
        f"o'{last}",
    )


def _domain(d: Drawing) -> str:
    name = d.fake("en_US", "domain_word")
    return d.one(
        "gmail.com",
        "163.com",
        "qq.com",
        f"{name}.org",
        f"{name}.co.uk",
        f"mail.{name}.edu",
        f"{name}.com.cn",
        f"{name}-group.de",
        f"cs.{name}.ac.uk",
        f"{name}.museum",
        f"{name.upper()}.COM",
        "foxmail.com",
        f"{name}.io",
    )


def _address(d: Drawing) -> str:
    return d.one(f"{_local_part(d)}@{_domain(d)}", d.fake(d.one("en_US", "en_GB", "de_DE", "zh_CN"), "email"))


def _spelled(d: Drawing) -> str:
    """Against robots, as on the home pages of universities."""
    name, _, host = (
        f"{d.fake('en_US', 'user_name')}@{d.fake('en_US', 'domain_word')}.{d.one('com', 'org', 'edu')}".partition("@")
    )
    at = d.one(" [at] ", "[at]", " (at) ", "(at)", " AT ", " at ", "[@]", " {at} ")
    dot = d.one(" dot ", " DOT ") if at.strip().isalpha() else d.one(".", " [dot] ", "[dot]", " dot ", "(dot)")
    return name + at + host.replace(".", dot)


def _luhn(digits: str) -> str:
    """The digits with their check digit behind them (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))]
    return digits + str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def _in_fours(number: str, separator: str) -> str:
    return separator.join(number[place : place + 4] for place in range(0, len(number), 4))


def card(d: Drawing) -> str:
    """Of the networks' published ranges; most Chinese ones are UnionPay's of 16 or 19 digits."""
    number = d.one(
        _luhn("4" + d.digits(14)),
        _luhn("5" + d.digits(14, "12345")),
        _luhn("62" + d.digits(13)),
        _luhn("62" + d.digits(16)),
        d.fakers["en_US"].credit_card_number("visa16"),
        d.fakers["en_US"].credit_card_number("mastercard"),
        d.fakers["en_US"].credit_card_number("discover"),
        _luhn(str(d.random.randint(3528, 3589)) + d.digits(11)),
    )
    return d.one(number, _in_fours(number, " "), _in_fours(number, "-"))


def _american_express(d: Drawing) -> str:
    number = d.fakers["en_US"].credit_card_number("amex")
    return d.one(number, f"{number[:4]} {number[4:10]} {number[10:]}", f"{number[:4]}-{number[4:10]}-{number[10:]}")


def resident_id(d: Drawing) -> str:
    """GB 11643-1999: region (GB/T 2260), date of birth, sequence, check character of ISO 7064 MOD 11-2."""
    region = d.one("110105", "310115", "440306", "330106", "510107", "320583", "420111", "650102", "130202", "810000")
    body = (
        f"{region}{d.random.randint(1935, 2019)}{d.random.randint(1, 12):02}{d.random.randint(1, 28):02}{d.digits(3)}"
    )
    remainder = 0
    for digit in body:  # the recursive form of the standard's annex, another way than weights
        remainder = (remainder + int(digit)) * 2 % 11
    check = (12 - remainder) % 11
    return body + ("X" if check == 10 else str(check))


def _network_address(d: Drawing) -> str:
    """Global unicast of version 6 as RFC 5952 writes it, from the blocks of the regional registries (IANA)."""
    block = ipaddress.ip_network(
        d.one("2400::/12", "2600::/12", "2800::/12", "2a00::/12", "2c00::/12", "2001:4800::/23")
    )
    bits = d.random.choice([16, 64, 128 - block.prefixlen])
    upper = d.random.getrandbits(20) << 76 if bits < 100 else 0
    return str(ipaddress.IPv6Address(int(block[0]) | upper | d.random.getrandbits(bits)))


def _iban(d: Drawing) -> str:
    """Faker's, and made to the structures of the ISO 13616 registry."""
    if d.random.random() < 0.5:
        number = d.fake(d.one("en_GB", "de_DE"), "iban")
    else:
        country, length, letters = d.random.choice(
            [
                ("FR", 23, 0),
                ("NL", 10, 4),
                ("ES", 20, 0),
                ("CH", 17, 0),
                ("NO", 11, 0),
                ("AE", 19, 0),
                ("IT", 22, 1),
                ("PL", 24, 0),
            ]
        )
        account = d.text(string.ascii_uppercase, letters) + d.digits(length)
        number = _with_check(country, account)
    return d.one(number, number, _in_fours(number, " "))


def _with_check(country: str, account: str) -> str:
    """ISO 7064 MOD 97-10, digit by digit."""
    remainder = 0
    for character in account + country + "00":
        value = int(character, 36)
        remainder = (remainder * (100 if value > 9 else 10) + value) % 97
    return f"{country}{98 - remainder:02}{account}"


def _service_key(d: Drawing) -> str:
    """As the makers' documents describe them."""
    return d.one(
        d.one("AKIA", "ASIA") + d.text(string.ascii_uppercase + "234567", 16),
        d.one("ghp_", "gho_", "ghs_") + d.text(ALPHANUMERIC, 36),
        f"github_pat_{d.text(ALPHANUMERIC, 22)}_{d.text(ALPHANUMERIC, 59)}",
        f"AIza{d.text(BASE64_URL, 34)}{d.text(ALPHANUMERIC, 1)}",
        f"xoxb-{d.digits(12)}-{d.digits(13)}-{d.text(ALPHANUMERIC, 24)}",
        f"sk-proj-{d.text(ALPHANUMERIC, 48)}",
        f"sk_live_{d.text(ALPHANUMERIC, 24)}",
        f"hf_{d.text(string.ascii_letters, 34)}",
        f"glpat-{d.text(ALPHANUMERIC, 20)}",
        f"SG.{d.text(ALPHANUMERIC, 22)}.{d.text(ALPHANUMERIC, 43)}",
        f"LTAI{d.text(ALPHANUMERIC, 20)}",
        ".".join(
            (
                _base64_url(b'{"alg":"HS256","typ":"JWT"}'),
                _base64_url(f'{{"sub":"{d.digits(10)}"}}'.encode()),
                d.text(ALPHANUMERIC, 43),
            )
        ),
    )


def _base64_url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _random_value(d: Drawing) -> str:
    return d.one(
        d.text(HEX, 32),
        d.text(HEX, 40),
        d.text(ALPHANUMERIC, 24),
        d.text(ALPHANUMERIC, 40),
        d.text(ALPHANUMERIC, 32),
        base64.b64encode(d.random.randbytes(30)).decode(),
    )


def _assigned(d: Drawing) -> tuple[str, str]:
    """A value after what stands before a secret in settings, code and headers."""
    name = d.one(
        "password",
        "DB_PASSWORD",
        "api_key",
        "apiKey",
        "client_secret",
        "SECRET_KEY",
        "access_token",
        "auth-key",
        "token",
    )
    return name + d.one("=", " = ", ": ", '="', " = '", '": "', " := "), _random_value(d)


def _key_block(d: Drawing) -> str:
    """RFC 7468, section 10 and 11, and OpenSSL's older labels."""
    label = d.one("RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
    lines = [d.text(ALPHANUMERIC + "+/", 64) for _ in range(d.random.randint(2, 26))]
    return "\n".join((f"-----BEGIN {label}-----", *lines, d.text(ALPHANUMERIC, 22) + "==", f"-----END {label}-----"))


def _plate(d: Drawing) -> str:
    """GA 36-2018."""
    province, office = d.one(*"京沪粤苏浙川鲁鄂湘冀"), d.one(*"ABCDEFGHJKLM")
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    serial = d.one(
        d.digits(5),
        d.one(*letters) + d.digits(4),
        d.digits(3) + d.text(letters, 2),
        d.digits(4) + d.one(*"学警挂"),
        d.one(*"DF") + d.one(*letters) + d.digits(4),
        d.digits(5) + d.one(*"DF"),
        d.digits(2) + d.one(*letters) + d.digits(2),
    )
    return f"{province}{office}{d.one('', '·', ' ')}{serial}"


def _faked_plate(d: Drawing) -> str:
    while (plate := d.fake("zh_CN", "license_plate"))[1] in "IO":  # letters that no office has
        pass
    return plate


def _chinese_passport(d: Drawing) -> str:
    """Ordinary ones since 2012: E or G with eight digits, then a second letter."""
    return d.one(d.one("E", "G") + d.digits(8), "E" + d.one(*"ABCDEFGH") + d.digits(7))


def _spaced_resident_id(d: Drawing) -> str:
    number = resident_id(d)
    return f"{number[:6]} {number[6:14]} {number[14:]}"


def bare(value: Value) -> Form:
    """The value with nothing before it."""
    return lambda d: ("", value(d))


def after(value: Value, *leads: str) -> Form:
    """The value after one of these."""
    return lambda d: (d.one(*leads), value(d))


def wide(value: Value) -> Form:
    """The value in full-width characters."""
    return lambda d: ("", value(d).translate(FULL_WIDTH))


def fake(locale: str, provider: str) -> Value:
    """A value of a Faker provider."""
    return lambda d: d.fake(locale, provider)


_CALL = ("phone: ", "Tel. ", "call me at ", "mobile number ", "fax ", "cell: ", "WhatsApp ")
_CALL_CHINESE = ("电话：", "联系电话", "手机号", "拨打", "传真:", "客服热线")
_PASSPORT = ("passport no. ", "passport number ", "Passport: ", "passport # ", "passport number is ", "Passport No: ")
_PASSPORT_CHINESE = ("护照号码：", "护照号", "护照：", "护照号码为", "护照编号:", "护照 ")

ENGLISH: dict[str, list[Form]] = {
    "email": [bare(_address), bare(_address), after(_address, "mailto:", "<", "e-mail: "), bare(_spelled)],
    "phone": [
        bare(american_phone),
        bare(american_phone),
        bare(fake("en_US", "phone_number")),
        bare(international_phone),
        bare(british_phone),
        bare(german_phone),
        bare(mobile),
        after(lambda d: "".join(nanp(d)), *_CALL),
        after(lambda d: "-".join(nanp(d)[1:]), *_CALL),
    ],
    "resident_id": [
        bare(resident_id),
        bare(fake("zh_CN", "ssn")),
        bare(_spaced_resident_id),
        after(resident_id, "ID ", "ID: "),
    ],
    "bank_card": [bare(card), after(card, "card number ", "Visa "), bare(_american_express)],
    "ip_address": [
        bare(fake("en_US", "ipv4_public")),
        after(fake("en_US", "ipv4_public"), "IP: ", "http://", "from "),
        bare(_network_address),
    ],
    "iban": [bare(_iban), after(_iban, "IBAN ", "IBAN: ")],
    "api_key": [bare(_service_key)],
    "secret": [_assigned, _assigned, after(lambda d: d.text(ALPHANUMERIC, 40), "Authorization: Bearer ")],
    "private_key": [bare(_key_block)],
    "passport": [after(fake(locale, "passport_number"), *_PASSPORT) for locale in ("en_US", "en_GB", "de_DE")],
    "social_security": [bare(fake("en_US", "ssn")), after(fake("en_US", "ssn"), "SSN ", "SSN: ")],
}
"""Type -> its forms in English text."""

CHINESE: dict[str, list[Form]] = {
    "email": [
        bare(_address),
        bare(_address),
        after(_address, "邮箱：", "邮箱", "请发至"),
        bare(_spelled),
        bare(lambda d: _address(d).replace("@", "＠")),
        wide(fake("zh_CN", "email")),
    ],
    "phone": [
        bare(mobile),
        bare(mobile),
        bare(landline),
        bare(landline),
        wide(landline),
        after(mobile, *_CALL_CHINESE),
        bare(international_phone),
        after(lambda d: d.digits(8, "2345678"), *_CALL_CHINESE),
    ],
    "resident_id": [
        bare(resident_id),
        bare(fake("zh_CN", "ssn")),
        bare(lambda d: resident_id(d).lower()),
        bare(_spaced_resident_id),
        after(resident_id, "身份证号", "身份证："),
        wide(resident_id),
    ],
    "bank_card": [bare(card), after(card, "卡号", "银行卡号："), wide(card)],
    "ip_address": [
        bare(fake("zh_CN", "ipv4_public")),
        after(fake("zh_CN", "ipv4_public"), "IP地址", "服务器：", "来自"),
        bare(_network_address),
    ],
    "iban": [bare(_iban), after(_iban, "账号", "IBAN：")],
    "api_key": [bare(_service_key)],
    "secret": [_assigned, after(lambda d: d.text(ALPHANUMERIC, 20), "密码：", "密钥:", "口令为", "令牌是")],
    "private_key": [bare(_key_block)],
    "passport": [after(_chinese_passport, *_PASSPORT_CHINESE)],
    "number_plate": [bare(_plate), bare(_faked_plate), after(_plate, "车牌", "车牌号：", "车牌号为")],
}
"""Type -> its forms in Chinese text."""
