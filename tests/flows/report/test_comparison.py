"""Two runs of one store side by side."""

import io
import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from flows.records import flatten
from flows.report.comparison import compare_runs, comparison_html, comparison_table

SHARED = 40


def write_examples(folder, nats_per_byte: float, first: int = 0) -> None:
    rows = [
        {
            "example_id": f"document-{index}",
            "system": system,
            "nll": (nats_per_byte + 0.1 * (index % 3)) * 100 + (50 if system == "scratch" else 0),
            "tokens": 25.0,
            "bytes": 100.0,
            "prediction": None,
            "references": [],
        }
        for index in range(first, first + SHARED)
        for system in ("pretrained", "scratch")
    ]
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "examples.parquet")


@pytest.fixture
def pair(record, tmp_path):
    """Two runs: the second has another tokenizer, and a language model that is better by 0.1 nats a byte."""
    stages = [
        stage.model_copy(update={"fingerprint": stage.fingerprint[::-1], "folder": stage.folder.with_suffix(".second")})
        if stage.kind not in {"corpus", "examples"}
        else stage
        for stage in record.stages
        if stage.name != "sentiment"
    ]
    second = record.model_copy(
        update={"id": "second", "stages": stages, "settings": {**record.settings, "seed": 18, "notes": "<b>"}}
    )
    for run, nats, first in ((record, 1.5, 0), (second, 1.4, 10)):
        (scores,) = [stage for stage in run.stages if stage.name == "language-model"]
        folder = tmp_path / scores.folder
        write_examples(folder, nats, first)
        one = {"metric": "bits_per_byte", "system": "pretrained", "better": "lower", "signature": "bits|bos:context"}
        (folder / "scores.json").write_text(
            json.dumps({"task": "language_model", "scores": [one], "headline": {"metric": "bits_per_byte"}})
        )
    return record, second


def test_differing_settings_and_the_first_differing_stage_are_named(pair, tmp_path):
    comparison = compare_runs(*pair, tmp_path)

    assert comparison.settings == {"seed": (17, 18), "notes": ("(absent)", "<b>")}
    assert comparison.parting == "tokenizer/unigram-8192"


def test_scores_are_compared_on_the_examples_that_both_runs_scored(pair, tmp_path):
    (delta,) = compare_runs(*pair, tmp_path).scores

    assert (delta.task, delta.metric, delta.examples) == ("language-model", "bits_per_byte", SHARED - 10)
    # The same amount on every document: the paired interval has no width.
    assert delta.difference == pytest.approx(-0.1 / math.log(2))
    assert delta.low == pytest.approx(delta.high)
    assert delta.wins is True


def test_run_does_not_differ_from_itself(pair, tmp_path):
    comparison = compare_runs(pair[1], pair[1], tmp_path)

    assert comparison.settings == {}
    assert comparison.parting is None
    assert [delta.wins for delta in comparison.scores] == [None]


def test_stage_that_only_the_first_run_has_parts_them(record, tmp_path):
    shorter = record.model_copy(update={"stages": [s for s in record.stages if s.kind in {"corpus", "tokenizer"}]})

    assert compare_runs(record, shorter, tmp_path).parting == "tokens/news"


def test_comparison_is_printed_and_drawn_with_hostile_text_as_text(pair, tmp_path):
    comparison = compare_runs(*pair, tmp_path)
    file = io.StringIO()
    Console(file=file, width=160).print(comparison_table(comparison))

    assert "the runs part at  tokenizer/unigram-8192" in file.getvalue()
    assert "wins" in file.getvalue()
    assert "<td>&lt;b&gt;" in comparison_html(comparison)


def test_nested_settings_become_dotted_keys():
    assert flatten({"a": {"b": 1, "c": {}}, "d": [1]}) == {"a.b": 1, "a.c": {}, "d": [1]}


def test_scores_of_different_signatures_are_refused_with_both_and_what_differs(pair, tmp_path):
    first, second = pair
    (scores,) = [stage for stage in second.stages if stage.name == "language-model"]
    path = tmp_path / scores.folder / "scores.json"
    path.write_text(path.read_text().replace("bits|bos:context", "bits|bos:context|stride:4"))
    comparison = compare_runs(first, second, tmp_path)

    assert comparison.scores == []
    [reason] = comparison.refused
    assert reason.startswith("language-model: bits_per_byte: ")
    assert "'bits|bos:context' and 'bits|bos:context|stride:4'" in reason
    assert "The first has nothing more, the second stride:4" in reason
    assert "Not compared: language-model: bits_per_byte" in comparison_html(comparison)
    file = io.StringIO()
    Console(file=file, width=400).print(comparison_table(comparison))
    assert reason in file.getvalue()
