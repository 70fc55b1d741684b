import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.example_rows import ExampleRows, padded
from data.examples import EncodedExamples, ExampleLoader, encode_examples, example_batches
from data.tasks.build import SCHEMA
from data.views import VIEWS, ViewContext
from data.views.causal_lm import CausalLMView, CausalLMViewConfig
from data.views.prefix_lm import PrefixLMViewConfig
from data.vocabulary import SPECIALS, Vocabulary, special_piece

VOCABULARY = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *(f"▁w{index}" for index in range(200))])
CONTEXT = ViewContext(VOCABULARY, 64, "shifted")
VIEW = VIEWS["prefix_lm"](PrefixLMViewConfig(), CONTEXT)


def examples(lengths: list[int]) -> EncodedExamples:
    """Example i has an input of `lengths[i]` times the token 31 + i, and a one-token answer."""
    inputs = [np.full(length, SPECIALS.count + index) for index, length in enumerate(lengths)]
    rows = ExampleRows(inputs, [np.array([40])] * len(lengths), np.full(len(lengths), -1))
    return EncodedExamples(rows, np.array(lengths) + 4, truncated=0, dropped=0)


def loader(
    encoded: EncodedExamples, steps: int, micro_batches: int = 2, rank: int = 0, world_size: int = 1
) -> ExampleLoader:
    return ExampleLoader(
        encoded, VIEW, objective="answer", micro_batch_size=2, micro_batches=micro_batches, steps=steps, seed=3,
        rank=rank, world_size=world_size,
    )  # fmt: skip


def seen(steps: list) -> list[int]:
    """The examples in the order read, by the first token of their input."""
    return [
        int(row[1]) - SPECIALS.count
        for step in steps
        for micro in step.micro_batches
        for row in micro.batch.input_ids_BT
    ]


def same(one, other) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(
        (left.batch.input_ids_BT == right.batch.input_ids_BT).all() and left.batch.seed == right.batch.seed
        for step, again in pairs
        for left, right in zip(step.micro_batches, again.micro_batches, strict=True)
    )


def test_every_example_is_read_once_an_epoch():
    assert sorted(seen(list(loader(examples(list(range(1, 13))), steps=3)))) == list(range(12))
    assert sorted(seen(list(loader(examples(list(range(1, 13))), steps=6)))) == sorted([*range(12), *range(12)])


def test_epochs_differ_in_order():
    steps = list(loader(examples([5] * 64), steps=32))
    assert seen(steps[:16]) != seen(steps[16:])


def test_ranks_share_the_examples_of_a_single_rank():
    encoded = examples(list(range(1, 25)))
    alone = seen(list(loader(encoded, steps=3, micro_batches=4)))
    shared = [seen(list(loader(encoded, steps=3, rank=rank, world_size=2))) for rank in (0, 1)]

    assert sorted(shared[0] + shared[1]) == sorted(alone)
    assert not set(shared[0]) & set(shared[1])


def test_a_resumed_loader_goes_on_as_if_it_had_never_stopped():
    encoded = examples(list(range(1, 31)))
    whole = list(loader(encoded, steps=20))
    first = loader(encoded, steps=20)
    for _ in range(7):
        state = (next(iter(first)), first.state_dict())[1]
    resumed = loader(encoded, steps=20)
    resumed.load_state_dict(state)

    assert same(whole[7:], list(resumed))
    assert len(resumed) == 20


def test_bucketing_leaves_less_padding_than_chance():
    lengths = np.random.default_rng(0).integers(1, 50, 256).tolist()
    statistics = loader(examples(lengths), steps=64).statistics()

    # Rows of two drawn at random from 5..53 waste about a third of the mean spread: more than a fifth.
    assert statistics["padding_fraction"] < 0.05
    assert statistics["unsorted_padding_fraction"] > 0.2
    assert statistics["epochs"] == 1.0


def test_ranks_read_rows_of_about_equal_length_at_once():
    lengths = np.random.default_rng(0).integers(1, 50, 192)
    ranks = [list(loader(examples(lengths.tolist()), steps=12, rank=rank, world_size=4)) for rank in range(4)]
    longest = np.array(
        [[micro.batch.input_ids_BT.shape[1] for step in steps for micro in step.micro_batches] for steps in ranks]
    )

    assert np.ptp(longest, axis=0).mean() < 2.0
    assert np.ptp(longest, axis=1).min() > 20  # over the whole, short and long ones are mixed


def test_validation_takes_each_example_once_within_the_positions():
    encoded = examples([3] * 10)
    everything = example_batches(encoded, VIEW, objective="answer", micro_batch_size=4)
    some = example_batches(encoded, VIEW, objective="answer", micro_batch_size=4, max_positions=21)

    assert sorted(int(row[1]) - SPECIALS.count for micro in everything for row in micro.batch.input_ids_BT) == list(
        range(10)
    )
    assert sum(len(micro.batch.input_ids_BT) for micro in some) == 3


def test_a_view_of_running_text_is_refused():
    with pytest.raises(ValueError, match="'answer' reads running text"):
        ExampleLoader(
            examples([1]), CausalLMView(CausalLMViewConfig(), CONTEXT), objective="answer", micro_batch_size=1,
            micro_batches=1, steps=1, seed=0,
        )  # fmt: skip


def test_rows_of_one_length_need_no_sample_ids():
    ids, positions, samples = padded([np.array([7, 8]), np.array([9, 5])], pad=0)

    assert (ids.tolist(), positions.tolist(), samples) == ([[7, 8], [9, 5]], [[0, 1], [0, 1]], None)


class Letters:
    """One token a letter: a is 31."""

    def encode_batch(self, texts: list[str], threads: int = 1) -> list[list[int]]:
        return [[SPECIALS.count + ord(letter) - ord("a") for letter in text] for text in texts]


def artifact(folder: Path, rows: list[dict], labels: list[str]) -> Path:
    rows = [{"others": [], "details": "{}"} | row for row in rows]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / "train.parquet")
    task = {"answers": "class" if labels else "text", "labels": labels, "language": "en", "target_language": "en"}
    (folder / "task.json").write_text(json.dumps(task))
    return folder


def test_inputs_are_cut_and_answers_are_not(tmp_path: Path):
    pairs = [("abcdef", "xyz"), ("ab", "xyz"), ("abc", "uvwxyz"), ("abc", "tuvwxyz")]
    folder = artifact(tmp_path, [{"input": x, "target": y} for x, y in pairs], [])
    encoded = encode_examples(folder, "train", Letters(), sequence_length=10)  # three of them specials

    assert [len(x) for x in encoded.rows.inputs] == [4, 2, 1]
    assert [len(y) for y in encoded.rows.targets] == [3, 3, 6]
    assert (encoded.truncated, encoded.dropped) == (2, 1)
    assert encoded.lengths_N.tolist() == [10, 8, 10]


def test_classes_are_numbers_and_leave_the_input_all_but_two_positions(tmp_path: Path):
    folder = artifact(tmp_path, [{"input": "abcdef", "target": "good", "label": 1}], ["bad", "good"])
    encoded = encode_examples(folder, "train", Letters(), sequence_length=6)

    assert encoded.rows.inputs[0].tolist() == [31, 32, 33, 34]
    assert encoded.rows.labels_B.tolist() == [1]


def test_answers_that_never_fit_are_refused(tmp_path: Path):
    folder = artifact(tmp_path, [{"input": "abc", "target": "xyz"}], [])
    with pytest.raises(ValueError, match="none of 1 answers fits 6 positions"):
        encode_examples(folder, "train", Letters(), sequence_length=6)
