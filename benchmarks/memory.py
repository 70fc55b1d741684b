"""What building a corpus takes of memory and time as the corpus grows: neither may grow with it but the time, linearly.

    python -m benchmarks.memory [--megabytes 500 1000 2000] [--workers 2] [--engine local]

Writes English text that no one wrote: words drawn by their real frequencies, documents of many lengths, some of them
copies, near copies, or too short. Then builds corpora of growing parts of it with all rules on, each in a process of
its own, and adds up several times a second what this process and all those it starts hold. The bound is 1.5 GB.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np
import psutil

from data.corpus import CorpusConfig, build_corpus

PAGE = Path(__file__).parents[1] / "docs" / "results" / "corpus.md"
BOUND_MB = 1_500
SEED = 17
_DOCUMENT_WORDS, _SPREAD = 350.0, 0.8
"""Median of a document's length, and the standard deviation of its logarithm."""
_EXACT, _NEAR, _SHORT, _MAIL = 0.04, 0.04, 0.02, 0.02
"""Shares of documents that repeat one of the last, repeat it with changes, are too short, or hold an address."""
_REMEMBERED = 500


def documents(seed: int) -> Iterator[str]:
    """English without meaning, for ever: words of Python's own manual, as frequent as there, in sentences."""
    counts = Counter(word for text in topics.values() for word in text.split() if word.isalpha())
    words = np.array(list(counts), dtype=object)
    shares = np.array(list(counts.values()), dtype=np.float64) / counts.total()
    draw = np.random.default_rng(seed)
    last: list[str] = []
    while True:
        for length in np.exp(draw.normal(np.log(_DOCUMENT_WORDS), _SPREAD, _REMEMBERED)).astype(int):
            kind = draw.random()
            if last and kind < _EXACT + _NEAR:
                text = last[draw.integers(len(last))]
                yield text if kind < _EXACT else f"{text} {words[draw.integers(len(words))]}."
                continue
            count = 5 if kind > 1 - _SHORT else max(60, length)
            drawn = draw.choice(words, count, p=shares).tolist()
            for start in range(0, count, 12):
                drawn[start] = drawn[start].capitalize()
                drawn[min(start + 11, count - 1)] += "." if start % 60 else ".\n"
            text = " ".join(drawn)
            if kind > 1 - _SHORT - _MAIL and count > 5:
                text += f" Write to {drawn[1].lower()}@{drawn[2].lower()}.org."
            last = [*last[1 - _REMEMBERED :], text]
            yield text


