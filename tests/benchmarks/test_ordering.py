import numpy as np

from benchmarks.arms import ARMS, POINTS, Point, Run
from benchmarks.ordering import Runs, claims


def runs(shares: dict[str, tuple[float, float]], pairs: int = 100, seeds: int = 3) -> Runs:
    """Arms that get these shares of the pairs right, causally and by masks, from the first point on."""

    def right(share: float) -> list[float]:
        return np.repeat([1.0, 0.0], [round(share * pairs), pairs - round(share * pairs)]).tolist()

    curve = {
        arm: [Point(step, right(causal), right(masked)) for step in range(POINTS)]
        for arm, (causal, masked) in shares.items()
    }
    return {arm: [Run({}, curve[arm])] * seeds for arm in shares}


def verdicts(runs: Runs) -> list[str]:
    return [line.split(" | ")[-1].removesuffix(" |") for line in claims(runs).splitlines()[2:]]


def test_clear_ordering_is_shown():
    shares = dict.fromkeys(ARMS, (1.0, 0.98)) | {"masked": (0.5, 0.5), "masked-flops": (0.5, 0.6), "causal": (1, 0.7)}

    assert verdicts(runs(shares)) == ["shown"] * 5


def test_equal_arms_show_no_advantage_but_are_within_the_tolerance():
    assert verdicts(runs(dict.fromkeys(ARMS, (0.9, 0.9)))) == ["not shown"] * 3 + ["shown", "not shown"]


def test_reversed_ordering_is_not_shown():
    shares = dict.fromkeys(ARMS, (0.6, 0.6)) | {"masked": (1.0, 1.0), "masked-flops": (1.0, 1.0), "causal": (0.7, 0.7)}

    assert verdicts(runs(shares)) == ["not shown"] * 5
