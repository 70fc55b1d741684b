"""Rule `language`: tags every document with its language, and drops those of languages that the corpus does not keep.

Model: py3langid (naive Bayes on byte n-grams; Lui and Baldwin 2012, "langid.py"), restricted to candidate languages:
over all of its own it takes thousands of English messages for Nigerian Pidgin (`pcm`) and its like.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config
from data.text.language_id import language_identifier

_CANDIDATES = (
    "ar bg cs da de el en es et fa fi fr he hi hr hu id it ja ko lt lv nl no pl pt ro ru sk sl sv th tr uk vi zh"
)


class LanguageConfig(Config):
    """Settings of `language`."""

    candidates: tuple[str, ...] = tuple(_CANDIDATES.split())
    """ISO 639-1 codes among which a text is placed, beside the languages that the corpus keeps."""
    min_confidence: float = Field(0.5, ge=0.0, le=1.0)
    """Texts placed less surely are dropped as 'uncertain'."""
    max_characters: int = Field(1000, gt=0)
    """Only the beginning of a text is read."""


class Language(Rule[LanguageConfig]):
    """Reasons: 'uncertain', or the code of the language it is in."""

    name: ClassVar[str] = "language"
    Config: ClassVar[type[Config]] = LanguageConfig

    def apply(self, batch: TextBatch) -> None:
        """Names the language of what has none yet."""
        rows = np.flatnonzero(batch.alive & (batch.languages == None))  # noqa: E711  # compared one by one
        identifier = language_identifier(tuple(sorted({*self.config.candidates, *self.languages})))
        found, confidences = identifier.classify(batch.texts, rows, self.config.max_characters)
        batch.languages[rows] = found
        uncertain = np.zeros(len(batch), dtype=bool)
        uncertain[rows] = confidences < self.config.min_confidence
        batch.drop(self.name, "uncertain", uncertain)
        for language in sorted({*found} - {*self.languages}):
            where = np.zeros(len(batch), dtype=bool)
            where[rows] = found == language
            batch.drop(self.name, language, where)
