import re
import time

import pytest
from pydantic import ValidationError

from data.pii import PIIConfig, replace_pii
from data.pii.bank_card import passes_luhn
from data.pii.resident_id import is_resident_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to ada.l+x@mail.example.org.", "Write to <EMAIL>."),
        ("邮箱是zhang@example.cn，谢谢", "邮箱是<EMAIL>，谢谢"),
        ("Call (415) 555-2671 or 415-555-2671", "Call <PHONE> or <PHONE>"),
        ("Ring +44 20 7946 0958 now", "Ring <PHONE> now"),
        ("手机13812345678。", "手机<PHONE>。"),
        ("电话+86 138-1234-5678。", "电话<PHONE>。"),
        ("身份证号11010519491231002X已登记", "身份证号<RESIDENT_ID>已登记"),
        ("card 4111 1111 1111 1111 expired", "card <BANK_CARD> expired"),
        ("卡号6222020000000000000", "卡号<BANK_CARD>"),
        ("from 8.8.8.8 and 2001:4860:4860::8888", "from <IP_ADDRESS> and <IP_ADDRESS>"),
        ("key AKIAIOSFODNN7EXAMPLE leaked", "key <API_KEY> leaked"),
        ("密钥sk-abcdefghijklmnopqrstuvwx", "密钥<API_KEY>"),
    ],
)
def test_personal_data_becomes_its_placeholder(text: str, expected: str) -> None:
    replaced, found = replace_pii(text)

    assert replaced == expected
    assert [f"<{name.upper()}>" for name in found] == re.findall("<[A-Z_]+>", expected)


@pytest.mark.parametrize(
    "text",
    [
        "follow @name, it is 5 @ 3",
        "110105194912310021",  # the check character of this id is X
        "11010519491331002X",  # month 13
        "order 4111 1111 1111 1112",  # Luhn fails
        "router 192.168.0.1, loopback 127.0.0.1, 999.1.1.1",
        "pi is 3.14159265358979 and in 2015-2016 1,234,567 people",
        "at 10:30:45 on 2024-01-31",
        "sk-short",
        "2024年01月31日发布第1234567号公告",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert replace_pii(text) == (text, [])


def test_only_the_wanted_types_are_replaced() -> None:
    assert replace_pii("a@b.org 13812345678", types=["phone"]) == ("a@b.org <PHONE>", ["phone"])


def test_unknown_type_suggests_the_nearest() -> None:
    with pytest.raises(ValidationError, match="Did you mean 'email'"):
        PIIConfig(types=("emial",))


def test_check_digits() -> None:
    assert passes_luhn("79927398713")
    assert not passes_luhn("79927398710")
    assert is_resident_id("11010519491231002x")
    assert not is_resident_id("110105194912310020")


@pytest.mark.parametrize("text", ["a" * 50_000 + "@", "1" * 50_000, "1.1.1" * 10_000, "a:b:" * 10_000, "eyJ" * 20_000])
def test_hostile_text_takes_linear_time(text: str) -> None:
    start = time.process_time()
    replace_pii(text)

    assert time.process_time() - start < 2.0
