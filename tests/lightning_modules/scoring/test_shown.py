import pytest

from lightning_modules.scoring.shown import shown


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        ("class", "good", "good"),
        ("classes", '["价格", "质量"]', "价格, 质量"),
        ("classes", "[]", "(none)"),
        ("tags", '[[0, 2, "PER"], [3, 5, "LOC"]]', "李雷 [PER], 上海 [LOC]"),
        ("tags", "[]", "(none)"),
        ("span", "", "(no answer)"),
        ("span", "上海", "上海"),
        ("ranking", "d1", "one"),
        ("ranking", '["d2", "d1", "d3", "d4"]', "two | one | three"),
        ("text", "[1]", "[1]"),
    ],
)
def test_answers_are_shown_in_words(kind, answer: str, words: str):
    candidates = {"d1": "one", "d2": "two", "d3": "three", "d4": "four"}
    assert shown(kind, answer, "李雷在上海。", candidates) == words
