import json

import numpy as np
import pytest
from pydantic import ValidationError

from data.vocabulary import SPECIALS
from lightning_modules.exams import prompting
from lightning_modules.exams.prompting import Prompting
from lightning_modules.exams.prompts import Prompts, Template
from lightning_modules.exams.verdicts import calibrated, label_scores
from lightning_modules.scoring.token_likelihood import Cloze, causal_nll, cloze_nll

from .conftest import HARDWARE

WORDS = {"calm": "kala mala", "loud": "reno"}
中文 = {"calm": "农民", "loud": "医生去市场"}


def exam(**settings) -> Prompting:
    fields = {"exam": "prompting", "task": "topic", "template": "{input} tala {label}", "verbalizer": WORDS}
    return Prompting.model_validate(fields | settings)


def prompts_of(tokenizer, template: str = "{input} tala {label}", words=WORDS, positions: int = 32) -> Prompts:
    return Prompts(Template.parse(template), words, " ", tokenizer, positions)


@pytest.mark.parametrize("template", ["{input}", "{label} {input}", "{input} {label} {label}", "none"])
def test_a_template_without_its_two_places_is_refused(template: str):
    with pytest.raises(ValidationError, match=r"write \{input\} once and after it \{label\} once"):
        exam(template=template)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"verbalizer": {"calm": "a", "loud": " a"}}, "every class needs words of its own"),
        ({"task": None}, "give one of task"),
        ({"draws": 4}, "greater than or equal to 5"),
    ],
)
def test_what_does_not_fit_is_refused(settings, said: str):
    with pytest.raises(ValidationError, match=said):
        exam(**settings)


def test_classes_of_the_verbaliser_are_those_of_the_task():
    from data.tasks import FileTable

    source = FileTable.model_validate(
        {"source": "file", "path": "x.jsonl", "label": "topic", "labels": ["calm", "quiet"]}
    )
    with pytest.raises(ValueError, match="verbalizer has calm, loud, but the classes are calm, quiet"):
        exam().check({"topic": source})
    with pytest.raises(ValueError, match="Did you mean 'topic'"):
        exam(task="topik").check({"topic": source})


@pytest.mark.parametrize(("words", "text"), [(WORDS, "mala tala"), (中文, "老师看见水手")])
def test_a_causal_score_is_the_mean_log_probability_of_the_words(trunk, tokenizer, words, text: str):
    prompts = prompts_of(tokenizer, words=words)
    questions = prompts.questions([text])
    [scores] = label_scores(trunk, questions, prompts, "causal", "tokens", HARDWARE)
    [sums] = label_scores(trunk, questions, prompts, "causal", "none", HARDWARE)

    for label, score, total in zip(prompts.labels.values(), scores, sums, strict=True):
        assert tokenizer.decode(label) in {" " + word for word in words.values()}
        whole = np.array([*tokenizer.encode(text + " tala"), *label])
        [nll] = causal_nll(trunk, [whole], HARDWARE, first_scored=[len(whole) - len(label)])
        assert score == pytest.approx(-nll.mean(), abs=1e-5)
        assert total == pytest.approx(-nll.sum(), abs=1e-5)


def test_the_unconditional_score_is_taken_off(trunk, tokenizer):
    prompts = prompts_of(tokenizer)
    plain = label_scores(trunk, prompts.questions(["mala", ""]), prompts, "causal", "none", HARDWARE)
    pmi = label_scores(trunk, prompts.questions(["mala"]), prompts, "causal", "unconditional", HARDWARE)

    assert pmi[0] == pytest.approx(plain[0] - plain[1], abs=1e-5)
    empty = label_scores(trunk, prompts.questions([""]), prompts, "causal", "unconditional", HARDWARE)
    assert empty == pytest.approx(np.zeros((1, 2)), abs=1e-5)


def test_a_masked_score_fills_the_place_between_what_stands_around_it(trunk, tokenizer):
    prompts = prompts_of(tokenizer, "{input} tala {label} siru.")
    [scores] = label_scores(trunk, prompts.questions(["mala"]), prompts, "masked", "none", HARDWARE)

    for label, score in zip(prompts.labels.values(), scores, strict=True):
        before, after = tokenizer.encode("mala tala"), tokenizer.encode(" siru.")
        sample = np.array([SPECIALS.bos, *before, *label, *after, SPECIALS.eos])
        places = np.arange(len(before) + 1, len(before) + 1 + len(label))
        clozes = [Cloze(sample, places[n:], int(place)) for n, place in enumerate(places)]
        assert score == pytest.approx(-cloze_nll(trunk, clozes, HARDWARE).sum(), abs=1e-5)


