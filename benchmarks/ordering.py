"""Which objectives learn agreement, and how soon: causal, masked and both halves of the batch, on one backbone.

    python -m benchmarks.ordering [--seeds 5] [--workers 2]
    python -m benchmarks.ordering --blimp FOLDER --text FILE [FILE ...] [--minutes 40]

The first trains two layers of width 64 on an artificial language (`benchmarks/grammar.py`): 6,000 texts of 24 words,
900 steps of 64, AdamW at 4e-3, one thread a run. Pairs of sentences that differ in the number of the verb, none of them
in the training text, are scored from left to right and by hiding each token in turn, after a third, two thirds and all
of the steps. Masked modelling hides 15 % of the tokens. The arms are trained on equal tokens, and those that need fewer
FLOPs per token once more on as many FLOPs as causal modelling. Intervals resample seeds first, then pairs.

The second does the same with Muon on text of your own, judged by BLiMP's pairs, as long as `--minutes` allow:
exploratory.

A finished run is kept below `--build`; a call after an interrupted one makes the runs that are missing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.alternation import seconds_per_step
from benchmarks.arms import ARMS, POINTS, Experiment, Run, flops_per_position, run
from benchmarks.grammar import VOCABULARY, pairs, write_language
from benchmarks.made_up import stage_spec
from benchmarks.pages import RESULTS, fill, setting, table
from benchmarks.pairs import Floats, mean
from benchmarks.real_text import read_pairs, write_text_artifacts
from data.tokenizer import Tokenizer, TokenizerConfig
from lightning_modules.hardware import HardwareConfig, resolve
from lightning_modules.metrics import Interval
from lightning_modules.networks import ModelChoice
from lightning_modules.spec import TrainSpec

BUILD = Path("build/ordering")
TEXT_WORDS = 24
LEARNED = 0.75
"""Share of pairs from which an arm counts as having left chance behind."""
TOLERANCE = 0.05
"""What the hybrid may lose against causal modelling in causal scoring."""
PAIRS_PER_PARADIGM = 25
SPARE = 0.6
"""Part of the minutes that is planned for training: judging, and runs that disturb each other, take the rest."""
REAL_TEXT: dict[str, Any] = {"optimizer": {"method": "muon"}, "peak_lr": 8e-3}
"""As the demo's first stage. With AdamW at 4e-3 every arm was still at chance when its minutes were over."""
Runs = dict[str, list[Run]]
"""Arm -> its runs, one a seed."""


def grammar_experiment(build: Path, steps: int = 900, texts: int = 6000, count: int = 300) -> Experiment:
    """Writes the artificial language; returns the experiment on it."""
    folder = build / "grammar"
    told = write_language(folder, texts, TEXT_WORDS)
    drawn = list(islice(pairs(Random(1), told), count))
    model = ModelChoice(preset="micro", num_heads=4).resolve(VOCABULARY, TEXT_WORDS + 1)
    asked = [(list(sentence.ids), list(sentence.disagreeing)) for sentence in drawn]
    return Experiment("grammar", folder, model, asked, steps, rows=32, micro_batches=2, training={"peak_lr": 4e-3})


def blimp_experiment(build: Path, blimp: Path, texts: list[Path], minutes: float, runs: int, count: int) -> Experiment:
    """Tokenizes the text, unless an earlier call has; returns an experiment as long as `minutes` allow.

    The steps are set once, from a few timed ones, and kept with the tokens: later calls repeat the same experiment.
    """
    folder = build / "blimp"
    budget = folder / "budget.json"
    if not (folder / "tokens.json").exists():
        write_text_artifacts(folder, texts, TokenizerConfig(vocab_size=4096))
    model = ModelChoice(preset="tiny").resolve(4096, 128)
    asked = read_pairs(blimp, Tokenizer.load(folder), count)
    experiment = Experiment("blimp", folder, model, asked, steps=1, rows=16, micro_batches=2, training=REAL_TEXT)
    if not budget.exists():
        affordable = SPARE * minutes * 60 / (runs * seconds_per_step(_spec(experiment)))
        budget.write_text(json.dumps({"steps": max(POINTS, round(affordable))}))
    return replace(experiment, steps=json.loads(budget.read_text())["steps"])


def _spec(experiment: Experiment) -> TrainSpec:
    """Returns a step of the hybrid arm, to be timed."""
    return stage_spec(
        experiment.artifacts,
        experiment.model,
        {
            "objectives": {name: {"share": share} for name, share in ARMS["hybrid"].shares.items()},
            **experiment.training,
        },
        resolve(HardwareConfig(accelerator="cpu", precision="fp32", threads=1)),
        steps=1,
        rows=experiment.rows,
        micro_batches=experiment.micro_batches,
    )


