from lightning_modules.weighting.base import Observation
from lightning_modules.weighting.random import Random, RandomConfig


def drawn(seed: int, steps: int, names: tuple[str, ...] = ("a", "b")) -> dict[str, float]:
    weighting = Random(RandomConfig(update_every_steps=10), names, seed)
    for step in range(steps):
        weighting.observe(step, Observation())
    return weighting.factors()


def test_factors_follow_the_seed_and_change_only_at_an_update():
    assert drawn(seed=1, steps=9) == {"a": 1.0, "b": 1.0}
    assert drawn(seed=1, steps=10) == drawn(seed=1, steps=19) != drawn(seed=1, steps=20)
    assert drawn(seed=1, steps=10) != drawn(seed=2, steps=10)


def test_the_order_of_the_names_does_not_matter():
    assert drawn(seed=1, steps=10) == drawn(seed=1, steps=10, names=("b", "a"))
