import json
from pathlib import Path

import numpy as np
import pytest

from flows.mixture import mixture
from flows.plan import load_plan
from lightning_modules.spec import ShardSource

LENGTHS = {"news": [30, 10], "books": [100, 50, 50], "empty": []}
"""Source -> tokens of its documents."""


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    lengths = [length for of_source in LENGTHS.values() for length in of_source]
    np.zeros(sum(lengths), "<u2").tofile(tmp_path / "train.bin")
    np.save(tmp_path / "train.offsets.npy", np.cumsum([0, *lengths]))
    np.save(tmp_path / "train.bytes.npy", np.array(lengths))
    sources = {"train": [(name, len(of_source)) for name, of_source in LENGTHS.items() if of_source]}
    facts = {"vocab_size": 100, "tokenizer_sha256": "0" * 64, "sources": sources}
    (tmp_path / "tokens.json").write_text(json.dumps(facts))
    return tmp_path


def test_without_weights_all_text_is_one_source(tokens: Path) -> None:
    assert mixture(tokens, {}, 0.9) == [ShardSource(path=tokens, share=0.9)]


def test_part_of_a_source_is_its_size_times_its_weight(tokens: Path) -> None:
    found = mixture(tokens, {"news": 5.0, "books": 1.0, "empty": 1.0}, 0.8)

    assert [(source.source, source.share) for source in found] == [
        ("books", pytest.approx(0.8 * 200 / 400)),
        ("news", pytest.approx(0.8 * 5 * 40 / 400)),
    ]


def test_weight_zero_leaves_a_source_out_and_not_all_can_be(tokens: Path) -> None:
    assert [source.source for source in mixture(tokens, {"news": 0.0, "books": 3.0})] == ["books"]
    with pytest.raises(ValueError, match="has weight 0; give one of them more"):
        mixture(tokens, {"news": 0.0, "books": 0.0, "empty": 1.0})


def test_weights_change_pretraining_and_nothing_before_it(tiny_recipe: Path) -> None:
    plans = [load_plan(str(tiny_recipe), {"corpus.sources.news.weight": weight}) for weight in (1.0, 2.0)]
    plain, weighted = ({label: stage.key.fingerprint for label, stage in plan.stages.items()} for plan in plans)
    changed = {label for label in plain if plain[label] != weighted[label]}

    kinds = {label.partition("/")[0] for label in plain}
    assert {label.partition("/")[0] for label in changed} == kinds - {"examples", "corpus", "tokenizer", "tokens"}
    assert plans[0].source_weights == {}
    assert plans[1].source_weights == {"news": 2.0, "pairs": 1.0}
