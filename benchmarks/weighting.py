"""What each weighting does for a starved objective, against the controls `static` and `random`, at equal steps.

    python benchmarks/weighting.py [--seeds 20] [--steps 400]

Three regressions share a layer and are trained by plain gradient descent, so that a weight is a speed: one with weight
1, one starved, with weight 0.05, and one with weight 1 whose targets are mostly noise: bait for a weighting that looks
at losses without a reference. Measured is the error on what can be known, as a share of a constant's: of the worst
objective, and in the mean. Differences from `static` are paired by seed, with the 95 % interval of Student's t. A
weighting that does not beat `random` has learnt nothing from what it observes.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from scipy.stats import t as student
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.weighting import WEIGHTINGS, Observation, WeightingConfig, build_weighting

WEIGHTS = {"fed": 1.0, "starved": 0.05, "noisy": 1.0}
NOISE = {"fed": 0.1, "starved": 0.1, "noisy": 1.0}
REACHABLE = {name: noise**2 + 0.05 for name, noise in NOISE.items()}
"""Losses that a good model has, as references."""
INPUTS, WIDTH, ROWS, LR = 16, 32, 64, 0.1


def settings() -> dict[str, dict[str, Any]]:
    """Returns row of the table -> weighting: the controls first, then all others, in the rhythm of a short training."""
    named = dict.fromkeys(["static", "random", *sorted(WEIGHTINGS)])
    rows: dict[str, dict[str, Any]] = {method: {"method": method, "update_every_steps": 5} for method in named}
    for method in ("static", "uncertainty"):
        del rows[method]["update_every_steps"]
    return rows | {"excess_loss, given": rows["excess_loss"] | {"references": REACHABLE}}


def errors(weighting_config: dict[str, Any], seed: int, steps: int) -> list[float]:
    """Trains once; returns of each objective the error on held-out inputs as a share of the targets' variance."""
    random = torch.Generator().manual_seed(seed)
    config: Any = TypeAdapter(WeightingConfig).validate_python(weighting_config)
    weighting = build_weighting(config, list(WEIGHTS), seed)
    teachers = {name: torch.randn(INPUTS, generator=random) / INPUTS**0.5 for name in WEIGHTS}
    shared = nn.Parameter(torch.randn(INPUTS, WIDTH, generator=random) / INPUTS**0.5)
    heads = {name: nn.Parameter(torch.randn(WIDTH, generator=random) / WIDTH) for name in WEIGHTS}

    def losses(x: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        states = (x @ shared).tanh()
        return {name: functional.mse_loss(states @ head, targets[name]) for name, head in heads.items()}

    for step in range(steps):
        x = torch.randn(ROWS, INPUTS, generator=random)
        noisy = {
            name: torch.tanh(2.0 * x @ teacher) + NOISE[name] * torch.randn(ROWS, generator=random)
            for name, teacher in teachers.items()
        }
        before, factors = losses(x, noisy), weighting.factors()
        weighted = {name: WEIGHTS[name] * factors[name] * loss for name, loss in before.items()}
        gradients = {
            name: torch.autograd.grad(loss, [shared, heads[name]], retain_graph=True) for name, loss in weighted.items()
        }
        with torch.no_grad():
            for name, (of_shared, of_head) in gradients.items():
                shared.sub_(LR * of_shared)
                heads[name].sub_(LR * of_head)
            after = losses(x, noisy)
        observation = Observation(
            losses={name: loss.item() for name, loss in before.items()},
            gradient_norms={name: of_shared.norm().item() for name, (of_shared, _) in gradients.items()},
            losses_after={name: loss.item() for name, loss in after.items()},
        )
        weighting.observe(step, observation)
    x = torch.randn(4096, INPUTS, generator=random)
    clean = {name: torch.tanh(2.0 * x @ teacher) for name, teacher in teachers.items()}
    with torch.no_grad():
        return [(loss / clean[name].var()).item() for name, loss in losses(x, clean).items()]


def against(ours_S: NDArray[Any], control_S: NDArray[Any]) -> str:
    """Returns the mean paired difference over the seeds S with its interval."""
    difference_S = ours_S - control_S
    mean = difference_S.mean()
    half = student.ppf(0.975, len(difference_S) - 1) * difference_S.std(ddof=1) / len(difference_S) ** 0.5
    return f"{mean:+.3f} ({mean - half:+.3f} .. {mean + half:+.3f})"


def main() -> None:
    """Trains every weighting from every seed and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=400)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    errors_SK = {
        row: np.array([errors(config, seed, arguments.steps) for seed in range(arguments.seeds)])
        for row, config in settings().items()
    }
    static = errors_SK["static"]
    print(f"{'':18}{'worst':>6}  {'against static':26}{'mean':>6}  against static")
    for row, ours in errors_SK.items():
        worst, mean = against(ours.max(1), static.max(1)), against(ours.mean(1), static.mean(1))
        print(f"{row:18}{ours.max(1).mean():6.3f}  {worst:26}{ours.mean():6.3f}  {mean}")


if __name__ == "__main__":
    main()
