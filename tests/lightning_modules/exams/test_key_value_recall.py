import json

import numpy as np
import pytest

from data.shards import Shards
from lightning_modules.exams import key_value_recall
from lightning_modules.exams.key_value_recall import KeyValueRecall, frequent_words


def exam(**settings) -> KeyValueRecall:
    return KeyValueRecall.model_validate({"exam": "key_value_recall", "pairs": 3, "questions": 6} | settings)


def accuracies(results) -> dict[str, float]:
    return {row[0]: row[2] for row in results.tables[0].rows}


@pytest.mark.parametrize("distance", [6, 7, 16])
def test_the_value_stands_as_far_back_as_the_distance_says(folders, tokenizer, distance: int):
    test, train = (Shards.open(folders / "tokens", split) for split in ("test", "train"))
    questions = exam().questions_at(distance, frequent_words(train, tokenizer.vocabulary), test.tokens, seed=0)

    assert {question.right for question in questions} == {0, 1, 2}
    for question in questions:
        asked_at = len(question.context)
        assert question.context[asked_at - distance] == question.values[question.right]
        # The key stands before its value, and nowhere else but at the end.
        places = np.flatnonzero(question.context == question.context[-1])
        assert places.tolist() == [asked_at - distance - 1, asked_at - 1]
        assert len({*question.values, *question.context[:6:2]}) == 6


def test_a_uniform_network_is_at_chance_exactly(sit, uniform):
    results = exam(distances=[8, 16]).run(sit(uniform, uniform))

    assert accuracies(results) == {"8": pytest.approx(100 / 3), "16": pytest.approx(100 / 3)}
    assert results.facts["chance"] == pytest.approx(100 / 3)
    [point, *_] = results.curves[0].lines["chance"]
    assert point == (8.0, *[pytest.approx(100 / 3)] * 3)


def test_a_network_that_remembers_is_right_at_every_distance(sit, trunk, monkeypatch):
    def remembers(trunk, contexts, candidates, hardware, progress):
        # What stood after the key the first time it was said.
        said = [context[int(np.argmax(context == context[-1])) + 1] for context in contexts]
        return [
            [np.array([float(ids[0] != value)]) for ids in own] for own, value in zip(candidates, said, strict=True)
        ]

    monkeypatch.setattr(key_value_recall, "candidate_nll", remembers)
    results = exam().run(sit(trunk))

    assert accuracies(results) == {"16": 100.0}
    assert all(
        json.loads(prediction) == right
        for prediction, right in zip(
            results.comparison.outputs["pretrained"].predictions,
            results.comparison.outputs["pretrained"].references,
            strict=True,
        )
    )


def test_a_distance_that_cannot_be_had_is_named(sit, trunk):
    with pytest.raises(ValueError, match="distances: 4, 30 cannot be had with 3 pairs in 32 positions, only 6 to 26"):
        exam(distances=[4, 8, 30]).run(sit(trunk))
