import math

import pytest

from data.document import draw
from data.quality_model import MIN_EXAMPLES, train_quality_model

GOOD = [f"The council of town {number} met on Tuesday and discussed the budget." for number in range(400)]
BAD = [f"click here!!! win ${number} now now now" for number in range(400)]


@pytest.mark.parametrize("kept", [(0.1, 1.0), (0.2, 1.0), (0.0, 0.5)])
def test_good_texts_that_were_cut_off_by_their_draw_are_judged_all_the_same(kept: tuple[float, float]):
    good = [text for text in GOOD if kept[0] <= draw(text) < kept[1]]
    assert len(good) > MIN_EXAMPLES

    _, judged = train_quality_model(good, BAD, inverse_regularization=10.0, min_score=None, lost_good=0.05)

    assert judged.auc == 1.0
    assert math.isfinite(judged.brier) and judged.brier < 0.05
    assert (judged.good, judged.bad) == (len(good), len(BAD))


def test_model_does_not_depend_on_the_order_of_its_examples():
    models = [
        train_quality_model(good, BAD, inverse_regularization=10.0, min_score=None, lost_good=0.05)
        for good in (GOOD, GOOD[::-1])
    ]

    assert models[0][1] == models[1][1]
    assert (models[0][0].weights_B == models[1][0].weights_B).all()


def test_too_few_examples_are_refused_by_number():
    with pytest.raises(ValueError, match=f"good: 3 different texts .* at least {MIN_EXAMPLES}"):
        train_quality_model(GOOD[:3], BAD, inverse_regularization=10.0, min_score=None, lost_good=0.05)
