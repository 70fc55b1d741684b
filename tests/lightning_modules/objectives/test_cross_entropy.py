import math

import pytest
import torch
import torch.nn.functional as F
from torch import tensor
from transformers.trainer_pt_utils import LabelSmoother

from lightning_modules.objectives import cross_entropy
from lightning_modules.objectives.cross_entropy import LabelSmoothing, summed_cross_entropy


def table_for(logits: list[list[float]]) -> tuple[torch.Tensor, torch.Tensor]:
    """States and a vocabulary whose product is `logits`."""
    hidden = torch.eye(len(logits))
    return hidden, tensor(logits).T.contiguous()


def test_next_token_loss_of_the_fixed_vector():
    hidden, table = table_for([[0.0, 1.0, 2.0], [1.0, 0.0, -1.0]])

    assert summed_cross_entropy(hidden, table, tensor([2, 1])).loss_sum.item() / 2 == pytest.approx(0.9076058865)


@pytest.mark.parametrize(("smoothing", "expected"), [(0.0, 0.8688587138), (0.1, 0.9451087138), (0.2, 1.0213587138)])
def test_smoothed_loss_of_the_fixed_vector(smoothing: float, expected: float):
    hidden, table = table_for([[2.0, 1.0, 0.5, -1.0], [0.1, 0.2, 0.3, 0.4]])
    found = summed_cross_entropy(hidden, table, tensor([0, 3]), smoothing)

    assert found.loss_sum.item() / 2 == pytest.approx(expected)
    assert found.nll_sum.item() / 2 == pytest.approx(0.8688587138)
    assert found.right.item() == 2


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk_logits", [1, 3 * 11, 2**21])
def test_chunks_equal_the_whole_in_value_and_gradient(
    monkeypatch: pytest.MonkeyPatch, smoothing: float, chunk_logits: int
):
    monkeypatch.setattr(cross_entropy, "CHUNK_LOGITS", chunk_logits)
    generator = torch.Generator().manual_seed(0)
    hidden, table = torch.randn(7, 5, generator=generator), torch.randn(11, 5, generator=generator)
    targets = torch.randint(11, (7,), generator=generator)
    ours, theirs = ([each.clone().requires_grad_() for each in (hidden, table)] for _ in range(2))

    found = summed_cross_entropy(*ours, targets, smoothing)
    expected = F.cross_entropy(theirs[0] @ theirs[1].T, targets, label_smoothing=smoothing, reduction="sum")
    (0.3 * found.loss_sum).backward()
    (0.3 * expected).backward()

    torch.testing.assert_close(found.loss_sum, expected, rtol=1e-6, atol=1e-6)
    for mine, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, reference.grad, rtol=1e-6, atol=1e-6)


def test_nothing_to_predict_costs_zero_and_gives_zero_gradients():
    hidden, table = torch.zeros(0, 5, requires_grad=True), torch.ones(11, 5, requires_grad=True)
    found = summed_cross_entropy(hidden, table, tensor([], dtype=torch.int64))
    found.loss_sum.backward()

    assert found.loss_sum.item() == 0.0
    assert table.grad is not None and table.grad.eq(0).all()


def test_a_frozen_vocabulary_gets_no_gradient():
    hidden, table = torch.ones(2, 5, requires_grad=True), torch.ones(11, 5)
    summed_cross_entropy(hidden, table, tensor([0, 1])).loss_sum.backward()

    assert hidden.grad is not None and table.grad is None


def test_bf16_is_close_and_gradients_come_back_in_fp32():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(64, 16, generator=generator).requires_grad_()
    table = torch.randn(40, 16, generator=generator).requires_grad_()
    targets = torch.randint(40, (64,), generator=generator)
    exact = summed_cross_entropy(hidden, table, targets).loss_sum
    with torch.autocast("cpu", torch.bfloat16):
        rough = summed_cross_entropy(hidden, table, targets).loss_sum
    rough.backward()

    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, rtol=0.01, atol=0)
    assert table.grad is not None and table.grad.dtype == torch.float32


def test_both_definitions_of_smoothing_give_one_target():
    uniform = LabelSmoothing(label_smoothing=0.2).uniform_smoothing(vocab_size=4)
    exclude = LabelSmoothing(label_smoothing=0.15, smoothing="exclude_target").uniform_smoothing(vocab_size=4)

    # Both leave the target 0.85 and give each of the other three 0.05.
    assert exclude == pytest.approx(uniform)


@pytest.mark.parametrize("epsilon", [0.1, 0.2])
def test_each_definition_of_smoothing_is_the_cross_entropy_of_its_distribution(epsilon: float):
    logits, targets, entries = tensor([[2.0, 1.0, 0.5, -1.0], [0.1, 0.2, 0.3, 0.4]]), tensor([0, 3]), 4
    hidden, table = table_for(logits.tolist())
    one_hot, log_probabilities = F.one_hot(targets, entries).float(), logits.log_softmax(-1)
    distributions = {
        "uniform": (1 - epsilon) * one_hot + epsilon / entries,
        "exclude_target": (1 - epsilon) * one_hot + epsilon / (entries - 1) * (1 - one_hot),
    }

    for smoothing, distribution in distributions.items():
        settings = LabelSmoothing.model_validate({"label_smoothing": epsilon, "smoothing": smoothing})
        found = summed_cross_entropy(hidden, table, targets, settings.uniform_smoothing(entries)).loss_sum
        torch.testing.assert_close(found, -(distribution * log_probabilities).sum(), rtol=1e-6, atol=1e-6)


def test_uniform_smoothing_is_that_of_transformers():
    logits, targets = torch.randn(5, 11, generator=torch.Generator().manual_seed(0)), tensor([1, 4, 10, 0, 7])
    hidden, table = table_for(logits.tolist())
    theirs = LabelSmoother(epsilon=0.1)({"logits": logits}, targets)

    ours = summed_cross_entropy(hidden, table, targets, 0.1).loss_sum / 5
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_smoothing_that_leaves_the_target_least_is_refused():
    with pytest.raises(ValueError, match=r"choose at most 0\.5"):
        LabelSmoothing(label_smoothing=0.6, smoothing="exclude_target").uniform_smoothing(vocab_size=2)


def test_with_smoothing_the_gradient_of_a_row_sums_to_zero():
    logits = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    hidden, table = logits.clone().requires_grad_(), torch.eye(6)
    summed_cross_entropy(hidden, table, tensor([1, 2, 5]), 0.3).loss_sum.backward()

    assert hidden.grad is not None
    torch.testing.assert_close(hidden.grad.sum(dim=1), torch.zeros(3), rtol=0, atol=1e-6)


def test_uniform_logits_cost_log_v():
    assert summed_cross_entropy(torch.zeros(3, 4), torch.ones(10, 4), tensor([7, 3, 1])).loss_sum.item() == (
        pytest.approx(3 * math.log(10))
    )
