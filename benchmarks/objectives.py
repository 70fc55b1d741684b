"""What each objective costs: StageLM's step against a bare loop, against transformers, and beside other objectives.

    python -m benchmarks.objectives [--rounds 6] [--threads 2] [--quick]
    python -m benchmarks.objectives --profile masked_lm

Every objective that reads running text trains a stage of its own (width 128, 4 layers, vocabulary 8,192, rows of 256
positions, made-up text) through Lightning. In turn with it, a few steps each, on the same batches:
the same network and objective in a loop written out by hand, and where transformers has the objective, its model of
equal size, which projects all positions onto the vocabulary. Loading is counted for all. Then stages of one objective
each, and one stage of them all, take turns: a step of the latter may cost 1.05 of what its micro-batches cost apart.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile, schedule

from benchmarks.alternation import OURS, Alternation, Spread, Step, fit, times_as_fast
from benchmarks.loop import BareLoop
from benchmarks.made_up import network, running_text, stage_spec, whole_rows, write_text
from benchmarks.pages import RESULTS, fill, setting, table
from benchmarks.peers import PEERS, PeerLoop
from lightning_modules.datamodule import StageData
from lightning_modules.hardware import Hardware, HardwareConfig, resolve
from lightning_modules.networks import ModelChoice, ModelConfig
from lightning_modules.networks.attention import visibility
from lightning_modules.spec import TrainSpec

WARM_UP = 1
"""Turns that do not count."""
PROFILED_STEPS = 3


@dataclass(frozen=True)
class Scale:
    """How large everything is."""

    model: ModelConfig
    rows: int
    micro_batches: int
    turn_steps: int
    rounds: int
    """Turns that count."""
    alternations: int
    """Of the stages of one objective with the stage of all."""
    hardware: Hardware

    @property
    def step_positions(self) -> int:
        """Positions through the trunk in one optimizer step."""
        return self.rows * self.micro_batches * self.model.max_positions

    def spec(self, folder: Path, objectives: list[str], steps: int) -> TrainSpec:
        """Returns a stage of these objectives with equal shares."""
        uses = {name: {"share": 1 / len(objectives)} for name in objectives}
        return stage_spec(
            folder,
            network(self.model, objectives),
            {"objectives": uses},
            self.hardware,
            steps=steps,
            rows=self.rows,
            micro_batches=self.micro_batches,
        )


class Alone(NamedTuple):
    """One objective in a stage of its own."""

    tokens_per_second: Spread
    to_bare: Spread
    """Times as fast as the bare loop."""
    to_transformers: Spread | None
    parameters: int
    """Trained by us, heads included."""
    peer_parameters: int | None
    without_mask: float
    """Share of its micro-batches that the trunk reads without a mask tensor."""


def alone(name: str, folder: Path, scale: Scale) -> Alone:
    """Trains one objective in turn with the others."""
    spec = scale.spec(folder, [name], (WARM_UP + scale.rounds) * scale.turn_steps)
    bare = BareLoop(spec)
    others: dict[str, Step] = {"bare": bare.step}
    peer = PEERS[name](spec.model) if name in PEERS else None
    if peer is not None:
        loader = StageData(spec).train_dataloader()
        others["transformers"] = PeerLoop(peer, loader, scale.hardware.precision == "bf16").step
    alternation = Alternation(others, scale.turn_steps)
    fit(spec, [alternation])
    seconds = alternation.seconds
    return Alone(
        Spread.of([scale.turn_steps * scale.step_positions / turn for turn in seconds[OURS][WARM_UP:]]),
        times_as_fast(seconds, "bare", WARM_UP),
        None if peer is None else times_as_fast(seconds, "transformers", WARM_UP),
        _size(bare.module),
        None if peer is None else _size(peer),
        without_mask(spec),
    )


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def without_mask(spec: TrainSpec) -> float:
    """Returns the share of a stage's micro-batches for which attention gets no mask tensor."""
    attentions = [micro.batch.attention for step in StageData(spec).train_dataloader() for micro in step.micro_batches]
    length, device = spec.stage.sequence_length, torch.device("cpu")
    return statistics.mean(visibility(attention, length, device).mask is None for attention in attentions)


