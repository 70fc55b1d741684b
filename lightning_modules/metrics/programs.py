"""How often a program that a model writes passes its tests.

pass@k is the chance that one of k programs passes; from n drawn, of which c pass, it is estimated without bias by
1 - C(n - c, k) / C(n, k) (Chen et al. 2021, arXiv:2107.03374, section 2.1). The share of examples where one of the
first k passes would be another, noisier estimate of the same; 1 - (1 - c/n)^k would be too small.
"""

from math import comb
from typing import ClassVar

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs
from lightning_modules.sandbox import Limits, run_program

_LIMITS = Limits()


class PassAtK(Metric):
    """Mean over the examples; a subclass says k."""

    k: ClassVar[int]

    @property
    def signature(self) -> str:
        """Says how it is estimated and what a program may use.

        Of a system that gives fewer than k answers, all are counted: a baseline gives the same one however often it is
        asked.
        """
        limits = f"cpu:{_LIMITS.cpu_seconds}s|memory:{_LIMITS.memory_bytes >> 20}MB"
        return f"{self.name}|unbiased|k:at most the answers given|{limits}|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Runs every program; returns (N, 2): the estimate, 1."""
        drawn = outputs.samples or [[prediction] for prediction in outputs.predictions]
        estimates = [
            pass_at_k(len(programs), sum(_passes(program, details) for program in programs), self.k)
            for programs, details in zip(drawn, outputs.details, strict=True)
        ]
        return np.stack([np.array(estimates, dtype=np.float64), np.ones(len(estimates))], axis=-1)

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return 100 * sums[..., 0] / sums[..., 1]


class PassAt1(PassAtK):
    """One program."""

    name: ClassVar[str] = "pass_at_1"
    k = 1


class PassAt5(PassAtK):
    """Five programs."""

    name: ClassVar[str] = "pass_at_5"
    k = 5


class PassAt10(PassAtK):
    """Ten programs."""

    name: ClassVar[str] = "pass_at_10"
    k = 10


def pass_at_k(drawn: int, passing: int, k: int) -> float:
    """Returns the chance that one of k (at most `drawn`) passes, of programs drawn from these without replacement."""
    k = min(k, drawn)
    return 1.0 - comb(drawn - passing, k) / comb(drawn, k)


def _passes(program: str, details: object) -> bool:
    assert isinstance(details, dict)
    return run_program(f"{details['before']}\n{program}", details["tests"], _LIMITS) == "passed"
