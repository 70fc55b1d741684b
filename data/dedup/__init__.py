"""Texts that are there more than once."""

from pydantic import Field

from data.config import Config
from data.dedup.exact import exact_keys
from data.dedup.near import signatures, survivors

__all__ = ["DedupConfig", "exact_keys", "signatures", "survivors"]


class DedupConfig(Config):
    """Settings of the removal of duplicates.

    Of each cluster one stays: that of the first source in the recipe, within a source that of the lowest id.
    """

    exact: bool = True
    """Texts that differ only in white space and case."""
    near: bool = True
    """Texts that share most of their word n-grams."""
    threshold: float = Field(0.8, ge=0.5, le=1.0)
    """Jaccard similarity from which texts are near duplicates."""
    shingle_words: int = Field(5, gt=0)
    """Words (characters where there are no spaces) in an n-gram."""
