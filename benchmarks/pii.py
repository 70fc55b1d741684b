"""How much personal data is found, how much of what is found is none, and how fast, against others.

    python -m benchmarks.pii --english FILES --chinese FILES [--peers SITE_PACKAGES] [--each 500] [--write]

Files hold a text a line (plain or .gz; of JSON lines the `text`, of tables the longest column). For every type and
language `--each` spans are planted into their sentences, in many written forms, and as many look-alikes: see
`benchmarks.planting`. A find is right if its type and both ends are. Then all take turns on the texts as they are, in
one process; ratios are of turns that follow one another. Peers come from an environment of their own.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from benchmarks.alternation import OURS, Spread
from benchmarks.pages import RESULTS, fill, setting, table
from benchmarks.planting import plant, score
from data.pii import find_pii_batch, replace_pii_batch

MEGABYTES = 1.0
"""Of each text, given to all: some peers take a second for it."""
Replace = Callable[[], object]


def read_texts(files: Sequence[Path]) -> list[str]:
    """Reads a text from each line."""
    texts = []
    for file in files:
        with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
            texts += [
                json.loads(line)["text"] if line.startswith("{") else max(line.split("\t"), key=len) for line in lines
            ]
    return texts


def sentences(texts: Sequence[str]) -> list[str]:
    """Divides texts into sentences to plant into."""
    return [part.strip() for text in texts for part in re.split(r"\n|(?<=[.!?]) |(?<=[。！？])", text) if part.strip()]


def peers(site_packages: Path | None, texts: Sequence[str]) -> Iterator[tuple[str, str, Replace]]:
    """Yields the others that are installed there: name, what they look for, what goes through all texts."""
    if site_packages is None:
        return
    sys.path.append(str(site_packages))
    try:
        formatter = importlib.import_module("datatrove.pipeline.formatters.pii").PIIFormatter()
        yield "datatrove", "e-mail, IP", lambda: [formatter.format(text) for text in texts]
    except ImportError as error:
        print(f"datatrove: left out ({error})")
    try:
        found = importlib.import_module("presidio_analyzer.predefined_recognizers")
        names = ("Email", "Phone", "Ip", "CreditCard", "Iban", "UsSsn")
        recognizers = [getattr(found, f"{name}Recognizer")() for name in names]
        logging.getLogger("tldextract").setLevel(logging.CRITICAL)  # it asks the network for its list, then has its own
        yield (
            "presidio",
            "e-mail, phone, IP, card, IBAN, SSN",
            lambda: [one.analyze(text, one.supported_entities, None) for text in texts for one in recognizers],
        )
    except ImportError as error:
        print(f"presidio: left out ({error})")
    try:
        scrubber = importlib.import_module("scrubadub").Scrubber()
        yield (
            "scrubadub",
            "e-mail, phone, card, SSN, credentials, links",
            lambda: [scrubber.clean(text) for text in texts],
        )
    except ImportError as error:
        print(f"scrubadub: left out ({error})")


def turns(named: Mapping[str, Replace], rounds: int) -> dict[str, list[float]]:
    """Lets all take turns; returns the seconds of each turn, the first of each left out."""
    seconds: dict[str, list[float]] = {name: [] for name in named}
    for _ in range(rounds + 1):
        for name, replace in named.items():
            started = time.perf_counter()
            replace()
            seconds[name].append(time.perf_counter() - started)
    return {name: spent[1:] for name, spent in seconds.items()}


def found_rows(texts: Mapping[str, Sequence[str]], each: int, show: int) -> Iterator[list[str]]:
    """Yields a row for each language and type."""
    for language, given in texts.items():
        for name, result in score(plant(sentences(given), language, each), find_pii_batch).items():
            for example in result.examples[:show]:
                print(f"{language}: {name}: {example}")
            spans = result.right + result.missed
            yield [f"{language}: {name}", str(spans), f"{result.precision:.3f}", f"{result.recall:.3f}"]


def speed_rows(texts: Mapping[str, Sequence[str]], site_packages: Path | None, rounds: int) -> Iterator[list[str]]:
    """Yields a row for each text and for each who goes through it."""
    for language, given in texts.items():
        taken, size = [], 0.0
        for text in given:
            if size < MEGABYTES:
                taken.append(text)
                size += len(text.encode()) / 1e6
        column = pa.array(taken, pa.string())
        named: dict[str, Replace] = {OURS: lambda column=column: replace_pii_batch(column)}  # type: ignore[misc]
        looks_for = {OURS: "all types of the table above"}
        for name, kinds, replace in peers(site_packages, taken):
            named[name], looks_for[name] = replace, kinds
        seconds = turns(named, rounds)
        for name, spent in seconds.items():
            ratio = [theirs / ours for ours, theirs in zip(seconds[OURS], spent, strict=True)]
            shown = "" if name == OURS else f"{Spread.of(ratio):.0f}"
            yield [f"{language}: {name}", looks_for[name], f"{size / Spread.of(spent).median:.1f}", shown]


def main() -> None:
    """Measures and prints."""
    arguments = parser().parse_args()
    texts = {name: read_texts(getattr(arguments, file)) for name, file in (("en", "english"), ("zh", "chinese"))}
    texts = {name: given for name, given in texts.items() if given}
    found = table(["language: type", "spans", "precision", "recall"], found_rows(texts, arguments.each, arguments.show))
    speed = table(
        ["language: who", "looks for", "MB/s", "StageLM is times as fast"],
        speed_rows(texts, arguments.peers, arguments.rounds),
    )
    figures = f"{setting(1)}\n\n{found}\n\n{speed}"
    print(figures)
    if arguments.write:
        fill(RESULTS / "corpus.md", "pii", figures)


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("english", "chinese"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", default=[], help="files with a text a line")
    parser.add_argument("--each", type=int, default=500, help="spans, and look-alikes, of a type and language")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--show", type=int, default=0, help="print so many mistakes of each type")
    parser.add_argument("--peers", type=Path, help="site-packages with datatrove, presidio-analyzer, scrubadub")
    parser.add_argument("--write", action="store_true", help="fill the figures into docs/results/corpus.md")
    return parser


if __name__ == "__main__":
    main()
