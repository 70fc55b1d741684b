import numpy as np
import pytest

from data.chat import fitted
from data.example_rows import ExampleRows
from data.views.base import ViewContext
from data.views.chat import ChatView, ChatViewConfig
from data.vocabulary import SPECIALS, Vocabulary, special_piece

VOCABULARY = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *(f"▁w{index}" for index in range(40))])


def chats(*given: list[list[int]]) -> ExampleRows:
    """Each conversation as the ids of its turns, user first, the last the answer."""
    roles = ("user", "assistant")
    prompts = [
        fitted([(roles[number % 2], np.array(turn)) for number, turn in enumerate(turns[:-1])], 99)[0]
        for turns in given
    ]
    return ExampleRows(prompts, [np.array(turns[-1]) for turns in given], np.full(len(given), -1))


def viewed(rows: ExampleRows, length: int = 32, **settings: object):
    view = ChatView(ChatViewConfig(**settings), ViewContext(VOCABULARY, length, "shifted"))
    return view(rows, np.zeros(len(rows.inputs), np.uint64))


TWO = chats([[40], [50, 51], [41], [52]], [[42], [53]])


def test_every_reply_and_its_end_is_predicted_and_nothing_else():
    batch = viewed(TWO).batch
    targets = batch.targets_M.tolist()

    assert targets == [50, 51, SPECIALS.eos, 52, SPECIALS.eos, 53, SPECIALS.eos]
    before = batch.input_ids_BT.reshape(-1)[batch.predict_M].tolist()
    assert before == [SPECIALS.assistant, 50, 51, SPECIALS.assistant, 52, SPECIALS.assistant, 53]


def test_counted_tokens_are_those_of_the_replies_and_one_end_each():
    lengths = [[3, 2, 1, 4], [1, 5], [2, 1, 1, 1, 1, 7]]
    rows = chats(*[[list(range(40, 40 + size)) for size in turns] for turns in lengths])

    assert viewed(rows).counts == {"chat": sum(reply + 1 for turns in lengths for reply in turns[1::2])}
    assert viewed(rows, replies="last").counts == {"chat": sum(turns[-1] + 1 for turns in lengths)}


def test_the_last_reply_alone_can_be_asked_for():
    assert viewed(TWO, replies="last").batch.targets_M.tolist() == [52, SPECIALS.eos, 53, SPECIALS.eos]


def test_packed_conversations_lie_side_by_side_from_position_0_and_lose_nothing():
    rows = chats([[40], [50]], [[41, 42], [51]], [[43] * 9, [52]], [[44], [53, 54]])
    apart, together = viewed(rows), viewed(rows, length=20, packed=True)

    assert len(together.batch.input_ids_BT) < len(apart.batch.input_ids_BT)
    assert together.batch.input_ids_BT.shape[1] <= 20
    assert sorted(together.batch.targets_M.tolist()) == sorted(apart.batch.targets_M.tolist())
    assert together.text_tokens == apart.text_tokens
    ids, samples = together.batch.input_ids_BT, together.batch.attention.sample_ids_BT
    for row in range(len(ids)):
        for sample in range(int(samples[row].max()) + 1):
            of_one = samples[row] == sample
            assert ids[row][of_one].tolist().count(SPECIALS.bos) == 1
            assert together.batch.position_ids_BT[row][of_one].tolist() == list(range(int(of_one.sum())))


@pytest.mark.parametrize("packed", [False, True])
def test_conversations_of_one_length_need_no_mask_unless_they_share_a_row(packed: bool):
    batch = viewed(chats([[40], [50]], [[41], [51]]), packed=packed).batch

    assert (batch.attention.sample_ids_BT is None) is not packed
    assert batch.attention.mode == "causal"
