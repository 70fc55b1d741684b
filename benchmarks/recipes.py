"""A shipped recipe's pretraining on text of your own, for some minutes, against floors that its losses have to beat.

    python -m benchmarks.recipes --text FILE [FILE ...] [--recipe demo] [--minutes 20]

Network, stages, batch and tokenizer are the recipe's; the text is not cleaned. Where the minutes do not reach, all
stages are shortened alike. Each stage is validated at its end:

- predicted tokens (causal, masked, infilled, a generator's) must cost less than the entropy of the tokens' frequencies;
- telling replaced tokens must cost less than their share tells by itself, H(p), and reach an AUC of 0.75;
- the order of two segments must be right in 60 % of the cases;
- with `--alone`, a stage that predicts tokens in several ways must cost less, in each of them, than the worst of the
  same stage trained in one way only, for as many steps. There the others get a sixteenth of the micro-batches each, to
  be measured, and train nothing.

Exit status 1: a floor was not beaten.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.alternation import seconds_per_step
from benchmarks.made_up import stage_spec
from benchmarks.pages import setting, table
from benchmarks.real_text import write_text_artifacts
from data.shards import Shards
from flows.batch import divide
from flows.recipe import Recipe, load_recipe
from lightning_modules import train
from lightning_modules.datamodule import StageData
from lightning_modules.hardware import resolve
from lightning_modules.module import StageModule
from lightning_modules.spec import TrainSpec
from lightning_modules.stage import StageConfig

LEAST_AUC, LEAST_ORDER_ACCURACY = 0.75, 0.60
PREDICTING = ("causal_lm", "masked_lm", "blank_infilling")
"""Objectives whose loss is that of predicted tokens."""
MEASURED_SHARE = 1 / 16
"""Of an objective that is measured and not trained."""


class Floor(NamedTuple):
    """A figure and what it has to beat."""

    stage: str
    what: str
    seen: float
    bound: float
    above: bool
    """Whether more is better."""

    @property
    def beaten(self) -> bool:
        """Whether it is on the right side of the bound."""
        return self.seen > self.bound if self.above else self.seen < self.bound


def floors(name: str, stage: StageConfig, metrics: Mapping[str, float], unigram: float) -> Iterator[Floor]:
    """Yields what there is to beat for a stage that was validated.

    Args:
        name: of the stage.
        stage: says which objective each use is.
        metrics: 'validation/<use>/loss' and so on.
        unigram: entropy of the tokens' frequencies, in nats.
    """
    for use, config in stage.objectives.items():
        seen = {
            key.removeprefix(f"validation/{use}/"): value
            for key, value in metrics.items()
            if key.startswith(f"validation/{use}/")
        }
        match config.objective:
            case "replaced_token":
                yield Floor(name, f"{use}: loss under H(p)", seen["loss"], seen["base_rate_loss"], above=False)
                yield Floor(name, f"{use}: AUC", seen["auc"], LEAST_AUC, above=True)
                if "generator/loss" in seen:
                    yield Floor(name, f"{use}: generator's loss", seen["generator/loss"], unigram, above=False)
            case "sentence_order" if config.model_dump()["segments"] == 2:
                yield Floor(name, f"{use}: accuracy", seen["accuracy"], LEAST_ORDER_ACCURACY, above=True)
            case objective if objective in PREDICTING:
                yield Floor(name, f"{use}: nats a token", _likelihood(use, metrics), unigram, above=False)


def _likelihood(use: str, metrics: Mapping[str, float]) -> float:
    """Returns the nats a predicted token costs; smoothing adds to the loss what is no likelihood."""
    return metrics.get(f"validation/{use}/nll", metrics[f"validation/{use}/loss"])


def alone(stage: StageConfig) -> dict[str, StageConfig]:
    """Returns use that predicts tokens -> the stage that trains nothing but it; none where there are not several."""
    predicting = [use for use, config in stage.objectives.items() if config.objective in PREDICTING]
    if len(predicting) < 2:
        return {}
    measured = {use: {"share": MEASURED_SHARE, "weight": 0.0} for use in predicting}
    trained = {"share": 1 - MEASURED_SHARE * (len(predicting) - 1)}
    dumped = stage.model_dump()
    return {
        use: StageConfig.model_validate(
            dumped
            | {
                "objectives": {
                    name: dumped["objectives"][name] | own for name, own in (measured | {use: trained}).items()
                }
            }
        )
        for use in predicting
    }


def worst_alone(spec: TrainSpec) -> Iterator[tuple[str, float]]:
    """Trains each use that predicts tokens without the others; yields each with the worst it came to."""
    stages = alone(spec.stage)
    metrics = []
    for use, stage in stages.items():
        folders = {"work": spec.work.with_name(f"{use}-work"), "output": spec.output.with_name(f"{use}-weights")}
        module = StageModule(spec.model_copy(update={"stage": stage} | folders))
        train.train(module, StageData(module.spec))
        print(f"{use} alone: {spec.steps:,} steps", flush=True)
        metrics.append(module.validation_metrics)
    for use in stages:
        yield use, max(_likelihood(use, each) for each in metrics)


def unigram_entropy(train_split: Shards) -> float:
    """Returns the entropy of the tokens' frequencies, in nats: what knowing nothing else costs."""
    counts = np.bincount(train_split.tokens)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def specs(recipe: Recipe, folder: Path, minutes: float) -> dict[str, TrainSpec]:
    """Returns the recipe's stages, one after another, as long as they are or as long as the minutes allow."""
    stages, hardware = recipe.pretraining.stages, resolve(recipe.training)
    longest = max(stage.sequence_length for stage in stages.values())
    model = recipe.model.resolve(recipe.tokenizer.vocab_size, longest)
    made: dict[str, TrainSpec] = {}
    for name, stage in stages.items():
        batch = divide(recipe.training, hardware.devices, stage)
        made[name] = stage_spec(
            folder,
            model,
            stage.model_dump(),
            hardware,
            steps=stage.tokens // batch.step_tokens,
            rows=batch.rows,
            micro_batches=batch.micro_batches,
            seed=recipe.seed,
        ).model_copy(update={"work": folder / name / "work", "output": folder / name / "weights"})
    needed = sum(spec.steps * seconds_per_step(spec) for spec in made.values())
    kept = min(1.0, minutes * 60 / needed)
    return {name: spec.model_copy(update={"steps": max(1, round(kept * spec.steps))}) for name, spec in made.items()}


