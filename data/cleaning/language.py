"""Rule `language`: tags every document with its language, and drops those of languages that the corpus does not keep.

Model: py3langid (naive Bayes on byte n-grams; Lui and Baldwin 2012, "langid.py"), restricted to candidate languages:
over all of its own it takes thousands of English messages for Nigerian Pidgin (`pcm`) and its like.
"""

from functools import lru_cache
from typing import ClassVar

from py3langid.langid import MODEL_FILE, LanguageIdentifier
from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config

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
        """Tags what has no language yet."""
        identifier = _identifier(tuple(sorted({*self.config.candidates, *self.languages})))
        for index in batch.alive():
            if batch.languages[index] is not None:
                continue
            language, confidence = identifier.classify(batch.texts[index][: self.config.max_characters])
            batch.languages[index] = language
            if confidence < self.config.min_confidence:
                batch.drop(index, self.name, "uncertain")
            elif language not in self.languages:
                batch.drop(index, self.name, language)


@lru_cache(maxsize=1)
def _identifier(languages: tuple[str, ...]) -> LanguageIdentifier:
    """The model, loaded once per process.

    Raises:
        ValueError: the model does not know one of the languages.
    """
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = set(identifier.labels)
    unknown = [language for language in languages if language not in known]
    if unknown:
        raise ValueError(
            f"language {', '.join(unknown)}: not known to the language identification; known: "
            f"{', '.join(sorted(known))}. Give the sources a fixed `language` and switch the rule off"
        )
    identifier.set_languages(languages)
    return identifier
