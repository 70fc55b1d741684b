"""Weights in the formats of other libraries: `targets` says which, `writing` and `reading` do it. This loads no torch.

What is written is meant for transformers, but needs none of it.
"""

from lightning_modules.export.targets import TARGETS, Target

__all__ = ["TARGETS", "Target"]
