"""A sheet small enough to answer by hand, and a run to draw one from."""

from pathlib import Path

import pytest

from flows.judging.sheet import Item, Question, Sheet
from flows.records import RunRecord
from tests.flows.judging.runs import HOSTILE, write_run


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    return write_run(tmp_path)


@pytest.fixture
def sheet() -> Sheet:
    """Two items: a pair of each, a rating of each system of the first, and the first pair and rating once more."""
    return Sheet(
        task="headline",
        runs=["demo-1"],
        systems=["alpha-net", "beta-net"],
        language="en",
        target_language="zh",
        seed=1,
        shows_references=False,
        items=[
            Item(id="a", input=HOSTILE, reference="秘密", texts={"alpha-net": HOSTILE, "beta-net": "好的"}),
            Item(id="b", input="second", reference="secret", texts={"alpha-net": "=1+1", "beta-net": " "}),
        ],
        questions=[
            Question(kind="pair", item="a", systems=("alpha-net", "beta-net")),
            Question(kind="pair", item="b", systems=("beta-net", "alpha-net")),
            Question(kind="rating", item="a", systems=("alpha-net",)),
            Question(kind="rating", item="a", systems=("beta-net",)),
            Question(kind="pair", item="a", systems=("beta-net", "alpha-net"), repeats=0),
            Question(kind="rating", item="a", systems=("alpha-net",), repeats=2),
        ],
        alike=0,
    )


@pytest.fixture
def folder(sheet: Sheet, tmp_path: Path) -> Path:
    return sheet.save(tmp_path)
