"""Texts that are there more than once, as a whole or in part."""

from pydantic import Field

from data.config import Config
from data.dedup.exact import exact_keys
from data.dedup.near import clusters
from data.dedup.passages import PassagesConfig
from data.dedup.semantic import SemanticConfig
from data.dedup.sketch import signatures
from data.dedup.substrings import SubstringsConfig

__all__ = ["DedupConfig", "clusters", "exact_keys", "signatures"]


class DedupConfig(Config):
    """Settings of the removal of duplicates.

    Of what is the same one stays: that of the earliest corpus, in a corpus that of the first source in the recipe, in a
    source that of the lowest id.
    """

    exact: bool = True
    """Texts that differ only in white space and case."""
    near: bool = True
    """Texts that share most of their word n-grams. False: all stay, in the split of the one that would have stayed, so
    that none is tested on that is like one trained on."""
    threshold: float = Field(0.8, ge=0.5, le=1.0)
    """Jaccard similarity from which texts are near duplicates."""
    shingle_words: int = Field(5, gt=0)
    """Words (characters where there are no spaces) in an n-gram."""
    semantic: SemanticConfig | None = None
    """Texts about the same in other words; null leaves them."""
    substrings: SubstringsConfig | None = None
    """What a text has in common with a preferred one is cut, wherever it begins and ends; null leaves it."""
    passages: PassagesConfig | None = None
    """Lines or paragraphs that a preferred text has too are cut; null leaves them."""
