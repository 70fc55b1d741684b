"""The n-gram model: its probabilities by hand, that they add up, and that it scores what a stage is validated on."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.shards import Shards
from data.views import ViewContext
from data.views.causal_lm import CausalLMView, CausalLMViewConfig
from data.vocabulary import SPECIALS, Vocabulary
from lightning_modules.baselines.ngram import ngram_loss, ngram_nll
from lightning_modules.datamodule import StageData
from lightning_modules.spec import TrainSpec

A, B, C = range(SPECIALS.count, SPECIALS.count + 3)
BOS, EOS, PAD = SPECIALS.bos, SPECIALS.eos, SPECIALS.pad
SIZE = SPECIALS.count + 3  # four entries that a text can hold: a, b, c and eos
TRAIN = np.array([[A, BOS, PAD], [A, A, BOS], [B, A, A], [EOS, B, A]])  # 'a a b'


def probabilities(order: int, rows: list[list[int]]) -> list[float]:
    return np.exp(-ngram_nll(TRAIN[:, :order], np.array(rows)[:, :order], SIZE)).tolist()


def test_unigram_leaves_a_share_to_all_entries_by_the_kinds_it_has_seen():
    # 4 tokens of 3 kinds: (count + 3 / 4) / (4 + 3)
    assert probabilities(1, [[A], [B], [C], [EOS]]) == pytest.approx([2.75 / 7, 1.75 / 7, 0.75 / 7, 1.75 / 7])


def test_bigram_leaves_to_the_unigram_what_the_context_has_not_shown():
    # after 'a': 2 tokens of 2 kinds, a and b; after 'b': eos once; 'c' was never seen
    found = probabilities(2, [[A, A], [C, A], [EOS, B], [A, C]])

    unigram = {A: 2.75 / 7, C: 0.75 / 7, EOS: 1.75 / 7}
    assert found == pytest.approx([(1 + 2 * unigram[A]) / 4, (2 * unigram[C]) / 4, (1 + unigram[EOS]) / 2, unigram[A]])


def test_trigram_with_an_unseen_context_is_the_bigram():
    assert probabilities(3, [[B, A, C]]) == pytest.approx(probabilities(2, [[B, A]]))
    assert probabilities(3, [[B, A, A]])[0] == pytest.approx((1 + probabilities(2, [[B, A]])[0]) / 2)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_of_every_context_add_up_to_one(order: int):
    draw = np.random.default_rng(0)
    train = draw.choice([A, B, C, EOS], (200, order))
    contexts = draw.choice([A, B, C, BOS], (20, order))
    rows = np.repeat(contexts, 4, axis=0)
    rows[:, 0] = np.tile([A, B, C, EOS], 20)

    assert np.exp(-ngram_nll(train, rows, SIZE)).reshape(20, 4).sum(1) == pytest.approx(np.ones(20))


def test_large_numbers_of_entries_do_not_collide():
    """Four tokens of 200,000 entries do not fit in 64 bits as one number."""
    size = 200_000
    train = np.array([[size - 1] * 5, [size - 2] * 5])

    same, other = np.exp(-ngram_nll(train, np.array([[size - 1] * 5, [size - 1] + [size - 2] * 4]), size))
    assert same > 0.9 > 0.1 > other


def toy_view(artifacts: Path, length: int) -> CausalLMView:
    vocabulary = Vocabulary.load(artifacts / "tokenizer")
    return CausalLMView(CausalLMViewConfig(), ViewContext(vocabulary, length, "shifted"))


def test_tokens_scored_are_those_the_stage_is_validated_on(
    make_spec: Callable[..., TrainSpec], artifacts: Path, monkeypatch: pytest.MonkeyPatch
):
    spec = make_spec(stage={"objectives": {"causal_lm": {}}})
    targets = [micro.batch.targets_M.tolist() for micro in StageData(spec).val_dataloader()]
    scored: list[list[int]] = []

    def note(train: np.ndarray, test: np.ndarray, size: int) -> np.ndarray:
        scored.append(test[:, 0].tolist())
        return ngram_nll(train, test, size)

    monkeypatch.setattr("lightning_modules.baselines.ngram.ngram_nll", note)
    train, validation = (Shards.open(artifacts / "tokens", split) for split in ("train", "validation"))
    settings = {"order": 2, "max_positions": spec.stage.validation_tokens, "seed": spec.seed}

    loss = ngram_loss([train], validation, toy_view(artifacts, 32), **settings)

    assert sorted(scored[0]) == sorted(target for batch in targets for target in batch)
    assert 0.9 * math.log(34) < loss < 1.1 * math.log(34)  # random text of 33 tokens and eos


def test_contexts_stop_at_the_beginning_of_a_sample(artifacts: Path):
    """A text that repeats one document: its first token follows bos alone, never the document before it."""
    document = [40, 41, 42]
    text = Shards(np.array(document * 50), np.arange(51) * 3, np.full(50, 3), 64, "")

    loss = ngram_loss([text], text, toy_view(artifacts, 16), order=3, max_positions=10_000, seed=0)

    # 50 documents of 4 predictions, each certain but for the Witten-Bell share
    assert loss < 0.03
    assert ngram_loss([text], text, toy_view(artifacts, 16), order=1, max_positions=10_000, seed=0) > 1.3
