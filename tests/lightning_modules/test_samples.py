"""Texts that a stage's weights write: of held-out documents, the same every time, hidden only where a mask stood."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from data.shards import Shards
from data.tokenizer import Tokenizer
from data.vocabulary import SPECIALS, Vocabulary
from lightning_modules import train
from lightning_modules.datamodule import StageData
from lightning_modules.module import StageModule
from lightning_modules.samples import HIDDEN, TEXTS, text_samples
from lightning_modules.spec import TrainSpec

USES: dict[str, Any] = {
    "forward": {"objective": "causal_lm", "share": 0.25},
    "backward": {"objective": "causal_lm", "share": 0.25, "direction": "rtl"},
    "cloze": {"objective": "masked_lm", "share": 0.25},
    "order": {"objective": "sentence_order", "share": 0.25},
}


class Letters:
    """Writes every token as one character, and specials as nothing."""

    def __init__(self, folder: Path) -> None:
        self.vocabulary = Vocabulary.load(folder)

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(chr(0x4E00 + token) for token in ids if token >= SPECIALS.count)


@pytest.fixture
def spec(make_spec: Callable[..., TrainSpec]) -> TrainSpec:
    spec = make_spec(stage={"objectives": USES})
    train.train(StageModule(spec), StageData(spec))
    return spec


def samples(spec: TrainSpec, held_out: Shards) -> list[dict[str, str]]:
    return text_samples(spec.output, cast(Tokenizer, Letters(spec.tokenizer)), held_out, spec.stage)


def test_causal_and_masked_objectives_write_and_others_do_not(spec: TrainSpec, artifacts: Path):
    held_out = Shards.open(artifacts / "tokens", "validation")
    rows = samples(spec, held_out)

    assert [row["objective"] for row in rows] == ["forward"] * TEXTS + ["cloze"] * TEXTS
    assert samples(spec, held_out) == rows
    letters = Letters(spec.tokenizer)
    opened = {letters.decode(held_out.document(index)[:31]) for index in range(held_out.documents)}
    for row in rows[:TEXTS]:
        assert row["shown"] + row["original"] in opened
        assert 0 < len(row["written"]) <= len(row["original"]) == 16
    for row in rows[TEXTS:]:
        assert row["original"] in opened
        assert len(row["written"]) <= len(row["original"])


def test_what_was_not_hidden_is_written_as_it_stands(spec: TrainSpec, artifacts: Path):
    rows = [row for row in samples(spec, Shards.open(artifacts / "tokens", "validation")) if HIDDEN in row["shown"]]

    assert rows
    for row in rows:
        seen = row["shown"].replace(HIDDEN, "?")
        assert len(seen) == len(row["original"])
        assert all(mark in ("?", letter) for mark, letter in zip(seen, row["original"], strict=True))


def test_documents_too_short_to_show_give_no_samples(spec: TrainSpec):
    short = Shards(np.full(5, 40, np.uint16), np.array([0, 2, 5]), np.array([2, 3]), 64, "")

    assert samples(spec, short) == []
