import numpy as np
import pytest

from data.chat import Turn, fitted, read_turns, transcript, turns_in, turns_of
from data.vocabulary import SPECIALS as S


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


@pytest.mark.parametrize(
    "given",
    [
        [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "你好！"}],
        [{"from": "human", "value": " 你好"}, {"from": "gpt", "value": "你好！"}],
        ["你好", "你好！"],
    ],
)
def test_every_form_of_a_conversation_is_read_the_same(given: list):
    assert read_turns(given) == [Turn("user", "你好"), Turn("assistant", "你好！")]


def test_turns_of_one_role_that_follow_each_other_become_one():
    messages = [{"role": "user", "content": "Hi."}, {"role": "user", "content": "Anyone?"}]
    assert read_turns(messages) == [Turn("user", "Hi.\nAnyone?")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "a list of turns, got"),
        ("hello", "a list of turns, got"),
        ([{"role": "boss", "content": "x"}], "turn 0: unknown role 'boss'; known: system, user, assistant, human"),
        ([{"role": "user", "content": " "}], "turn 0: a turn of user has no text"),
        (["a", {"role": "system", "content": "x"}], "turn 1: a system turn is the first"),
        ([3], "turn 0: a turn is a text or has role and content, got int"),
    ],
)
def test_what_is_no_conversation_is_refused_with_the_turn(given: object, message: str):
    with pytest.raises(ValueError, match=message):
        read_turns(given)


def test_a_text_is_a_turn_of_the_user_and_a_list_a_conversation():
    assert turns_in("[sic] is no list") == [Turn("user", "[sic] is no list")]
    assert turns_in('["Hi", "Hello", "你是谁？"]')[-1] == Turn("user", "你是谁？")
    with pytest.raises(ValueError, match="ends with a turn of the user"):
        turns_in('["Hi", "Hello"]')


def test_an_example_without_messages_is_its_input_said_by_the_user():
    assert turns_of({"input": "Hi", "details": {}}) == [Turn("user", "Hi")]
    assert turns_of({"input": "shown", "details": {"messages": ["a", "b", "c"]}})[1] == Turn("assistant", "b")


def test_a_transcript_names_the_speakers_where_there_are_several():
    assert transcript([Turn("user", "Hi")]) == "Hi"
    assert transcript([Turn("system", "Be brief."), Turn("user", "Hi")]) == "system: Be brief.\nuser: Hi"


CONVERSATION = [("system", ids(40)), ("user", ids(50, 51)), ("assistant", ids(60)), ("user", ids(52, 53))]
LAID_OUT = [
    S.system, 40, S.end_of_turn, S.user, 50, 51, S.end_of_turn, S.assistant, 60, S.eos,
    S.user, 52, 53, S.end_of_turn, S.assistant,
]  # fmt: skip


def test_turns_are_laid_out_between_their_marks():
    found, cut = fitted(CONVERSATION, room=15)

    assert found.tolist() == LAID_OUT
    assert not cut


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (14, [*LAID_OUT[:3], *LAID_OUT[10:]]),  # the first question goes with its reply, the system stays
        (9, [*LAID_OUT[:3], *LAID_OUT[10:]]),
        (7, [*LAID_OUT[:3], S.user, 52, S.end_of_turn, S.assistant]),
        (6, [S.user, 52, 53, S.end_of_turn, S.assistant]),  # then the system goes
        (4, [S.user, 52, S.end_of_turn, S.assistant]),
    ],
)
def test_the_oldest_turns_go_first_and_the_last_is_cut_at_its_end(room: int, kept: list[int]):
    found, cut = fitted(CONVERSATION, room)

    assert found.tolist() == kept
    assert cut


def test_what_cannot_be_answered_in_the_room_is_none():
    assert fitted(CONVERSATION, room=3) is None