def train_all(recipe: Recipe, texts: list[Path], folder: Path, minutes: float, singly: bool) -> Iterator[Floor]:
    """Trains stage after stage, each from the weights of the one before; yields what each had to beat.

    With `singly`, also what it had to beat of its objectives trained alone.
    """
    write_text_artifacts(folder, texts, recipe.tokenizer)
    unigram = unigram_entropy(Shards.open(folder, "train"))
    before, tokens = None, 0
    for name, planned in specs(recipe, folder, minutes).items():
        spec = planned.model_copy(update={"init": before, "tokens_before": tokens})
        module = StageModule(spec)
        train.train(module, StageData(spec))
        before, tokens = spec.output, tokens + module.completed_positions
        print(f"{name}: {spec.steps:,} steps, {tokens:,} positions so far", flush=True)
        yield from floors(name, spec.stage, module.validation_metrics, unigram)
        for use, worst in worst_alone(spec) if singly else ():
            seen = _likelihood(use, module.validation_metrics)
            yield Floor(name, f"{use}: against the worst of one objective alone", seen, worst, above=False)


def main() -> int:
    """Trains and prints; returns 1 if a floor was not beaten."""
    arguments = parser().parse_args()
    recipe = load_recipe(arguments.recipe, {})
    with tempfile.TemporaryDirectory() as name:
        found = list(train_all(recipe, arguments.text, Path(name), arguments.minutes, arguments.alone))
    rows = [
        [
            each.stage,
            each.what,
            f"{each.seen:.3f}",
            f"{'>' if each.above else '<'} {each.bound:.3f}",
            "beaten" if each.beaten else "**not beaten**",
        ]
        for each in found
    ]
    print(setting(resolve(recipe.training).threads))
    print(table(["stage", "figure", "seen", "floor", ""], rows))
    return 0 if all(each.beaten for each in found) else 1


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, metavar="FILE", nargs="+", required=True, help="txt, jsonl, csv, parquet")
    parser.add_argument("--recipe", default="demo", help="name of a shipped recipe, or a path (demo)")
    parser.add_argument("--minutes", type=float, default=20, help="of training, over all stages (20)")
    parser.add_argument("--alone", action="store_true", help="each predicting objective by itself too, as long again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
