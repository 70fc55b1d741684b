"""What makes a text fit to learn from. To add a rule: its file, its line in `RULES`, its field in `CleaningConfig`."""

from collections.abc import Mapping
from typing import Any

from data.cleaning.boilerplate import Boilerplate, BoilerplateConfig
from data.cleaning.language import Language, LanguageConfig
from data.cleaning.length import Length, LengthConfig
from data.cleaning.quality import Quality, QualityConfig
from data.cleaning.repair import Repair, RepairConfig
from data.cleaning.repetition import Repetition, RepetitionConfig
from data.cleaning.rule import Rule, TextBatch
from data.config import Config

__all__ = ["RULES", "CleaningConfig", "Rule", "TextBatch", "build_rules", "overridden"]

RULES: dict[str, type[Rule[Any]]] = {
    "repair": Repair,
    "boilerplate": Boilerplate,
    "length": Length,
    "language": Language,
    "repetition": Repetition,
    "quality": Quality,
}
"""In the order in which they are applied: repairs first, then the cheapest refusal of most documents."""


class CleaningConfig(Config):
    """Settings of the rules; null switches one off."""

    repair: RepairConfig | None = RepairConfig()
    boilerplate: BoilerplateConfig | None = BoilerplateConfig()
    length: LengthConfig | None = LengthConfig()
    language: LanguageConfig | None = LanguageConfig()
    repetition: RepetitionConfig | None = RepetitionConfig()
    quality: QualityConfig | None = QualityConfig()


def overridden(config: CleaningConfig, changes: Mapping[str, Mapping[str, Any] | None]) -> CleaningConfig:
    """The settings with some rules switched off (null), or some of a rule's settings in place of its own.

    Raises:
        ValidationError: a rule or a setting that is none.
    """
    rules = config.model_dump()
    for name, change in changes.items():
        rules[name] = None if change is None else {**(rules.get(name) or {}), **change}
    return CleaningConfig.model_validate(rules)


def build_rules(config: CleaningConfig, languages: tuple[str, ...]) -> list[Rule[Any]]:
    """The rules that are switched on, in the order of `RULES`."""
    settings = {name: getattr(config, name) for name in RULES}
    return [RULES[name](chosen, languages) for name, chosen in settings.items() if chosen is not None]
