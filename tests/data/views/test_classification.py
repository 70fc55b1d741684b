import numpy as np

from data.example_rows import ExampleRows
from data.views.classification import ClassificationView, ClassificationViewConfig
from data.vocabulary import SPECIALS

BOS, EOS, PAD = SPECIALS.bos, SPECIALS.eos, SPECIALS.pad


def test_each_text_is_a_sample_between_bos_and_eos_with_its_class(context, seeds):
    rows = ExampleRows([np.array([40, 41]), np.array([50])], [np.empty(0, np.int64)] * 2, np.array([1, 0]))
    batch, counts, text_tokens = ClassificationView(ClassificationViewConfig(), context(8))(rows, seeds(2))

    assert batch.input_ids_BT.tolist() == [[BOS, 40, 41, EOS], [BOS, 50, EOS, PAD]]
    assert batch.attention.mode == "full"
    assert batch.attention.sample_ids_BT.tolist() == [[0, 0, 0, 0], [0, 0, 0, -1]]
    assert batch.pool_S.tolist() == [0, 4]
    assert batch.labels_S.tolist() == [1, 0]
    assert (counts, text_tokens) == ({"classification": 2}, 3)
