"""What the pages on fine-tuning show can be put into a recipe."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from lightning_modules.adapters import ADAPTERS
from lightning_modules.hardware import HardwareConfig
from lightning_modules.networks import ModelChoice
from lightning_modules.tasks.finetuning import FinetuningConfig

DOCS = Path(__file__).parents[1] / "docs"
TASK = {
    "task": "classification", "examples": 64, "peak_lr": 1e-3,
    "data": {"source": "file", "path": "a.csv", "label": "stars", "labels": ["bad", "good"]},
}  # fmt: skip
MODEL = ModelChoice(preset="micro").resolve(vocab_size=64, sequence_length=256)


@pytest.mark.parametrize("name", ["how-to-finetune.md", "how-to-finetune.zh-CN.md"])
def test_snippets_and_the_table_of_methods_are_valid(name: str):
    page = (DOCS / name).read_text(encoding="utf-8")
    snippets = [yaml.safe_load(part.partition("```")[0]) for part in page.split("```yaml\n")[1:]]
    rows = [row.split("|")[1].strip().strip("`") for row in page.splitlines() if row.startswith(("| `{", "| `full"))]
    written = [row.replace("frozen_layers: n", "frozen_layers: 1").replace(": n}", ": 5}") for row in rows]
    adapters = [yaml.safe_load(row.replace("rank: r", "rank: 4")) for row in written]
    *parts, machine = snippets
    settings: list[dict[str, Any]] = [entry for part in parts for entry in part["finetuning"].values()]

    assert len(parts) == 3
    assert HardwareConfig.model_validate(machine["training"]).finetunings_at_once == 2
    for given in [*settings, *({"adapter": adapter} for adapter in adapters)]:
        FinetuningConfig.model_validate(TASK | given).check_model(MODEL)
    assert {one if isinstance(one, str) else one["method"] for one in adapters} == ADAPTERS.keys()


def test_both_languages_show_the_same_recipes():
    one, other = ((DOCS / name).read_text(encoding="utf-8").split("```yaml\n") for name in
                  ("how-to-finetune.md", "how-to-finetune.zh-CN.md"))  # fmt: skip
    assert [part.partition("```")[0] for part in one[1:]] == [part.partition("```")[0] for part in other[1:]]
