import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, tensor

from data.batch import Attention, TokenBatch
from data.vocabulary import SPECIALS
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives.contrastive import Contrastive, ContrastiveConfig, contrast, cosines, uniformity

CONFIG = ModelChoice(preset="micro", dropout=0.1).resolve(vocab_size=60, sequence_length=16)
ONE = F.normalize(tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), dim=-1)
OTHER = F.normalize(tensor([[1.0, 0.1], [0.2, 1.0], [1.0, 0.8]]), dim=-1)
DIFFERENT = torch.arange(3)


def batch(seed: int = 0, labels: tuple[int, ...] = (0, 1, 2)) -> TokenBatch:
    """Two rows with three texts, of 4 + 2 and of 5 positions."""
    ids = tensor([[2, 40, 41, 3, 2, 3, 0], [2, 50, 51, 52, 3, 0, 0]])
    return TokenBatch(
        ids,
        tensor([[0, 1, 2, 3, 0, 1, 0], [0, 1, 2, 3, 4, 0, 0]]),
        Attention("full", tensor([[0, 0, 0, 0, 1, 1, -1], [0, 0, 0, 0, 0, -1, -1]])),
        seed,
        pool_S=tensor([0, 4, 7])[: len(labels)],
        labels_S=tensor(labels, dtype=torch.int64),
    )


def objective(**settings: object) -> Contrastive:
    return Contrastive(ContrastiveConfig.model_validate(settings), CONFIG, SPECIALS)


def test_loss_of_the_fixed_vector():
    loss, right = contrast(cosines(ONE, OTHER), DIFFERENT, temperature=0.05)

    assert loss.mean().item() == pytest.approx(0.0216051822, abs=1e-7)
    assert right.all()


def test_permuting_the_pairs_changes_nothing():
    order = tensor([2, 0, 1])
    loss, _ = contrast(cosines(ONE, OTHER), DIFFERENT, 0.05)
    permuted, _ = contrast(cosines(ONE[order], OTHER[order]), DIFFERENT[order], 0.05)

    torch.testing.assert_close(permuted, loss[order])


def test_texts_that_are_all_alike_to_the_model_cost_the_log_of_their_number():
    loss, _ = contrast(torch.ones(5, 5), torch.arange(5), 0.05)

    torch.testing.assert_close(loss, torch.full((5,), math.log(5)))


def test_a_copy_of_a_text_is_no_candidate():
    texts = tensor([0, 1, 0])  # the third is the first again
    loss, _ = contrast(cosines(ONE, OTHER), texts, 0.05)
    logits = cosines(ONE, OTHER) / 0.05

    torch.testing.assert_close(loss[0], F.cross_entropy(logits[0, :2], tensor(0)))
    torch.testing.assert_close(loss[1], F.cross_entropy(logits[1], tensor(1)))
    torch.testing.assert_close(loss[2], F.cross_entropy(logits[2, 1:], tensor(1)))


def test_uniformity_is_the_log_of_the_mean_potential_of_different_texts():
    # (1, 0) and (0, 1) are at a squared distance of 2, each of them and (1, 1) at 2 - sqrt(2).
    near = math.exp(-2 * (2 - math.sqrt(2)))
    expected = math.log((math.exp(-4) + 2 * near) / 3)

    assert uniformity(cosines(ONE, ONE), DIFFERENT).item() == pytest.approx(expected, abs=1e-6)
    assert uniformity(cosines(ONE, ONE), tensor([0, 0, 1])).item() == pytest.approx(math.log(near), abs=1e-6)
    assert uniformity(torch.ones(2, 2), tensor([0, 0])).isfinite()


@pytest.mark.parametrize("pooling", ["mean", "bos"])
@pytest.mark.parametrize("mlp_head", [False, True])
def test_texts_are_pooled_within_their_own_positions(monkeypatch: pytest.MonkeyPatch, pooling: str, mlp_head: bool):
    trunk, read = Trunk(CONFIG), objective(pooling=pooling, mlp_head=mlp_head)
    states = torch.randn(2, 7, 64, generator=torch.Generator().manual_seed(0))
    seen: list[Tensor] = []
    monkeypatch.setattr(trunk, "hidden", lambda batch: states)
    monkeypatch.setattr(
        read, "_embedded", lambda *given: (seen.append(found := Contrastive._embedded(read, *given)), found)[1]
    )
    read(trunk, batch())
    texts = [states[0, :4], states[0, 4:6], states[1, :5]]
    pooled = torch.stack([text.mean(dim=0) if pooling == "mean" else text[0] for text in texts])
    expected = torch.tanh(read.dense(pooled)) if mlp_head else pooled

    torch.testing.assert_close(seen[0], F.normalize(expected, dim=-1))
    assert len(seen) == 2
    assert list(dict(read.named_parameters())) == (["dense.weight", "dense.bias"] if mlp_head else [])


def test_two_readings_differ_by_dropout_and_are_those_of_the_seed():
    trunk, read = Trunk(CONFIG), objective()
    terms = [read(trunk, batch(seed))["contrastive"] for seed in (1, 1, 2)]

    assert terms[0].loss_sum.equal(terms[1].loss_sum)
    assert not terms[0].loss_sum.equal(terms[2].loss_sum)
    assert terms[0].ratios["alignment"][0] > 0
    assert terms[0].count == 3


def test_validation_measures_what_training_does():
    trunk, read = Trunk(CONFIG), objective()
    training = read(trunk, batch())["contrastive"]
    trunk.eval()
    torch.rand(3)  # whatever was drawn before
    validation = read(trunk, batch())["contrastive"]

    assert validation.loss_sum.equal(training.loss_sum)
    assert not trunk.training
    assert not any(part.training for part in trunk.modules())


def test_training_brings_readings_together_and_texts_apart():
    trunk, read = Trunk(CONFIG), objective()
    optimizer = torch.optim.AdamW(trunk.parameters(), lr=1e-3)
    losses = []
    for step in range(30):
        term = read(trunk, batch(step))["contrastive"]
        losses.append(term.loss_sum.item())
        (term.loss_sum / term.count).backward()
        optimizer.step()
        optimizer.zero_grad()

    assert losses[-1] < 0.1 * losses[0]


def test_cosines_are_exact_under_bf16():
    with torch.autocast("cpu", torch.bfloat16):
        rough = cosines(ONE, OTHER)

    torch.testing.assert_close(rough, ONE @ OTHER.T)


def test_no_texts_cost_zero_and_no_ratio_is_nan():
    trunk = Trunk(CONFIG)
    for pooling in ("mean", "bos"):
        term = objective(pooling=pooling)(trunk, batch(labels=()))["contrastive"]
        term.loss_sum.backward()
        assert (term.loss_sum.item(), term.count) == (0.0, 0)
        assert all(total == 0 for total, _ in term.ratios.values())


def test_a_model_without_dropout_is_refused():
    still = CONFIG.model_copy(update={"dropout": 0.0})

    with pytest.raises(ValueError, match=r"the model has none: set model\.dropout, for example to 0\.1"):
        Contrastive.check_model(ContrastiveConfig(), still)
