"""Metrics of several classes, spans, answers in a text and rankings: by hand, and against scikit-learn and seqeval."""

import numpy as np
import pytest
from seqeval.metrics import f1_score as span_f1_score
from seqeval.metrics import precision_score, recall_score
from sklearn.metrics import accuracy_score, f1_score

from data.answers import TaggedSpan, classes_text, ranking_text, tags_text
from data.tasks.tagged_spans import joined
from lightning_modules.metrics import METRICS, Outputs, interval

LABELS = ("a", "b", "c", "d")


def value(name: str, predictions: list[str], references: list[list[str]], labels: tuple[str, ...] = ()) -> float:
    metric = METRICS[name]("en", labels)
    return float(metric.value(metric.statistics(Outputs(predictions, references)).sum(0)))


def each(name: str, predictions: list[str], references: list[list[str]], labels: tuple[str, ...] = ()) -> list[float]:
    metric = METRICS[name]("en", labels)
    return metric.value(metric.statistics(Outputs(predictions, references))).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_classes_are_scored_as_scikit_learn_scores_indicators(seed: int):
    random = np.random.default_rng(seed)
    true, predicted = random.random((2, 30, 4)) < 0.4
    true[:, 3] = predicted[:, 3] = False  # a class that nobody has
    texts = [[classes_text(np.array(LABELS)[row].tolist()) for row in indicators] for indicators in (predicted, true)]
    references = [[text] for text in texts[1]]

    for name, average, nothing in (("labels_micro_f1", "micro", 1), ("labels_macro_f1", "macro", 0)):
        expected = f1_score(true, predicted, average=average, zero_division=nothing)
        assert value(name, texts[0], references, LABELS) == pytest.approx(100 * expected)
    assert value("subset_accuracy", texts[0], references) == pytest.approx(100 * accuracy_score(true, predicted))


def test_no_class_where_none_is_right_is_right():
    assert each("labels_micro_f1", ["[]", "[]"], [["[]"], ['["a"]']], LABELS) == [100.0, 0.0]
    assert each("subset_accuracy", ['["b", "a"]'], [['["a", "b"]']]) == [100.0]


def tags(*spans: tuple[int, int, str]) -> str:
    return tags_text([TaggedSpan(*span) for span in spans])


def test_spans_count_where_start_end_and_label_are_right():
    predictions = [tags((0, 3, "PER"), (5, 8, "LOC")), tags((0, 2, "LOC")), tags()]
    references = [[tags((0, 3, "PER"), (5, 9, "LOC"))], [tags((0, 2, "PER"))], [tags((1, 2, "PER"))]]

    # One of three predicted spans is right, one of four true ones is found.
    assert value("span_precision", predictions, references) == pytest.approx(100 / 3)
    assert value("span_recall", predictions, references) == pytest.approx(25.0)
    assert value("span_f1", predictions, references) == pytest.approx(200 / 7)
    assert each("span_f1", predictions, references) == [50.0, 0.0, 0.0]
    assert each("span_f1", [tags()], [[tags()]]) == [100.0]


@pytest.mark.parametrize("seed", range(5))
def test_spans_are_scored_as_seqeval_scores_the_tags_they_come_from(seed: int):
    random = np.random.default_rng(seed)
    kinds = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    true = [random.choice(kinds, p=[0.4, 0.2, 0.15, 0.15, 0.1], size=12).tolist() for _ in range(40)]
    predicted = [[tag if random.random() < 0.7 else str(random.choice(kinds)) for tag in row] for row in true]
    words = [f"w{index}" for index in range(12)]
    texts = [[tags_text(joined(words, row, ("PER", "LOC"), "en")[1]) for row in rows] for rows in (predicted, true)]

    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", span_f1_score)):
        expected = 100 * score(true, predicted)
        assert value(f"span_{name}", texts[0], [[text] for text in texts[1]]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("prediction", "references", "exact", "f1"),
    [
        ("The Eiffel Tower!", ["eiffel tower"], 100, 100),
        ("in the Eiffel tower", ["the Eiffel Tower", "Paris"], 0, 80),  # 2 * 2 / (3 + 2)
        ("Paris", ["the Eiffel Tower", "Paris."], 100, 100),
        ("cat cat", ["cat"], 0, 200 / 3),  # a word counts as often as both have it
        ("", [""], 100, 100),
        ("", ["cat"], 0, 0),
        ("cat", [""], 0, 0),
        ("天安门", ["北京天安门"], 0, 75),  # 2 * 3 / (3 + 5)
        ("《红楼梦》。", ["红楼梦"], 100, 100),
        ("１９９７年", ["1997年"], 100, 100),
        ("用iPhone 15", ["用 iphone 15"], 100, 100),
    ],
)
def test_answers_are_compared_as_squad_does_and_by_characters(
    prediction: str, references: list[str], exact: float, f1: float
):
    assert value("answer_exact_match", [prediction], [references]) == exact
    assert value("answer_f1", [prediction], [references]) == pytest.approx(f1)


def test_rankings_by_hand():
    predictions = [ranking_text(["x", "a", "y", "b", "z", "v", "c"]), ranking_text(["q"]), ranking_text(["d", "x"])]
    references = [["a", "b", "c"], ["a"], ["d"]]

    assert value("mrr", predictions, references) == pytest.approx(100 * (1 / 2 + 0 + 1) / 3)
    assert each("recall_at_1", predictions, references) == [0.0, 0.0, 100.0]
    assert each("recall_at_5", predictions, references) == pytest.approx([200 / 3, 0.0, 100.0])
    assert each("recall_at_10", predictions, references) == [100.0, 0.0, 100.0]


def test_a_right_candidate_behind_the_hundredth_place_counts_nothing():
    ids = [f"c{number}" for number in range(150)]
    assert value("mrr", [ranking_text(ids)], [["c99"]]) == 1.0
    assert value("mrr", [ranking_text(ids)], [["c100"]]) == 0.0


@pytest.mark.parametrize("name", ["span_f1", "labels_micro_f1", "answer_f1", "mrr"])
def test_the_interval_is_that_of_resampled_examples(name: str):
    right = {"span_f1": tags((0, 1, "X")), "labels_micro_f1": '["a"]', "answer_f1": "cat", "mrr": '["k"]'}[name]
    wrong = {"span_f1": tags((0, 2, "X")), "labels_micro_f1": '["b"]', "answer_f1": "dog", "mrr": '["j"]'}[name]
    references = [["k" if name == "mrr" else right]] * 100
    metric = METRICS[name]("en", LABELS)
    found = interval(metric, metric.statistics(Outputs([right] * 80 + [wrong] * 20, references)), 1000, 3)

    assert found.value == pytest.approx(80.0)
    assert 70 < found.low < 74
    assert 86 < found.high < 90
