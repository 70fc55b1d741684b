import numpy as np
import pytest

from data.packing import Windows
from data.views.contrastive import ContrastiveView, ContrastiveViewConfig
from data.vocabulary import SPECIALS


def test_every_sample_is_a_text_in_its_place(context, lay_out, seeds):
    rows = lay_out([[40, 41, 42], [50, 51]], 11)  # bos 40 41 42 eos bos 50 51 eos pad pad
    batch, counts, text_tokens = ContrastiveView(ContrastiveViewConfig(), context(11))(rows, seeds(1))

    assert batch.input_ids_BT.tolist() == rows.input_ids_BT.tolist()
    assert batch.pool_S.tolist() == [0, 5]
    assert batch.attention.mode == "full"
    assert (counts, text_tokens) == ({"contrastive": 2}, 5)


@pytest.mark.parametrize("pieces", [("▁the", "▁cat", "."), ("天", "气", "。")])
def test_equal_texts_are_of_one_class_wherever_they_lie(context, lay_out, seeds, ids, pieces):
    text = ids(*pieces)
    documents = [text, text[::-1], text[:2], text, [*text, text[0]], text[:2]]
    rows = lay_out(documents, 16)
    batch, counts, _ = ContrastiveView(ContrastiveViewConfig(), context(16))(rows, seeds(len(rows.input_ids_BT)))
    ends = np.append(batch.pool_S.numpy()[1:], rows.input_ids_BT.size)
    texts = [
        tuple(token for token in rows.input_ids_BT.reshape(-1)[start:end] if token >= SPECIALS.count)
        for start, end in zip(batch.pool_S.tolist(), ends, strict=True)
    ]

    assert sorted(texts) == sorted(map(tuple, documents))
    assert counts == {"contrastive": 6}
    for one, label in zip(texts, batch.labels_S.tolist(), strict=True):
        assert [other == one for other in texts] == [other == label for other in batch.labels_S.tolist()]


def test_nothing_is_left_where_there_is_no_other_text(context, lay_out, seeds):
    view = ContrastiveView(ContrastiveViewConfig(), context(8))
    empty = Windows(np.zeros((2, 8), np.int64), np.zeros((2, 8), np.int64), np.full((2, 8), -1))

    for rows in (lay_out([[40, 41]], 8), lay_out([[40] * 6] * 3, 8), empty):
        batch, counts, _ = view(rows, seeds(len(rows.input_ids_BT)))
        assert counts == {"contrastive": 0}
        assert len(batch.pool_S) == len(batch.labels_S) == 0
