import json
from pathlib import Path

import numpy as np
import pytest

from data.tokenizer import Tokenizer
from data.vocabulary import SPECIALS, Vocabulary, special_piece

BLOCK = [special_piece(name) for name in SPECIALS.by_name()]


def facts(*pieces: str) -> dict[str, list[str]]:
    """Which of the pieces have which fact."""
    vocabulary = Vocabulary.from_pieces([*BLOCK, *pieces])
    return {
        name: [piece for piece, flag in zip(pieces, getattr(vocabulary, name)[len(BLOCK) :], strict=True) if flag]
        for name in ("is_special", "word_start", "word_end", "sentence_end", "closing")
    }


def test_specials_have_the_same_ids_in_every_vocabulary():
    named = (
        "pad unk bos eos sep mask sentence_mask generation_mask span_start span_end system user assistant end_of_turn"
    )
    spares = [f"spare_{index}" for index in range(16)]

    assert SPECIALS.by_name() == {name: i for i, name in enumerate([*named.split(), "image", *spares])}
    assert SPECIALS.count == 31


def test_word_starts_at_a_space_a_line_break_or_a_chinese_character():
    assert facts("▁the", "ing", "天气", "3", "<0x0A>", "<0xE4>", "<0xC3>", "。", "▁")["word_start"] == [
        "▁the",
        "天气",
        "<0x0A>",
        "<0xE4>",
        "。",
        "▁",
    ]


def test_word_ends_after_a_line_break_or_a_chinese_character():
    assert facts("▁the", "天气", "<0x0A>", "<0x09>", "か", "，", "A", "한")["word_end"] == [
        "天气",
        "<0x0A>",
        "<0x09>",
        "か",
        "，",
    ]


def test_sentence_ends_in_a_stop_of_either_width_with_its_closing_quotes():
    enders = [".", "▁etc.", "!", "?", '."', "。", "！", "？", "…", "。”", "！』", ".)", "<0x0A>"]

    assert facts(*enders, "a", ",", "，", "▁(", ".5", "；")["sentence_end"] == enders


def test_closing_pieces_are_quotes_brackets_and_line_breaks_that_follow_no_space():
    assert facts('"', "”", "」）", "<0x0A>", '▁"', "a”", "“", "(")["closing"] == ['"', "”", "」）", "<0x0A>"]


def test_only_the_block_is_special():
    vocabulary = Vocabulary.from_pieces([*BLOCK, "a", "<|bos|>x"])

    assert np.flatnonzero(vocabulary.is_special).tolist() == list(range(31))
    assert vocabulary.size == 33


def test_vocabulary_without_the_block_is_refused():
    with pytest.raises(ValueError, match="not with the special pieces"):
        Vocabulary.from_pieces(["<unk>", "<s>", "a"])


def test_artifact_gives_the_tokenizers_vocabulary_without_the_tokenizer(toy_training, toy_tokenizer: Tokenizer):
    folder: Path = toy_training[0]
    loaded = Vocabulary.load(folder)

    np.testing.assert_array_equal(loaded.sentence_end, toy_tokenizer.vocabulary.sentence_end)
    assert json.loads((folder / "tokenizer.json").read_text())["specials"] == SPECIALS.by_name()
