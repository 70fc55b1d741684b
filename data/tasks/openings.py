"""Beginnings of the documents of the run's own corpus, to be gone on with.

A document keeps the split it has in the corpus, so no test document of the task was ever read in pretraining.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from data.document import SPLITS, iter_texts
from data.tasks.base import Example, Places
from data.tasks.continuations import ContinuationSource


class CorpusOpenings(ContinuationSource):
    """Settings of `openings`."""

    of_corpus: ClassVar[bool] = True

    source: Literal["openings"]
    sources: tuple[str, ...] = ()
    """Corpus sources to draw from; empty: all."""

    def examples(self, places: Places) -> Iterator[Example]:
        """Reads every document.

        Raises:
            ValueError: there is no corpus.
        """
        if places.corpus is None:
            raise ValueError("data.source openings: this run has no corpus to draw documents from")
        for split in SPLITS:
            for batch in iter_texts(places.corpus, split, columns=("id", "text", "source")):
                for row in batch.to_pylist():
                    if not self.sources or row["source"] in self.sources:
                        yield self.from_text(row["text"], row["id"], split)

    def content(self, places: Places) -> dict[str, Any]:
        """Nothing: the corpus artifact is an input of its own."""
        return {}
