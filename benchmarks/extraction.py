"""How well the main text of web pages is told from what is around it.

    python -m benchmarks.extraction --pages FOLDER [--page docs/results/corpus.md]

FOLDER holds `annotations.json` (address -> file, strings that must stay, strings that must go) and `pages.tar.gz`, from
trafilatura's evaluation. A string of the first kind that is in the text is right, one of the second kind wrong.
Our reader is compared with all tags taken off and with jusText, each from the same bytes.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.pages import fill, table
from data.extraction.page import main_text

SECTION = "extraction"


class Score(NamedTuple):
    """Strings of all pages: kept that must stay, of so many; kept that must go, of so many."""

    kept: int
    to_keep: int
    left: int
    to_go: int

    @property
    def precision(self) -> float:
        """Share of what was kept that had to stay."""
        return self.kept / max(1, self.kept + self.left)

    @property
    def recall(self) -> float:
        """Share of what had to stay that was kept."""
        return self.kept / max(1, self.to_keep)

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.kept / max(1, self.kept + self.left + self.to_keep)

    @property
    def accuracy(self) -> float:
        """Share of all strings that were treated right."""
        return (self.kept + self.to_go - self.left) / max(1, self.to_keep + self.to_go)


def ours(content: bytes) -> str:
    """The reader of `.html` files."""
    return main_text(content, "")


def tags_off(content: bytes) -> str:
    """Everything that is no tag, script or style."""
    from lxml import etree, html

    tree = html.fromstring(content or b"<p></p>")
    etree.strip_elements(tree, "script", "style", "noscript", etree.Comment, with_tail=False)
    return " ".join(tree.text_content().split())


def justext(content: bytes) -> str:
    """Paragraphs that jusText takes for text, with the stop words of all its languages."""
    import justext as library

    stopwords = frozenset().union(*(library.get_stoplist(name) for name in library.get_stoplists()))
    return "\n".join(p.text for p in library.justext(content, stopwords) if not p.is_boilerplate)


EXTRACTORS: Mapping[str, Callable[[bytes], str]] = {"StageLM": ours, "jusText": justext, "tags taken off": tags_off}


def pages(folder: Path) -> Iterator[tuple[bytes, list[str], list[str]]]:
    """Yields a page, strings that must stay, strings that must go."""
    notes = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    with tarfile.open(folder / "pages.tar.gz") as archive:
        members = {Path(member.name).name: member for member in archive if member.isfile()}
        for note in notes.values():
            stream = archive.extractfile(members[Path(note["file"]).name])
            assert stream is not None
            yield stream.read(), note["with"], note["without"]


def judged(page: tuple[bytes, list[str], list[str]]) -> dict[str, Score]:
    """Scores every extractor on one page; one that fails has kept nothing."""
    content, stay, go = page
    scores = {}
    for name, extract in EXTRACTORS.items():
        try:
            text = " ".join(extract(content).split())
        except Exception:  # some cannot read what others can
            text = ""
        kept, left = (sum(" ".join(part.split()) in text for part in parts) for parts in (stay, go))
        scores[name] = Score(kept, len(stay), left, len(go))
    return scores


def parser() -> argparse.ArgumentParser:
    """The arguments of this script."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--pages", type=Path, required=True, help="folder of annotations.json and pages.tar.gz")
    arguments.add_argument("--page", type=Path, help="page whose figures are replaced")
    return arguments


def main() -> None:
    """Prints the scores, and puts them into a page if one is given."""
    given = parser().parse_args()
    totals: dict[str, Counter[str]] = {name: Counter() for name in EXTRACTORS}
    number = 0
    with ProcessPoolExecutor() as pool:
        for scores in pool.map(judged, pages(given.pages), chunksize=4):
            number += 1
            for name, score in scores.items():
                totals[name].update(score._asdict())
    text = report({name: Score(**total) for name, total in totals.items()}, number)
    print(text)
    if given.page:
        fill(given.page, SECTION, text)


def report(scores: Mapping[str, Score], number: int) -> str:
    """Returns the table with what it was taken on."""
    from importlib.metadata import version

    head: list[Any] = ["extractor", "precision", "recall", "F1", "accuracy"]
    rows = [
        [name, *(f"{figure:.3f}" for figure in (score.precision, score.recall, score.f1, score.accuracy))]
        for name, score in scores.items()
    ]
    first = next(iter(scores.values()))
    return (
        f"{number} pages with {first.to_keep:,} strings that must stay and {first.to_go:,} that must go; "
        f"trafilatura {version('trafilatura')}, jusText {version('justext')}.\n\n{table(head, rows)}"
    )


if __name__ == "__main__":
    main()
