import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from data.pii import DETECTORS, PIIConfig, find_pii, replace_pii
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


def test_page_lists_every_type_with_its_placeholder() -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to-personal-data.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(<\w+>)` \|", page, re.MULTILINE)

    assert rows == [(name, detector.placeholder) for name, detector in DETECTORS.items()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mail j.o'neil [at] cs.example (dot) edu today", {"email": "j.o'neil [at] cs.example (dot) edu"}),
        ("reach jsmith at example dot com", {"email": "jsmith at example dot com"}),
        ("网址是ｌｅｉ＠１６３．ｃｏｍ吗", {"email": "ｌｅｉ＠１６３．ｃｏｍ"}),
        ("传真（０１０）６２３４５６７８转８０１", {"phone": "（０１０）６２３４５６７８转８０１"}),
        ("电话：62345678。", {"phone": "62345678"}),
        ("0086 20 8765 4321 or so", {"phone": "0086 20 8765 4321"}),
        ("客服热线400-820-8820，", {"phone": "400-820-8820"}),
        ("ring 020 7946 0958 or", {"phone": "020 7946 0958"}),
        ("沪A·D12345撞了", {"number_plate": "沪A·D12345"}),
        ("护照号码：E12345678", {"passport": "E12345678"}),
        ("IBAN GB82 WEST 1234 5698 7654 32 please", {"iban": "GB82 WEST 1234 5698 7654 32"}),
        ("DB_PASSWORD='q7Rz81LmVx02TtKpWd'", {"secret": "q7Rz81LmVx02TtKpWd"}),
        ("SSN 078-05-1120", {"social_security": "078-05-1120"}),
        ("日志：66.249.66.1访问", {"ip_address": "66.249.66.1"}),
    ],
)
def test_written_forms_are_found_to_their_ends(text: str, found: dict[str, str]) -> None:
    assert {span.type: text[span.start : span.end] for span in find_pii(text)} == found


@pytest.mark.parametrize(
    "text",
    [
        "version 8.4.12.3 and 3.2.1.4 Results",
        "order no. 4155552671, 订单号13812345678, ISBN 978-7-302-12345-6",
        "13812345678元, 1.13812345678, $4155552671",
        "https://example.com/item/13812345678.html",
        "GB82 WEST 1234 5698 7654 33",  # 1 modulo 97 it is not
        "99010519491231002X",  # no province
        "passport photos, E12345678 alone",
        "look at the dot com boom, us at amazon dot com",
        "git@github.com:ada/code.git and icon@2x.png",
        "commit 4f9b2c81d07e6a35f9b2c81d07e6a354f9b2c81d",
        "fe80::1, 2001:db8::1, std::vector, 10:30:45:12",
        "212 345 6789 312 445 1234",  # a row of a table
        "京A股12345",
    ],
)
def test_lookalikes_stay(text: str) -> None:
    assert find_pii(text) == []
