from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.counterfactual import SwapConfig, Swapper, augmented, words_pattern
from data.swap_lists import SWAP_LISTS

ENGLISH = Swapper(SwapConfig(lists=("gender_en",)))
CHINESE = Swapper(SwapConfig(lists=("gender_zh",)))


@pytest.mark.parametrize(
    ("text", "swapped"),
    [
        ("He thanked his father.", "She thanked her mother."),
        ("SHE said: he's late", "HE said: she's late"),
        ("The theme of the shelter, then.", "The theme of the shelter, then."),
        ("a boy-friend, (girl)", "a girl-friend, (boy)"),
        ("I saw her; he_1 is a name", "I saw him; he_1 is a name"),
        ("Mr. Smith and Mrs Smith", "Ms. Smith and Mr Smith"),
        ("", ""),
    ],
)
def test_whole_english_words_change_places_and_keep_their_case(text: str, swapped: str):
    assert ENGLISH.swap(text) == swapped


@pytest.mark.parametrize(
    ("text", "swapped"),
    [
        ("他们说：男孩很好。", "她们说：女孩很好。"),
        ("其他的人在弹吉他，他没有。", "其他的人在弹吉他，她没有。"),
        ("女主角和她的丈夫", "男主角和他的妻子"),
    ],
)
def test_chinese_words_change_places_the_longest_first_and_words_that_hold_one_stay(text: str, swapped: str):
    assert CHINESE.swap(text) == swapped


def test_english_words_are_found_beside_chinese_characters():
    assert (
        Swapper(SwapConfig(lists=("gender_en", "gender_zh"))).swap("老师说he很好，她is fine")
        == "老师说she很好，他is fine"
    )


def test_own_pairs_go_before_those_of_the_lists():
    swapper = Swapper(SwapConfig(lists=("gender_en",), pairs=(("he", "they"),), keep=("he-man",)))

    assert swapper.swap("he and she met he-man") == "they and he met he-man"


@given(st.lists(st.sampled_from(["he", "She", "MAN", "the", "woman", "其他", "and", "boy,", "x"]), max_size=12))
def test_swapping_twice_gives_the_text_back_where_no_word_is_in_two_pairs(words: list[str]):
    swapper = Swapper(SwapConfig(pairs=(("he", "she"), ("man", "woman"), ("boy", "girl"))))
    text = " ".join(words)

    assert swapper.swap(swapper.swap(text)) == text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "nothing to swap"),
        ({"lists": ["gender_eng"]}, "Did you mean 'gender_en'"),
        ({"pairs": [["He", "he"]]}, "two different words"),
        ({"pairs": [["he", " "]]}, "two different words"),
    ],
)
def test_what_cannot_be_swapped_is_refused_with_a_way_out(settings: dict[str, object], said: str):
    with pytest.raises(ValueError, match=said):
        SwapConfig.model_validate(settings)


def test_no_list_exchanges_a_word_with_itself_and_kept_words_hold_one_that_is_swapped():
    for swaps in SWAP_LISTS.values():
        words = words_pattern({word for pair in swaps.pairs for word in pair})
        assert all(one != other for one, other in swaps.pairs)
        assert all(words.search(word) for word in swaps.keep)


def row(text: str, target: str, label: int | None) -> dict[str, Any]:
    return {"id": text, "input": text, "target": target, "label": label}


def test_copies_stand_behind_keep_a_class_and_exchange_a_free_answer():
    swaps = SwapConfig(pairs=(("he", "she"), ("他", "她")), keep=("其他",))
    examples = [
        row("he sings", "he", 1),
        row("the rain", "wet", 0),
        row("他唱歌", "他", None),
        row("其他", "其他", None),
    ]

    assert augmented(examples, swaps) == [
        *examples,
        {"id": "he sings", "input": "she sings", "target": "he", "label": 1},
        {"id": "他唱歌", "input": "她唱歌", "target": "她", "label": None},
    ]
