"""How fast a corpus is made: the whole chain from file to file, against the best chain of others' libraries.

    python -m benchmarks.corpus FILES [--peers ENVIRONMENT] [--megabytes 60] [--rounds 5] [--quick] [--write]

Both read the same JSONL on the same core, in turn: repair, boilerplate (ours alone), length, language, Gopher's quality
and repetition, personal data (of the peers' only e-mail and IP addresses), exact and near duplicates, parquet. Ours is
`build_corpus`, with split, card and audit, and every rule that is on; the peers' chain and what was done in its favour
are described in `benchmarks/corpus_peers.py`. Its libraries are installed into an environment of their own on first
use. The files are repeated up to the size asked for, every fourth word of a copy changed, so that no copy is a
duplicate of another. The aim is 5 times the peers' chain, 10 to stretch for. Files: jsonl, txt, csv or parquet with a
column `text`, plain or compressed.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from benchmarks.alternation import OURS, Spread, times_as_fast
from benchmarks.pages import RESULTS, fill, setting, table
from data.corpus import CorpusConfig, build_corpus
from data.document import SPLITS
from data.sources.reading import read_rows
from data.sources.source import FileFields

PEERS = "peers"
PROGRAM = "benchmarks.corpus_peers"
ROOT = Path(__file__).parents[1]
ENVIRONMENT = Path(__file__).with_name(".peers")
PINNED = (
    "datasketch==2.0.0",
    "datatrove==0.10.1",
    "ftfy==6.3.1",
    "nltk==3.10.4",
    "polars==2.1.0",
    "pyarrow==26.0.1",
    "pycld2==0.42",
    "regex==2026.11.19",
    "rensa==0.5.0",
    "xxhash==4.1.0",
)
ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"), "1")
STEPS = {
    "read": (("corpus_reading.py", "read_chunks"),),
    "rules": (("cleaning", "apply"),),
    "personal data": (("pii", "replace_pii_batch"),),
    "keys of exact duplicates": (("dedup", "exact_keys"),),
    "signatures of near duplicates": (("dedup", "signatures"),),
    "choice among duplicates": (("corpus_selection.py", "select"),),
    "split, write, count": (("corpus_writing.py", "write_corpus"),),
}
"""Step -> where its functions are defined (part of the path), and their names."""


class Turn(NamedTuple):
    """One pass over the documents."""

    seconds: float
    kept: set[int]
    """Numbers of the documents kept, from 0."""
    steps: dict[str, float]
    """Seconds by step, where they were taken."""


def write_documents(files: Sequence[Path], size: int, path: Path) -> int:
    """Writes JSONL of about `size` bytes of text; returns how many bytes they are.

    Raises:
        ValueError: the files hold no text.
    """
    texts = list(_texts(files))
    if not texts:
        raise ValueError(f"{', '.join(map(str, files))}: no text in them")
    written = 0
    with path.open("w", encoding="utf-8") as stream:
        for copy in itertools.count():
            for text in texts:
                changed = text if copy == 0 else _changed(text, copy)
                stream.write(json.dumps({"text": changed}, ensure_ascii=False) + "\n")
                written += len(changed.encode())
                if written >= size:
                    return written
    raise AssertionError("unreachable")


def _texts(files: Sequence[Path]) -> Iterator[str]:
    for file in files:
        with file.open("rb") as stream:
            for row in read_rows(stream, file.name, FileFields(unit="paragraph")):
                if row.defect is None:
                    yield row.text


def _changed(text: str, copy: int) -> str:
    parts = text.split(" ")
    parts[::4] = [f"{part}{copy}" if part.isalpha() else part for part in parts[::4]]
    return " ".join(parts)


class Ours:
    """`build_corpus` in this process."""

    def __init__(self, documents: Path, folder: Path) -> None:
        self._config = CorpusConfig.model_validate({"sources": {"all": {"path": str(documents)}}})
        self._folder = folder

    def turn(self) -> Turn:
        """Builds the corpus once."""
        began = time.perf_counter()
        self._build()
        seconds = time.perf_counter() - began
        tables = [pq.read_table(self._folder / split, columns=["origin"]) for split in SPLITS]
        origins = itertools.chain.from_iterable(part["origin"].to_pylist() for part in tables)
        return Turn(seconds, {int(origin.rpartition(":")[2]) - 1 for origin in origins}, {})

    def profile(self) -> dict[str, float]:
        """Builds once more under the profiler; returns the share of the time by step, and by rule."""
        profiler = cProfile.Profile()
        profiler.runcall(self._build)
        stats = pstats.Stats(profiler)
        facts: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = stats.stats  # type: ignore[attr-defined]
        total = max(cumulative for _, _, _, cumulative, _ in facts.values())
        shares: dict[str, float] = {}
        for (file, _, function), (_, _, _, cumulative, _) in facts.items():
            for step, places in STEPS.items():
                if any(place in file and function == name for place, name in places):
                    label = f"rule {Path(file).stem}" if step == "rules" else step
                    shares[label] = shares.get(label, 0.0) + cumulative / total
        return shares

    def _build(self) -> None:
        build_corpus(self._config, output=self._folder, cache=self._folder / "cache", root=self._folder, workers=1)


class Peers:
    """The others' chain, in a process of its own environment that waits for its turns."""

    def __init__(self, environment: Path, documents: Path, output: Path) -> None:
        command = [str(environment / "bin" / "python"), "-m", PROGRAM, str(documents), str(output)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD
        )

    def turn(self) -> Turn:
        """Lets it clean once.

        Raises:
            RuntimeError: it ended; its message is above.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{PROGRAM}: ended with {self._process.wait()}")
        found = json.loads(line)
        return Turn(found["wall"], set(found["kept"]), found["steps"])

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


def install(environment: Path) -> None:
    """Makes the peers' environment, unless it is there."""
    if not environment.exists():
        print(f"installing {', '.join(PINNED)} into {environment}")
        venv.create(environment, with_pip=True)
        subprocess.run([environment / "bin" / "python", "-m", "pip", "install", "--quiet", *PINNED], check=True)


