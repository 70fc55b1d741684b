"""What a run will cost before it starts. Estimates, each with its rule; the run records what it really was."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from flows.plan import Plan
from lightning_modules.networks.estimates import count_parameters

EFFICIENCY = 0.33
"""Share of the measured matrix-product speed that training a small model reaches."""
STATE_BYTES = 16
"""Per parameter while training: weight, gradient and two moments in fp32."""
PROBE_SECONDS = 0.3


@dataclass(frozen=True)
class Estimate:
    """Of one pretraining stage."""

    flops: float
    seconds: float
    basis: str
    """Where the speed comes from."""


def stage_estimates(plan: Plan) -> dict[str, Estimate]:
    """Stage of pretraining -> its cost.

    The speed is that of the latest stage of the same network in the store, if there is one; else a share of a matrix
    product timed now.
    """
    measured = _measured_flops_per_second(plan)
    speed = measured or EFFICIENCY * _probe(plan)
    basis = "the last training of this network here" if measured else f"{EFFICIENCY:.0%} of a timed matrix product"
    flops = {name: plan.flops(stage) for name, stage in plan.recipe.pretraining.stages.items()}
    return {name: Estimate(count, count / speed, basis) for name, count in flops.items()}


def memory_bytes(plan: Plan) -> int:
    """Peak memory of training: states, and activations of one micro-batch.

    34 bytes a position, layer and width; the logits of one chunk come on top.
    """
    model = plan.model
    activations = 34 * plan.recipe.training.micro_batch_tokens * model.hidden_size * model.num_layers
    return STATE_BYTES * count_parameters(model)["total"] + activations


def disk_bytes(plan: Plan) -> int:
    """Weights of all stages, and the largest checkpoint beside them."""
    weights = 4 * count_parameters(plan.model)["total"]
    kept = sum(1 for stage in plan.stages.values() if stage.kind in {"weights", "finetuned"})
    return weights * kept + 3 * weights


def _measured_flops_per_second(plan: Plan) -> float | None:
    """From the newest stage in the store that trained this network at this precision."""
    speeds = []
    for artifact in plan.store.artifacts():
        values = artifact.manifest["values"]
        same = values.get("model") == plan.model.model_dump(mode="json") and (
            values.get("precision") == plan.hardware.precision
        )
        if artifact.manifest["kind"] == "weights" and same:
            lines = [json.loads(line) for line in (artifact.folder / "metrics.jsonl").read_text().splitlines()]
            if lines and lines[-1]["seconds"]:
                flops = json.loads((artifact.folder / "stage.json").read_text())["flops"]
                speeds.append((artifact.record["finished"], flops / lines[-1]["seconds"]))
    return max(speeds)[1] if speeds else None


def _probe(plan: Plan) -> float:
    """FLOP/s of a matrix product of the network's own shape on the plan's hardware."""
    import torch

    kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[plan.hardware.precision]
    rows, width, inner = plan.recipe.training.micro_batch_tokens, plan.model.hidden_size, plan.model.intermediate_size
    left = torch.ones(rows, width, dtype=kind, device=plan.hardware.accelerator)
    right = torch.ones(width, inner, dtype=kind, device=plan.hardware.accelerator)
    rounds, started = -1, 0.0
    while rounds < 0 or time.perf_counter() - started < PROBE_SECONDS:
        left @ right
        if plan.hardware.accelerator == "cuda":
            torch.cuda.synchronize()
        if rounds < 0:  # the first product chooses its kernel
            started = time.perf_counter()
        rounds += 1
    return 2 * rows * width * inner * rounds / (time.perf_counter() - started)
