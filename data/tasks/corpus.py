"""Text -> title pairs from the documents of the run's own corpus.

A document keeps the split it has in the corpus, so no test document of the task was ever read in pretraining.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from data.document import SPLITS, iter_texts
from data.tasks.base import Example, LabelledSource, Places, normalised


class CorpusTitles(LabelledSource):
    """Settings of `corpus`."""

    distinct: ClassVar[tuple[Literal["input", "target"], ...]] = ("input", "target")
    answer_may_be_quoted: ClassVar[bool] = False
    of_corpus: ClassVar[bool] = True

    source: Literal["corpus"]
    sources: tuple[str, ...] = ()
    """Corpus sources to draw from; empty: all that have titles."""

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads every document that has a title; a title that opens its text is cut off there.

        Raises:
            ValueError: there is no corpus.
        """
        if places.corpus is None:
            raise ValueError("data.source corpus: this run has no corpus to draw documents from")
        for split in SPLITS:
            for batch in iter_texts(places.corpus, split, columns=("id", "text", "title", "source")):
                for row in batch.to_pylist():
                    if row["title"] and (not self.sources or row["source"] in self.sources):
                        yield Example(_without_opening(row["text"], row["title"]), row["title"], row["id"], split)

    def content(self, places: Places) -> dict[str, Any]:
        """Nothing: the corpus artifact is an input of its own."""
        return {}


def _without_opening(text: str, title: str) -> str:
    """Returns the text without its first line if that line is the title."""
    first, _, rest = text.lstrip().partition("\n")
    return rest.lstrip() if normalised(first) == normalised(title) else text
