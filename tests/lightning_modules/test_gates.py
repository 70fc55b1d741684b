"""Conditions on a stage's validation: what they say, and when they hold."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from lightning_modules.gates import Condition, judge
from lightning_modules.stage import StageConfig

BEGAN = {"validation/forward/loss": 4.0}
ENDED = {"validation/forward/loss": 3.0, "validation/replaced/auc": 0.75}


def judged(value: float | None = None, **condition: Any) -> tuple[bool, str]:
    given = Condition.model_validate({"metric": "forward/loss"} | condition)
    ended = ENDED if value is None else ENDED | {"validation/forward/loss": value}
    [judgement] = judge([given], BEGAN, ended, ngram_loss=lambda condition: 1.0 + condition.order)
    return judgement.passed, judgement.text


@pytest.mark.parametrize(
    ("condition", "passed", "text"),
    [
        ({"below": 3.5}, True, "forward/loss is 3, below 3.5"),
        ({"below": 3}, False, "forward/loss is 3, not below 3.0"),
        ({"above": 2}, True, "forward/loss is 3, above 2.0"),
        ({"metric": "replaced/auc", "above": 0.75}, False, "replaced/auc is 0.75, not above 0.75"),
        ({"beats": "ngram"}, True, "forward/loss is 3, below that of a 3-gram model, 4"),
        ({"beats": "ngram", "order": 2}, False, "forward/loss is 3, not below that of a 2-gram model, 3"),
        ({"value": 4.1, "rises_at_most": 0.05}, True, "forward/loss is 4.1, at most 5.0% above its start, 4.2"),
        ({"value": 4.3, "rises_at_most": 0.05}, False, "forward/loss is 4.3, not at most 5.0% above its start, 4.2"),
        ({"value": 4.0, "rises_at_most": 0}, True, "forward/loss is 4, at most 0.0% above its start, 4"),
    ],
)
def test_condition_holds_on_the_right_side_of_its_bound(condition: dict[str, Any], passed: bool, text: str):
    assert judged(**condition) == (passed, text)


@pytest.mark.parametrize(("value", "passed"), [(-2.0, True), (-1.95, True), (-1.85, False)])
def test_a_rise_of_what_is_below_0_is_measured_by_its_size(value: float, passed: bool):
    name = "validation/alike/uniformity"
    condition = Condition(metric="alike/uniformity", rises_at_most=0.05)
    [judgement] = judge([condition], {name: -2.0}, {name: value}, ngram_loss=lambda condition: 0.0)

    assert (judgement.passed, judgement.bound) == (passed, -1.9)


@pytest.mark.parametrize("condition", [{"below": 5}, {"above": 5}, {"beats": "ngram"}, {"rises_at_most": 9.0}])
def test_number_that_is_none_holds_no_condition(condition: dict[str, Any]):
    assert judged(value=math.nan, **condition)[0] is False


def test_unknown_metric_is_refused_with_those_there_are():
    with pytest.raises(
        ValueError, match=r"'forward/los'. Did you mean 'forward/loss'\? Known: forward/loss, replaced/"
    ):
        judged(metric="forward/los", below=1)


def test_ngram_model_is_asked_only_where_a_condition_needs_it():
    def fail(condition: Condition) -> float:
        raise AssertionError(condition)

    assert judge([Condition(metric="forward/loss", below=5)], BEGAN, ENDED, ngram_loss=fail)[0].passed


def stage(gate: dict[str, Any], **settings: Any) -> StageConfig:
    uses = {
        "forward": {"objective": "causal_lm", "share": 0.5, **settings},
        "cloze": {"objective": "masked_lm", "share": 0.5},
    }
    return StageConfig.model_validate({"tokens": 1, "peak_lr": 1.0, "objectives": uses, "gate": [gate]})


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ({"metric": "forward/loss"}, "forward/loss: give one of below, above, rises_at_most, beats, got none"),
        ({"metric": "forward/loss", "below": 1, "above": 0}, "got below, above"),
        ({"metric": "loss", "below": 1}, "pattern"),
        ({"metric": "froward/loss", "below": 1}, "in gate 'froward'. Did you mean 'forward'"),
        ({"metric": "cloze/loss", "beats": "ngram"}, "cloze/loss cannot be compared with an n-gram model"),
        ({"metric": "forward/accuracy", "beats": "ngram"}, "take '<name>/loss' of a causal_lm"),
        ({"metric": "forward/loss", "beats": "unigram"}, "ngram"),
    ],
)
def test_condition_that_cannot_be_judged_is_refused(gate: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        stage(gate)


def test_smoothed_loss_is_no_likelihood_to_compare():
    beats = {"metric": "forward/nll", "beats": "ngram"}

    assert stage(beats, label_smoothing=0.1).gate[0].use == "forward"
    with pytest.raises(ValidationError, match="or '<name>/nll' where it smooths its labels"):
        stage({"metric": "forward/loss", "beats": "ngram"}, label_smoothing=0.1)
