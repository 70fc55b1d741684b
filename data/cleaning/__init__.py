"""What makes a text fit to learn from. To add a rule: its file, its line in `RULES`, its field in `CleaningConfig`.

A rule sees a whole batch of documents and answers in columns: it takes from `batch.texts` what it wants to know, makes
a mask (N,) of it, and hands that to the batch. `batch.texts` (`data.text.TextColumn`) has, counted once for all rules:

- `words`: byte ranges, hashes (also without the punctuation around a word), lengths, classes of their characters,
  whether the language has `unspaced` words; `words.among([...])` finds stop words;
- `lines`: byte ranges with and without margins, hashes, lengths, first and last character; and `words_in_lines`;
- `characters`: how many letters, digits, symbols and so on a document has;
- `occurrences("...")` of a fixed string; `sums(values, words.offsets)` of something about words (or lines).

What only a regular expression can tell is asked of the few lines or texts in which `data.text.needles.Needles` finds
one of its fixed parts. Rows that are not `batch.alive` may be computed, but never matter.

    class Shouting(Rule[ShoutingConfig]):                   # drops; a document keeps the first reason it gets
        def apply(self, batch: TextBatch) -> None:
            characters = batch.texts.characters
            batch.drop(self.name, "upper_case", characters.upper > self.config.max_upper * characters.letters)

    batch.tag(self.name, "code", mask)                      # tags: 'shouting/code' in the column `tags`, for filters
    batch.keep_lines(self.name, lines.closing == ord("."))  # repairs: all other lines go
    batch.repair(self.name, texts.replaced(rows, new))      # repairs: these rows get other texts

Later rules see the repaired texts; their words and lines are then counted anew.
"""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from data.cleaning.boilerplate import Boilerplate, BoilerplateConfig
from data.cleaning.language import Language, LanguageConfig
from data.cleaning.length import Length, LengthConfig
from data.cleaning.quality import Quality, QualityConfig
from data.cleaning.repair import Repair, RepairConfig
from data.cleaning.repetition import Repetition, RepetitionConfig
from data.cleaning.rule import Rule, TextBatch
from data.config import Config
from data.naming import look_up

__all__ = ["RULES", "CleaningConfig", "Rule", "TextBatch", "build_rules", "overridden"]

RULES: dict[str, type[Rule[Any]]] = {
    "repair": Repair,
    "boilerplate": Boilerplate,
    "length": Length,
    "language": Language,
    "repetition": Repetition,
    "quality": Quality,
}
"""In the order in which they are applied unless a recipe gives another: repairs first, then the cheapest refusal of
most documents."""


class CleaningConfig(Config):
    """Settings of the rules; null switches one off."""

    repair: RepairConfig | None = RepairConfig()
    boilerplate: BoilerplateConfig | None = BoilerplateConfig()
    length: LengthConfig | None = LengthConfig()
    language: LanguageConfig | None = LanguageConfig()
    repetition: RepetitionConfig | None = RepetitionConfig()
    quality: QualityConfig | None = QualityConfig()
    order: tuple[str, ...] = tuple(RULES)
    """In which the rules are applied: every one that is switched on, once."""

    @model_validator(mode="after")
    def order_names_every_rule_once(self) -> Self:
        """Refuses an order that leaves open when a rule is applied."""
        for name in self.order:
            look_up("rule", name, RULES)
        missing = [name for name in RULES if getattr(self, name) is not None and name not in self.order]
        if missing or len(set(self.order)) < len(self.order):
            fault = f"leaves out {', '.join(missing)}" if missing else "names a rule twice"
            raise ValueError(f"order: {fault}; give every rule that is switched on once, as in {', '.join(RULES)}")
        return self


def overridden(config: CleaningConfig, changes: Mapping[str, Mapping[str, Any] | None]) -> CleaningConfig:
    """The settings with some rules switched off (null), or some of a rule's settings in place of its own.

    Raises:
        ValidationError: a rule or a setting that is none.
    """
    rules = config.model_dump()
    for name, change in changes.items():
        rules[name] = None if change is None else (rules.get(name) or {}) | change
    return CleaningConfig.model_validate(rules)


def build_rules(config: CleaningConfig, languages: tuple[str, ...]) -> list[Rule[Any]]:
    """The rules that are switched on, in their order."""
    settings = {name: getattr(config, name) for name in config.order}
    return [RULES[name](chosen, languages) for name, chosen in settings.items() if chosen is not None]
