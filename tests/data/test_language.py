import pytest

from data.language import is_unspaced, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("it's  two\nwords", ["it's", "two", "words"]),
        ("你好，world!", ["你", "好", "，world!"]),
        ("カタカナ", ["カ", "タ", "カ", "ナ"]),
        ("naïve café", ["naïve", "café"]),
        ("𠀀𠀁", ["𠀀", "𠀁"]),
        ("", []),
    ],
)
def test_words_split_at_space_and_around_han_and_kana(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_a_text_is_unspaced_when_most_of_it_is_han() -> None:
    assert is_unspaced("语言模型学习文本。")
    assert not is_unspaced("The word 语言 means language.")
    assert not is_unspaced("Привет, мир")
