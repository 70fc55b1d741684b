"""Whether a GPU computes what the CPU computes, and how fast: one command for a machine with a GPU.

    python3 -m benchmarks.gpu [--rounds 6] [--rows 16]

It needs `benchmarks/`, `data/`, `lightning_modules/` and the page in `docs/results`, with torch, pytorch-lightning,
pydantic, pyarrow and safetensors; no corpus, no tokenizer, no network. `--quick` runs the same program on a CPU in
miniature.

1. Every objective that reads running text trains a few steps in fp32 on the CPU, and in bf16 on the GPU, with compiled
   layers and without. No loss of any step may differ by more than 2 %.
2. A model of 124M parameters (preset `base`, vocabulary 50,000, context 1,024) trains on the causal, the masked and
   both objectives through Lightning, layers compiled. In turn with it, the same network and batches in a bare loop: the
   whole forward and loss compiled, batches waiting on the GPU, nothing logged or checked. The aims are a ratio of 0.97
   and 45 % of the GPU's peak.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from benchmarks.alternation import OURS, Alternation, Spread, fit, times_as_fast
from benchmarks.made_up import network, running_text, stage_spec, whole_rows, write_text
from benchmarks.pages import RESULTS, fill, setting, table
from data.batch import Attention
from lightning_modules.datamodule import StageData
from lightning_modules.hardware import Hardware, HardwareConfig, resolve
from lightning_modules.networks import ModelChoice, ModelConfig, Trunk, flops_per_token
from lightning_modules.spec import TrainSpec

MOST_APART = 0.02
WARM_UP = 2
"""Turns that do not count; the first compiles, and the second again for sizes that vary."""
STAGES: dict[str, dict[str, Any]] = {
    "causal": {"causal_lm": {}},
    "masked": {"masked_lm": {}},
    "mixed": {"causal_lm": {"share": 0.5}, "masked_lm": {"share": 0.5}},
}
DENSE_BF16 = {"H200": 989e12, "H100 PCIe": 756e12, "H100": 989e12, "A100": 312e12}
"""Part of a GPU's name -> FLOP/s in its data sheet, without sparsity; the first that fits counts."""


@dataclass(frozen=True)
class Scale:
    """How large everything is."""

    agreeing: ModelConfig
    """Of the comparison of losses."""
    agreeing_steps: int
    timed: ModelConfig
    """Of the comparison of speed."""
    rows: int
    micro_batches: int
    turn_steps: int
    rounds: int
    """Turns that count."""
    device: Hardware
    """What is compared with the CPU, and timed."""


def full(rows: int, rounds: int) -> Scale:
    """Returns what is measured on a GPU."""
    return Scale(
        agreeing=ModelChoice(preset="tiny").resolve(4096, 256),
        agreeing_steps=20,
        timed=ModelChoice(preset="base").resolve(50_000, 1024),
        rows=rows,
        micro_batches=4,
        turn_steps=10,
        rounds=rounds,
        device=resolve(HardwareConfig(accelerator="cuda", precision="bf16", compile=True)),
    )


def quick() -> Scale:
    """Returns the same in miniature on the CPU, in bf16 too, nothing compiled: its figures mean nothing."""
    micro = ModelChoice(preset="micro").resolve(512, 64)
    hardware = resolve(HardwareConfig(accelerator="cpu", precision="bf16"))
    return Scale(micro, 3, micro, rows=4, micro_batches=2, turn_steps=1, rounds=2, device=hardware)


class Agreement(NamedTuple):
    """How far one objective's losses on the device are from those on the CPU."""

    objective: str
    compiled: bool
    apart: float | None
    """Greatest relative difference of a term's loss in a step; None where that would say nothing."""
    steps: str
    """First and last loss on the CPU, or why it was not compared."""

    @property
    def holds(self) -> bool:
        """Whether it is close enough, as far as it was compared."""
        return self.apart is None or self.apart <= MOST_APART


