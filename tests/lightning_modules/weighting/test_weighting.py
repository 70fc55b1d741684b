"""What holds for every weighting, and for all of a kind."""

import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from lightning_modules.weighting import WEIGHTINGS, Observation, WeightingConfig, build_weighting
from lightning_modules.weighting.base import Weighting, bounded, bounded_exp

ADAPTER = TypeAdapter(WeightingConfig)
EAGER = {"update_every_steps": 1, "smoothing": 0.0, "pull": 0.0}
"""Settings with which a method, where it has them, shows at once what it does."""
FOLLOWS_LOSSES = ["dwa", "excess_loss", "famo", "gradnorm", "loss_proportional"]
"""Raise what falls least, as a share of itself. `uncertainty` does the contrary."""
Curve = Callable[[int], float]


def build(method: str, names: Iterable[str], **settings: Any) -> Weighting[Any]:
    fields = WEIGHTINGS[method].__orig_bases__[0].__args__[0].model_fields  # type: ignore[attr-defined]
    known = {name: value for name, value in settings.items() if name in fields}
    return build_weighting(ADAPTER.validate_python({"method": method} | known), list(names), seed=1)


def show(weighting: Weighting[Any], step: int, curves: dict[str, Curve]) -> None:
    """One step of a training whose losses follow `curves`, whatever the factors; unweighted gradients have length 1."""
    losses = {name: curve(step) for name, curve in curves.items()}
    after = {name: curve(step + 1) for name, curve in curves.items()}
    factors = weighting.factors()
    weighting.observe(step, Observation(losses, {name: factors[name] for name in curves}, after))


def trajectory(weighting: Weighting[Any], steps: int, curves: dict[str, Curve]) -> list[dict[str, float]]:
    factors = []
    for step in range(steps):
        show(weighting, step, curves)
        factors.append(weighting.factors())
    return factors


def falling(start: float, rate: float) -> Curve:
    return lambda step: start * rate**step


THREE = {"a": falling(9.0, 1.0), "b": falling(9.0, 0.999), "c": falling(0.7, 0.9)}


@pytest.mark.parametrize("method", WEIGHTINGS)
def test_every_method_starts_at_one_and_keeps_mean_and_bounds(method: str):
    weighting = build(method, "abc")
    assert weighting.factors() == {"a": 1.0, "b": 1.0, "c": 1.0}

    for found in trajectory(weighting, 3000, THREE):
        factors = found.values()
        assert sum(factors) == pytest.approx(3.0) and min(factors) >= 0.2 and max(factors) <= 5.0


@pytest.mark.parametrize("killed_after", [1, 2, 130])
@pytest.mark.parametrize("method", WEIGHTINGS)
def test_a_resume_in_the_middle_gives_the_same_factors(method: str, killed_after: int):
    def observed(steps: range, weighting: Weighting[Any]) -> Weighting[Any]:
        for step in steps:  # not every step trains every objective, so windows and averages are half full at the kill
            show(weighting, step, {name: THREE[name] for name in ("abc" if step % 3 == 2 else "ab")})
        return weighting

    straight = observed(range(300), build(method, "abc"))
    killed = observed(range(killed_after), build(method, "abc"))
    resumed = build(method, "abc")
    resumed.load_state_dict(json.loads(json.dumps(killed.state_dict())))

    assert observed(range(killed_after, 300), resumed).state_dict() == straight.state_dict()


@pytest.mark.parametrize("method", WEIGHTINGS)
def test_what_was_not_asked_for_is_not_missed(method: str):
    shown_all, shown_asked = build(method, "abc"), build(method, "abc")

    for step in range(120):
        needs = shown_asked.needs_at(step)
        assert needs <= shown_asked.needs
        losses = {name: curve(step) for name, curve in THREE.items()}
        after = {name: curve(step + 1) for name, curve in THREE.items()}
        norms = {"a": 1.0, "b": 2.0, "c": 3.0}
        shown_all.observe(step, Observation(losses, norms, after))
        asked = Observation(
            losses if needs else {},
            norms if "shared_gradients" in needs else {},
            after if "loss_after_step" in needs else {},
        )
        shown_asked.observe(step, asked)

    assert shown_asked.state_dict() == shown_all.state_dict()


@pytest.mark.parametrize("method", WEIGHTINGS)
def test_the_order_of_the_objectives_does_not_matter(method: str):
    assert trajectory(build(method, "abc", **EAGER), 30, THREE)[-1] == pytest.approx(
        trajectory(build(method, "cab", **EAGER), 30, {name: THREE[name] for name in "cab"})[-1]
    )


@pytest.mark.parametrize("method", [*FOLLOWS_LOSSES, "uncertainty"])
def test_swapping_the_objectives_swaps_the_factors(method: str):
    found = trajectory(build(method, "abc", **EAGER), 30, THREE)[-1]
    swapped = trajectory(build(method, "abc", **EAGER), 30, {"a": THREE["c"], "b": THREE["b"], "c": THREE["a"]})[-1]

    assert found == pytest.approx({"a": swapped["c"], "b": swapped["b"], "c": swapped["a"]})
    assert found["a"] != pytest.approx(found["c"])


@pytest.mark.parametrize("method", FOLLOWS_LOSSES)
def test_the_unit_of_a_loss_does_not_matter(method: str):
    scaled = THREE | {"a": lambda step: 10.0 * THREE["a"](step)}

    assert trajectory(build(method, "abc", **EAGER), 30, scaled)[-1] == pytest.approx(
        trajectory(build(method, "abc", **EAGER), 30, THREE)[-1]
    )


@pytest.mark.parametrize("method", FOLLOWS_LOSSES)
def test_equal_relative_losses_change_nothing(method: str):
    curves = {"a": falling(9.0, 0.5), "b": falling(0.7, 0.5)}  # halves, so that not even roundings differ

    assert trajectory(build(method, "ab", **EAGER), 20, curves)[-1] == pytest.approx({"a": 1.0, "b": 1.0})


@pytest.mark.parametrize(("method", "bound"), [(name, 1.8) for name in FOLLOWS_LOSSES if name != "dwa"])
def test_an_objective_that_stands_still_gains_until_its_bound_and_no_further(method: str, bound: float):
    curves = {"still": falling(5.0, 1.0), "falling": falling(0.5, 0.9)}

    factors = [each["still"] for each in trajectory(build(method, curves, **EAGER), 150, curves)]

    assert all(later > earlier - 1e-12 for earlier, later in pairwise(factors))
    assert factors[4] > 1.0 and factors[-1] == pytest.approx(bound)  # with two objectives the other holds 0.2


def test_static_factors_stay_one():
    assert trajectory(build("static", "abc"), 1, THREE) == [{"a": 1.0, "b": 1.0, "c": 1.0}]


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


def test_logarithms_of_any_size_are_bounded():
    assert bounded_exp({"a": 0.0, "b": 0.0}) == pytest.approx({"a": 1.0, "b": 1.0})
    assert bounded_exp({"a": 1e6, "b": 0.0, "c": -1e6}) == pytest.approx({"a": 2.6, "b": 0.2, "c": 0.2})
