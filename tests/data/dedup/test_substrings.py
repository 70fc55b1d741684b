import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.dedup.cuts import Cuts, without
from data.dedup.substrings import SubstringsConfig, cut_repeated_substrings

CHARACTERS = "河水带着小船经过安静村庄人们等待城里消息春天来到山上花开满园孩子唱歌老人听雨读书写信"


def text(seed: int, length: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz     ") -> str:
    draw = random.Random(seed)
    return "x" + "".join(draw.choice(alphabet) for _ in range(length - 2)) + "x"


def left(texts: list[str], tmp_path: Path, min_bytes: int = 100, memory_bytes: int = 2**16) -> list[str]:
    cuts = Cuts(tmp_path / "cuts", len(texts), memory_bytes)
    given = ((rank, rank, text) for rank, text in enumerate(texts))
    config = SubstringsConfig(min_bytes=min_bytes)
    cut_repeated_substrings(given, config, cuts, tmp_path / "substrings", memory_bytes)
    cuts.finish()
    found = cuts.between(0, len(texts))
    return [without(text, found[number]) if number in found else text for number, text in enumerate(texts)]


@pytest.mark.parametrize("alphabet", ["abcdefghijklmnopqrstuvwxyz     ", CHARACTERS])
@pytest.mark.parametrize("memory_bytes", [500, 2**20])
def test_what_two_texts_share_is_cut_from_the_second(tmp_path: Path, alphabet: str, memory_bytes: int) -> None:
    shared = text(1, 150, alphabet)
    one, two, three = (text(seed, 300, alphabet) for seed in (2, 3, 4))
    texts = [one[:100] + shared + one[100:], two[:77] + shared + two[77:], three]

    assert left(texts, tmp_path, memory_bytes=memory_bytes) == [texts[0], two, three]


def test_shorter_repeats_stay(tmp_path: Path) -> None:
    shared = text(1, 99)
    texts = [f"A{shared}B{text(2, 200)}", f"C{shared}D{text(3, 200)}"]

    assert left(texts, tmp_path) == texts


def test_characters_are_cut_as_wholes(tmp_path: Path) -> None:
    shared = text(1, 60, CHARACTERS)
    # The first two have their last byte in common, the next two their first two: what is equal ends within characters.
    texts = [f"头一{shared}一尾", f"始乀{shared}丁终"]

    assert left(texts, tmp_path) == [texts[0], "始乀丁终"]


def test_nothing_is_cut_that_is_nowhere_else(tmp_path: Path) -> None:
    shared = text(9, 400)
    texts = [shared[:260] + text(1, 50), text(2, 40) + shared[:400], text(3, 60) + shared[150:] + text(4, 60)]
    found = left(texts, tmp_path)

    assert found[0] == texts[0]
    assert found[1] == text(2, 40) + shared[260:]
    assert found[2] == text(3, 60) + text(4, 60)


@given(
    pieces=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    shift=st.integers(0, 30),
    alphabet=st.sampled_from(["ab ", CHARACTERS]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_every_shared_substring_of_the_least_length_is_found(
    tmp_path: Path, pieces: list[int], shift: int, alphabet: str
) -> None:
    """Pieces of at least 64 bytes that the first text has, between text of the second's own."""
    known = [text(seed, 70 + seed, alphabet) for seed in range(5)]
    first = "".join(f"<{number}{piece}{number}>" for number, piece in enumerate(known))
    own = [f"[{text(100 + number, 20 + shift, 'uvw')}]" for number in range(len(pieces) + 1)]
    second = own[0] + "".join(known[piece] + own[number + 1] for number, piece in enumerate(pieces))

    found = left([first, second], tmp_path, min_bytes=64)

    assert found == [first, "".join(own)]
