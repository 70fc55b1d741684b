"""The examples that turned."""

import pytest

from flows.comparing import flips
from flows.comparing.runs import compare_runs

BEFORE = [True] * 6 + [False] * 4
AFTER = [True] * 3 + [False] * 4 + [True] * 3


def test_right_to_wrong_and_wrong_to_right_are_told_apart_with_inputs_and_answers(stores):
    labelled = stores.labelled("sentiment", {f"review-{index}": f"影评 {index}" for index in range(10)})
    one = stores.run("one", [labelled, stores.sentiment("t1", BEFORE)])
    two = stores.run("two", [labelled, stores.sentiment("t2", AFTER)])

    (found,) = compare_runs([one, two], stores.root).flips

    assert found.totals == (3, 3, 4)
    assert found.headings == ("right to wrong", "wrong to right")
    # Of answers that turned the same way, those whose right answer lost most probability come first.
    assert [flip.input for flip in found.worse] == ["影评 5", "影评 4", "影评 3"]
    assert [flip.input for flip in found.better] == ["影评 9", "影评 8", "影评 7"]
    assert found.worse[0].answers == ("good", "bad")
    assert found.worse[0].references == ("good",)
    assert found.better[0].scores == (0.0, 100.0)


def test_documents_are_sorted_by_their_change_in_bits_per_byte(stores):
    one = stores.run("one", [stores.documents("s1", [100.0, 100.0, 100.0, 100.0])])
    two = stores.run("two", [stores.documents("s2", [110.0, 90.0, 130.0, 100.0])])

    (found,) = compare_runs([one, two], stores.root).flips

    assert [flip.example_id for flip in found.worse] == ["document-2", "document-0"]
    assert [flip.example_id for flip in found.better] == ["document-1"]
    assert found.totals == (2, 1, 1)
    assert found.headings == ("worse", "better")
    assert found.worse[0].scores[1] - found.worse[0].scores[0] == pytest.approx(30 / 69.3147, rel=1e-4)
    assert found.worse[0].answers == ("", "")


def test_of_many_examples_the_first_are_kept_and_all_are_counted(stores, monkeypatch):
    monkeypatch.setattr(flips, "SHOWN", 4)
    one = stores.run("one", [stores.sentiment("t1", [True] * 50 + [False] * 50)])
    two = stores.run("two", [stores.sentiment("t2", [False] * 60 + [True] * 40)])

    (found,) = compare_runs([one, two], stores.root).flips

    assert (len(found.worse), len(found.better), found.totals) == (4, 4, (50, 40, 10))


def test_long_texts_are_cut(stores):
    labelled = stores.labelled("sentiment", {"review-0": "很" * 5000})
    one = stores.run("one", [labelled, stores.sentiment("t1", [True])])
    two = stores.run("two", [labelled, stores.sentiment("t2", [False])])

    (found,) = compare_runs([one, two], stores.root).flips

    assert found.worse[0].input == "很" * 600 + " ..."
