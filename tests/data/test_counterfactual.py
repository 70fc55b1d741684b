"""Counterfactual copies, in English and in Chinese."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.counterfactual import CounterfactualConfig

SWAPS = CounterfactualConfig(
    swaps=[("he", "she"), ("King", "queen"), ("他", "她"), ("先生", "女士"), ("他们", "她们")],
    keep=["其他", "the King's English"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "swapped"),
    [
        ("He saw the hero, and SHE saw him.", "She saw the hero, and HE saw him."),
        ("king, King, KING", "queen, Queen, QUEEN"),
        ("She's the King's English teacher; the king's.", "He's the King's English teacher; the queen's."),
        ("王先生说他们和其他女士都来了。", "王女士说她们和其他先生都来了。"),
        ("他he她", "她she他"),
        ("nothing here, 什么都没有", "nothing here, 什么都没有"),
    ],
)
def test_terms_are_exchanged_whole_both_ways_and_in_their_case(text: str, swapped: str):
    assert SWAPS.swapped(text) == swapped


@given(st.lists(st.sampled_from(["he", "she", "他", "她", "先生", "女士", "其他", " ", "the", "。"])).map("".join))
def test_exchanging_twice_gives_the_text_back(text: str):
    assert SWAPS.swapped(SWAPS.swapped(text)) == text


def row(text: str, target: str, label: int | None) -> dict[str, Any]:
    return {"id": text, "input": text, "target": target, "label": label}


def test_copies_stand_behind_keep_a_class_and_exchange_a_free_answer():
    examples = [row("he sings", "he", 1), row("rain", "wet", 0), row("他唱歌", "他", None)]

    assert SWAPS.augmented(examples) == [
        *examples,
        {"id": "he sings", "input": "she sings", "target": "he", "label": 1},
        {"id": "他唱歌", "input": "她唱歌", "target": "她", "label": None},
    ]


@pytest.mark.parametrize("swaps", [[("he", "she"), ("He", "it")], [("he", "he")]])
def test_a_term_with_two_partners_is_refused(swaps: Any):
    with pytest.raises(ValidationError, match="he written more than once"):
        CounterfactualConfig(swaps=swaps)
