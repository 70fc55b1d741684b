import math

import pytest
import torch
import torch.nn.functional as F
from torch import tensor

from data.batch import Attention, TokenBatch
from data.vocabulary import SPECIALS
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives.sentence_order import SentenceOrder, SentenceOrderConfig, kendall_tau_table

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)


def batch(labels: list[int]) -> TokenBatch:
    ids = torch.arange(6 * len(labels)).view(len(labels), 6) % 60
    segments = tensor([0, 0, 0, 1, 1, 1]).expand_as(ids)
    return TokenBatch(
        ids,
        torch.arange(6).expand_as(ids),
        Attention("full"),
        0,
        segment_ids_BT=segments,
        pool_S=torch.arange(len(labels)) * 6,
        labels_S=tensor(labels, dtype=torch.int64),
    )


@pytest.mark.parametrize(("segments", "classes"), [(2, 2), (3, 6), (4, 24)])
def test_chance_is_the_log_of_the_number_of_orders(segments: int, classes: int):
    objective = SentenceOrder(SentenceOrderConfig(segments=segments), CONFIG, SPECIALS)
    torch.nn.init.zeros_(objective.classifier.weight)

    term = objective(Trunk(CONFIG), batch([0, 1, 1]))["sentence_order"]
    assert term.count == 3
    assert term.loss_sum.item() == pytest.approx(3 * math.log(classes))


def test_two_segments_are_binary_cross_entropy_on_the_difference_of_the_logits():
    objective, trunk, labels = SentenceOrder(SentenceOrderConfig(), CONFIG, SPECIALS), Trunk(CONFIG), [1, 0, 1]
    pooled = trunk.hidden(batch(labels)).flatten(0, 1)[batch(labels).pool_S]
    logits = objective.classifier(torch.tanh(objective.dense(pooled)))

    expected = F.binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], tensor(labels).float(), reduction="sum")
    torch.testing.assert_close(objective(trunk, batch(labels))["sentence_order"].loss_sum, expected)


def test_no_samples_cost_zero():
    empty = batch([0])
    object.__setattr__(empty, "pool_S", tensor([], dtype=torch.int64))
    object.__setattr__(empty, "labels_S", tensor([], dtype=torch.int64))
    term = SentenceOrder(SentenceOrderConfig(), CONFIG, SPECIALS)(Trunk(CONFIG), empty)["sentence_order"]

    assert (term.loss_sum.item(), term.count) == (0.0, 0)


def test_kendall_tau_between_orders_of_three():
    table = kendall_tau_table(3)

    assert table.diagonal().eq(1).all() and torch.equal(table, table.T)
    assert table[0].tolist() == pytest.approx([1, 1 / 3, 1 / 3, -1 / 3, -1 / 3, -1])  # 012, 021, 102, 120, 201, 210


def test_more_segments_than_the_model_has_rows_for_are_refused():
    narrow = ModelChoice(preset="micro", segments=2).resolve(60, 16)

    with pytest.raises(ValueError, match=r"set model\.segments to at least 3"):
        SentenceOrder.check_model(SentenceOrderConfig(segments=3), narrow)