def agreements(folder: Path, scale: Scale) -> list[Agreement]:
    """Trains every objective on both devices."""
    write_text(folder, scale.agreeing.vocab_size, whole_rows(scale.agreeing.max_positions, documents=200))
    on_cpu = scale.device.model_copy(update={"accelerator": "cpu", "precision": "fp32", "compile": False})
    on_device = [
        scale.device.model_copy(update={"compile": compiled}) for compiled in sorted({False, scale.device.compile})
    ]
    found = []
    for name in running_text():
        if network(scale.agreeing, [name]).dropout:
            found.append(Agreement(name, False, None, "not compared: it needs dropout, which each device draws anew"))
            continue
        expected = losses(folder, name, on_cpu, scale)
        own = [step[f"train/{name}/loss"] for step in expected]
        for hardware in on_device:
            apart = greatest_difference(losses(folder, name, hardware, scale), expected)
            found.append(Agreement(name, hardware.compile, apart, f"{own[0]:.3f} to {own[-1]:.3f}"))
    return found


def losses(folder: Path, objective: str, hardware: Hardware, scale: Scale) -> list[dict[str, float]]:
    """Returns, for every step, the loss of each of the objective's terms."""
    spec = stage_spec(
        folder, network(scale.agreeing, [objective]), {"objectives": {objective: {}}}, hardware,
        steps=scale.agreeing_steps, rows=8, micro_batches=2,
    ).model_copy(update={"log_steps": 1})  # fmt: skip
    torch.compiler.reset()  # past some graphs of one function torch gives up, and runs it uncompiled
    fit(spec)
    lines = (spec.work / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    metrics = [json.loads(line)["metrics"] for line in lines]
    own = f"train/{objective}/"
    return [{name: step[name] for name in step if name.startswith(own) and name.endswith("/loss")} for step in metrics]


def greatest_difference(steps: list[dict[str, float]], expected: list[dict[str, float]]) -> float:
    """Returns the greatest relative difference of any loss in any step."""
    return max(
        abs(step[name] - loss) / abs(loss)
        for step, expected_step in zip(steps, expected, strict=True)
        for name, loss in expected_step.items()
    )


def plain_loss(trunk: Trunk, causal: bool, ids_BT: Tensor, positions_BT: Tensor, at_M: Tensor, to_M: Tensor) -> Tensor:
    """Returns the mean cross-entropy as one writes it by hand: the states at `at_M` predict the tokens `to_M`."""
    hidden_BTD = trunk.model(trunk.model.embed_tokens(ids_BT), positions_BT, Attention("causal" if causal else "full"))
    logits_MV = F.linear(hidden_BTD.flatten(0, 1)[at_M], trunk.vocabulary_VD)
    return F.cross_entropy(logits_MV.float(), to_M)


class BareLoop:
    """The same network, seed and batches in a loop with nothing else in it."""

    def __init__(self, spec: TrainSpec, distinct_steps: int) -> None:
        """Puts so many steps' batches on the device; the loop goes round them."""
        self.device = spec.hardware.accelerator
        self.trunk = Trunk(spec.model, spec.seed).to(self.device)
        self.optimizer = torch.optim.AdamW(self.trunk.parameters(), lr=1e-3, fused=True)
        self.loss = torch.compile(plain_loss) if spec.hardware.compile else plain_loss
        loader = StageData(spec).train_dataloader()
        steps = [loader.step(number).micro_batches for number in range(distinct_steps)]
        self.steps = [[micro.batch.to(self.device) for micro in step] for step in steps]

    @property
    def held_bytes(self) -> int:
        """Returns what weights and optimizer hold between two steps."""
        state = [value for entry in self.optimizer.state.values() for value in entry.values()]
        return sum(tensor.numel() * tensor.element_size() for tensor in [*self.trunk.parameters(), *state])

    def step(self, number: int) -> None:
        """Learns from one step's micro-batches."""
        batches = self.steps[number % len(self.steps)]
        for batch in batches:
            assert batch.predict_M is not None and batch.targets_M is not None
            with torch.autocast(self.device, torch.bfloat16):
                loss = self.loss(
                    self.trunk, batch.attention.mode == "causal",
                    batch.input_ids_BT, batch.position_ids_BT, batch.predict_M, batch.targets_M,
                )  # fmt: skip
            (loss / len(batches)).backward()
        clip_grad_norm_(self.trunk.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    @property
    def predicting_share(self) -> float:
        """Returns the share of the positions whose state meets the vocabulary."""
        batches = [batch for step in self.steps for batch in step]
        predicting = sum(batch.targets_M.numel() for batch in batches if batch.targets_M is not None)
        return predicting / sum(batch.positions for batch in batches)


class Speed(NamedTuple):
    """One stage in turn with the bare loop."""

    tokens_per_second: dict[str, Spread]
    peak_bytes: dict[str, int]
    ratio: Spread
    flops_per_token: float


def timed(stage: str, folder: Path, scale: Scale) -> Speed:
    """Trains the stage through Lightning, and the bare loop between."""
    spec = stage_spec(
        folder, scale.timed, {"objectives": STAGES[stage]}, scale.device,
        steps=(WARM_UP + scale.rounds) * scale.turn_steps, rows=scale.rows, micro_batches=scale.micro_batches,
    )  # fmt: skip
    torch.compiler.reset()
    bare = BareLoop(spec, scale.turn_steps)
    alternation = Alternation({"bare": bare.step}, scale.turn_steps)
    fit(spec, [alternation])
    positions = scale.turn_steps * scale.micro_batches * scale.rows * scale.timed.max_positions
    return Speed(
        {
            name: Spread.of([positions / turn for turn in turns[WARM_UP:]])
            for name, turns in alternation.seconds.items()
        },
        # Both hold as much between their turns, so what the other one holds can be taken off.
        {name: peak - bare.held_bytes for name, peak in alternation.peak_bytes.items()},
        times_as_fast(alternation.seconds, "bare", WARM_UP),
        flops_per_token(scale.timed, scale.timed.max_positions, bare.predicting_share),
    )


def peak_flops() -> float | None:
    """Returns the data sheet's FLOP/s of this GPU in bf16, if it is a known one."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return next((flops for part, flops in DENSE_BF16.items() if part in name), None)


def rendered_agreements(found: list[Agreement]) -> str:
    """Returns the losses' table."""
    rows = [
        [
            each.objective,
            "yes" if each.compiled else "no",
            each.steps,
            "" if each.apart is None else f"{each.apart:.3%}{'' if each.holds else ' **too far**'}",
        ]
        for each in found
    ]
    return table(["objective", "compiled", "loss on the CPU, first to last", "farthest apart"], rows)


def rendered_speeds(speeds: dict[str, Speed]) -> str:
    """Returns the table of speed and memory."""
    peak = peak_flops()

    def used(speed: Speed, name: str) -> str:
        flops = speed.tokens_per_second[name].median * speed.flops_per_token
        return f"{flops / 1e12:.1f} TFLOP/s" + ("" if peak is None else f", {flops / peak:.1%}")

    rows = [
        [
            stage,
            name,
            f"{speed.tokens_per_second[name]:,.0f}",
            used(speed, name),
            f"{speed.peak_bytes[name] / 2**30:.1f}" if torch.cuda.is_available() else "not read",
            f"{speed.ratio:.3f}" if name == OURS else "1",
        ]
        for stage, speed in speeds.items()
        for name in (OURS, "bare")
    ]
    return table(
        ["stage", "loop", "tokens/s", "used, and of the peak", "peak memory, GiB", "times the bare loop"], rows
    )


def main() -> int:
    """Measures, prints and, unless it was a quick run, writes the page; returns 1 if losses are too far apart."""
    arguments = parser().parse_args()
    scale = quick() if arguments.quick else full(arguments.rows, arguments.rounds)
    with tempfile.TemporaryDirectory() as name:
        found = agreements(Path(name) / "agreement", scale)
        print(rendered_agreements(found), flush=True)
        folder = Path(name) / "speed"
        write_text(folder, scale.timed.vocab_size, whole_rows(scale.timed.max_positions, documents=200))
        speeds = {}
        for stage in STAGES:
            speeds[stage] = timed(stage, folder, scale)
            torch.cuda.empty_cache()
    facts = (
        f"{setting(scale.device.threads)} Micro-batches of {scale.rows} rows, {scale.micro_batches} a step, "
        f"{scale.rounds} turns of {scale.turn_steps} steps; median (least to greatest)."
    )
    print(facts, rendered_speeds(speeds), sep="\n\n")
    if not arguments.quick:
        fill(arguments.page, "gpu", "\n\n".join([facts, rendered_agreements(found), rendered_speeds(speeds)]))
    return 0 if all(each.holds for each in found) else 1


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6, help="turns that count (6)")
    parser.add_argument("--rows", type=int, default=16, help="of a micro-batch (16); fewer if the memory is short")
    parser.add_argument("--page", type=Path, default=RESULTS / "gpu.md", help="page that gets the figures")
    parser.add_argument("--quick", action="store_true", help="tiny sizes on the CPU; figures mean nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
