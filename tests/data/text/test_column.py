import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from data.language import is_unspaced, split_words
from data.text import TextColumn
from data.text.alphabet import LETTER, LIMIT, alphabet
from data.text.folding import without_case_and_space
from data.text.needles import Needles
from data.text.words import word_hashes
from tests.data.cleaning.reference import lowered
from tests.data.text.texts import batches


def test_column_reads_arrow_slices_and_gives_texts_back() -> None:
    texts = ["one", "", "二三", "four\n"]
    column = TextColumn(pa.array(["before", *texts, "behind"]).slice(1, 4))

    assert list(column) == texts
    assert [column[row] for row in range(4)] == texts
    assert [bytes(view).decode() for view in column.views()] == texts
    assert list(column.replaced(np.array([1, 3]), ["new", "二"])) == ["one", "new", "二三", "二"]
    assert column.words.counts.tolist() == [1, 0, 2, 1]
    assert len(TextColumn([]).words.hashes) == len(TextColumn([]).lines.starts) == 0


@given(batches)
@settings(deadline=None)
def test_words_are_those_of_python(texts: list[str]) -> None:
    column = TextColumn(texts)
    words, expected = column.words, [split_words(text) for text in texts]
    flat = [word for row in expected for word in row]

    spans = zip(words.starts.tolist(), words.ends.tolist(), strict=True)
    assert [column.data[start:end].tobytes().decode() for start, end in spans] == flat
    assert words.counts.tolist() == [len(row) for row in expected]
    assert words.characters.tolist() == [len(word) for word in flat]
    assert words.unspaced.tolist() == [is_unspaced(text) for text in texts]
    assert words.having(LETTER).tolist() == [
        any(character.isalnum() and not character.isdecimal() for character in word) for word in flat
    ]
    np.testing.assert_array_equal(words.hashes, word_hashes([lowered(word) for word in flat]))


def test_word_hashes_ignore_case_and_bare_ones_punctuation() -> None:
    words = TextColumn(['The "THE" the, (thé) ΟΔΟΣ οδός ?! don\'t की, 语']).words

    assert words.hashes[0] != words.hashes[1]
    assert words.bare_hashes[0] == words.bare_hashes[1] == words.bare_hashes[2] != words.bare_hashes[3]
    assert words.bare_hashes[6] == 0
    assert words.among(["THE", "don't", "की", "语"]).tolist() == [True] * 3 + [False] * 4 + [True] * 3
    assert len(np.unique(word_hashes(["a", "b", "ab", "ba", "", "aa"]))) == 6


@given(batches)
@settings(deadline=None)
def test_lines_are_those_of_python(texts: list[str]) -> None:
    column = TextColumn(texts)
    lines, expected = column.lines, [line for text in texts for line in text.split("\n")]

    def cut(starts: np.ndarray, ends: np.ndarray) -> list[str]:
        spans = zip(starts.tolist(), ends.tolist(), strict=True)
        return [column.data[start:end].tobytes().decode() for start, end in spans]

    assert cut(lines.starts, lines.ends) == expected
    assert cut(lines.text_starts, lines.text_ends) == [line.strip() for line in expected]
    assert lines.counts.tolist() == [text.count("\n") + 1 for text in texts]
    assert lines.characters.tolist() == [len(line) for line in expected]
    assert lines.opening.tolist() == [ord(line.strip()[0]) if line.strip() else -1 for line in expected]
    assert lines.closing.tolist() == [ord(line.strip()[-1]) if line.strip() else -1 for line in expected]
    assert column.lines_end_with("...").tolist() == [line.strip().endswith("...") for line in expected]
    assert column.words_in_lines.tolist() == [len(split_words(line)) for line in expected]
    same = {(lines.hashes[at], line.strip()) for at, line in enumerate(expected)}
    assert len({number for number, _ in same}) == len({line for _, line in same}) == len(same)


@given(batches)
@settings(deadline=None)
def test_characters_and_strings_are_counted_as_python_does(texts: list[str]) -> None:
    column = TextColumn(texts)
    characters = column.characters

    assert characters.total.tolist() == [len(text) for text in texts]
    assert characters.spaces.tolist() == [sum(map(str.isspace, text)) for text in texts]
    assert characters.digits.tolist() == [sum(map(str.isdecimal, text)) for text in texts]
    assert column.occurrences("...").tolist() == [text.count("...") for text in texts]


@given(batches)
@settings(deadline=None)
def test_texts_without_case_and_space_are_those_of_python(texts: list[str]) -> None:
    column = TextColumn(texts)

    found = [bytes(part).decode() for part in without_case_and_space(column.data, column.offsets)]
    assert found == ["".join(text.casefold().split()) for text in texts]


@pytest.mark.parametrize(("place", "test"), [(0, str.isspace), (2, str.isdecimal)])
def test_alphabet_knows_what_python_knows_of_every_character(place: int, test: object) -> None:
    marked = alphabet().classes >> place & 1
    assert marked.tolist() == [test(chr(code)) for code in range(LIMIT)]  # type: ignore[operator]
    assert not any(chr(code).isspace() or chr(code).isalnum() for code in range(LIMIT, 0x110000))


def test_needles_are_found_within_their_span_in_any_case() -> None:
    texts = ["We use COOKIES", "a cook", "ies", "版权所有", "", "log", "lo", "cookies"]
    column = TextColumn(texts)
    starts, ends = column.offsets[:-1], column.offsets[1:]
    wanted = np.array([True] * 7 + [False])

    found = Needles(["cookies", "版权", "log"]).found(column.data, starts, ends, wanted)
    assert found.tolist() == [True, False, False, True, False, True, False, False]
