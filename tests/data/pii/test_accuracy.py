"""Precision and recall by type and language on planted spans; `benchmarks.pii` does the same in real sentences."""

import pytest

from benchmarks.pii_values import CHINESE, ENGLISH
from benchmarks.planting import Labelled, Score, plant, score
from data.pii import DETECTORS, Span, find_pii_batch

SENTENCES = {
    "en": [
        "The committee will publish its answer before the end of the week.",
        "Nobody could say why the lights of the harbour went out that night.",
        "She kept the old letters in a drawer that no one was allowed to open.",
        "Please send the form back as soon as you have read it.",
        "Most of the farms along the river were sold after the flood.",
        "He told us twice that the bus leaves from the other side of the square.",
        "The second half of the film is better than anything in the first.",
        "We moved the server into the cellar because it was too loud upstairs.",
        "If the parcel has not arrived by Monday, write to us again.",
        "A good dictionary says how a word is used and not only what it means.",
        "The museum is closed in winter, but the garden stays open.",
        "Their first album sounded as if it had been recorded in a kitchen.",
    ],
    "zh": [
        "委员会将在本周末之前公布最后的答复",
        "那天夜里港口的灯为什么全都熄灭了，没有人说得清楚。",
        "她把旧信放在抽屉里，谁也不许打开",
        "请您看完之后尽快把表格寄回来，谢谢！",
        "洪水过后，沿河的农场大多都卖掉了。",
        "他跟我们说了两遍，车从广场的另一边开",
        "电影的后半段比前半段好看得多，值得再看一遍",
        "楼上太吵，我们只好把机器搬到地下室去了",
        "如果周一还没有收到包裹，请再给我们写信。",
        "好的词典不只解释词义，还告诉读者怎么用",
        "博物馆冬天不开门，不过花园一直开放。",
        "酒店位置不错，早餐也很丰富，下次还会再来",
    ],
}
EACH = 60


@pytest.fixture(scope="module", params=sorted(SENTENCES))
def scores(request: pytest.FixtureRequest) -> dict[str, Score]:
    return score(plant(SENTENCES[request.param], request.param, EACH), find_pii_batch)


def test_every_type_is_found_and_nothing_else(scores: dict[str, Score]):
    assert sum(result.right + result.missed for result in scores.values()) >= 500
    poor = {name: found.examples for name, found in scores.items() if min(found.precision, found.recall) < 0.95}
    assert poor == {}


def test_every_type_is_planted():
    assert set(ENGLISH) | set(CHINESE) == set(DETECTORS)


def test_score_counts_a_find_only_where_type_and_ends_are_right():
    texts = [
        Labelled("a b", (Span(0, 1, "x"),), "x"),
        Labelled("a b", (Span(0, 1, "x"),), "x"),
        Labelled("a b", (), "x"),
    ]
    finds = {"right": [Span(0, 1, "x")], "wider": [Span(0, 2, "x")], "other": [Span(2, 3, "y")]}
    result = score(texts, lambda given: list(finds.values()))

    assert (result["x"].right, result["x"].wrong, result["x"].missed) == (1, 1, 1)
    assert (result["x"].precision, result["x"].recall, result["y"].precision) == (0.5, 0.5, 0.0)


def test_planted_spans_hold_the_planted_values():
    first, again = (list(plant(SENTENCES["zh"], "zh", 3, seed=5)) for _ in range(2))

    assert first == again
    assert all(text.text[span.start : span.end].strip() for text in first for span in text.spans)
    assert [len(text.spans) for text in first] == [1, 1, 1, 0, 0, 0] * len(CHINESE)
