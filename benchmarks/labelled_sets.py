"""The real labelled sets that `benchmarks.tasks` fine-tunes and examines on, as files that recipes can name.

Shapes differ from publisher to publisher; here each becomes JSON lines of `input` and `target`, split as published.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

Pair = tuple[str, str | list[str]]
"""Input and answer, or all right answers."""


class Published(NamedTuple):
    """What others got on a set, as its description tells."""

    metric: str
    figures: str


class LabelledSet(NamedTuple):
    """One set on its way into a recipe."""

    folder: str
    """Of the sets' common folder."""
    splits: dict[str, Callable[[Path], Iterable[Pair]]]
    """Split -> what reads its pairs from the set's folder; without validation and test, a recipe divides by hash."""
    published: Published
    classes: tuple[str, ...] = ()


def lines(path: Path) -> Iterator[str]:
    """The lines of a gzipped text."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")


def labelled(file: str, names: Sequence[str], header: bool = False) -> Callable[[Path], Iterator[Pair]]:
    """Reads a number, a tab and a text a line; the number counts in `names`."""

    def read(folder: Path) -> Iterator[Pair]:
        rows = csv.reader(lines(folder / file), delimiter="\t", quoting=csv.QUOTE_NONE)
        if header:
            next(rows)
        for number, text in rows:
            yield text, names[int(number)]

    return read


def parallel(first: str, second: str) -> Callable[[Path], Iterator[Pair]]:
    """Reads two files whose lines belong together."""
    return lambda folder: zip(lines(folder / first), lines(folder / second), strict=True)


def columns(file: str, source: int, target: int) -> Callable[[Path], Iterator[Pair]]:
    """Reads two columns of a table of tabs."""

    def read(folder: Path) -> Iterator[Pair]:
        for line in lines(folder / file):
            cells = line.split("\t")
            yield cells[source], cells[target]

    return read


def abstracts(file: str) -> Callable[[Path], Iterator[Pair]]:
    """Reads SciTLDR: an abstract in sentences, and its summaries."""

    def read(folder: Path) -> Iterator[Pair]:
        for line in lines(folder / file):
            paper = json.loads(line)
            yield " ".join(paper["source"]), paper["target"]

    return read


POLARITY = ("negative", "positive")
SETS: dict[str, dict[str, LabelledSet]] = {
    "en": {
        "sst2": LabelledSet(
            "sst2",
            {split: labelled(f"{name}.tsv.gz", POLARITY) for split, name in
             {"train": "train", "validation": "dev", "test": "test"}.items()},
            Published("accuracy", "TF-IDF 81.2, BERT-base 91.8"),
            POLARITY,
        ),
        "multi30k": LabelledSet(
            "multi30k",
            {split: parallel(f"{name}.en.gz", f"{name}.de.gz") for split, name in
             {"train": "train", "validation": "val", "test": "test_2016_flickr"}.items()},
            Published("bleu", "a Transformer of its own 37 to 41"),
        ),
        "scitldr": LabelledSet(
            "scitldr-a",
            {split: abstracts(f"{name}.jsonl.gz") for split, name in
             {"train": "train", "validation": "dev", "test": "test"}.items()},
            Published("rouge1", "first sentence 31.3, BART 43.3"),
        ),
    },
    "zh": {
        "chnsenticorp": LabelledSet(
            "chnsenticorp",
            {split: labelled(f"{name}.tsv.gz", POLARITY, header=True) for split, name in
             {"train": "train", "validation": "dev", "test": "test"}.items()},
            Published("accuracy", "TF-IDF 92.6, BERT-base-chinese 95.0"),
            POLARITY,
        ),
        "tatoeba": LabelledSet(
            "tatoeba-en-zh", {"all": columns("cmn.tsv.gz", 0, 1)}, Published("chrf", "none known")
        ),
        "titles": LabelledSet("csl-titles-zh", {"all": columns("dev.tsv.gz", 1, 2)}, Published("rouge1", "none known")),
    },
}  # fmt: skip
"""Language -> name of the task -> its set."""


def write_set(chosen: LabelledSet, data: Path, folder: Path) -> dict[str, str]:
    """Writes a set's files; returns split -> path."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for split, read in chosen.splits.items():
        path = folder / f"{split}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for source, target in read(data / chosen.folder):
                file.write(json.dumps({"input": source, "target": target}, ensure_ascii=False) + "\n")
        paths[split] = str(path.absolute())
    return paths
