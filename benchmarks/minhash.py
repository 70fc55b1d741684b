"""How fast near duplicates are found, and how well: against rensa and datasketch, on the same documents and core.

    python -m benchmarks.minhash FILES [--peers ENVIRONMENT] [--megabytes 40] [--rounds 5] [--quick] [--write]

All start from the same texts in memory and end with the documents that resemble an earlier one (Jaccard similarity of
their runs of five words at least 0.8); they take turns. Edited copies are planted: of every fourth document one, with
up to 4 % of its words replaced. What should be found is known from the exact similarity of all pairs. Others' libraries
leave the cutting into runs of words to Python, which takes most of their time: the ratio is given with and without it.
The peers live in the environment of `benchmarks.corpus`. The aim is 3 times rensa.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.alternation import OURS, Spread, times_as_fast
from benchmarks.corpus import ENVIRONMENT, ONE_THREAD, ROOT, install, write_documents
from benchmarks.pages import RESULTS, fill, setting, table
from data.dedup import clusters, signatures
from data.text import TextColumn

PEERS = ("rensa", "datasketch")
THRESHOLD, WORDS = 0.8, 5
_BLOCK = 1024
_MOST_EDITED = 0.04
"""Share of the words of a copy: one in fifty brings runs of five words to a similarity of about 0.8."""
_MEMORY = 256 * 2**20


class Turn(NamedTuple):
    """One search."""

    seconds: float
    steps: dict[str, float]
    """Seconds by step."""
    found: set[int]
    """Documents that resemble an earlier one."""


def plant(path: Path, seed: int = 0) -> list[str]:
    """Puts edited copies into a file of documents, anywhere after the original; returns all texts."""
    draw = random.Random(seed)
    with path.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    copies = []
    for text in texts[::4]:
        words, share = text.split(" "), draw.uniform(0.0, _MOST_EDITED)
        copies.append(" ".join(draw.choice(words) if draw.random() < share else word for word in words))
    texts += draw.sample(copies, len(copies))
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    return texts


def search(texts: Sequence[pa.StringArray], scratch: Path) -> Turn:
    """Returns what we find in blocks of texts."""
    began, signing = time.perf_counter(), 0.0
    blocks, first = [], 0
    for block in texts:
        started = time.perf_counter()
        words = TextColumn(block).words
        sketches = signatures(words.hashes, words.offsets, WORDS)
        signing += time.perf_counter() - started
        blocks.append((sketches, np.arange(first, first + len(block))))
        first += len(block)
    heads = clusters(blocks, THRESHOLD, scratch, _MEMORY)
    seconds = time.perf_counter() - began
    found = set(np.flatnonzero(heads != np.arange(first)).tolist())
    return Turn(seconds, {"words and sketches": signing, "search": seconds - signing}, found)


class Peer:
    """The process of the peers' environment."""

    def __init__(self, environment: Path, documents: Path) -> None:
        command = [str(environment / "bin" / "python"), "-m", "benchmarks.minhash_peers", str(documents)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD
        )

    def turn(self, name: str) -> Turn:
        """Lets one of them search.

        Raises:
            RuntimeError: the process ended; its message is above.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(name + "\n")
        self._process.stdin.flush()
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"benchmarks.minhash_peers ended with {self._process.wait()}")
        found = json.loads(line)
        return Turn(found["seconds"], found["steps"], set(found["found"]))

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


def alike(texts: Sequence[str]) -> dict[int, float]:
    """Document -> exact similarity to the earlier one that it resembles most, where they share any run of words."""
    sets = []
    for text in texts:
        words = text.lower().split()
        sets.append({hash(tuple(words[at : at + WORDS])) for at in range(max(1, len(words) - WORDS + 1))})
    owners: dict[int, list[int]] = defaultdict(list)
    best: dict[int, float] = {}
    for number, own in enumerate(sets):
        shared: dict[int, int] = defaultdict(int)
        for shingle in own:
            for other in owners[shingle]:
                shared[other] += 1
            owners[shingle].append(number)
        similar = (common / (len(own) + len(sets[other]) - common) for other, common in shared.items())
        best[number] = max(similar, default=0.0)
    return best


def report(turns: dict[str, list[Turn]], best: dict[int, float], size: int) -> str:
    """Returns the figures as Markdown."""
    seconds = {name: [turn.seconds for turn in taken] for name, taken in turns.items()}
    right = {number for number, similarity in best.items() if similarity >= THRESHOLD}
    rows = []
    for name, taken in turns.items():
        last = taken[-1]
        steps = ", ".join(f"{step} {part / last.seconds:.0%}" for step, part in last.steps.items())
        ratio = "" if name == OURS else f"{times_as_fast(seconds, than=name, warm_up=1):.1f}"
        uncut = {OURS: seconds[OURS], name: [one.seconds - one.steps.get("shingles", 0.0) for one in taken]}
        alone = "" if name == OURS else f"{times_as_fast(uncut, than=name, warm_up=1):.1f}"
        speed = Spread.of([size / 1e6 / one for one in seconds[name][1:]])
        precision, recall = len(last.found & right) / max(1, len(last.found)), len(last.found & right) / len(right)
        rows.append([name, f"{speed:.1f}", ratio, alone, f"{precision:.3f}", f"{recall:.3f}", steps])
    head = ["", "MB/s on one core", "we are times as fast", "not counting its shingling", "precision", "recall", "time"]
    about = (
        f"{size / 1e6:.0f} MB of text, {len(best):,} documents, {len(right):,} of them at least {THRESHOLD} like an "
        f"earlier one by exact comparison; medians of {len(seconds[OURS]) - 1} turns, least and greatest."
    )
    return "\n\n".join([about, table(head, rows), setting(1)])


def main() -> int:
    """Runs the turns; prints the figures and, if asked, puts them on the page."""
    arguments = parser().parse_args()
    install(arguments.peers)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_documents(
            arguments.files, int((0.3 if arguments.quick else arguments.megabytes) * 1e6), folder / "documents.jsonl"
        )
        texts = plant(folder / "documents.jsonl")
        blocks = [pa.array(texts[at : at + _BLOCK], pa.string()) for at in range(0, len(texts), _BLOCK)]
        peer = Peer(arguments.peers, folder / "documents.jsonl")
        turns: dict[str, list[Turn]] = {OURS: [], **{one: [] for one in PEERS}}
        for number in range(1 + (1 if arguments.quick else arguments.rounds)):  # the first of each warms up
            turns[OURS].append(search(blocks, folder / "scratch"))
            for one in PEERS:
                turns[one].append(peer.turn(one))
            print(f"round {number}: " + ", ".join(f"{one} {taken[-1].seconds:.2f} s" for one, taken in turns.items()))
        peer.close()
        text = report(turns, alike(texts), sum(len(one.encode()) for one in texts))
    print(text)
    if arguments.write:
        fill(RESULTS / "corpus.md", "minhash", text)
    return 0


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--peers", type=Path, default=ENVIRONMENT, help="a virtual environment with their libraries")
    parser.add_argument("--megabytes", type=float, default=40.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="little text, one round: to see it run")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/results/corpus.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
