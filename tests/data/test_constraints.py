import pytest

from data.constraints import Constraints, count_words


@pytest.mark.parametrize(
    ("text", "words"),
    [("It's a dog.", 3), ("我爱北京。", 4), ("我爱 New York！", 4), ("", 0), ("3.5 km", 3), ("コーヒー", 4)],
)
def test_length_is_in_words_or_characters_of_unspaced_scripts(text: str, words: int):
    assert count_words(text) == words


@pytest.mark.parametrize(
    ("asked", "text", "kept"),
    [
        ({"keywords": ["cat"]}, "A Cat!", {"keywords": True}),
        ({"keywords": ["cat"]}, "A catalogue.", {"keywords": False}),
        ({"keywords": ["cat", "dog"]}, "A cat.", {"keywords": False}),
        ({"keywords": ["北京"]}, "我爱北京天安门", {"keywords": True}),
        ({"keywords": ["C++"]}, "I write C++ daily", {"keywords": True}),
        ({"keywords": ["ＡＩ"]}, "ai", {"keywords": True}),
        ({"min_words": 2}, "one", {"length": False}),
        ({"max_words": 2}, "我爱你", {"length": False}),
        ({"min_words": 3, "max_words": 3}, "我爱你", {"length": True}),
        ({"sentiment": "good"}, "whatever", {}),
        ({}, "whatever", {}),
    ],
)
def test_what_is_asked_for_is_kept_or_not(asked: dict, text: str, kept: dict):
    assert Constraints.of({"constraints": asked}).kept(text) == kept


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"keyword": ["x"]}, "details.constraints: keyword: Extra inputs are not permitted"),
        ({"min_words": 5, "max_words": 4}, "min_words 5 is more than max_words 4"),
        ({"keywords": [" "]}, "a keyword is empty"),
    ],
)
def test_what_nothing_can_keep_is_refused(asked: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Constraints.of({"constraints": asked})
