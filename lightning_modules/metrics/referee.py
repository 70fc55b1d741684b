"""How usual generated text is in the eyes of a second model that was made of the training text.

Low is not good by itself: a text that says one frequent word for ever is the most usual of all. What counts is how near
a system comes to real text under the same referee, together with its diversity.
"""

from typing import ClassVar

from lightning_modules.metrics.likelihood import Perplexity


class RefereePerplexity(Perplexity):
    """exp(sum of the referee's nats / tokens) of what a system wrote."""

    name: ClassVar[str] = "referee_perplexity"
    signature = "referee_perplexity|unit:token|eos:not-asked|bos:context"