def report(turns: dict[str, list[Turn]], size: int, shares: dict[str, float]) -> str:
    """Returns the figures as Markdown."""
    seconds = {name: [turn.seconds for turn in taken] for name, taken in turns.items()}
    ratio = times_as_fast(seconds, than=PEERS, warm_up=1)
    speeds = {name: Spread.of([size / 1e6 / one for one in taken[1:]]) for name, taken in seconds.items()}
    rows = [[name, f"{speeds[name]:.1f}", f"{len(taken[-1].kept):,}"] for name, taken in turns.items()]
    ours, theirs = turns[OURS][-1].kept, turns[PEERS][-1].kept
    steps = turns[PEERS][-1].steps
    both = len(ours & theirs) / max(len(ours | theirs), 1)
    summary = (
        f"{size / 1e6:.0f} MB of text. **{ratio:.1f} times the peers' chain** (median of {len(seconds[OURS]) - 1} "
        f"pairs of turns, least and greatest); of the documents that either keeps, both keep {both:.1%}."
    )
    parts = [
        summary,
        table(["chain", "MB/s on one core", "documents kept"], rows),
        table(["ours, under a profiler", "of the time"], _percent(shares)),
        table(["peers", "of the time"], _percent({name: part / sum(steps.values()) for name, part in steps.items()})),
        setting(1),
    ]
    return "\n\n".join(parts)


def _percent(shares: dict[str, float]) -> list[list[str]]:
    return [[name, f"{part:.0%}"] for name, part in sorted(shares.items(), key=lambda item: -item[1])]


def main() -> int:
    """Runs the turns; prints the figures and, if asked, puts them on the page."""
    arguments = parser().parse_args()
    install(arguments.peers)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rounds = 1 if arguments.quick else arguments.rounds
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        documents = folder / "documents.jsonl"
        size = write_documents(arguments.files, int((0.5 if arguments.quick else arguments.megabytes) * 1e6), documents)
        ours, peers = Ours(documents, folder / "corpus"), Peers(arguments.peers, documents, folder / "peers.parquet")
        turns: dict[str, list[Turn]] = {OURS: [], PEERS: []}
        for number in range(rounds + 1):  # the first of each warms caches and compiles
            turns[OURS].append(ours.turn())
            turns[PEERS].append(peers.turn())
            print(f"round {number}: " + ", ".join(f"{name} {taken[-1].seconds:.2f} s" for name, taken in turns.items()))
        peers.close()
        text = report(turns, size, ours.profile())
    print(text)
    if arguments.write:
        fill(RESULTS / "corpus.md", "chain", text)
    return 0


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--peers", type=Path, default=ENVIRONMENT, help="a virtual environment with their libraries")
    parser.add_argument("--megabytes", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="little text, one round: to see it run")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/results/corpus.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
