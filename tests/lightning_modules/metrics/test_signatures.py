import pickle

import pytest

from lightning_modules.metrics import METRICS, OtherSignatureError, refuse_other


def test_equal_signatures_pass():
    assert refuse_other("titles: bleu", METRICS["bleu"]("zh").signature, METRICS["bleu"]("zh").signature) is None


def test_another_tokenizer_is_refused_with_both_signatures_and_what_differs():
    with pytest.raises(OtherSignatureError) as caught:
        refuse_other("titles: bleu", METRICS["bleu"]("en").signature, METRICS["bleu"]("zh").signature)

    message = str(caught.value)
    assert message.startswith("titles: bleu: ")
    assert METRICS["bleu"]("en").signature in message
    assert METRICS["bleu"]("zh").signature in message
    assert "The first has tok:13a, the second tok:zh." in message


def test_a_part_that_one_alone_has_is_named_and_the_error_can_be_sent_on():
    with pytest.raises(OtherSignatureError, match="The first has case:lc, the second nothing more") as caught:
        refuse_other("x", "bleu|case:lc", "bleu")

    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
