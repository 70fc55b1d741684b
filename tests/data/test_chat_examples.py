"""Conversations as token ids, fitted to the rows of a fine-tuning."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.examples import encode_examples
from data.tasks.build import SCHEMA
from data.vocabulary import SPECIALS


class Letters:
    """One token a letter: a is 31."""

    def encode_batch(self, texts: list[str], threads: int = 1) -> list[list[int]]:
        return [[SPECIALS.count + ord(letter) - ord("a") for letter in text] for text in texts]


def artifact(folder: Path, chats: list[list[str]]) -> Path:
    rows = [
        {"input": turns[0], "target": turns[-1], "others": [], "details": json.dumps({"messages": turns[:-1]})}
        for turns in chats
    ]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / "train.parquet")
    task = {"answers": "text", "labels": [], "language": "en", "target_language": "en"}
    (folder / "task.json").write_text(json.dumps(task))
    return folder


def test_turns_are_encoded_and_what_does_not_fit_is_counted(tmp_path: Path):
    chats = [["ab", "c"], ["abcdef", "c"], ["ab", "c", "de", "f"], ["ab", "cdefghi"]]
    encoded = encode_examples(artifact(tmp_path, chats), "train", Letters(), sequence_length=10, template="chat")
    a = SPECIALS.count

    # bos and eos aside there is room for 8: three marks, text and reply; the reply of the last leaves one.
    assert [ids.tolist() for ids in encoded.rows.inputs] == [
        [SPECIALS.user, a, a + 1, SPECIALS.end_of_turn, SPECIALS.assistant],
        [SPECIALS.user, a, a + 1, a + 2, a + 3, SPECIALS.end_of_turn, SPECIALS.assistant],
        [SPECIALS.user, a + 3, a + 4, SPECIALS.end_of_turn, SPECIALS.assistant],
    ]
    assert (encoded.truncated, encoded.dropped) == (2, 1)
    assert encoded.lengths_N.tolist() == [8, 10, 8]


def test_replies_that_never_fit_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="none of 1 answers fits 6 positions"):
        encode_examples(artifact(tmp_path, [["a", "xyz"]]), "train", Letters(), sequence_length=6, template="chat")
