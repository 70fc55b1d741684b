"""Outside referees: what our figures are where others have computed the same ones.

    python -m benchmarks.referees --wmt22 FOLDER [--write]
    python -m benchmarks.referees --blimp FOLDER --weights FOLDER --tokenizer FOLDER [--peers SITE_PACKAGES] [--write]

The first scores official outputs of WMT 2022 by our metrics, by sacrebleu's command line, and compares both with the
scores that the folder's README lists. The second asks a trained model for the better sentence of BLiMP's pairs, itself,
exported to transformers, and exported under lm-evaluation-harness, which has to be installed apart: see
`benchmarks.harness`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.harness import harness_rows
from benchmarks.pages import RESULTS, fill, setting, table
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.metrics.translation import TOKENIZERS

PAGE = RESULTS / "referees.md"
_LISTED = re.compile(r"(\w\w-\w\w) ([\w-]+) vs A: BLEU ([\d.]+) \(tok \w+\), chrF ([\d.]+)")


@dataclass(frozen=True)
class System:
    """Official outputs of one system for one pair of languages, with the scores that are listed for them."""

    pair: str
    name: str
    listed: dict[str, float]
    """Metric -> its value to one decimal."""

    @property
    def language(self) -> str:
        """The target's."""
        return self.pair[-2:]

    def lines(self, folder: Path, part: str) -> list[str]:
        """Returns the sentences of its output ('hyp.<name>') or of the reference ('ref.A')."""
        with gzip.open(self.file(folder, part), "rt", encoding="utf-8") as file:
            return [line.rstrip("\n") for line in file]

    def file(self, folder: Path, part: str) -> Path:
        """Returns where they are."""
        return folder / f"{self.pair}.{part}.{self.language}.gz"


def listed(folder: Path) -> list[System]:
    """Returns the systems that the folder's README lists scores of."""
    found = _LISTED.findall((folder / "README.md").read_text(encoding="utf-8"))
    return [System(pair, name, {"bleu": float(bleu), "chrf": float(chrf)}) for pair, name, bleu, chrf in found]


def ours(system: System, folder: Path, names: list[str]) -> dict[str, tuple[float, str]]:
    """Returns value and signature of each metric as evaluation computes them."""
    references = [[line] for line in system.lines(folder, "ref.A")]
    outputs = Outputs(system.lines(folder, f"hyp.{system.name}"), references)
    metrics = [METRICS[name](system.language) for name in names]
    return {m.name: (float(m.value(m.statistics(outputs).sum(0))), m.signature) for m in metrics}


def command_line(system: System, folder: Path, names: list[str]) -> dict[str, tuple[float, str]]:
    """Returns value and signature of each metric as sacrebleu's command line prints them, in a process of its own."""
    asian = ["--ter-normalized", "--ter-asian-support"] if system.language in {"zh", "ja"} else []
    command = [
        *(sys.executable, "-m", "sacrebleu", str(system.file(folder, "ref.A"))),
        *("--input", str(system.file(folder, f"hyp.{system.name}"))),
        *("--metrics", *names, "--tokenize", TOKENIZERS.get(system.language, "13a"), *asian),
        *("--format", "json", "--width", "12"),
    ]
    printed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rows = printed if isinstance(printed, list) else [printed]
    return {name: (row["score"], row["signature"]) for name, row in zip(names, rows, strict=True)}


def translation_rows(folder: Path) -> Iterator[list[str]]:
    """Yields a row for each system; TER, which takes a minute, is asked for of the first of each pair only.

    Raises:
        ValueError: ours is not what sacrebleu's command line gives, or not what is listed.
    """
    seen = set()
    for system in listed(folder):
        names = ["bleu", "chrf"] if system.pair in seen else ["bleu", "chrf", "ter"]
        seen.add(system.pair)
        own, theirs = ours(system, folder, names), command_line(system, folder, names)
        place = f"{system.pair} {system.name}"
        for name in names:
            (value, signature), (their_value, their_signature) = own[name], theirs[name]
            if not np.isclose(value, their_value, rtol=0, atol=1e-9) or signature != their_signature:
                raise ValueError(f"{place}: {name} {value} {signature}, but sacrebleu {their_value} {their_signature}")
            if name in system.listed and round(value, 1) != system.listed[name]:
                raise ValueError(f"{place}: {name} {value:.3f}, but {system.listed[name]} is listed")
        ter = f"{own['ter'][0]:.4f}" if "ter" in own else ""
        shown = [f"{system.listed['bleu']:.1f}", f"{own['bleu'][0]:.4f}"]
        yield [place, *shown, f"{system.listed['chrf']:.1f}", f"{own['chrf'][0]:.4f}", ter, "yes", "yes"]


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--wmt22", type=Path, help="folder of official outputs, with a README that lists scores")
    made.add_argument("--blimp", type=Path, help="folder of BLiMP's paradigms, <name>.jsonl.gz")
    made.add_argument("--weights", type=Path, help="weights folder of a model that was trained to continue text")
    made.add_argument("--tokenizer", type=Path, help="its tokenizer artifact")
    made.add_argument("--peers", type=Path, help="site-packages with lm_eval")
    made.add_argument("--paradigms", type=int, default=8, help="so many of BLiMP's, in the order of their names")
    made.add_argument("--pairs", type=int, default=200, help="of each paradigm")
    made.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    return made


def main() -> None:
    """Asks the referees that are there."""
    given = parser().parse_args()
    sections = {}
    if given.wmt22:
        head = ["system", "BLEU listed", "BLEU", "chrF listed", "chrF", "TER", "command line agrees", "list agrees"]
        sections["translations"] = table(head, translation_rows(given.wmt22))
    if given.blimp:
        rows = harness_rows(given.weights, given.tokenizer, given.blimp, given.paradigms, given.pairs, given.peers)
        head = ["paradigm", "pairs", "StageLM", "transformers", "lm-evaluation-harness", "greatest difference, nats"]
        sections["harness"] = table(head, rows)
    for name, text in sections.items():
        text = f"{setting(threads=1)}\n\n{text}"
        print(text)
        if given.write:
            fill(PAGE, name, text)


if __name__ == "__main__":
    main()