def test_calibration_divides_by_what_is_preferred_without_content():
    scores = np.log([[0.7, 0.3], [0.6, 0.4], [0.9, 0.1]])
    found = calibrated(scores, np.log([[0.7, 0.3]]))

    assert found[0, 0] == pytest.approx(found[0, 1])  # no more than without content
    assert found.argmax(1).tolist()[1:] == [1, 0]
    # The mean is that of probabilities: of 0.8 and 0.6 it is 0.7.
    assert calibrated(scores, np.log([[0.8, 0.2], [0.6, 0.4]])) == pytest.approx(found)
    assert calibrated(scores, np.empty((0, 2))) is scores


def test_shown_examples_stand_before_the_question_and_all_is_cut_to_the_positions(tokenizer):
    prompts = prompts_of(tokenizer, positions=60)
    [question] = prompts.questions(["mala siru"], [("kala", "loud"), ("农民", "calm")])
    assert tokenizer.decode(question.before) == "kala tala reno 农民 tala kala mala mala siru tala"

    [cut] = prompts.questions(["mala siru " * 50], [("kala " * 50, "loud"), ("siru " * 50, "calm")])
    longest = max(len(ids) for ids in prompts.labels.values())
    assert 50 < 1 + len(cut.before) + longest + len(cut.after) + 1 <= 60
    with pytest.raises(ValueError, match="leave no room for an input in 60 positions"):
        prompts.questions(["mala"], [("kala", "loud")] * 12)


def test_shown_examples_are_drawn_from_train_otherwise_in_each_draw(sit, trunk, monkeypatch):
    shown = []
    ask = Prompts.questions

    def note(self, inputs, examples=()):
        shown.append(tuple(text for text, _ in examples))
        return ask(self, inputs, examples)

    monkeypatch.setattr(Prompts, "questions", note)
    monkeypatch.setattr(prompting, "label_scores", lambda trunk, asked, *rest: np.zeros((len(asked), 2)))
    exam(shots=1, template="{input}{label}", separator=" ").run(sit(trunk))

    from data.examples import read_examples

    folder = sit(trunk).folders["examples"]
    train = {row["input"] for row in read_examples(folder, "train")}
    assert len(set(shown)) == 5
    assert {text for texts in shown for text in texts} <= train


def test_figures_are_means_over_the_draws_with_their_deviation(sit, trunk, monkeypatch):
    # The right class is calm for every second example: draws that always say calm are right in half, and so are others.
    draws = iter([[1.0, 0.0]] * 4 + [None])

    def scores(trunk, asked, *rest):
        one = next(draws)
        return np.eye(2)[np.arange(len(asked)) % 2] if one is None else np.array([one] * len(asked))

    monkeypatch.setattr(prompting, "label_scores", scores)
    results = exam(shots=1, template="{input}{label}").run(sit(trunk))
    own = results.comparison.outputs["pretrained"]

    assert [json.loads(text) for text in own.predictions[:2]] == [["calm"] * 5, ["calm"] * 4 + ["loud"]]
    assert results.comparison.scores()["headline"]["value"] == pytest.approx((4 * 50 + 100) / 5)
    assert results.facts["accuracy_mean"] == pytest.approx(60.0)
    assert results.facts["accuracy_sd"] == pytest.approx(np.std([50, 50, 50, 50, 100], ddof=1))
    assert results.tables[0].rows[0][-1] == 5


@pytest.mark.parametrize("scoring", ["causal", "masked"])
def test_zero_shots_are_asked_once_with_calibration(sit, trunk, scoring: str):
    results = exam(scoring=scoring, content_free=["", "siru"]).run(sit(trunk, trunk))

    assert {len(json.loads(text)) for text in results.comparison.outputs["pretrained"].predictions} == {1}
    assert results.comparison.outputs["majority"].predictions[0] == '["calm"]'
