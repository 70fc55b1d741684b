"""Tokenizers of other sizes on the corpus of a finished run."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.plan import load_plan
from flows.recipe import RecipeError
from flows.report.vocabularies import print_vocabularies, save_plot
from flows.vocabularies import compare_vocabularies


def test_each_size_and_algorithm_is_measured_on_the_recipes_corpus(
    in_store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = load_plan(in_store.recipe)
    measured = compare_vocabularies(plan, ["512", " 0.516K"], ["unigram", "bpe"])
    report = json.loads((plan.folder("tokenizer/tiny") / "report.json").read_text())

    assert [(one.algorithm, one.vocab_size) for one in measured] == [
        ("unigram", 512), ("unigram", 516), ("bpe", 512), ("bpe", 516),
    ]  # fmt: skip
    assert measured[0].report == report
    for one in measured:
        assert 0.1 < one.ngram_bits_per_byte < one.unigram_bits_per_byte < 8.0
        assert one.report["round_trip"]["exact"] == one.report["round_trip"]["checked"]

    print_vocabularies(measured)
    save_plot(measured, tmp_path / "new" / "sizes.png")
    printed = capsys.readouterr().out
    assert "unigram 512" in printed
    assert printed.count("tokens/word") == 2  # a column each for en and zh
    assert "(zh)" in printed
    assert (tmp_path / "new" / "sizes.png").read_bytes().startswith(b"\x89PNG")


def test_size_that_no_tokenizer_can_have_is_refused(in_store: Any) -> None:
    with pytest.raises(RecipeError, match="tokenizer compare: Input should be greater than or equal to 512"):
        compare_vocabularies(load_plan(in_store.recipe), ["100"], ["bpe"])
