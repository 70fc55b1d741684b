import pickle
from typing import Any

import pytest
import sacrebleu

from lightning_modules.metrics import METRICS, OtherSignatureError, Outputs, refuse_other
from lightning_modules.scoring import results


def headline(metric: str, outputs: Outputs) -> dict[str, Any]:
    """The score of one system on two examples, by one metric."""
    test = results.TestSet(["1", "2"], ["", ""])
    scores = results.Comparison(test, [METRICS[metric]("en")], {"one": outputs}, {}, 10, 0).scores()
    return dict(scores["headline"])


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


@pytest.mark.parametrize("second", [["a cat sits", "there it is"], ["a cat sits", None]])
@pytest.mark.parametrize("name", ["bleu", "chrf", "ter"])
def test_score_and_signature_of_several_references_are_sacrebleus(name: str, second: list[str | None]):
    predictions, first = ["the cat sat on the mat", "there it was"], ["the cat sat on a mat", "there was it"]
    theirs = {"bleu": sacrebleu.BLEU, "chrf": sacrebleu.CHRF, "ter": sacrebleu.TER}[name]()
    expected = theirs.corpus_score(predictions, [first, second]).score
    references = [[text for text in texts if text is not None] for texts in zip(first, second, strict=True)]

    score = headline(name, Outputs(predictions, references))

    assert score["value"] == pytest.approx(expected, abs=1e-9)
    assert score["signature"] == str(theirs.get_signature())


@pytest.mark.parametrize(
    ("references", "number"), [([["a"], ["b"]], "1"), ([["a", "c"], ["b", "d"]], "2"), ([["a", "c"], ["b"]], "var")]
)
@pytest.mark.parametrize("name", ["rouge1", "rouge_l", "meteor_exact_stem"])
def test_every_signature_says_how_many_references_an_example_has(name: str, references: list[list[str]], number: str):
    score = headline(name, Outputs(["a", "b"], references))

    assert f"|nrefs:{number}|" in score["signature"]
