"""How well a masked language model predicts hidden tokens of held-out text.

exp(-(1/N) sum log p(token | all the others)), one hidden token at a time (Salazar et al. 2020, arXiv:1910.14659). It
sees both sides, so it is not comparable with the perplexity of a causal model, and no likelihood of a text.
"""

from typing import ClassVar

from lightning_modules.metrics.likelihood import Perplexity


class PseudoPerplexity(Perplexity):
    """Every token hidden alone."""

    name: ClassVar[str] = "pseudo_perplexity"
    signature = "pseudo_perplexity|unit:token|hidden:alone|bos,eos:context"


class WordPseudoPerplexity(Perplexity):
    """Every token hidden together with the later pieces of its word (Kauf and Ivanova 2023, arXiv:2305.10588)."""

    name: ClassVar[str] = "pseudo_perplexity_l2r"
    signature = "pseudo_perplexity_l2r|unit:token|hidden:rest-of-word|bos,eos:context"
