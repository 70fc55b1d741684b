"""How much of a stage's text comes from which source of the corpus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from data.shards import Shards
from lightning_modules.spec import ShardSource


def mixture(tokens: Path, weights: Mapping[str, float], share: float = 1.0) -> list[ShardSource]:
    """The sources of a `tokens` artifact, each with the part of the rows that its size times its weight has of all.

    Rows of the sources are interleaved in a fixed order, so a document of weight 2 is read twice as often as one of
    weight 1 at every point of the stage. Sources without training text, or of weight 0, are left out.

    Args:
        tokens: the artifact's folder.
        weights: source -> weight; empty: all text as the corpus has it.
        share: what the parts add up to.

    Raises:
        ValueError: nothing is left.
    """
    if not weights:
        return [ShardSource(path=tokens, share=share)]
    counts = Shards.open(tokens, "train").source_tokens()
    masses = {name: weights.get(name, 1.0) * counts[name] for name in sorted(counts)}
    total = sum(masses.values())
    if not total:
        raise ValueError("every source of the corpus that has training text has weight 0; give one of them more")
    return [ShardSource(path=tokens, source=name, share=share * mass / total) for name, mass in masses.items() if mass]