def together(names: list[str], folder: Path, scale: Scale) -> Spread:
    """Returns what a stage of all objectives costs, as a multiple of what stages of one each cost for their parts."""
    # As many micro-batches as objectives, so that every step of the joint stage has one of each; one network for all.
    # They are half as large as elsewhere: what mixing itself costs is a larger part of them.
    scale = replace(scale, model=network(scale.model, names), rows=scale.rows // 2, micro_batches=len(names))
    stages = {name: [name] for name in names} | {"all": names}
    costs = []
    for _ in range(scale.alternations):
        seconds = {}
        for stage, objectives in stages.items():
            alternation = Alternation({})
            fit(scale.spec(folder, objectives, WARM_UP + scale.turn_steps), [alternation])
            seconds[stage] = statistics.median(alternation.seconds[OURS][WARM_UP:])
        costs.append(seconds.pop("all") / statistics.mean(seconds.values()))
        print(f"together: {costs[-1]:.3f}", flush=True)
    return Spread.of(costs)


def profiled(name: str, folder: Path, scale: Scale) -> str:
    """Returns where one objective's steps spend their time, operator by operator."""
    spec = scale.spec(folder, [name], WARM_UP + 1 + PROFILED_STEPS)
    plan = schedule(wait=WARM_UP, warmup=1, active=PROFILED_STEPS)
    with profile(activities=[ProfilerActivity.CPU], schedule=plan) as profiler:
        fit(spec, [Alternation({"profiler": lambda number: profiler.step()})])
    rows: str = profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=25)
    return rows


def rendered(results: dict[str, Alone], joint: Spread, scale: Scale) -> str:
    """Returns the figures as the page shows them."""
    head = ["objective", "tokens/s", "times a bare loop", "times transformers", "parameters", "without a mask"]
    rows = [
        [
            name,
            f"{result.tokens_per_second:,.0f}",
            f"{result.to_bare:.2f}",
            "has none" if result.to_transformers is None else f"{result.to_transformers:.2f}",
            f"{result.parameters:,}" + ("" if result.peer_parameters is None else f" to {result.peer_parameters:,}"),
            f"{result.without_mask:.0%}",
        ]
        for name, result in results.items()
    ]
    facts = (
        f"{setting(scale.hardware.threads)} {scale.hardware.precision}; {scale.rounds} turns of {scale.turn_steps} "
        f"steps of {scale.step_positions:,} positions; median (least to greatest)."
    )
    bound = (
        f"A step of all {len(results)} objectives costs {joint:.3f} of what its micro-batches cost in stages of their "
        f"own, over {scale.alternations} alternations; the bound is 1.05."
    )
    return "\n\n".join([facts, table(head, rows), bound])


def main() -> None:
    """Measures, prints and, unless it was a quick run, writes the page."""
    arguments = parser().parse_args()
    hardware = resolve(HardwareConfig(accelerator="cpu", threads=arguments.threads))
    preset, vocabulary, length = ("micro", 512, 64) if arguments.quick else ("tiny", 8192, 256)
    model = ModelChoice(preset=preset).resolve(vocabulary, length)
    quick = Scale(model, rows=4, micro_batches=2, turn_steps=1, rounds=2, alternations=1, hardware=hardware)
    scale = quick if arguments.quick else Scale(model, 16, 2, 2, arguments.rounds, 5, hardware)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_text(folder, vocabulary, whole_rows(length, documents=400))
        if arguments.profile:
            print(profiled(arguments.profile, folder, scale))
            return
        results = {}
        for name in running_text():
            results[name] = alone(name, folder, scale)
            print(f"{name}: {results[name].to_bare:.2f} of a bare loop", flush=True)
        figures = rendered(results, together(list(results), folder, scale), scale)
    print(figures)
    if not arguments.quick:
        fill(arguments.page, "objectives", figures)


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6, help="turns that count (6)")
    parser.add_argument("--threads", type=int, help="as many as torch takes, unless given")
    parser.add_argument("--profile", metavar="NAME", help="only say where this one's time goes")
    parser.add_argument("--page", type=Path, default=RESULTS / "speed.md", help="page that gets the figures")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works; figures mean nothing")
    return parser


if __name__ == "__main__":
    main()
