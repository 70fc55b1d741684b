"""Rule `learned`: drops or tags what a classifier takes for more like your bad examples than like your good ones.

The classifier is trained when the corpus is built, before the first document is cleaned, and kept with the corpus; see
`data/quality_model.py`. It knows no more than its examples: what it tells apart may be their topic or their language.
Source of the idea: Brown et al. 2020, arXiv:2005.14165, appendix A; Penedo et al. 2024 (FineWeb-Edu), arXiv:2406.17557.
"""

from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from data.cleaning.rule import Read, Rule, TextBatch
from data.config import Config, Count
from data.quality_model import QualityModel, train_quality_model
from data.sources import SourceConfig, SourceFields, TaskConfig


class LearnedConfig(Config):
    """Settings of `learned`."""

    good: SourceConfig
    """Texts as you want them, in all languages that the corpus keeps."""
    bad: SourceConfig
    """Texts as you do not, in the same languages."""
    max_examples: Count = Field(4_000, ge=100)
    """Read from each of the two, from its beginning."""
    inverse_regularization: float = Field(10.0, gt=0.0)
    """C of the logistic regression: larger fits the examples more closely."""
    lost_good: float = Field(0.05, ge=0.0, lt=1.0)
    """The threshold is the score that this share of the good texts which were not fitted to do not reach."""
    min_score: float | None = Field(None, ge=0.0, le=1.0)
    """A threshold of your own: probability to be a good text."""
    action: Literal["drop", "tag"] = "drop"

    @model_validator(mode="after")
    def examples_are_there_before_the_corpus(self) -> Self:
        """Refuses what is not there when the rules are prepared."""
        for place, source in (("good", self.good), ("bad", self.bad)):
            if isinstance(source, TaskConfig):
                raise ValueError(f"{place}: a task cannot be a classifier's example; name the file that the task reads")
        return self


class Learned(Rule[LearnedConfig]):
    """Reason, or tag: 'low_score'."""

    name: ClassVar[str] = "learned"
    Config: ClassVar[type[Config]] = LearnedConfig

    @classmethod
    def sources(cls, config: LearnedConfig) -> dict[str, SourceFields]:
        return {"good": config.good, "bad": config.bad}

    @classmethod
    def prepare(cls, config: LearnedConfig, folder: Path, read: Read) -> dict[str, Any]:
        """Trains the classifier."""
        good, bad = (list(islice(read(source), config.max_examples)) for source in (config.good, config.bad))
        try:
            model, judged = train_quality_model(
                good,
                bad,
                inverse_regularization=config.inverse_regularization,
                min_score=config.min_score,
                lost_good=config.lost_good,
            )
        except ValueError as error:
            raise ValueError(f"corpus.cleaning.learned.{error}") from error
        model.save(folder)
        return {**judged._asdict(), "threshold": model.threshold}

    @cached_property
    def model(self) -> QualityModel:
        """The classifier, loaded once per process.

        Raises:
            ValueError: it has not been trained.
        """
        if self.prepared is None:
            raise ValueError("corpus.cleaning.learned: its classifier has not been trained; prepare the rules first")
        return QualityModel.load(self.prepared)

    def apply(self, batch: TextBatch) -> None:
        """Scores all documents."""
        low = self.model.scores(batch.texts) < self.model.threshold
        act = batch.drop if self.config.action == "drop" else batch.tag
        act(self.name, "low_score", low)
