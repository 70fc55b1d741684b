from data.views.causal_lm import CausalLMView, CausalLMViewConfig
from data.vocabulary import SPECIALS

BOS, EOS, PAD = SPECIALS.bos, SPECIALS.eos, SPECIALS.pad


def test_every_token_is_predicted_from_the_one_before_within_its_sample(context, lay_out, seeds):
    rows = lay_out([[40, 41], [50]], 9)  # bos 40 41 eos bos 50 eos pad pad
    batch, counts, text_tokens = CausalLMView(CausalLMViewConfig(), context(9))(rows, seeds(1))

    assert batch.predict_M.tolist() == [0, 1, 2, 4, 5]
    assert batch.targets_M.tolist() == [40, 41, EOS, 50, EOS]
    assert counts == {"causal_lm": 5}
    assert text_tokens == 3
    assert batch.attention.mode == "causal"
    assert batch.attention.sample_ids_BT.tolist() == [[0, 0, 0, 0, 1, 1, 1, -1, -1]]


def test_single_rows_need_no_mask(context, lay_out, seeds):
    batch, counts, _ = CausalLMView(CausalLMViewConfig(), context(4))(lay_out([[40, 41, 42, 43, 44]], 4), seeds(2))

    assert batch.attention.sample_ids_BT is None
    assert batch.input_ids_BT.tolist() == [[BOS, 40, 41, 42], [BOS, 43, 44, EOS]]
    assert batch.predict_M.tolist() == [0, 1, 2, 4, 5, 6]
    assert counts == {"causal_lm": 6}


def test_rtl_reverses_the_text_and_leaves_specials_where_they_are(context, lay_out, seeds):
    rows = lay_out([[40, 41, 42], [50, 51]], 10)
    view = CausalLMView(CausalLMViewConfig(direction="rtl"), context(10))
    batch = view(rows, seeds(1)).batch

    assert batch.input_ids_BT.tolist() == [[BOS, 42, 41, 40, EOS, BOS, 51, 50, EOS, PAD]]
    assert batch.targets_M.tolist() == [42, 41, 40, EOS, 51, 50, EOS]
    assert rows.input_ids_BT[0, 1] == 40  # the rows themselves are not touched


def test_rtl_is_ltr_of_the_reversed_text(context, lay_out, seeds):
    documents = [[40, 41, 42, 43], [50, 51, 52], [60]]
    backwards = [document[::-1] for document in documents]
    rtl = CausalLMView(CausalLMViewConfig(direction="rtl"), context(8))(lay_out(documents, 8), seeds(2)).batch
    ltr = CausalLMView(CausalLMViewConfig(), context(8))(lay_out(backwards, 8), seeds(2)).batch

    assert rtl.input_ids_BT.tolist() == ltr.input_ids_BT.tolist()
    assert rtl.targets_M.tolist() == ltr.targets_M.tolist()
