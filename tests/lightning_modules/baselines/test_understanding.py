import math

import pytest

from data.answers import TaggedSpan, classes_text, read_classes, read_ranking, read_tags, tags_text
from data.examples import TaskDescription
from data.question import question_input
from lightning_modules.baselines import BASELINES


def task(answers: str, language: str = "en", labels: tuple[str, ...] = ()) -> TaskDescription:
    return TaskDescription.model_validate(
        {"answers": answers, "labels": labels, "language": language, "target_language": language}
    )


def test_the_majority_is_the_most_frequent_set():
    train = [("x", classes_text(names)) for names in (["a"], ["b", "a"], ["a", "b"], [])]
    assert BASELINES["labels_majority"](task("classes")).answers(train, ["y", "z"]) == ['["a", "b"]'] * 2


@pytest.mark.parametrize(
    ("language", "words", "text"),
    [("en", ("goal team ", "vote law ", "rain sun "), "goal vote"), ("zh", ("进球", "投票", "下雨"), "进球投票")],
)
def test_a_linear_model_for_each_class_gives_several(language: str, words: tuple[str, ...], text: str):
    labels = ("sport", "politics", "always", "never")
    train = [(words[0], '["always", "sport"]'), (words[1], '["always", "politics"]'), (words[2], '["always"]')] * 8
    train += [(words[0] + words[1], '["always", "politics", "sport"]')] * 4
    [found] = BASELINES["labels_tfidf"](task("classes", language, labels)).answers(train, [text])

    assert read_classes(found) == ["always", "politics", "sport"]


def test_training_spans_are_found_whole_and_longest_first():
    train = [
        ("New York is in York", tags_text([TaggedSpan(0, 8, "CITY"), TaggedSpan(15, 19, "TOWN")])),
        ("York 北京", tags_text([TaggedSpan(0, 4, "TOWN"), TaggedSpan(5, 7, "CITY")])),
        ("York", tags_text([TaggedSpan(0, 4, "NAME")])),
    ]
    text = "Yorkshire, York and New York: 在北京市"
    [found] = BASELINES["training_spans"](task("tags")).answers(train, [text])

    assert [(text[start:end], label) for start, end, label in read_tags(found)] == [
        ("York", "TOWN"), ("New York", "CITY"), ("北京", "CITY"),
    ]  # fmt: skip
    assert BASELINES["training_spans"](task("tags")).answers([("x", "[]")], ["x"]) == ["[]"]


@pytest.mark.parametrize(
    ("question", "context", "answer"),
    [
        ("Where does Ada live?", "Bob sings. Ada lives in a small house. It rains.", "Ada lives in a small house"),
        ("长城在哪里？", "今天下雨。长城在北方！猫睡了。", "长城在北方"),
        ("What?", "only one sentence", "only one sentence"),
    ],
)
def test_the_nearest_sentence_answers(question: str, context: str, answer: str):
    assert BASELINES["nearest_sentence"](task("span")).answers([], [question_input(question, context)[0]]) == [answer]


def test_bm25_ranks_as_by_hand():
    candidates = {"long": "cat dog fish bird", "short": "cat", "other": "fish fish"}
    [ranking] = BASELINES["bm25"](task("ranking"), candidates).answers([], ["cat"])
    assert read_ranking(ranking) == ["short", "long", "other"]

    # Of 'fish': both have it; two of two words against one of four. Mean length 7/3, so by the formula:
    def score(times: int, length: int) -> float:
        return math.log(1 + 1.5 / 2.5) * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * length / (7 / 3)))

    assert score(2, 2) > score(1, 4)
    [ranking] = BASELINES["bm25"](task("ranking"), candidates).answers([], ["fish"])
    assert read_ranking(ranking) == ["other", "long", "short"]


def test_bm25_reads_chinese_by_characters():
    candidates = {"a": "今天天气很好", "b": "我爱北京天安门", "c": "北京在下雨"}
    [ranking] = BASELINES["bm25"](task("ranking", "zh"), candidates).answers([], ["北京天安门在哪"])
    assert read_ranking(ranking)[0] == "b"
