"""Exams that ask for the tokens of held-out documents: by position, beyond the trained length, hidden."""

import math
import shutil

import numpy as np
import pytest

from data.shards import Shards
from lightning_modules.exams import EXAMS
from lightning_modules.exams.documents import long_pieces, named_pieces
from lightning_modules.exams.length_doubling import BEYOND, WITHIN, in_windows
from lightning_modules.exams.loss_by_position import context_gain, octaves
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.scoring.token_likelihood import causal_nll

from .conftest import HARDWARE, VOCABULARY


def held(kind: str, sitting, **settings):
    return EXAMS[kind].model_validate({"exam": kind} | settings).run(sitting)


@pytest.mark.parametrize("kind", ["key_value_recall", "pseudo_perplexity", "unconditional_samples"])
def test_a_test_split_without_documents_is_refused(sit, trunk, folders, tmp_path, kind: str):
    tokens = tmp_path / "tokens"
    shutil.copytree(folders / "tokens", tokens)
    (tokens / "test.bin").write_bytes(b"")
    np.save(tokens / "test.offsets.npy", np.zeros(1, np.int64))
    np.save(tokens / "test.bytes.npy", np.zeros(0, np.int64))

    with pytest.raises(ValueError, match="test split holds no document; raise its fraction"):
        held(kind, sit(trunk, folders={"tokens": tokens}))


def test_positions_are_ranged_by_doubling():
    assert [(own[0], own[-1]) for own in octaves(11)] == [(0, 0), (1, 1), (2, 3), (4, 7), (8, 10)]
    assert sum(map(len, octaves(64))) == 64


def test_gain_of_context_is_the_first_half_against_the_second():
    gain = context_gain(np.array([[4.0, 2.0, 1.0, 1.0], [5.0, 5.0, 2.0, 4.0]]), 50, 0)

    assert gain["second_half_easier_by"] == (2.0 + 2.0) / 2
    assert gain["second_half_easier_by_low"] == gain["second_half_easier_by_high"] == 2.0


def test_a_uniform_network_gains_nothing_from_context(sit, uniform):
    results = held("loss_by_position", sit(uniform, uniform), length=24)

    assert [row[0] for row in results.tables[0].rows] == ["0", "1", "2-3", "4-7", "8-15", "16-23"]
    assert [row[2] for row in results.tables[0].rows] == pytest.approx([math.log(VOCABULARY)] * 6)
    assert results.facts["second_half_easier_by"] == pytest.approx(0.0, abs=1e-6)
    assert [place for place, *_ in results.curves[0].lines["pretrained"]] == pytest.approx(
        [1.0, 2.0, math.sqrt(12), math.sqrt(40), math.sqrt(144), math.sqrt(17 * 24)]
    )


def test_the_ranges_of_a_document_add_up_to_all_that_was_asked(sit, trunk, folders):
    results = held("loss_by_position", sit(trunk), length=24, documents=3)
    pieces = long_pieces(Shards.open(folders / "tokens", "test"), folders / "corpus", 24, 3)
    asked = causal_nll(trunk, [piece.ids for piece in pieces], HARDWARE)

    sums = results.comparison.outputs["pretrained"].nll_N.reshape(len(pieces), -1).sum(1)
    assert sums == pytest.approx([own.sum() for own in asked])


def test_too_short_documents_are_named_with_the_longest(sit, trunk):
    with pytest.raises(ValueError, match=r"no document of the test split has 9,000 tokens, the longest has \d+"):
        held("loss_by_position", sit(trunk), length=9000)


def test_twice_the_trained_length_is_read_and_compared_with_windows(sit, trunk, folders):
    results = held("length_doubling", sit(trunk, trunk), length=16, documents=4)
    rows = {row[0]: row for row in results.tables[0].rows}

    assert list(rows) == [WITHIN, BEYOND]
    # Within the trained length both ways of reading are one.
    columns = list(results.tables[0].columns)
    assert rows[WITHIN][columns.index("pretrained_in_windows")] == pytest.approx(rows[WITHIN][2], abs=1e-5)
    assert rows[BEYOND][columns.index("pretrained_in_windows")] != pytest.approx(rows[BEYOND][2], abs=1e-5)
    assert results.facts["loss_beyond"] == rows[BEYOND][2]


def test_windows_ask_for_every_token_once_after_at_most_the_trained_length(trunk):
    text = np.random.default_rng(0).integers(300, 500, 21)
    [nll] = in_windows(trunk, [text], 8, HARDWARE)

    assert len(nll) == 21
    # Tokens 12 to 15 are those of the window that begins with token 8.
    [alone] = causal_nll(trunk, [text[8:16]], HARDWARE, first_scored=[4])
    assert nll[12:16] == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize(("within_word", "metric"), [("l2r", "pseudo_perplexity_l2r"), ("alone", "pseudo_perplexity")])
def test_a_uniform_network_has_the_vocabulary_as_its_pseudo_perplexity(sit, uniform, within_word: str, metric: str):
    results = held("pseudo_perplexity", sit(uniform, uniform), tokens=60, within_word=within_word)
    scores = results.comparison.scores()

    assert scores["headline"]["metric"] == metric
    assert scores["headline"]["value"] == pytest.approx(VOCABULARY, rel=1e-6)
    assert sum(results.comparison.outputs["pretrained"].tokens_N) <= 60


def test_pieces_hold_each_token_of_the_drawn_documents_once(folders):
    shards = Shards.open(folders / "tokens", "test")
    pieces = named_pieces(shards, folders / "corpus", 30, 10**9, seed=0)

    assert np.concatenate([piece.ids for piece in pieces]).tolist() == shards.tokens.tolist()
    assert max(len(piece.ids) for piece in pieces) == 30
    assert {piece.source for piece in pieces} == {"en", "zh"}


def test_perplexities_and_losses_are_of_sums():
    outputs = Outputs(nll_N=np.array([6.0, 2.0]), tokens_N=np.array([3.0, 1.0]))
    for name, expected in (("token_loss", 2.0), ("pseudo_perplexity", math.exp(2.0))):
        metric = METRICS[name]("")
        assert float(metric.value(metric.statistics(outputs).sum(0))) == pytest.approx(expected)
