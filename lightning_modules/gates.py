"""What the validation of a stage must show before anything is built on its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from data.config import Config
from data.naming import look_up

_RULES = ("below", "above", "rises_at_most", "beats")


class Condition(Config):
    """One metric of a stage's last validation with one rule. A number that is not finite breaks every rule."""

    metric: str = Field(pattern=r"^[^/]+/.+$")
    """Name of the objective in its stage, then of the metric: 'forward/loss', 'replaced/auc'."""
    below: float | None = None
    above: float | None = None
    rises_at_most: float | None = Field(None, ge=0.0)
    """Largest rise since the stage began, as a part of the value's size then: 0.05 lets a loss become 5 % worse."""
    beats: Literal["ngram"] | None = None
    """`ngram`: an interpolated n-gram model of the stage's training text, in nats on the same validation tokens."""
    order: int = Field(3, ge=1, le=8)
    """Of the n-gram model: tokens it looks at together, the predicted one among them."""

    @model_validator(mode="after")
    def _has_one_rule(self) -> Self:
        given = [rule for rule in _RULES if getattr(self, rule) is not None]
        if len(given) != 1:
            raise ValueError(f"{self.metric}: give one of {', '.join(_RULES)}, got {', '.join(given) or 'none'}")
        return self

    @property
    def use(self) -> str:
        """Name of the objective in its stage."""
        return self.metric.partition("/")[0]

    @property
    def rule(self) -> str:
        """Which of the rules it is."""
        return next(rule for rule in _RULES if getattr(self, rule) is not None)

    @property
    def demand(self) -> str:
        """'below 5', 'below that of a 3-gram model', ..."""
        return {
            "below": f"below {self.below}",
            "above": f"above {self.above}",
            "rises_at_most": f"at most {self.rises_at_most or 0.0:.1%} above its start",
            "beats": f"below that of a {self.order}-gram model",
        }[self.rule]

    def __str__(self) -> str:
        return f"{self.metric} {self.demand}"


@dataclass(frozen=True)
class Judgement:
    """A condition with what was found."""

    metric: str
    rule: str
    value: float
    bound: float
    passed: bool
    text: str
    """'forward/loss is 5.412, not below 5.0'."""

    def record(self) -> dict[str, Any]:
        """Returns it as JSON."""
        return asdict(self)


def judge(
    conditions: Sequence[Condition],
    began: Mapping[str, float],
    ended: Mapping[str, float],
    ngram_loss: Callable[[Condition], float],
) -> list[Judgement]:
    """Judges all conditions.

    Args:
        conditions: of the stage.
        began: its first validation, 'validation/<use>/<metric>' -> value.
        ended: its last.
        ngram_loss: gives the nats per token of the n-gram model that a condition is about.

    Raises:
        ValueError: the stage has no such metric; lists those it has.
    """
    return [_judged(condition, began, ended, ngram_loss) for condition in conditions]


def _judged(
    condition: Condition,
    began: Mapping[str, float],
    ended: Mapping[str, float],
    ngram_loss: Callable[[Condition], float],
) -> Judgement:
    prefix = "validation/"
    found = {name.removeprefix(prefix): value for name, value in ended.items()}
    value = look_up("metric of the stage's validation", condition.metric, found)
    if condition.below is not None:
        bound, passed = condition.below, value < condition.below
    elif condition.above is not None:
        bound, passed = condition.above, value > condition.above
    elif condition.rises_at_most is not None:
        start = began[prefix + condition.metric]
        bound = start + condition.rises_at_most * abs(start)  # some are below 0, as `uniformity` is
        passed = value <= bound
    else:
        bound = ngram_loss(condition)
        passed = value < bound
    derived = f", {bound:.4g}" if condition.rule in {"rises_at_most", "beats"} else ""
    text = f"{condition.metric} is {value:.4g}, {'' if passed else 'not '}{condition.demand}{derived}"
    return Judgement(condition.metric, condition.rule, value, bound, passed, text)
