"""Whether each quality rule pays: held-out loss at equal tokens with all rules, and with all but one.

    python -m benchmarks.rules [--seeds 5] [--workers 1]
    python -m benchmarks.rules --recipe my-recipe.yaml --held-out SOURCE --bad SOURCE

The text is that of a recipe's sources, the demo's if none is named: news, and the tweets and speeches in four languages
that make it dirty. A tenth of the documents of one source is held out and cleaned by all rules; no arm reads it or a
near-duplicate of it. Each arm is a corpus built with every rule but one; "all" is built with every rule, "none" with
none. One tokenizer serves all, so losses can be compared. A network of two layers is trained on each arm for as many
tokens, from several seeds, and judged in bits per byte of the held-out text. An interval resamples seeds: seed by seed,
an arm differs from "all" in its text alone. An arm whose text is equal to that of "all" is not trained.

All of it with five seeds takes about 20 minutes on one core. A finished run is kept below `--build`; a call after an
interrupted one makes the runs that are missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.made_up import stage_spec
from benchmarks.pages import RESULTS, fill, setting, table
from benchmarks.pairs import mean
from data.cleaning import RULES
from data.corpus import CorpusConfig, build_corpus
from data.document import draw
from data.shards import Shards, write_shards
from data.sources import TaskConfig, default_cache, read_source
from data.tokenizer import Tokenizer, TokenizerConfig, train_tokenizer
from flows.plan import project_folder
from flows.recipe import load_recipe
from lightning_modules import train
from lightning_modules.datamodule import StageData
from lightning_modules.hardware import HardwareConfig, resolve
from lightning_modules.module import StageModule
from lightning_modules.networks import ModelChoice, ModelConfig

BUILD = Path("build/rules")
HELD_OUT = 0.1
"""Part of the documents of one source that no arm is trained on."""
HELD_OUT_SEED = 1
"""Of the draw that tells which documents these are."""
ON_AT_LEAST: dict[str, dict[str, Any]] = {
    "teasers": {},
    "tripled": {},
    "c4": {"min_sentences": 2},
    "fineweb": {},
    "characters": {},
}
"""Rules that are judged even where the recipe does not switch them on; tweets have no five sentences."""
ALL, NONE = "all", "none"


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    documents: int
    """Of each source."""
    held_out: int
    steps: int
    rows: int = 16
    positions: int = 128
    vocab_size: int = 2048

    @property
    def model(self) -> ModelConfig:
        """The network."""
        return ModelChoice(preset="micro").resolve(self.vocab_size, self.positions)


TRAINING: dict[str, Any] = {
    "objectives": {"forward": {"objective": "causal_lm", "share": 1.0}},
    "optimizer": {"method": "muon"},
    "peak_lr": 8e-3,
}
"""As the demo's first stage. AdamW is at 5.2 to 5.4 nats a token where Muon is at 4.4: still on the plateau of token
frequencies, where the step at which a run leaves it tells more than its text."""
FULL, QUICK = Size(documents=3_000, held_out=150, steps=350), Size(200, 10, 2, vocab_size=600)


class Arm(NamedTuple):
    """A corpus in tokens."""

    folder: Path
    documents: int
    """Left to train on."""


class Text(NamedTuple):
    """Whose text is read."""

    recipe: str
    held_out: str
    """The source of which a part is held out; the rest are good examples of the rule `learned`."""
    bad: str
    """The source that gives its bad examples."""


def pool(text: Text, size: Size, build: Path) -> dict[str, dict[str, Any]]:
    """Writes the documents of every source, those held out apart; returns the sources of an arm.

    Raises:
        ValueError: the recipe has no source to hold out, or none of bad examples.
    """
    sources, cache, root = load_recipe(text.recipe, {}).corpus.sources, default_cache(), project_folder()
    read = {name: source for name, source in sources.items() if not isinstance(source, TaskConfig)}
    for option, name in (("--held-out", text.held_out), ("--bad", text.bad)):
        if name not in read:
            raise ValueError(f"{option} {name}: the recipe reads no such source; it reads {', '.join(read)}")
    for name, source in read.items():
        limited = source.model_copy(update={"max_documents": size.documents})
        texts = [row.text for row in read_source(limited, cache, root) if row.defect is None]
        if name == text.held_out:
            # Drawn apart from everything that the pipeline draws: the rule `learned` judges itself on what it draws.
            drawn = [(draw(each, seed=HELD_OUT_SEED), each) for each in texts]
            held_out = [each for place, each in drawn if place < HELD_OUT]
            _write_lines(build / "pool" / "held-out.jsonl", held_out[: size.held_out])
            texts = [each for place, each in drawn if place >= HELD_OUT]
        _write_lines(build / "pool" / f"{name}.jsonl", texts)
    return {name: {"path": str(build / "pool" / f"{name}.jsonl")} for name in read}


def _write_lines(path: Path, texts: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")


def cleanings(text: Text, build: Path) -> dict[str, dict[str, Any]]:
    """Returns the settings of `corpus.cleaning` of every arm."""
    chosen = load_recipe(text.recipe, {}).corpus.cleaning
    examples = {"good": text.held_out, "bad": text.bad}
    least = ON_AT_LEAST | {
        "learned": {kind: {"path": str(build / "pool" / f"{examples[kind]}.jsonl")} for kind in examples}
    }
    on = {name: settings.model_dump(mode="json") for name, settings in chosen.switched_on().items()}
    whole = {name: on.get(name, least.get(name)) for name in RULES if name in on or name in least}
    off = dict.fromkeys(RULES)
    return {ALL: off | whole, **{f"without {name}": off | whole | {name: None} for name in whole}, NONE: off}


def build_arms(text: Text, size: Size, build: Path) -> dict[str, Arm]:
    """Builds the corpora and their tokens, unless an earlier call of the same settings has."""
    recipe, done = load_recipe(text.recipe, {}).corpus, build / "arms.json"
    settings = {"size": asdict(size), "text": list(text), "recipe": recipe.model_dump(mode="json")}
    if done.exists() and (known := json.loads(done.read_text(encoding="utf-8")))["settings"] == settings:
        return {name: Arm(Path(folder), documents) for name, (folder, documents) in known["arms"].items()}
    shutil.rmtree(build / "arms", ignore_errors=True)
    sources, cleaning = pool(text, size, build), cleanings(text, build)
    held_out = {"held_out": {"path": str(build / "pool" / "held-out.jsonl")}}
    clean = _build(held_out, recipe.languages, cleaning[ALL], build / "clean", ())
    raw = _build(sources, recipe.languages, cleaning[NONE], build / "raw", ())
    tokenizer = build / "tokenizer"
    tokenizer.mkdir(exist_ok=True)
    train_tokenizer(TokenizerConfig(vocab_size=size.vocab_size), raw, tokenizer, seed=0)
    arms = {}
    for name, rules in cleaning.items():
        folder = build / "arms" / name.replace(" ", "-")
        corpus = _build(sources, recipe.languages, rules, folder / "corpus", (clean,))
        shutil.rmtree(corpus / "validation")
        shutil.copytree(clean / "train", corpus / "validation")
        facts = write_shards(corpus, Tokenizer.load(tokenizer), folder)
        shutil.copytree(tokenizer, folder, dirs_exist_ok=True)
        arms[name] = Arm(folder, facts["counts"]["train"]["documents"])
        print(f"{name}: {facts['counts']['train']}", flush=True)
    content = {"settings": settings, "arms": {name: (str(arm.folder), arm.documents) for name, arm in arms.items()}}
    done.write_text(json.dumps(content), encoding="utf-8")
    return arms


def _build(
    sources: Mapping[str, Any],
    languages: tuple[str, ...],
    cleaning: Mapping[str, Any],
    output: Path,
    known: tuple[Path, ...],
) -> Path:
    """Builds a corpus without a held-out part; where languages are not told apart, all is taken for the first."""
    if cleaning["language"] is None:
        sources = {name: {**source, "language": languages[0]} for name, source in sources.items()}
    split = {"validation": 0.0, "test": 0.0}
    config = CorpusConfig.model_validate(
        {"sources": sources, "languages": languages, "cleaning": cleaning, "split": split}
    )
    build_corpus(config, output=output, cache=output.parent / "cache", root=Path.cwd(), workers=1, known=known)
    return output


def loss(arm: Path, size: Size, seed: int, path: Path) -> float:
    """Trains on an arm from one seed on one thread; or returns what an earlier call left in `path`.

    Returns:
        Bits per byte of the held-out text.
    """
    text = hashlib.sha256((arm / "train.bin").read_bytes() + (arm / "validation.bin").read_bytes()).hexdigest()
    settings = {"size": asdict(size), "training": TRAINING, "text": text, "seed": seed}
    if path.exists() and (known := json.loads(path.read_text(encoding="utf-8")))["settings"] == settings:
        return float(known["bits_per_byte"])
    with tempfile.TemporaryDirectory() as name:
        spec = stage_spec(
            arm,
            size.model,
            TRAINING,
            resolve(HardwareConfig(accelerator="cpu", precision="fp32", threads=1)),
            steps=size.steps,
            rows=size.rows,
            micro_batches=1,
            seed=seed,
        ).model_copy(update={"work": Path(name) / "work", "output": Path(name) / "output"})
        module = StageModule(spec)
        train.train(module, StageData(spec))
    held_out = Shards.open(arm, "validation")
    nats = module.validation_metrics["validation/forward/loss"] * len(held_out.tokens)
    bits_per_byte = nats / np.log(2) / int(held_out.document_bytes.sum())
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"settings": settings, "bits_per_byte": bits_per_byte}), encoding="utf-8")
    partial.replace(path)
    return float(bits_per_byte)


def all_losses(arms: Mapping[str, Arm], size: Size, seeds: int, workers: int, build: Path) -> dict[str, list[float]]:
    """Makes the runs that are missing; returns the losses of every arm whose text is its own, seed by seed."""
    own = {name: arm for name, arm in arms.items() if name == ALL or not _same_text(arm, arms[ALL])}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as workers_pool:
        # Seed by seed, so that an interrupted call leaves whole comparisons.
        waiting = {
            (name, seed): workers_pool.submit(
                loss, arm.folder, size, seed, build / "runs" / f"{arm.folder.name}-{seed}.json"
            )
            for seed in range(seeds)
            for name, arm in own.items()
        }
        for number, ((name, seed), made) in enumerate(waiting.items(), start=1):
            print(f"{number}/{len(waiting)} {name}, seed {seed}: {made.result():.4f} bits per byte", flush=True)
    return {name: [waiting[name, seed].result() for seed in range(seeds)] for name in own}


def _same_text(one: Arm, other: Arm) -> bool:
    return (one.folder / "train.bin").read_bytes() == (other.folder / "train.bin").read_bytes()


def figures(arms: Mapping[str, Arm], losses: Mapping[str, list[float]]) -> Iterator[list[str]]:
    """Yields the rows of the table: an arm, its documents, its loss, how much it is above that of all rules."""
    for name, arm in arms.items():
        tokens = Shards.open(arm.folder, "train").tokens.size
        facts = [name, f"{arm.documents:,}", f"{tokens / 1e6:.2f}"]
        if name not in losses:
            yield [*facts, "", "", "changes nothing here"]
            continue
        shown = f"{np.mean(losses[name]):.4f}"
        if name == ALL:
            yield [*facts, shown, "", ""]
            continue
        seen = mean((np.array(losses[name]) - np.array(losses[ALL]))[:, None])
        verdict = "pays" if seen.low > 0 else "costs" if seen.high < 0 else "not shown"
        yield [*facts, shown, f"{seen.value:+.4f} ({seen.low:+.4f} to {seen.high:+.4f})", verdict]


def main() -> None:
    """Builds, trains, prints, and fills the page."""
    arguments = parser().parse_args()
    size, build = (QUICK if arguments.quick else FULL), arguments.build
    arms = build_arms(Text(arguments.recipe, arguments.held_out, arguments.bad), size, build)
    losses = all_losses(arms, size, arguments.seeds, arguments.workers, build)
    held_out = Shards.open(arms[ALL].folder, "validation")
    facts = (
        f"{setting(threads=1)} {arguments.seeds} seeds; recipe {arguments.recipe}; {size.steps:,} steps of "
        f"{size.rows * size.positions:,} tokens; {held_out.documents:,} documents of {arguments.held_out} held out, "
        f"{int(held_out.document_bytes.sum()) / 1e6:.2f} MB. Bits per byte; intervals of 95 % resample seeds."
    )
    head = ["text cleaned by", "documents", "M tokens", "held-out loss", "above all rules", "the rule"]
    text = f"{facts}\n\n{table(head, figures(arms, losses))}"
    print(text)
    if not arguments.quick:
        fill(arguments.page, "rules", text)


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="demo", help="name of a shipped recipe, or a path (demo)")
    parser.add_argument("--held-out", default="news", metavar="SOURCE", help="a clean source of it (news)")
    parser.add_argument("--bad", default="tweets", metavar="SOURCE", help="bad examples for the rule learned (tweets)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1, help="runs at once, a thread each")
    parser.add_argument("--build", type=Path, default=BUILD, help="where finished runs are kept")
    parser.add_argument("--page", type=Path, default=RESULTS / "corpus.md", help="page that gets the figures")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it works; figures mean nothing")
    return parser


if __name__ == "__main__":
    main()
