"""What a report shows of exams of concerns."""

import json
import re

import pytest

from flows.records import StageOutcome
from flows.report.page import render_report, shaded

HOSTILE = '</span><script>alert("x")</script>'
WHY = {
    "task": "attributions",
    "scores": [
        {
            "metric": "completeness_error", "system": "pretrained", "value": 0.4, "low": 0.3, "high": 0.6, "n": 2,
            "signature": "completeness_error|sums|percent", "better": "lower",
        }
    ],
    "differences": [],
    "headline": {"metric": "completeness_error", "system": "pretrained", "value": 0.4},
    "samples": [
        {
            "example_id": "a", "answer": "好", "missing_percent": 0.31,
            "tokens": [["天气", 0.5], [HOSTILE, -1.0], [" x", 0.0]],
        }
    ],
    "tables": [], "curves": [], "facts": {"steps": 64}, "language": "", "labels": [],
}  # fmt: skip


@pytest.fixture
def html(record, tmp_path) -> str:
    stage = StageOutcome(
        kind="scores", name="why", fingerprint="f" * 64, folder="scores/why-ffffffff", reused=False, seconds=1.0
    )
    (tmp_path / stage.folder).mkdir(parents=True)
    (tmp_path / stage.folder / "scores.json").write_text(json.dumps(WHY, ensure_ascii=False), encoding="utf-8")
    return render_report(record.model_copy(update={"stages": [*record.stages, stage]}), tmp_path)


def test_concerns_are_a_section_of_their_own_and_absent_where_none_was_examined(html, record, tmp_path):
    scores, concerns = html.index("<h2>Scores</h2>"), html.index("<h2>Concerns</h2>")

    assert scores < html.index("<h3>sentiment</h3>") < concerns < html.index("<h3>why</h3>")
    assert html.count("<h3>why</h3>") == 1
    assert "<h2>Concerns</h2>" not in render_report(record, tmp_path)


def test_tokens_are_coloured_by_what_they_bring_about_and_are_no_markup(html):
    spans = re.findall(r'<span style="background: (.+?)" title="(.+?)">(.*?)</span>', html)

    assert [(colour, title) for colour, title, _ in spans] == [
        ("rgba(0, 114, 178, 0.375)", "+0.500"),
        ("rgba(213, 94, 0, 0.750)", "-1.000"),
        ("rgba(213, 94, 0, 0.000)", "+0.000"),
    ]
    assert "<script>" not in html
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in spans[1][2]


def test_tokens_that_bring_nothing_about_have_no_colour():
    assert shaded([("a", 0.0), ("b", 0.0)])[0][2].endswith(" 0.000)")
    assert shaded([]) == []
