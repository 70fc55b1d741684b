import numpy as np
import pyarrow as pa
import pytest

from data.decontamination.config import DecontaminationConfig
from data.decontamination.index import Index, bare_words

CONFIG = DecontaminationConfig()


def words(count: int, start: int = 0) -> str:
    return " ".join(f"w{number}" for number in range(start, start + count))


def characters(count: int, start: int = 0) -> str:
    return "".join(chr(0x4E00 + number) for number in range(start, start + count))


def found(index: Index, text: str) -> list[str]:
    hits = index.find(pa.array([text]))
    return [text.encode()[start:end].decode() for start, end in zip(hits.starts_H, hits.ends_H, strict=True)]


def test_words_are_bare_of_punctuation_and_case() -> None:
    one, two = "“Stop!” - he said, (twice).", "stop he SAID twice"
    split = bare_words([one, two])

    np.testing.assert_array_equal(split.hashes_W[:4], split.hashes_W[4:])
    assert [one.encode()[a:b].decode() for a, b in zip(split.starts_W[:4], split.ends_W[:4], strict=True)] == [
        "“Stop!”", "he", "said,", "(twice).",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "answer", "runs", "length"),
    [
        (words(15), None, 3, 13),
        (words(13), None, 1, 13),
        (words(12), None, 5, 8),
        (words(8), None, 1, 8),
        (words(7), None, 0, 0),
        (words(7), "yes", 1, 7),  # seven and one are eight
        (words(6), "yes", 0, 0),
        ("", words(20), 0, 0),
        (characters(26), None, 1, 26),
        (characters(20), None, 5, 16),
        (characters(10), characters(6, 100), 1, 10),
        (characters(10), characters(5, 100), 0, 0),
    ],
)
def test_an_example_is_looked_for_by_runs_of_its_length(text: str, answer: str | None, runs: int, length: int) -> None:
    index = Index.build([text], [answer], CONFIG)

    assert index.grams_E.tolist() == [runs]
    assert index.lengths.tolist() == ([length] if length else [])
    assert index.needs_answer_E.tolist() == [length in (7, 10)]


def test_runs_are_found_where_they_are_whatever_the_punctuation() -> None:
    index = Index.build([words(14), characters(26)], [None, None], CONFIG)

    assert found(index, f"x y {words(13).replace(' ', ', ').upper()}! z") == [
        words(13).replace(" ", ", ").upper() + "!"
    ]
    assert found(index, f"前{characters(26)}后") == [characters(26)]
    assert found(index, words(12)) == []
    assert found(index, "") == []


def test_runs_of_several_lengths_are_told_apart_and_given_to_their_examples() -> None:
    inputs = [words(13), words(20), words(8, 100)]
    index = Index.build(inputs, [None] * 3, CONFIG)
    hits = index.find(pa.array(["nothing", words(20), f"{words(8, 100)} {words(13)}"]))
    places, examples = index.examples_of(hits.grams_H)

    owners: dict[int, set[int]] = {}
    for place, example in zip(places, examples, strict=True):
        owners.setdefault(int(hits.documents_H[place]), set()).add(int(example))
    assert owners == {1: {0, 1}, 2: {0, 1, 2}}
    assert index.grams_E.tolist() == [1, 8, 1]


def test_many_runs_fit_and_grow_the_answer() -> None:
    index = Index.build([words(5_000)], [None], CONFIG)

    assert len(found(index, words(5_000))) == 4_988


def test_no_examples_are_no_error() -> None:
    index = Index.build([], [], CONFIG)

    assert found(index, words(20)) == []