def all_runs(experiment: Experiment, seeds: int, workers: int, build: Path) -> Runs:
    """Makes the runs that are missing, several at once; returns all."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        # Seed by seed, so that an interrupted call leaves whole comparisons.
        waiting = {
            (arm, seed): pool.submit(run, experiment, arm, seed, _path(build, experiment, arm, seed))
            for seed in range(seeds)
            for arm in ARMS
        }
        for number, ((arm, seed), made) in enumerate(waiting.items(), start=1):
            last = made.result().curve[-1]
            shares = f"causal {np.mean(last.causal):.3f}, masked {np.mean(last.masked):.3f}"
            print(f"{number}/{len(waiting)} {arm}, seed {seed}, step {last.step}: {shares}", flush=True)
    return {arm: [waiting[arm, seed].result() for seed in range(seeds)] for arm in ARMS}


def _path(build: Path, experiment: Experiment, arm: str, seed: int) -> Path:
    return build / "runs" / f"{experiment.name}-{arm}-{seed}.json"


def asked(runs: list[Run], point: int, scoring: str) -> Floats:
    """Returns the outcomes of an arm at one of its points, (seeds, pairs)."""
    return np.array([getattr(made.curve[point], scoring) for made in runs])


def curves(experiment: Experiment, runs: Runs) -> str:
    """Returns the table of shares, arm by arm and point by point."""
    positions = experiment.rows * experiment.micro_batches * experiment.model.max_positions
    rows = [
        [
            f"{'+'.join(ARMS[arm].shares)}, equal {ARMS[arm].equal}",
            f"{(step := made[0].curve[point].step):,}",
            f"{step * positions / 1e6:.2f}",
            f"{step * positions * flops_per_position(experiment.model, ARMS[arm].shares) / 1e12:.2f}",
            *(_shown(mean(asked(made, point, scoring))) for scoring in ("causal", "masked")),
        ]
        for arm, made in runs.items()
        for point in range(POINTS)
    ]
    return table(["objectives", "step", "M tokens", "TFLOPs", "scored causally", "scored by masks"], rows)


def claims(runs: Runs) -> str:
    """Returns the table of what was expected and whether it was seen."""
    rows = list(_differences(runs))
    soon = [_first(made, "causal") < _first(other, "masked") for made, other in _paired(runs, "causal", "masked")]
    rows.append(
        [
            f"causal alone reaches {LEARNED:.0%} at an earlier point than masked alone, each in its own scoring",
            f"{sum(soon)} of {len(soon)} seeds",
            "shown" if all(soon) else "not shown",
        ]
    )
    return table(["expected", "seen", ""], rows)


def _differences(runs: Runs) -> Iterator[list[str]]:
    """Yields the rows of claims about the last point: ours less theirs is above a bound."""
    for ours, theirs, scoring, bound, text in (
        ("hybrid", "masked", "masked", 0.0, "masks: hybrid above masked alone, equal tokens"),
        ("hybrid-flops", "masked-flops", "masked", 0.0, "masks: hybrid above masked alone, equal FLOPs"),
        ("hybrid", "causal", "masked", 0.0, "masks: hybrid above causal alone"),
        ("hybrid", "causal", "causal", -TOLERANCE, f"causally: hybrid at most {TOLERANCE} below causal alone"),
    ):
        seen = mean(asked(runs[ours], -1, scoring) - asked(runs[theirs], -1, scoring))
        yield [text, _shown(seen, "+"), "shown" if seen.low > bound else "not shown"]


def _paired(runs: Runs, ours: str, theirs: str) -> Iterator[tuple[Run, Run]]:
    return zip(runs[ours], runs[theirs], strict=True)


def _first(made: Run, scoring: str) -> int:
    """Returns the first point at which the run had learned, `POINTS` if none."""
    shares = [np.mean(getattr(point, scoring)) for point in made.curve]
    return next((index for index, share in enumerate(shares) if share >= LEARNED), POINTS)


def _shown(interval: Interval, sign: str = "") -> str:
    return f"{interval.value:{sign}.3f} ({interval.low:{sign}.3f} to {interval.high:{sign}.3f})"


def main() -> None:
    """Trains what is missing, prints and, unless it was a quick run, writes the page."""
    arguments = parser().parse_args()
    build, seeds = arguments.build, arguments.seeds
    if arguments.blimp:
        per_worker = len(ARMS) * seeds / arguments.workers
        experiment = blimp_experiment(
            build,
            arguments.blimp,
            arguments.text,
            arguments.minutes,
            per_worker,
            2 if arguments.quick else PAIRS_PER_PARADIGM,
        )
    elif arguments.quick:
        experiment = grammar_experiment(build, steps=6, texts=200, count=10)
    else:
        experiment = grammar_experiment(build)
    runs = all_runs(experiment, seeds, arguments.workers, build)
    facts = (
        f"{setting(threads=1)} {seeds} seeds, {len(experiment.pairs):,} pairs; shares of pairs with their interval "
        "of 95 %, seeds resampled first, then pairs."
    )
    figures = "\n\n".join([facts, curves(experiment, runs), claims(runs)])
    print(figures)
    if not arguments.quick:
        fill(arguments.page, experiment.name, figures)


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="runs at once, a thread each")
    parser.add_argument("--blimp", type=Path, metavar="FOLDER", help="of jsonl or jsonl.gz files, one a paradigm")
    parser.add_argument("--text", type=Path, metavar="FILE", nargs="+", default=[], help="txt, jsonl, csv or parquet")
    parser.add_argument("--minutes", type=float, default=40, help="for all runs of --blimp together")
    parser.add_argument("--build", type=Path, default=BUILD, help="where finished runs are kept")
    parser.add_argument("--page", type=Path, default=RESULTS / "objectives.md", help="page that gets the figures")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it works; figures mean nothing")
    return parser


if __name__ == "__main__":
    main()
