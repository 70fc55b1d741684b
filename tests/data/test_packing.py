import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.packing import Packing, Windows, pack
from data.vocabulary import SPECIALS

BOS, EOS, PAD = SPECIALS.bos, SPECIALS.eos, SPECIALS.pad


def text_of(lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Tokens 100, 101, ... in documents of these lengths, and their offsets."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return np.arange(100, 100 + offsets[-1], dtype=np.uint16), offsets


def read_all(packing: Packing, tokens: np.ndarray) -> Windows:
    return packing.read(tokens, np.arange(packing.rows), single=False)


def test_rows_of_a_small_text():
    tokens, offsets = text_of([9, 2, 1])
    packing = pack(offsets, 6)
    rows = read_all(packing, tokens)

    # 9 tokens make a full window of 5 and one of 4 that its eos fills up; the other two documents share a row.
    assert packing.single_rows == 2
    assert rows.input_ids_BT.tolist() == [
        [BOS, 100, 101, 102, 103, 104],
        [BOS, 105, 106, 107, 108, EOS],
        [BOS, 109, 110, EOS, PAD, PAD],
        [BOS, 111, EOS, PAD, PAD, PAD],
    ]
    assert pack(text_of([9, 2, 1])[1], 7).rows == 3


def test_samples_of_a_packed_row_have_their_own_ids_and_positions():
    tokens, offsets = text_of([1, 3, 0])
    rows = read_all(pack(offsets, 9), tokens)

    assert rows.input_ids_BT.tolist() == [[BOS, 101, 102, 103, EOS, BOS, 100, EOS, PAD]]
    assert rows.position_ids_BT.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 0]]
    assert rows.sample_ids_BT is not None
    assert rows.sample_ids_BT.tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, -1]]


def test_single_rows_carry_no_sample_ids():
    tokens, offsets = text_of([10])
    rows = pack(offsets, 6).read(tokens, np.array([1, 0]), single=True)

    assert rows.sample_ids_BT is None
    assert rows.input_ids_BT.tolist() == [[BOS, 105, 106, 107, 108, 109], [BOS, 100, 101, 102, 103, 104]]
    assert rows.samples().tolist() == [[0] * 6] * 2


def test_samples_know_their_document():
    tokens, offsets = text_of([12, 0, 1, 2])
    packing = pack(offsets, 7)  # two rows of the first document, and one of the last with the one before it
    rows = read_all(packing, tokens)

    assert rows.input_ids_BT[:, 1].tolist() == [100, 106, 113]
    assert rows.documents_S is not None
    assert rows.documents_S.tolist() == [0, 0, 3, 2]
    assert packing.read(tokens, np.array([2, 1]), single=False).documents_S.tolist() == [3, 2, 0]


def test_positions_know_where_their_sample_starts_and_whether_it_goes_on():
    tokens, offsets = text_of([1, 3])
    rows = read_all(pack(offsets, 9), tokens)  # bos 101 102 103 eos bos 100 eos pad

    assert rows.starts().tolist() == [0, 0, 0, 0, 0, 5, 5, 5, 8]
    assert rows.goes_on().astype(int).tolist() == [[1, 1, 1, 1, 0, 1, 1, 0, 0]]


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(4, 17))
def test_every_token_lies_in_exactly_one_row(lengths: list[int], sequence_length: int):
    tokens, offsets = text_of(lengths)
    packing = pack(offsets, sequence_length)
    rows = read_all(packing, tokens)
    ids = rows.input_ids_BT

    assert np.sort(ids[ids >= 100]).tolist() == tokens.tolist()
    assert packing.padding_fraction == pytest.approx((ids == PAD).mean() if ids.size else 1.0)
    assert not (ids[: packing.single_rows] == PAD).any()
    assert (np.diff(packing.row_offsets)[: packing.single_rows] == 1).all()
    # A sample is bos, then consecutive tokens of one document, then eos only where that document ends.
    last = set((offsets[1:] + 99).tolist())
    for row, samples, positions in zip(ids, rows.samples(), rows.position_ids_BT, strict=True):
        for sample in range(samples.max() + 1):
            first, *words = row[samples == sample].tolist()
            assert positions[samples == sample].tolist() == list(range(len(words) + 1))
            assert first == BOS
            if words[-1] == EOS:
                assert words[-2] in last
                del words[-1]
            assert words == list(range(words[0], words[0] + len(words)))
            assert not last & set(words[:-1])


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=80))
def test_best_fit_packs_as_the_textbook_does(lengths: list[int]):
    capacity, rooms = 32, []
    for need in sorted((length + 2 for length in lengths), reverse=True):
        fits = [room for room in rooms if room >= need]
        rooms.append((rooms.pop(rooms.index(min(fits))) if fits else capacity) - need)

    assert pack(text_of(lengths)[1], capacity).rows == len(rooms)


def test_large_corpus_is_packed_almost_without_padding():
    lengths = np.random.default_rng(0).lognormal(5.5, 1.0, 100_000).astype(np.int64)
    packing = pack(np.concatenate([[0], np.cumsum(lengths)]), 512)

    assert packing.padding_fraction < 0.005
