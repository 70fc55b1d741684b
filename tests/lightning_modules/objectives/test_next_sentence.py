import math

import pytest
import torch
from torch import tensor
from transformers import BertConfig, BertForNextSentencePrediction, BertForPreTraining

from data.batch import Attention, TokenBatch
from data.vocabulary import SPECIALS
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives.next_sentence import NextSentence, NextSentenceConfig

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)


def batch(labels: list[int], first_row: int = 0) -> TokenBatch:
    """A pair of 5 positions in each row, the last column being padding."""
    ids = (torch.arange(6 * len(labels)).view(-1, 6) + 6 * first_row) % 60
    return TokenBatch(
        ids,
        torch.arange(6).expand_as(ids),
        Attention("full", tensor([0, 0, 0, 0, 0, -1]).expand_as(ids)),
        0,
        segment_ids_BT=tensor([0, 0, 0, 1, 1, 0]).expand_as(ids),
        pool_S=torch.arange(len(labels)) * 6,
        labels_S=tensor(labels, dtype=torch.int64),
    )


def objective() -> NextSentence:
    return NextSentence(NextSentenceConfig(), CONFIG, SPECIALS)


def test_chance_is_log_two():
    undecided = objective()
    torch.nn.init.zeros_(undecided.classifier.weight)

    term = undecided(Trunk(CONFIG), batch([0, 1, 1]))["next_sentence"]
    assert term.count == 3
    assert term.loss_sum.item() == pytest.approx(3 * math.log(2))


def test_loss_is_that_of_berts_next_sentence_head_on_its_own_states(monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=60, hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=16,
    )  # fmt: skip
    pretraining, alone = BertForPreTraining(config).eval(), BertForNextSentencePrediction(config).eval()
    alone.load_state_dict(pretraining.state_dict(), strict=False)
    pairs, judged, trunk = batch([0, 1, 1, 0]), objective(), Trunk(CONFIG)
    with torch.no_grad():
        judged.dense.load_state_dict(pretraining.bert.pooler.dense.state_dict())
        judged.classifier.load_state_dict(pretraining.cls.seq_relationship.state_dict())
        read = {
            "input_ids": pairs.input_ids_BT,
            "token_type_ids": pairs.segment_ids_BT,
            "attention_mask": (pairs.attention.sample_ids_BT >= 0).long(),
        }
        states = pretraining.bert(**read).last_hidden_state
        no_tokens_but_one = torch.full_like(pairs.input_ids_BT, -100)
        no_tokens_but_one[0, 1] = 7
        both = pretraining(**read, labels=no_tokens_but_one, next_sentence_label=pairs.labels_S)
        masked = pretraining(**read).prediction_logits[0, 1].log_softmax(-1)[7]
        monkeypatch.setattr(trunk, "hidden", lambda batch: states)
        term = judged(trunk, pairs)["next_sentence"]

    torch.testing.assert_close(term.loss_sum / term.count, both.loss + masked)
    torch.testing.assert_close(term.loss_sum / term.count, alone(**read, labels=pairs.labels_S).loss)


def test_segments_reach_the_loss_and_padding_does_not():
    trunk, judged, pairs = Trunk(CONFIG), objective(), batch([0, 1])
    other_padding, one_segment = batch([0, 1]), batch([0, 1])
    ids = pairs.input_ids_BT.clone()
    ids[:, 5] = 59
    object.__setattr__(other_padding, "input_ids_BT", ids)
    object.__setattr__(one_segment, "segment_ids_BT", torch.zeros_like(ids))
    loss, padded, plain = (
        judged(trunk, each)["next_sentence"].loss_sum for each in (pairs, other_padding, one_segment)
    )

    assert loss.equal(padded)
    assert loss != plain


def test_two_halves_give_the_sums_and_gradients_of_the_whole():
    whole, halves, judged = Trunk(CONFIG), Trunk(CONFIG), objective()
    all_at_once = judged(whole, batch([0, 1]))["next_sentence"]
    all_at_once.loss_sum.backward()
    terms = [judged(halves, batch([label], row))["next_sentence"] for row, label in enumerate((0, 1))]
    for term in terms:
        term.loss_sum.backward()

    assert sum(term.count for term in terms) == all_at_once.count
    assert sum(term.ratios["accuracy"][0] for term in terms) == all_at_once.ratios["accuracy"][0]
    for one, other in zip(whole.parameters(), halves.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)


def test_no_pairs_cost_zero():
    term = objective()(Trunk(CONFIG), _without_pairs())["next_sentence"]
    term.loss_sum.backward()

    assert (term.loss_sum.item(), term.count) == (0.0, 0)


def _without_pairs() -> TokenBatch:
    empty = batch([0])
    object.__setattr__(empty, "pool_S", tensor([], dtype=torch.int64))
    object.__setattr__(empty, "labels_S", tensor([], dtype=torch.int64))
    return empty


def test_a_model_of_one_segment_is_refused():
    narrow = ModelChoice(preset="micro", segments=1).resolve(60, 16)

    with pytest.raises(
        ValueError, match=r"next_sentence has 2 segments, .* has 1 rows: set model\.segments to at least 2"
    ):
        NextSentence.check_model(NextSentenceConfig(), narrow)
