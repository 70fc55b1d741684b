"""The line that a stage is known by."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.figures import headline

SELECTION = {"step": 20, "stopped_early": False, "gap_widened": False}


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        (None, ""),
        (SELECTION | {"step": 40}, ""),
        (SELECTION, "; kept step 20 of 40"),
        (SELECTION | {"stopped_early": True}, "; kept step 20 of 40, stopped early"),
        (SELECTION | {"gap_widened": True}, "; kept step 20 of 40; WARNING: its gap to the training loss widens"),
    ],
)
def test_line_of_a_fine_tuning_says_which_weights_were_kept(tmp_path: Path, selection: Any, told: str) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"kind": "finetuned", "counts": {}}))
    stage = {"validation": {"validation/classification/loss": 0.5123}, "steps": 40}
    (tmp_path / "stage.json").write_text(json.dumps(stage | ({"selection": selection} if selection else {})))

    assert headline(tmp_path) == "classification 0.512 nats (validation)" + told
