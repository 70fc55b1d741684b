"""How fast text becomes ids: against sentencepiece's own encoding, and other encoders of the same vocabulary.

    python -m benchmarks.encoding --english FILES --chinese FILES [--code FILES] [--peers SITE_PACKAGES] [--write]

A tokenizer of each algorithm and size is trained on the texts themselves. Then all encoders take turns on the same
texts in one process, each in the fastest way it has to give numbers; medians of the ratios of turns that follow one
another, on one thread and (ours and sentencepiece's) on all. Peers are taken from an environment of their own, whose
`site-packages` folder is given; the share of texts to which they give other ids than sentencepiece is reported beside.
The aim is 3 times sentencepiece on scripts with spaces, on one thread.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sentencepiece

from benchmarks.alternation import Spread
from benchmarks.pages import RESULTS, fill, setting, table
from data.sources.reading import read_rows
from data.sources.source import FileFields
from data.tokenizer import Tokenizer, TokenizerConfig
from data.tokenizer.training import train_model

OURS, THEIRS = "stagelm", "sentencepiece"
Encode = Callable[[], Any]


def encoders(model: bytes, texts: Sequence[str], threads: int) -> dict[str, Encode]:
    """Returns what encodes all texts once, by name: ours reads the Arrow array that a corpus's file gives."""
    tokenizer, held = Tokenizer(model), pa.array(texts, pa.large_string())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    given = list(texts)
    return {
        OURS: lambda: tokenizer.encode_arrays(held, threads),
        THEIRS: lambda: processor.encode(given, out_type="numpy", num_threads=threads),
    }


def peers(site_packages: Path | None, model: bytes, texts: Sequence[str]) -> Iterator[tuple[str, Encode, list[Any]]]:
    """Yields the other encoders that are installed there: name, what encodes all texts, the ids of each."""
    if site_packages is None:
        return
    sys.path.append(str(site_packages))
    try:
        kitoken = importlib.import_module("kitoken").Kitoken.from_sentencepiece(model)
    except (ImportError, ValueError) as error:
        print(f"kitoken: left out ({error})")
        return
    given = list(texts)
    yield "kitoken", lambda: [kitoken.encode(text) for text in given], [kitoken.encode(text) for text in given]


def turns(named: Mapping[str, Encode], rounds: int) -> dict[str, list[float]]:
    """Lets all take turns; returns the seconds of each turn, the first of each left out."""
    seconds: dict[str, list[float]] = {name: [] for name in named}
    for _ in range(rounds + 1):
        for name, encode in named.items():
            started = time.perf_counter()
            encode()
            seconds[name].append(time.perf_counter() - started)
    return {name: spent[1:] for name, spent in seconds.items()}


def read_texts(files: Sequence[Path], field: str) -> list[str]:
    """Reads txt (a document a paragraph), jsonl, csv or parquet, plain or compressed."""
    texts = []
    for file in files:
        with file.open("rb") as stream:
            rows = read_rows(stream, file.name, FileFields(text=field, unit="paragraph"))
            texts += [row.text for row in rows if row.defect is None]
    return texts


def measure(arguments: argparse.Namespace) -> Iterator[list[str]]:
    """Yields a row for each text and tokenizer."""
    for name in ("english", "chinese", "code"):
        texts = read_texts(getattr(arguments, name), arguments.field)
        if not texts:
            continue
        size = sum(len(text.encode()) for text in texts) / 1e6
        for algorithm in ("unigram", "bpe"):
            for vocab_size in arguments.vocab_sizes:
                config = TokenizerConfig(algorithm=algorithm, vocab_size=vocab_size)
                try:
                    model = train_model(config, texts)
                except ValueError as error:
                    print(f"{name}, {algorithm} {vocab_size}: left out ({error})")
                    continue
                named = encoders(model, texts, 1)
                reference = named[THEIRS]()
                ids, offsets = named[OURS]()
                equal = sum(map(np.array_equal, np.split(ids, offsets[1:-1]), reference))
                shown = {OURS: f"{equal / len(texts):.2%}"}
                for peer, encode, found in peers(arguments.peers, model, texts):
                    named[peer] = encode
                    shown[peer] = f"{sum(map(np.array_equal, found, reference)) / len(texts):.2%}"
                seconds = turns(named, arguments.rounds)
                for other in (one for one in named if one != THEIRS):
                    ratio = [theirs / ours for ours, theirs in zip(seconds[other], seconds[THEIRS], strict=True)]
                    speed = size / Spread.of(seconds[other]).median
                    yield [
                        f"{name} ({size:.1f} MB), {algorithm} {vocab_size:,}", other, "1", f"{speed:.0f}",
                        f"{Spread.of(ratio):.1f}", shown[other],
                    ]  # fmt: skip
                threads = os.cpu_count() or 1
                seconds = turns(encoders(model, texts, threads), arguments.rounds)
                ratio = [theirs / ours for ours, theirs in zip(seconds[OURS], seconds[THEIRS], strict=True)]
                yield [
                    f"{name} ({size:.1f} MB), {algorithm} {vocab_size:,}", OURS, str(threads),
                    f"{size / Spread.of(seconds[OURS]).median:.0f}", f"{Spread.of(ratio):.1f}", "",
                ]  # fmt: skip


def main() -> None:
    """Measures and prints."""
    arguments = parser().parse_args()
    head = ["text and tokenizer", "encoder", "threads", "MB/s", "times sentencepiece", "texts with equal ids"]
    figures = setting(os.cpu_count() or 1) + "\n\n" + table(head, measure(arguments))
    print(figures)
    if arguments.write:
        fill(RESULTS / "corpus.md", "encoding", figures)


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("english", "chinese", "code"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", default=[], help="txt, jsonl, csv or parquet")
    parser.add_argument("--field", default="text", help="column or key of the text")
    parser.add_argument("--vocab-sizes", type=int, nargs="+", default=[8192, 32768])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", type=Path, help="site-packages of an environment with kitoken")
    parser.add_argument("--write", action="store_true", help="fill the figures into docs/results/corpus.md")
    return parser


if __name__ == "__main__":
    main()
