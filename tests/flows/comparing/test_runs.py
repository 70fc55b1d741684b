"""What a comparison of runs says."""

import math

import pytest

from flows.comparing.runs import compare_runs
from flows.comparing.scores import IDENTICAL
from flows.comparing.verdict import worse_scores
from lightning_modules.metrics.significance import holm

BEFORE = [True] * 60 + [False] * 40
WORSE = [True] * 30 + [False] * 70


def by_place(comparison):
    return {delta.place: delta for delta in comparison.scores}


def test_settings_and_the_stage_where_runs_part_are_named(stores):
    corpus = stores.stage("corpus", "toy", "c")
    one = stores.run("one", [corpus, stores.stage("weights", "last", "w1")], nested={"a": 1})
    two = stores.run("two", [corpus, stores.stage("weights", "last", "w2")], nested={"a": 2, "b": None})

    comparison = compare_runs([one, two], stores.root)

    assert comparison.settings == {"nested.a": (1, 2), "nested.b": ("(absent)", None)}
    assert comparison.parting(1) == "weights/last"
    assert [(row.label, row.same(1)) for row in comparison.stages] == [("corpus/toy", True), ("weights/last", False)]


def test_a_stage_that_only_the_first_run_has_parts_them(stores):
    corpus, gate = stores.stage("corpus", "toy", "c"), stores.stage("gate", "last", "g")
    comparison = compare_runs([stores.run("one", [corpus, gate]), stores.run("two", [corpus])], stores.root)

    assert comparison.parting(1) == "gate/last"


def test_a_constant_gain_has_an_interval_without_width_and_wins(stores):
    nats = [100.0 + index for index in range(30)]
    one = stores.run("one", [stores.documents("s1", nats)])
    two = stores.run("two", [stores.documents("s2", [nll - 10 for nll in nats])])

    delta = by_place(compare_runs([one, two], stores.root))["language-model/bits_per_byte"]

    assert delta.difference == pytest.approx(-10 / (100 * math.log(2)))
    assert delta.paired.difference.low == pytest.approx(delta.paired.difference.high)
    assert (delta.wins, delta.examples, delta.of) == (True, 30, 30)


def test_only_examples_that_both_scored_and_whose_answers_stayed_are_compared(stores):
    one = stores.run("one", [stores.documents("s1", [100.0] * 20)])
    two = stores.run("two", [stores.documents("s2", [100.0] * 5 + [90.0] * 7)])
    stage = stores.sentiment("t1", BEFORE)
    other = stores.scores(
        "sentiment",
        "t2",
        [
            {
                "example_id": f"review-{index}",
                "system": "pretrained",
                "group": "",
                "nll": 1.0,
                "tokens": 1.0,
                "bytes": 4.0,
                "prediction": "good",
                "references": ["good" if index < 50 else "bad"],
                "overlap": None,
            }
            for index in range(100)
        ],
        ["accuracy", "macro_f1"],
    )
    one = one.model_copy(update={"stages": [*one.stages, stage]})
    two = two.model_copy(update={"stages": [*two.stages, other]})

    found = by_place(compare_runs([one, two], stores.root))

    documents = found["language-model/bits_per_byte"]
    assert (documents.examples, documents.of) == (12, 20)
    assert documents.after == pytest.approx((5 * 100 + 7 * 90) / (12 * 100 * math.log(2)))
    assert (found["sentiment/accuracy"].examples, found["sentiment/accuracy"].before) == (50, 100.0)


def test_one_shared_example_shows_nothing(stores):
    one = stores.run("one", [stores.documents("s1", [100.0] * 20)])
    two = stores.run("two", [stores.documents("s2", [50.0])])

    delta = by_place(compare_runs([one, two], stores.root))["language-model/bits_per_byte"]

    assert (delta.examples, delta.p, delta.wins) == (1, 1.0, None)
    assert delta.on_record == pytest.approx(100 / (100 * math.log(2)))


