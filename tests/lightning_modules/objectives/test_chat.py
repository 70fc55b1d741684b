from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from data.chat import fitted
from data.example_rows import ExampleRows
from data.views.base import ViewContext
from data.views.chat import ChatView, ChatViewConfig
from data.vocabulary import SPECIALS, Vocabulary, special_piece
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives.chat import Chat, ChatConfig

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=64, sequence_length=32)
VOCABULARY = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *(f"▁w{index}" for index in range(33))])


def batch_of(*given: list[list[int]], **settings: object):
    roles = ("user", "assistant")
    prompts = [fitted([(roles[n % 2], np.array(turn)) for n, turn in enumerate(turns[:-1])], 99)[0] for turns in given]
    rows = ExampleRows(prompts, [np.array(turns[-1]) for turns in given], np.full(len(given), -1))
    view = ChatView(ChatViewConfig(**settings), ViewContext(VOCABULARY, 32, "shifted"))
    return view(rows, np.zeros(len(given), np.uint64)).batch


def loss(batch, architecture: str = "transformer"):
    model = ModelChoice(preset="micro", architecture=architecture).resolve(vocab_size=64, sequence_length=32)
    return Chat(ChatConfig(), model, SPECIALS)(Trunk(model), batch)["chat"]


def test_loss_is_the_cross_entropy_of_replies_given_all_before_them():
    batch = batch_of([[40], [50, 51], [41], [52]])
    trunk = Trunk(CONFIG)
    logits = trunk.project(trunk.hidden(batch))[0]
    # bos user 40 end assistant 50 51 eos user 41 end assistant 52 eos
    places, targets = [4, 5, 6, 11, 12], [50, 51, SPECIALS.eos, 52, SPECIALS.eos]

    term = loss(batch)
    torch.testing.assert_close(term.loss_sum, F.cross_entropy(logits[places], torch.tensor(targets), reduction="sum"))
    assert term.count == 5


def test_what_stands_in_a_prompt_is_never_a_label():
    """The labels of a usual implementation: -100 but for replies. Changing one under -100 changes nothing."""
    batch = batch_of([[40, 42], [50, 51]])
    labels = torch.full_like(batch.input_ids_BT[0], -100)
    labels[batch.predict_M + 1] = batch.targets_M
    trunk = Trunk(CONFIG)
    logits = trunk.project(trunk.hidden(batch))[0, :-1]

    torch.testing.assert_close(loss(batch).loss_sum, F.cross_entropy(logits, labels[1:], reduction="sum"))
    assert (labels[:6] == -100).all()
    assert 40 not in batch.targets_M
    assert SPECIALS.user not in batch.targets_M


@pytest.mark.parametrize("architecture", ["transformer", "lstm", "convolution"])
def test_packed_conversations_do_not_hear_each_other(architecture: str):
    given = [[[40], [50]], [[41, 42, 43], [51, 52], [44], [53]], [[45] * 6, [54]]]
    apart = [loss(batch_of(turns), architecture) for turns in given]
    together = loss(batch_of(*given, packed=True), architecture)

    torch.testing.assert_close(together.loss_sum, torch.stack([term.loss_sum for term in apart]).sum())
    assert together.count == sum(term.count for term in apart)


def test_a_neighbour_in_the_row_changes_no_state():
    batch = batch_of([[40], [50]], [[41], [51]], packed=True)
    ids = batch.input_ids_BT.clone()
    ids[0, 2] = 59  # in the first conversation
    trunk = Trunk(CONFIG)
    before, after = trunk.hidden(batch)[0], trunk.hidden(replace(batch, input_ids_BT=ids))[0]

    assert not torch.equal(before[2:6], after[2:6])
    torch.testing.assert_close(before[7:], after[7:], rtol=0, atol=0)
