"""Objectives of understanding: several classes, tags, answers in a text, documents; each with its view."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import (
    EuroBertConfig,
    EuroBertForSequenceClassification,
    EuroBertForTokenClassification,
)

from data.batch import TokenBatch
from data.example_rows import ClassesRows, QueryRows, UnitRows
from data.views import VIEWS, ViewContext, Viewed
from data.views.noise import key, row_seeds
from data.vocabulary import SPECIALS, Vocabulary, special_piece
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives import OBJECTIVES, Objective
from lightning_modules.objectives.contrastive import nearest

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)
VOCABULARY = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *(f"▁w{index}" for index in range(29))])
SETTINGS = {
    "multi_label": {"classes": 3},
    "tagging": {"classes": 2},
    "span": {},
    "retrieval": {},
}


def ints(*rows: list[int]) -> list[np.ndarray]:
    return [np.array(row, np.int64) for row in rows]


ROWS = {
    "multi_label": ClassesRows(ints([40, 41, 42], [50]), np.array([[1, 0, 1], [0, 0, 0]])),
    "tagging": UnitRows(ints([40, 41, 42], [50]), ints([0, 2], [0]), ints([1, 2], [0])),
    "span": UnitRows(
        ints([40, SPECIALS.sep, 42, 43, 44], [50, SPECIALS.sep, 52]), ints([2, 3, 4], [2]), ints([2, 3], [0, 0])
    ),
    "retrieval": QueryRows(ints([40, 41], [50]), [[0, 3], [1]], [[2], []], ints([42], [51, 52], [53], [54])),
}  # fmt: skip


def view(name: str, rows=None, epoch: int = 0, **settings: object) -> Viewed:
    rows = ROWS[name] if rows is None else rows
    own = OBJECTIVES[name].config_class.model_validate(SETTINGS[name] | settings)
    count = len(rows.queries if name == "retrieval" else rows.inputs)
    return VIEWS[name](own, ViewContext(VOCABULARY, 16, "shifted"))(rows, row_seeds(key(3, epoch), np.arange(count)))


def objective(name: str, **settings: object) -> Objective:
    config = OBJECTIVES[name].config_class.model_validate(SETTINGS[name] | settings)
    return OBJECTIVES[name](config, CONFIG, SPECIALS).eval()


def loss(name: str, trunk: Trunk, batch: TokenBatch, **settings: object):
    return objective(name, **settings)(trunk, batch)[name]


def reference(kind: type, labels: int, **more: object):
    return kind(
        EuroBertConfig(
            vocab_size=60, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
            intermediate_size=CONFIG.intermediate_size, rms_norm_eps=CONFIG.rms_norm_eps, num_labels=labels,
            rope_parameters={"rope_type": "default", "rope_theta": CONFIG.rope_theta}, classifier_pooling="mean",
            pad_token_id=0, bos_token_id=2, eos_token_id=3, mask_token_id=5, attention_dropout=0.0, **more,
        )
    ).eval()  # fmt: skip


@pytest.mark.parametrize(("name", "chance"), [
    ("multi_label", 6 * math.log(2)),
    ("tagging", 3 * math.log(5)),
    ("span", math.log(4) + math.log(2)),
])  # fmt: skip
def test_a_head_that_knows_nothing_costs_chance(name: str, chance: float):
    viewed, head = view(name), objective(name)
    torch.nn.init.zeros_(head.classifier.weight)
    term = head(Trunk(CONFIG), viewed.batch)[name]

    torch.testing.assert_close(term.loss_sum, torch.tensor(chance))
    assert term.count == viewed.counts[name] == {"multi_label": 6, "tagging": 3, "span": 2}[name]


@pytest.mark.parametrize("name", ["multi_label", "tagging", "span"])
def test_two_halves_give_the_loss_and_the_gradient_of_the_whole(name: str):
    whole, halves = Trunk(CONFIG), Trunk(CONFIG)
    at_once = loss(name, whole, view(name).batch).loss_sum
    at_once.backward()
    parts = [loss(name, halves, view(name, ROWS[name].take(np.array([row]))).batch).loss_sum for row in (0, 1)]
    for part in parts:
        part.backward()

    torch.testing.assert_close(sum(parts), at_once)  # and so the padding of the second row changed nothing
    for one, other in zip(whole.parameters(), halves.parameters(), strict=True):
        if one.grad is not None:
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)


def test_the_loss_of_several_classes_is_that_of_transformers():
    trunk, head, viewed = Trunk(CONFIG), objective("multi_label"), view("multi_label")
    other = reference(EuroBertForSequenceClassification, 3, problem_type="multi_label_classification")
    own = trunk.state_dict() | head.state_dict()
    other.load_state_dict({name: own[name] for name in other.state_dict()})
    batch = viewed.batch
    expected = other(
        batch.input_ids_BT,
        attention_mask=(batch.attention.sample_ids_BT >= 0).long(),
        labels=batch.labels_SK.float(),
    ).loss

    term = head(trunk, batch)["multi_label"]
    torch.testing.assert_close(term.loss_sum / term.count, expected, rtol=1e-4, atol=1e-5)


def test_the_loss_of_tags_is_that_of_transformers():
    trunk, head, viewed = Trunk(CONFIG), objective("tagging"), view("tagging")
    other = reference(EuroBertForTokenClassification, 5)
    own = trunk.state_dict() | head.state_dict()
    other.load_state_dict({name: own[name] for name in other.state_dict()})
    batch = viewed.batch
    labels_N = torch.full((batch.positions,), -100)
    labels_N[batch.predict_M] = batch.targets_M
    expected = other(
        batch.input_ids_BT,
        attention_mask=(batch.attention.sample_ids_BT >= 0).long(),
        labels=labels_N.view_as(batch.input_ids_BT),
    ).loss

    term = head(trunk, batch)["tagging"]
    torch.testing.assert_close(term.loss_sum / term.count, expected, rtol=1e-4, atol=1e-5)


def test_tags_are_asked_of_the_first_token_of_each_unit():
    batch = view("tagging").batch

    assert batch.input_ids_BT.tolist() == [
        [SPECIALS.bos, 40, 41, 42, SPECIALS.eos],
        [SPECIALS.bos, 50, SPECIALS.eos, 0, 0],
    ]
    assert batch.predict_M.tolist() == [1, 3, 5 + 1]
    assert batch.targets_M.tolist() == [1, 2, 0]


def test_answers_may_be_chosen_among_the_context_and_bos_alone():
    batch, head = view("span").batch, objective("span")
    start_BT, end_BT = head.logits(Trunk(CONFIG), batch)

    assert batch.labels_SK.tolist() == [[4, 5], [0, 0]]  # the second and third unit; bos
    for logits in (start_BT, end_BT):
        assert torch.isfinite(logits).nonzero().tolist() == [[0, 0], [0, 3], [0, 4], [0, 5], [1, 0], [1, 3]]


def test_the_loss_of_a_span_is_the_mean_of_start_and_end():
    trunk, head, batch = Trunk(CONFIG), objective("span"), view("span").batch
    start_BT, end_BT = head.logits(trunk, batch)
    by_hand = sum(
        -(logits[row].log_softmax(-1)[column])
        for logits, columns in ((start_BT, (4, 0)), (end_BT, (5, 0)))
        for row, column in enumerate(columns)
    )

    torch.testing.assert_close(head(trunk, batch)["span"].loss_sum, by_hand / 2)


def test_retrieval_with_the_reference_vectors_gives_the_reference_loss():
    queries = F.normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), dim=-1)
    documents = F.normalize(torch.tensor([[1.0, 0.1], [0.2, 1.0], [1.0, 0.8]]), dim=-1)
    loss_Q, right_Q = nearest(queries @ documents.T, torch.arange(3), torch.zeros(3, 3, dtype=torch.bool), 0.05)

    assert loss_Q.mean().item() == pytest.approx(0.0216051822, abs=1e-7)
    assert right_Q.all()


def test_queries_come_first_then_their_documents_then_hard_negatives():
    viewed = view("retrieval", ROWS["retrieval"].take(np.array([0, 1])))
    texts = [[token for token in row if token >= SPECIALS.count] for row in viewed.batch.input_ids_BT.tolist()]

    assert texts[0] == [40, 41]
    assert texts[1] == [50]
    assert texts[2] in ([42], [54])
    assert texts[3:] == [[51, 52], [53]]
    assert viewed.batch.labels_SK.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert viewed.counts == {"retrieval": 2}
    assert len(view("retrieval", negatives=0).batch.labels_SK[0]) == 2


def test_each_right_document_has_its_turn():
    drawn = {tuple(view("retrieval", epoch=epoch).batch.input_ids_BT[2].tolist()[1:2]) for epoch in range(20)}
    assert drawn == {(42,), (54,)}
    one, again = (view("retrieval", epoch=7).batch.input_ids_BT for _ in range(2))
    assert one.equal(again)


def test_copies_and_other_right_documents_are_no_candidates():
    rows = QueryRows(ints([40], [41], [42]), [[0], [1], [2, 1]], [[], [], []], ints([50], [50], [51]))
    batch = view("retrieval", rows, epoch=1).batch
    relations = batch.labels_SK.tolist()

    assert relations[0][:2] == [1, -1]  # the second document reads as the first
    assert relations[1][:2] == [-1, 1]
    drawn = 50 if 50 in batch.input_ids_BT[5].tolist() else 51
    assert relations[2] == [-1, -1, 1]
    assert relations[0][2] == (-1 if drawn == 50 else 0)


def test_what_is_no_candidate_changes_no_loss():
    cosines = torch.tensor([[0.5, 0.9], [0.1, 0.3]])
    out = torch.tensor([[False, True], [False, False]])
    loss_Q, right_Q = nearest(cosines, torch.arange(2), out, 0.1)

    assert loss_Q[0] == 0.0
    assert loss_Q[1].item() == pytest.approx(math.log(1 + math.exp(-2.0)))
    assert right_Q.tolist() == [True, True]


@pytest.mark.parametrize("pooling", ["mean", "bos"])
def test_padding_moves_no_embedding(pooling: str):
    trunk, head = Trunk(CONFIG), objective("retrieval", pooling=pooling)
    together = head.embedded(trunk, view("retrieval").batch)
    alone = head.embedded(trunk, view("retrieval", ROWS["retrieval"].take(np.array([1]))).batch)

    torch.testing.assert_close(together[1], alone[0])
    torch.testing.assert_close(together.norm(dim=-1), torch.ones(len(together)))


def test_queries_alone_in_a_micro_batch_are_refused():
    with pytest.raises(ValueError, match="'find' compares the rows of a micro-batch, which has only 1"):
        VIEWS["retrieval"].check_rows("find", "examples", 1)


@pytest.mark.parametrize("name", list(SETTINGS))
def test_a_few_steps_learn_the_rows_by_heart(name: str):
    torch.manual_seed(0)
    trunk, head, viewed = Trunk(CONFIG), objective(name), view(name)
    optimizer = torch.optim.AdamW([*trunk.parameters(), *head.parameters()], lr=3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        term = head(trunk, viewed.batch)[name]
        (term.loss_sum / term.count).backward()
        optimizer.step()

    right, count = term.ratios["accuracy"]
    assert right == count
    assert (term.loss_sum / term.count).item() < 0.1
