import math

import numpy as np
import pytest
import torch
from transformers import EuroBertConfig, EuroBertForSequenceClassification

from data.batch import TokenBatch
from data.example_rows import ExampleRows
from data.views.base import ViewContext
from data.views.classification import ClassificationView, ClassificationViewConfig
from data.vocabulary import SPECIALS, Vocabulary, special_piece
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives.classification import Classification, ClassificationConfig

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)
VOCABULARY = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *(f"▁w{index}" for index in range(29))])


def texts(*inputs: list[int], labels: list[int]) -> TokenBatch:
    view = ClassificationView(ClassificationViewConfig(), ViewContext(VOCABULARY, 16, "shifted"))
    rows = ExampleRows([np.array(x) for x in inputs], [np.empty(0, np.int64)] * len(inputs), np.array(labels))
    return view(rows, np.zeros(len(inputs), np.uint64)).batch


def objective(**settings: object) -> Classification:
    return Classification(ClassificationConfig(classes=3, **settings), CONFIG, SPECIALS)


@pytest.mark.parametrize("pooling", ["mean", "bos"])
def test_padding_changes_no_logit(pooling: str):
    trunk, head = Trunk(CONFIG), objective(pooling=pooling)
    together = head.logits(trunk, texts([40, 41, 42, 43], [50], labels=[0, 1]))
    alone = head.logits(trunk, texts([50], labels=[1]))

    torch.testing.assert_close(together[1], alone[0])


@pytest.mark.parametrize("pooling", ["mean", "bos"])
def test_logits_are_those_of_transformers_classifier(pooling: str):
    trunk, head = Trunk(CONFIG), objective(pooling=pooling)
    reference = EuroBertForSequenceClassification(
        EuroBertConfig(
            vocab_size=60, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
            intermediate_size=CONFIG.intermediate_size, rms_norm_eps=CONFIG.rms_norm_eps, num_labels=3,
            rope_parameters={"rope_type": "default", "rope_theta": CONFIG.rope_theta}, classifier_pooling=pooling,
            pad_token_id=0, bos_token_id=2, eos_token_id=3, mask_token_id=5, attention_dropout=0.0,
        )
    ).eval()  # fmt: skip
    own = trunk.state_dict() | head.state_dict()
    reference.load_state_dict({name: own[name] for name in reference.state_dict()})
    batch = texts([40, 41, 42, 43], [50, 51], labels=[0, 1])
    expected = reference(batch.input_ids_BT, attention_mask=(batch.attention.sample_ids_BT >= 0).long()).logits

    torch.testing.assert_close(head.logits(trunk, batch), expected, rtol=1e-4, atol=1e-5)


def test_a_head_that_knows_nothing_costs_log_k():
    head = objective()
    torch.nn.init.zeros_(head.classifier.weight)
    term = head(Trunk(CONFIG), texts([40], [41, 42], labels=[0, 2]))["classification"]

    torch.testing.assert_close(term.loss_sum, torch.tensor(2 * math.log(3)))
    assert term.count == 2
    assert term.ratios["accuracy"][0] == 1  # all equal: the first class


def test_smoothing_reports_the_likelihood_beside_the_loss():
    trunk, batch = Trunk(CONFIG), texts([40], labels=[1])
    smoothed, plain = (objective(label_smoothing=epsilon)(trunk, batch)["classification"] for epsilon in (0.3, 0.0))

    torch.testing.assert_close(smoothed.ratios["nll"][0], plain.loss_sum.detach())
    assert "nll" not in plain.ratios


def test_two_halves_give_the_gradient_of_the_whole():
    whole, halves = Trunk(CONFIG), Trunk(CONFIG)
    head = objective()
    head(whole, texts([40, 41], [50], labels=[0, 1]))["classification"].loss_sum.backward()
    for text, label in (([40, 41], 0), ([50], 1)):
        head(halves, texts(text, labels=[label]))["classification"].loss_sum.backward()

    for one, other in zip(whole.parameters(), halves.parameters(), strict=True):
        if one.grad is not None:
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)
