"""Spans of any text: their offsets, their order, and what replacing leaves."""

import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.pii import DETECTORS, find_pii, find_pii_batch, replace_pii, replace_pii_batch
from data.pii.detector import Detector
from data.pii.trace import find_windows

PIECES = [
    *("ada@example.org", "ada [at] example [dot] org", "ａｄａ＠ｑｑ．ｃｏｍ", "AKIAIOSFODNN7EXAMPLE"),
    "token=4f9Zk2Lq8Rt1Xw6Yb3Vd",
    *("13812345678", "+86 138 1234 5678", "(010)62345678", "415-555-2671", "１３８１２３４５６７８", "078-05-1120"),
    *("8.8.4.77", "2a00:1450:4001::200e", "11010519491231002X", "4111 1111 1111 1111", "GB82 WEST 1234 5698 7654 32"),
    *("京A·12345", "passport no. 123456789", "<PHONE>", "<EMAIL>", "电话", "phone ", "订单号", "version "),
    *" ，.-+@1xé😀\n",
]
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=12).map("".join)


@settings(deadline=None, max_examples=400)
@given(TEXTS)
def test_text_outside_the_spans_is_untouched(text: str):
    spans = find_pii(text)
    replaced, found = replace_pii(text)

    assert [span.type for span in spans] == found
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))
    rest, end = [], 0
    for span in spans:
        rest += [text[end : span.start], f"<{span.type.upper()}>"]
        end = span.end
    assert replaced == "".join(rest) + text[end:]


@settings(deadline=None, max_examples=400)
@given(TEXTS)
def test_replacing_twice_changes_nothing(text: str):
    once, _ = replace_pii(text)

    assert replace_pii(once) == (once, [])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.none() | TEXTS, max_size=6))
def test_batch_gives_what_each_text_gives_alone(texts: list[str | None]):
    alone = [([], None) if text is None else (find_pii(text), replace_pii(text)[0]) for text in texts]
    arrow = pa.array(["before", *texts, "after"], pa.string())[1:-1]

    assert find_pii_batch(texts) == find_pii_batch(arrow) == [spans for spans, _ in alone]
    assert replace_pii_batch(texts)[0] == replace_pii_batch(arrow)[0] == [replaced for _, replaced in alone]


def test_overlapping_finds_become_one_of_the_stricter_type():
    text = "写信到13812345678@139.com，或拨13812345678"

    assert [(span.type, text[span.start : span.end]) for span in find_pii(text)] == [
        ("email", "13812345678@139.com"),
        ("phone", "13812345678"),
    ]


def test_offsets_count_characters_also_after_wide_ones():
    text = "😀邮箱：ｘｉａｏ＠ｑｑ．ｃｏｍ😀" * 3

    assert [text[span.start : span.end] for span in find_pii(text)] == ["ｘｉａｏ＠ｑｑ．ｃｏｍ"] * 3


HOSTILE = [
    *(
        "1",
        "１",
        "@",
        "＠",
        ".",
        "-",
        "a@",
        "1.",
        "1-",
        "(1",
        "+1 ",
        "0 ",
        "a:b:",
        "::1",
        "1.1.1.1.",
        "a.a@a.",
        "12345678 ",
    ),
    *("eyJ", "eyJ" + "a" * 1_999 + ".", "sk-", "password=", "a" * 70 + "@", "a [at] ", " dot ", "京A", "passport no "),
    *("-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----" + "a" * 8_000, "GB82WEST", "13812345678+86"),
    "order 4111111111111111 ",
]


@pytest.mark.parametrize("unit", HOSTILE, ids=[unit[:20] for unit in HOSTILE])
def test_searched_characters_grow_as_the_text_does(unit: str, monkeypatch: pytest.MonkeyPatch):
    """Work is bounded by what patterns are given times their longest match, which no window exceeds."""

    def searched(size: int) -> int:
        text, total = (unit * (size // len(unit) + 1))[:size], 0
        original = Detector.find

        def counting(self: Detector, text: str):
            nonlocal total
            total += len(text)
            return original(self, text)

        monkeypatch.setattr(Detector, "find", counting)
        find_pii(text)
        monkeypatch.setattr(Detector, "find", original)
        return total

    small, large = searched(20_000), searched(80_000)

    assert large <= 4.5 * small + 10_000


def test_text_without_a_trace_meets_no_pattern(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Detector, "find", lambda self, text: pytest.fail("a pattern ran"))
    plain = "In 2019 it cost 12.5 dollars, said Ada; see page 7 (or at noon). 今天是2020年3月5日，天气不错。" * 50

    assert find_pii(plain[:20] + "\n") == []
    assert find_pii_batch([plain.replace("2020年3月5日", "周五")] * 3) == [[], [], []]


def test_windows_of_one_trace_never_overlap():
    data = ("a@b.cd " * 100 + "12345678 " * 100 + "京A12345").encode()
    windows = find_windows(np.frombuffer(data, np.uint8), np.array([0, len(data)]))

    for trace in set(windows.traces.tolist()):
        starts, ends = windows.starts[windows.traces == trace], windows.ends[windows.traces == trace]
        assert (starts[1:] > ends[:-1]).all()


def test_every_type_has_its_own_placeholder():
    placeholders = [detector.placeholder for detector in DETECTORS.values()]

    assert len(set(placeholders)) == len(DETECTORS)
    assert all(re.fullmatch("<[A-Z_]{4,20}>", placeholder) for placeholder in placeholders)
