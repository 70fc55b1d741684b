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

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import model_validator

from data.cleaning.blocklist import Blocklist, BlocklistConfig
from data.cleaning.boilerplate import Boilerplate, BoilerplateConfig
from data.cleaning.c4 import C4, C4Config
from data.cleaning.characters import Characters, CharactersConfig
from data.cleaning.code import Code, CodeConfig
from data.cleaning.fineweb import FineWeb, FineWebConfig
from data.cleaning.language import Language, LanguageConfig
from data.cleaning.learned import Learned, LearnedConfig
from data.cleaning.length import Length, LengthConfig
from data.cleaning.quality import Quality, QualityConfig
from data.cleaning.repair import Repair, RepairConfig
from data.cleaning.repetition import Repetition, RepetitionConfig
from data.cleaning.rule import Read, Rule, TextBatch
from data.cleaning.teasers import Teasers, TeasersConfig
from data.cleaning.tripled import Tripled, TripledConfig
from data.config import Config
from data.naming import look_up
from data.sources import SourceFields

__all__ = [
    "RULES",
    "CleaningConfig",
    "Rule",
    "TextBatch",
    "apply_rules",
    "build_rules",
    "overridden",
    "prepare_rules",
    "sources_of_rules",
]

RULES: dict[str, type[Rule[Any]]] = {
    "code": Code,
    "repair": Repair,
    "tripled": Tripled,
    "teasers": Teasers,
    "boilerplate": Boilerplate,
    "c4": C4,
    "length": Length,
    "characters": Characters,
    "language": Language,
    "repetition": Repetition,
    "quality": Quality,
    "fineweb": FineWeb,
    "blocklist": Blocklist,
    "learned": Learned,
}
"""In the order in which they are applied unless a recipe gives another: what tells code from prose, while its
indentation is there; repairs; then the cheapest refusal of most documents."""


class CleaningConfig(Config):
    """Settings of the rules; null switches one off."""

    code: CodeConfig | None = None
    repair: RepairConfig | None = RepairConfig()
    tripled: TripledConfig | None = None
    teasers: TeasersConfig | None = None
    boilerplate: BoilerplateConfig | None = BoilerplateConfig()
    c4: C4Config | None = None
    length: LengthConfig | None = LengthConfig()
    characters: CharactersConfig | None = None
    language: LanguageConfig | None = LanguageConfig()
    repetition: RepetitionConfig | None = RepetitionConfig()
    quality: QualityConfig | None = QualityConfig()
    fineweb: FineWebConfig | None = None
    blocklist: BlocklistConfig | None = None
    learned: LearnedConfig | None = None
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

    def switched_on(self) -> dict[str, Config]:
        """Rule -> settings, in the order of application."""
        return {name: chosen for name in self.order if (chosen := getattr(self, name)) is not None}


def overridden(config: CleaningConfig, changes: Mapping[str, Mapping[str, Any] | None]) -> CleaningConfig:
    """The settings with some rules switched off (null), or some of a rule's settings in place of its own.

    Raises:
        ValidationError: a rule or a setting that is none.
        ValueError: a rule would have to be prepared for this source alone.
    """
    rules = config.model_dump()
    for name, change in changes.items():
        rules[name] = None if change is None else {**(rules.get(name) or {}), **change}
    changed = CleaningConfig.model_validate(rules)
    prepared = sources_of_rules(config)
    for place, source in sources_of_rules(changed).items():
        if prepared.get(place) != source:
            raise ValueError(
                f"{place}: what a rule reads is read once for all sources; set it in the corpus's cleaning"
            )
    return changed


def sources_of_rules(config: CleaningConfig) -> dict[str, SourceFields]:
    """'rule.setting' -> what rules read before the first document is cleaned: their result depends on its content."""
    return {
        f"{name}.{setting}": source
        for name, chosen in config.switched_on().items()
        for setting, source in RULES[name].sources(chosen).items()
    }


def prepare_rules(config: CleaningConfig, folder: Path, read: Read) -> dict[str, dict[str, Any]]:
    """Lets every rule do once what it needs before the first document; gives the facts of those that did anything.

    Raises:
        SourceError: a source cannot be read.
        ValueError: what was read will not do.
    """
    facts = {
        name: dict(RULES[name].prepare(chosen, folder / name, read)) for name, chosen in config.switched_on().items()
    }
    return {name: found for name, found in facts.items() if found}


def build_rules(config: CleaningConfig, languages: tuple[str, ...], prepared: Path | None = None) -> list[Rule[Any]]:
    """The rules that are switched on, in their order; `prepared` is the folder of `prepare_rules`."""
    return [
        RULES[name](chosen, languages, prepared and prepared / name) for name, chosen in config.switched_on().items()
    ]


def apply_rules(rules: Sequence[Rule[Any]], batch: TextBatch) -> None:
    """Applies rule after rule, those for prose to what is no program."""
    for rule in rules:
        with batch.sparing(batch.code & rule.prose_only):
            rule.apply(batch)
