import json
from pathlib import Path

import pytest

from lightning_modules.export import TARGETS, Target
from lightning_modules.export.configuration import KEPT, NAMES, OURS, from_transformers, to_transformers
from lightning_modules.networks import ModelChoice, ModelConfig

PLAIN = ModelChoice(preset="micro", alignment="same", segments=2, dropout=0.5).resolve(
    vocab_size=60, sequence_length=16
)


class Windowed(ModelConfig):
    """A network with a field that few classes have, off by default."""

    window: int | None = None
    window_kind: int = 2


WINDOWED = Windowed(**PLAIN.model_dump(), window=4)
HOLDER = Target("Some", "some", "causal", holds={"window": "sliding_window", "window_kind": "kind"})


def test_every_field_that_is_not_written_has_a_value_that_means_without_it():
    special = ModelConfig.model_fields.keys() - NAMES.keys() - set(KEPT)

    assert [name for name in special if ModelConfig.model_fields[name].is_required()] == []
    assert set(NAMES) | set(KEPT) <= ModelConfig.model_fields.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_network_comes_back_equal(name: str):
    written = json.loads(json.dumps(to_transformers(PLAIN, TARGETS[name])))

    assert from_transformers(written, TARGETS[name], Path("config.json")) == PLAIN


def test_what_is_not_said_of_our_own_fields_follows_from_the_class():
    for name, alignment in (("llama", "shifted"), ("eurobert-masked", "same")):
        written = to_transformers(PLAIN, TARGETS[name])
        del written[OURS]
        read = from_transformers(written, TARGETS[name], Path("config.json"))

        assert (read.alignment, read.segments, read.dropout) == (alignment, 4, 0.0)


def test_target_that_holds_a_field_writes_it_and_others_refuse_it(monkeypatch: pytest.MonkeyPatch):
    written = to_transformers(WINDOWED, HOLDER)
    assert (written["sliding_window"], written["kind"]) == (4, 2)

    with pytest.raises(ValueError, match="LlamaForCausalLM has no place for window=4; targets that have: none"):
        to_transformers(WINDOWED, TARGETS["llama"])
    monkeypatch.setitem(TARGETS, "holder", HOLDER)
    with pytest.raises(ValueError, match="targets that have: holder"):
        to_transformers(WINDOWED, TARGETS["llama"])


def test_network_without_the_field_is_refused_by_the_class_that_is_there_for_it():
    with pytest.raises(ValueError, match="Some is for networks with window or window_kind; export to llama"):
        to_transformers(Windowed(**PLAIN.model_dump()), HOLDER)
