import numpy as np
import pytest
import torch

from benchmarks.pairs import causal_scores, masked_scores, mean, outcomes
from data.batch import Attention, AttentionMode, TokenBatch
from data.vocabulary import SPACE, SPECIALS, Vocabulary, special_piece
from lightning_modules.networks import ModelChoice, Trunk

PIECES = [f"{SPACE}one", f"{SPACE}two", "s", "es", f"{SPACE}three", f"{SPACE}four"]
VOCABULARY = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *PIECES])
ONE, TWO, S, ES, THREE, FOUR = range(SPECIALS.count, SPECIALS.count + len(PIECES))
SENTENCES = [np.array(ids) for ids in ([ONE, TWO, S, THREE], [FOUR], [TWO, ONE, ES, S, FOUR, THREE])]


@pytest.fixture(params=["shifted", "same"])
def trunk(request: pytest.FixtureRequest) -> Trunk:
    config = ModelChoice(preset="micro", alignment=request.param).resolve(VOCABULARY.size, 16)
    trunk = Trunk(config, seed=3)
    with torch.no_grad():
        trunk.model.embed_tokens.weight.mul_(20)  # far from uniform
    return trunk.eval()


def log_p(trunk: Trunk, ids: list[int], mode: AttentionMode, place: int, target: int) -> float:
    """Of one token, by a forward of its own and torch's softmax."""
    row = torch.tensor([ids])
    batch = TokenBatch(row, torch.arange(row.size(1))[None], Attention(mode), seed=0)
    with torch.no_grad():
        return float(trunk.project(trunk.hidden(batch)[0, place]).double().log_softmax(-1)[target])


def test_causal_score_is_the_sum_over_single_sentences_read_alone(trunk: Trunk):
    expected = [
        sum(log_p(trunk, [SPECIALS.bos, *ids.tolist()], "causal", place, int(token)) for place, token in enumerate(ids))
        for ids in SENTENCES
    ]

    np.testing.assert_allclose(causal_scores(trunk, SENTENCES), expected, rtol=1e-5)


def test_masked_score_hides_each_token_and_the_rest_of_its_word(trunk: Trunk):
    mask, shift = SPECIALS.mask, int(trunk.config.alignment == "shifted")
    hidden = [  # of the third sentence: TWO, ONE-ES-S, FOUR, THREE
        ([mask, ONE, ES, S, FOUR, THREE], 0),
        ([TWO, mask, mask, mask, FOUR, THREE], 1),
        ([TWO, ONE, mask, mask, FOUR, THREE], 2),
        ([TWO, ONE, ES, mask, FOUR, THREE], 3),
        ([TWO, ONE, ES, S, mask, THREE], 4),
        ([TWO, ONE, ES, S, FOUR, mask], 5),
    ]
    target = SENTENCES[2]
    expected = sum(
        log_p(trunk, [SPECIALS.bos, *ids], "full", index + 1 - shift, int(target[index])) for ids, index in hidden
    )

    assert masked_scores(trunk, SENTENCES, VOCABULARY)[2] == pytest.approx(expected, rel=1e-5)


def test_scores_do_not_depend_on_what_is_scored_beside(trunk: Trunk):
    many = SENTENCES * 100  # more than one chunk

    for together, alone in (
        (causal_scores(trunk, many), causal_scores(trunk, SENTENCES)),
        (masked_scores(trunk, many, VOCABULARY), masked_scores(trunk, SENTENCES, VOCABULARY)),
    ):
        np.testing.assert_allclose(together, np.tile(alone, 100), rtol=1e-5)


def test_a_tie_counts_one_half():
    good, bad = np.array([-1.0, -2.0, -3.0]), np.array([-2.0, -2.0, -1.0])

    assert outcomes(good, bad).tolist() == [1.0, 0.5, 0.0]


def test_interval_of_pairs_under_one_seed_is_that_of_the_binomial():
    values_SN = np.array([[1.0] * 80 + [0.0] * 20])

    seen = mean(values_SN, resamples=20_000)
    assert seen.value == 0.8
    assert (seen.low, seen.high) == pytest.approx((0.72, 0.875), abs=0.011)


def test_equal_pairs_leave_the_interval_of_the_seeds():
    values_SN = np.repeat([[1.0], [0.0]], 1000, axis=1)

    # Two seeds drawn with replacement: both the worse one with probability 1/4, both the better one as often.
    seen = mean(values_SN)
    assert (seen.value, seen.low, seen.high) == (0.5, 0.0, 1.0)


def test_more_seeds_that_differ_narrow_the_interval_and_more_pairs_do_not():
    random = np.random.default_rng(0)
    of_seed_S = random.random(40)

    def width(seeds: int, items: int) -> float:
        seen = mean(np.repeat(of_seed_S[:seeds, None], items, axis=1))
        return seen.high - seen.low

    assert width(40, 100) < 0.6 * width(5, 100)
    assert width(5, 1000) == pytest.approx(width(5, 100), rel=0.1)


def test_mean_of_nothing_but_ties_is_certain():
    assert mean(np.full((3, 50), 0.5)) == mean(np.full((3, 50), 0.5), seed=9)
    assert (mean(np.full((3, 50), 0.5)).low, mean(np.full((3, 50), 0.5)).high) == (0.5, 0.5)
