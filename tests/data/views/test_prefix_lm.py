import numpy as np

from data.example_rows import ExampleRows
from data.views.prefix_lm import PrefixLMView, PrefixLMViewConfig
from data.vocabulary import SPECIALS

BOS, EOS, SEP, PAD = SPECIALS.bos, SPECIALS.eos, SPECIALS.sep, SPECIALS.pad


def test_only_the_answer_and_its_end_are_predicted(context, seeds):
    rows = ExampleRows([np.array([40, 41]), np.array([50])], [np.array([60]), np.array([70, 71])], np.array([-1, -1]))
    batch, counts, text_tokens = PrefixLMView(PrefixLMViewConfig(), context(8))(rows, seeds(2))

    assert batch.input_ids_BT.tolist() == [[BOS, 40, 41, SEP, 60, EOS], [BOS, 50, SEP, 70, 71, EOS]]
    assert batch.predict_M.tolist() == [3, 4, 6 + 2, 6 + 3, 6 + 4]
    assert batch.targets_M.tolist() == [60, EOS, 70, 71, EOS]
    assert batch.attention.mode == "prefix"
    assert batch.attention.in_prefix_BT.tolist() == [[True] * 4 + [False] * 2, [True] * 3 + [False] * 3]
    assert batch.attention.sample_ids_BT is None
    assert (counts, text_tokens) == ({"prefix_lm": 5}, 6)


def test_padding_follows_eos(context, seeds):
    rows = ExampleRows([np.array([40, 41]), np.array([50])], [np.array([60]), np.array([70])], np.array([-1, -1]))
    batch, _, _ = PrefixLMView(PrefixLMViewConfig(), context(8))(rows, seeds(2))

    assert batch.input_ids_BT[1].tolist() == [BOS, 50, SEP, 70, EOS, PAD]
    assert batch.attention.sample_ids_BT[1].tolist() == [0, 0, 0, 0, 0, -1]
