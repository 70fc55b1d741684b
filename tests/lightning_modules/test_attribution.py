import numpy as np
import pytest
import torch
from torch import Tensor

from data.batch import Attention, TokenBatch
from data.vocabulary import SPECIALS
from lightning_modules.attribution import integrated_gradients
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives.classification import Classification, ClassificationConfig

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=64, sequence_length=16)
TEXT = torch.tensor([SPECIALS.bos, 40, 41, 42, 43, SPECIALS.eos])
BASELINE = torch.tensor([SPECIALS.bos, *[SPECIALS.mask] * 4, SPECIALS.eos])


def repeated(rows: int, mode="full") -> TokenBatch:
    width = len(TEXT)
    return TokenBatch(
        TEXT.expand(rows, width),
        torch.arange(width).expand(rows, width),
        Attention(mode),
        seed=0,
        pool_S=torch.arange(rows) * width,
    )


def lively(trunk: Trunk) -> Trunk:
    """Weights of the size of trained ones: at their start all texts give about the same."""
    with torch.no_grad():
        for parameter in trunk.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4.0)
    return trunk.eval()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_tokens_are_given_adds_up_to_what_the_classifier_gains_over_the_baseline(seed: int):
    trunk = lively(Trunk(CONFIG, seed))
    head = Classification(ClassificationConfig(classes=3), CONFIG, SPECIALS).eval()

    def score(batch: TokenBatch) -> Tensor:
        return head.logits(trunk, batch)[:, 1]

    found = integrated_gradients(trunk, repeated, score, BASELINE)

    with torch.no_grad():
        assert found.score == pytest.approx(float(score(repeated(1))[0]), abs=1e-5)
    assert abs(found.explained - (found.score - found.baseline)) <= 0.01 * abs(found.score - found.baseline)
    assert np.abs(found.values_T[[0, -1]]).max() == 0.0


def test_a_causal_model_is_taken_apart_and_what_it_has_not_read_brings_nothing_about():
    trunk = lively(Trunk(CONFIG, 3))

    def score(batch: TokenBatch) -> Tensor:
        return trunk.project(trunk.hidden(batch)[:, 2]).log_softmax(-1)[:, 42]

    found = integrated_gradients(trunk, lambda rows: repeated(rows, "causal"), score, BASELINE)

    assert abs(found.explained - (found.score - found.baseline)) <= 0.01 * abs(found.score - found.baseline)
    assert np.abs(found.values_T[1:3]).min() > 0.0
    assert np.abs(found.values_T[3:]).max() == 0.0


def test_a_score_that_is_linear_in_the_embeddings_is_taken_apart_exactly():
    trunk = Trunk(CONFIG, 0).eval()
    weights_TD = torch.randn(len(TEXT), CONFIG.hidden_size, generator=torch.Generator().manual_seed(1))

    def score(batch: TokenBatch) -> Tensor:
        return (trunk.embed(batch) * weights_TD).sum((1, 2))

    found = integrated_gradients(trunk, repeated, score, BASELINE, steps=2)
    table_VD = trunk.vocabulary_VD.detach()
    expected_T = ((table_VD[TEXT] - table_VD[BASELINE]) * weights_TD).sum(-1)

    np.testing.assert_allclose(found.values_T, expected_T.numpy(), atol=1e-6)


def test_the_network_reads_its_own_table_again_afterwards():
    trunk = lively(Trunk(CONFIG, 1))
    with torch.no_grad():
        before = trunk.hidden(repeated(1))
        integrated_gradients(trunk, repeated, lambda batch: trunk.hidden(batch).sum((1, 2)), BASELINE, steps=2)

        torch.testing.assert_close(trunk.hidden(repeated(1)), before, rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in trunk.parameters())
