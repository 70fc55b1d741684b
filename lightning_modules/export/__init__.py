"""Weights in the formats of other libraries."""

from lightning_modules.export.llama import to_llama

__all__ = ["to_llama"]
