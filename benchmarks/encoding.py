"""How fast text becomes ids: against sentencepiece's own encoding, and other encoders of the same vocabulary.

    python -m benchmarks.encoding --english FILES --chinese FILES [--code FILES] [--peers SITE_PACKAGES] [--write]

A tokenizer of each algorithm and size is trained on part of the texts. Then all encoders take turns on all of them in
one process, each in the fastest way it has to give numbers; medians of the ratios of turns that follow one another, on
one thread, and ours and sentencepiece's on all. Ours starts every turn having met no text (`stagelm`), or goes on where
the turn before ended (`stagelm, in midstream`): in a large corpus it is between the two. Peers (kitoken, tokie,
tokenizers) are taken from an environment of their own, whose `site-packages` folder is given; to how many texts each
gives sentencepiece's ids is told beside. The aim is 3 times sentencepiece on scripts with spaces, on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sentencepiece

from benchmarks.alternation import Spread
from benchmarks.encoding_peers import Encode, Named, peers
from benchmarks.pages import RESULTS, fill, setting, table
from data.sources.reading import read_rows
from data.sources.source import FileFields
from data.tokenizer import Tokenizer, TokenizerConfig
from data.tokenizer.training import train_model

OURS, MIDSTREAM, THEIRS = "stagelm", "stagelm, in midstream", "sentencepiece"
_TRAINING_CHARACTERS = 3_000_000
KINDS = ("english", "chinese", "mixed", "code")


def ours_and_theirs(model: bytes, texts: Sequence[str], threads: int) -> dict[str, Named]:
    """Returns what encodes all texts, by name: ours reads the Arrow array that a file of a corpus gives."""
    warm, held, given = Tokenizer(model).compiled, pa.array(texts, pa.large_string()), list(texts)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    warm.encode(held, threads)

    def fresh() -> Encode:
        cold = Tokenizer(model).compiled
        return lambda: parted(*cold.encode(held, threads))

    return {
        OURS: Named(fresh),
        MIDSTREAM: Named(lambda: lambda: parted(*warm.encode(held, threads))),
        THEIRS: Named(lambda: lambda: processor.encode(given, out_type="numpy", num_threads=threads)),
    }


def parted(ids: Any, offsets: Any) -> Callable[[], list[Any]]:
    """Returns what gives the ids of each text; only called where they are compared."""
    return lambda: np.split(ids, offsets[1:-1])


def turns(named: Mapping[str, Named], rounds: int) -> dict[str, list[float]]:
    """Lets all take turns and returns the seconds of each, the first left out; getting ready is not timed."""
    seconds: dict[str, list[float]] = {name: [] for name in named}
    for _ in range(rounds + 1):
        for name, encoder in named.items():
            encode = encoder.ready()
            started = time.perf_counter()
            encode()
            seconds[name].append(time.perf_counter() - started)
    return {name: spent[1:] for name, spent in seconds.items()}


def equal_share(encoder: Named, reference: Sequence[Any]) -> str:
    """Returns the share of texts that get the reference's ids."""
    found = encoder.ready()()
    found = found() if callable(found) else found
    return f"{sum(map(np.array_equal, found, reference)) / len(reference):.2%}"


def measure(texts: Sequence[str], label: str, config: TokenizerConfig, arguments: argparse.Namespace) -> Iterator[Any]:
    """Yields a row for each encoder."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    model = train_model(config, list(_part(texts)))
    what = f"{label} ({size:.1f} MB), {config.algorithm} {config.vocab_size:,}"
    with tempfile.TemporaryDirectory() as folder:
        named = ours_and_theirs(model, texts, 1) | peers(arguments.peers, model, config.algorithm, texts, Path(folder))
        reference = named[THEIRS].ready()()
        shares = {name: equal_share(encoder, reference) for name, encoder in named.items()}
        for threads, row in ((1, named), (os.cpu_count() or 1, None)):
            taking_turns = row or ours_and_theirs(model, texts, threads)
            seconds = turns(taking_turns, arguments.rounds)
            for name in taking_turns:
                ratios = [theirs / ours for ours, theirs in zip(seconds[name], seconds[THEIRS], strict=True)]
                speed = f"{size / Spread.of(seconds[name]).median:.0f}"
                yield [what, name, f"{threads}", speed, f"{Spread.of(ratios):.2f}", shares[name]]


def _part(texts: Sequence[str]) -> Iterator[str]:
    """Yields texts from all over, as many as training gets."""
    left = _TRAINING_CHARACTERS
    for place in np.random.default_rng(0).permutation(len(texts)):
        if left <= 0:
            return
        left -= len(texts[place])
        yield texts[place]


def read_texts(files: Sequence[Path], field: str) -> list[str]:
    """Reads txt (a document a paragraph), jsonl, csv or parquet, plain or compressed, but what holds the character ▁.

    That is how pieces write a space, and sentencepiece takes it for one.
    """
    texts = []
    for file in files:
        with file.open("rb") as stream:
            rows = read_rows(stream, file.name, FileFields(text=field, unit="paragraph"))
            texts += [row.text for row in rows if row.defect is None and "▁" not in row.text]
    return texts


def main() -> None:
    """Measures and prints."""
    arguments = parser().parse_args()
    by_kind = {kind: read_texts(getattr(arguments, kind), arguments.field) for kind in KINDS}
    rows: list[Any] = []
    for kind, texts in by_kind.items():
        for algorithm in ("unigram", "bpe"):
            for vocab_size in arguments.vocab_sizes if texts else ():
                config = TokenizerConfig(algorithm=algorithm, vocab_size=vocab_size)
                try:
                    for row in measure(texts, kind, config, arguments):
                        print(json.dumps(row, ensure_ascii=False), flush=True)
                        rows.append(row)
                except ValueError as error:
                    print(f"{kind}, {algorithm} {vocab_size:,}: left out: {error}", flush=True)
    head = ["text and tokenizer", "encoder", "threads", "MB/s", "times sentencepiece", "texts with equal ids"]
    figures = f"{setting(os.cpu_count() or 1)}\n\n{table(head, rows)}"
    print(figures)
    if arguments.write:
        fill(RESULTS / "corpus.md", "encoding", figures)


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind in KINDS:
        parser.add_argument(f"--{kind}", type=Path, nargs="+", default=[], help="txt, jsonl, csv or parquet")
    parser.add_argument("--field", default="text", help="column or key of the text")
    parser.add_argument("--vocab-sizes", type=int, nargs="+", default=[8192, 32768])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", type=Path, help="site-packages of an environment with kitoken, tokie, tokenizers")
    parser.add_argument("--write", action="store_true", help="fill the figures into docs/results/corpus.md")
    return parser


if __name__ == "__main__":
    main()