def write_text(folder: Path, megabytes: int, file_megabytes: int) -> list[Path]:
    """Writes jsonl files of equal size, and returns their paths; what is there already is not made again."""
    files = [folder / f"{number:04d}.jsonl" for number in range(-(-megabytes // file_megabytes))]
    for number, file in enumerate(files):
        if file.exists():
            continue
        part, written = file.with_suffix(".part"), 0
        with part.open("w", encoding="utf-8") as stream:
            for text in documents(SEED + number):
                stream.write(json.dumps({"text": text}) + "\n")
                written += len(text)
                if written >= file_megabytes * 1e6:
                    break
        part.rename(file)
    return files


@dataclass
class Peak:
    """The most memory that a process and all its descendants held at once, in bytes."""

    pss: int = 0
    """Pages that several processes share are divided among them."""
    rss: int = 0
    """They are counted for each."""
    _done: threading.Event = field(default_factory=threading.Event)

    def watch(self, process: int, seconds: float) -> None:
        """Looks every so often, until `stop`."""
        while not self._done.wait(seconds):
            pss = rss = 0
            for one in _family(process):
                try:
                    held = one.memory_full_info()
                except psutil.Error:  # it has ended
                    continue
                pss, rss = pss + held.pss, rss + held.rss
            self.pss, self.rss = max(self.pss, pss), max(self.rss, rss)

    def stop(self) -> None:
        """Ends `watch`."""
        self._done.set()


def _family(process: int) -> list[psutil.Process]:
    try:
        first = psutil.Process(process)
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return []


@dataclass(frozen=True)
class Measured:
    """One build."""

    megabytes: float
    read: int
    kept: int
    clean_seconds: float
    """Reading and cleaning."""
    write_seconds: float
    """Finding duplicates, dividing, writing."""
    peak: Peak

    @property
    def seconds_per_megabyte(self) -> float:
        """Of the whole build."""
        return (self.clean_seconds + self.write_seconds) / self.megabytes


def measured(files: list[Path], folder: Path, engine: Mapping[str, Any]) -> Measured:
    """Builds a corpus of the files in a process of its own, and watches it."""
    sources = {file.stem: {"path": str(file)} for file in files}
    config = {"sources": sources, "languages": ["en"], "engine": engine}
    spawn = multiprocessing.get_context("spawn")
    report = folder / "report.json"
    builder = spawn.Process(target=_build, args=(config, folder, report))
    builder.start()
    assert builder.pid is not None
    peak = Peak()
    watching = threading.Thread(target=peak.watch, args=(builder.pid, 0.2))
    watching.start()
    builder.join()
    peak.stop()
    watching.join()
    if builder.exitcode:
        raise RuntimeError(f"the build ended with status {builder.exitcode}")
    found = json.loads(report.read_text())
    return Measured(sum(file.stat().st_size for file in files) / 1e6, peak=peak, **found)


def _build(config: Mapping[str, Any], folder: Path, report: Path) -> None:
    times = {"start": time.monotonic()}

    def progress(phase: str, done: int, total: int) -> None:
        times[phase] = time.monotonic()

    summary = build_corpus(
        CorpusConfig.model_validate(config),
        output=folder / "corpus",
        cache=folder / "cache",
        root=folder,
        progress=progress,
    )
    counts = summary.sources.values()
    found = {
        "read": sum(of_source.read for of_source in counts),
        "kept": sum(of_source.kept for of_source in counts),
        "clean_seconds": times["clean"] - times["start"],
        "write_seconds": time.monotonic() - times["clean"],
    }
    report.write_text(json.dumps(found))


def rendered(results: list[Measured], engine: Mapping[str, Any]) -> str:
    """Returns the figures as the page shows them."""
    from benchmarks.pages import setting, table  # here: it loads torch, which workers would load with this file

    head = [
        "MB of text",
        "documents",
        "kept",
        "s/MB",
        "cleaning s/MB",
        "the rest s/MB",
        "peak MB (PSS)",
        "peak MB (RSS)",
    ]
    rows = [
        [
            f"{result.megabytes:,.0f}",
            f"{result.read:,}",
            f"{result.kept:,}",
            f"{result.seconds_per_megabyte:.3f}",
            f"{result.clean_seconds / result.megabytes:.3f}",
            f"{result.write_seconds / result.megabytes:.3f}",
            f"{result.peak.pss / 1e6:,.0f}",
            f"{result.peak.rss / 1e6:,.0f}",
        ]
        for result in results
    ]
    first, last = results[0], results[-1]
    facts = (
        f"{setting(1)} Engine `{engine['kind']}` with {engine['workers']} workers; memory of all processes together."
    )
    highest = max(result.peak.pss for result in results)
    verdict = (
        f"{last.megabytes / first.megabytes:.1f} times the text costs "
        f"{last.seconds_per_megabyte / first.seconds_per_megabyte:.2f} times the time for each MB and "
        f"{last.peak.pss / first.peak.pss:.2f} times the memory. The bound of {BOUND_MB:,} MB is "
        f"{'kept' if highest < BOUND_MB * 1e6 else 'NOT kept'} with {highest / 1e6:,.0f} MB (PSS, which divides shared "
        f"pages among the processes; RSS counts them for each)."
    )
    return "\n\n".join([facts, table(head, rows), verdict])


def main() -> None:
    """Measures, prints and, unless it was a quick run, writes the page."""
    from benchmarks.pages import fill

    arguments = parser().parse_args()
    engine = {"kind": arguments.engine, "workers": arguments.workers}
    sizes, file_megabytes = ([1, 2], 1) if arguments.quick else (sorted(arguments.megabytes), 50)
    results = []
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        files = write_text(Path(name), sizes[-1], file_megabytes)
        for megabytes in sizes:
            with tempfile.TemporaryDirectory(dir=name) as build:
                results.append(measured(files[: -(-megabytes // file_megabytes)], Path(build), engine))
    figures = rendered(results, engine)
    print(figures)
    if not arguments.quick:
        fill(arguments.page, "memory", figures)


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[500, 1000, 2000], help="of text (500 1000 2000)")
    parser.add_argument("--workers", type=int, default=2, help="processes that clean (2)")
    parser.add_argument("--engine", default="local", help="local or ray")
    parser.add_argument("--folder", type=Path, help="for text and corpora, three times the text; else the system's")
    parser.add_argument("--page", type=Path, default=PAGE, help="page that gets the figures")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works; figures mean nothing")
    return parser


if __name__ == "__main__":
    main()
