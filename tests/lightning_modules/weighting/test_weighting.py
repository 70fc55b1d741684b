import json

import pytest
from pydantic import TypeAdapter, ValidationError

from lightning_modules.weighting import WEIGHTINGS, StaticConfig, WeightingConfig, build_weighting
from lightning_modules.weighting.base import bounded

ADAPTER = TypeAdapter(WeightingConfig)


@pytest.mark.parametrize("method", WEIGHTINGS)
def test_every_method_starts_at_one_and_keeps_mean_and_bounds(method: str):
    weighting = build_weighting(ADAPTER.validate_python({"method": method}), ["a", "b", "c"], seed=0)
    assert weighting.factors() == {"a": 1.0, "b": 1.0, "c": 1.0}

    for step in range(3000):
        weighting.observe(step, {"a": 9.0, "b": 9.0 * 0.999**step, "c": 0.7 * 0.9**step})
        factors = weighting.factors().values()
        assert sum(factors) == pytest.approx(3.0) and min(factors) >= 0.2 and max(factors) <= 5.0


@pytest.mark.parametrize("method", WEIGHTINGS)
def test_a_resume_in_the_middle_gives_the_same_factors(method: str):
    config = ADAPTER.validate_python({"method": method})

    def observed(steps: range, weighting):
        for step in steps:
            weighting.observe(step, {"a": 9.0 - step / 100, "b": 0.7 - step / 1000})
        return weighting

    straight = observed(range(300), build_weighting(config, ["a", "b"], seed=1))
    killed = observed(range(130), build_weighting(config, ["a", "b"], seed=1))
    resumed = build_weighting(config, ["a", "b"], seed=1)
    resumed.load_state_dict(json.loads(json.dumps(killed.state_dict())))

    assert observed(range(130, 300), resumed).state_dict() == straight.state_dict()


def test_static_factors_stay_one():
    static = build_weighting(StaticConfig(), ["a", "b"], seed=0)
    static.observe(0, {"a": 9.0, "b": 0.1})

    assert static.factors() == {"a": 1.0, "b": 1.0}


def test_an_unknown_method_is_refused_with_the_nearest_name():
    with pytest.raises(ValidationError, match=r"unknown weighting method 'exces_loss'\. Did you mean 'excess_loss'"):
        ADAPTER.validate_python({"method": "exces_loss"})


def test_bounds_hold_exactly_and_the_rest_shares_what_is_left():
    assert bounded({"a": 1.0, "b": 1.0}) == pytest.approx({"a": 1.0, "b": 1.0})
    assert bounded({"a": 3.0, "b": 1.0}) == pytest.approx({"a": 1.5, "b": 0.5})
    # b would get 0.04 and is held at 0.2; what is left of 2 goes to a.
    assert bounded({"a": 50.0, "b": 1.0}) == pytest.approx({"a": 1.8, "b": 0.2})
    many = bounded({"a": 1e9} | {f"other{index}": 1.0 for index in range(19)})
    assert many["a"] == pytest.approx(5.0) and many["other0"] == pytest.approx(15 / 19)