def test_p_values_are_corrected_over_all_tests_of_all_runs(stores):
    right = [False] * 3 + BEFORE[3:]
    runs = [
        stores.run("one", [stores.sentiment("t1", BEFORE), stores.documents("s1", [100.0] * 30)]),
        stores.run("two", [stores.sentiment("t2", WORSE), stores.documents("s2", [90.0] * 30)]),
        stores.run("three", [stores.sentiment("t3", right), stores.documents("s3", [100.0] * 30)]),
    ]
    comparison = compare_runs(runs, stores.root)

    assert comparison.tests == 8
    assert [d.p for d in comparison.scores] == holm([d.paired.p for d in comparison.scores])
    assert [(d.run, d.wins) for d in comparison.scores if d.metric == "accuracy"] == [("two", False), ("three", None)]


def test_equal_artifacts_are_recognised_and_not_tested(stores):
    same = stores.sentiment("t1", BEFORE)
    comparison = compare_runs([stores.run("one", [same]), stores.run("two", [same], rate=0.2)], stores.root)

    assert {(d.note, d.p, d.difference) for d in comparison.scores} == {(IDENTICAL, None, 0.0)}
    assert comparison.parting(1) is None
    assert comparison.flips == []


def test_a_set_that_one_run_lacks_is_said_to_be_missing(stores):
    one = stores.run("one", [stores.sentiment("t1", BEFORE)])
    two = stores.run("two", [stores.documents("s2", [100.0] * 5)])

    found = by_place(compare_runs([one, two], stores.root))

    assert found["sentiment/accuracy"].note == "only the first run has it"
    assert found["language-model/bits_per_byte"].note == "the first run has none"
    assert (found["sentiment/accuracy"].before, found["sentiment/accuracy"].after) == (60.0, None)


def test_other_signatures_are_refused_by_name_and_the_rest_is_compared(stores):
    one = stores.run("one", [stores.sentiment("t1", BEFORE)])
    stage = stores.sentiment("t2", WORSE)
    two = stores.run("two", [stage])
    path = stores.root / stage.folder / "scores.json"
    path.write_text(path.read_text().replace("accuracy|classes:2", "accuracy|classes:3"))

    found = by_place(compare_runs([one, two], stores.root))

    refused = found["sentiment/accuracy"]
    assert "The first has classes:2, the second classes:3" in refused.note
    assert refused.wins is None
    assert found["sentiment/macro_f1"].wins is False


def test_perplexity_by_different_tokenizers_is_refused_and_bits_per_byte_are_not(stores):
    one = stores.run("one", [stores.documents("s1", [100.0] * 20)])
    rows = [
        {
            "example_id": f"document-{index}",
            "system": "pretrained",
            "group": "",
            "nll": 90.0,
            "tokens": 30.0,
            "bytes": 100.0,
            "prediction": None,
            "references": None,
            "overlap": None,
        }
        for index in range(20)
    ]
    two = stores.run("two", [stores.scores("language-model", "s2", rows, ["bits_per_byte", "perplexity"])])

    found = by_place(compare_runs([one, two], stores.root))

    assert "tokenizers divide these texts differently" in found["language-model/perplexity"].note
    assert found["language-model/bits_per_byte"].wins is True


def test_one_run_is_no_comparison(stores):
    with pytest.raises(ValueError, match="two runs or more, got 1"):
        compare_runs([stores.run("one", [])], stores.root)


def test_scores_are_worse_for_certain_only_when_tested_and_named(stores):
    one = stores.run("one", [stores.sentiment("t1", BEFORE), stores.documents("s1", [100.0] * 30)])
    two = stores.run("two", [stores.sentiment("t2", WORSE), stores.documents("s2", [90.0] * 30)])
    comparison = compare_runs([one, two], stores.root)

    assert [d.place for d in worse_scores(comparison, ["sentiment", "accuracy"])] == [
        "sentiment/accuracy",
        "sentiment/macro_f1",
    ]
    assert worse_scores(comparison, ["bits_per_byte"]) == []
    with pytest.raises(ValueError, match=r"--fail-if-worse bleu: no such score.*sentiment/accuracy"):
        worse_scores(comparison, ["bleu"])
    alone = compare_runs([one, stores.run("three", [])], stores.root)
    with pytest.raises(ValueError, match="sentiment/accuracy was not tested: only the first run has it"):
        worse_scores(alone, ["sentiment/accuracy"])
