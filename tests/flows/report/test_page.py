"""The page of a run."""

import re
from html.parser import HTMLParser

from flows.report.page import readable, render_report


class Page(HTMLParser):
    """Collects elements, attributes that could cause a request, and the text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.requests: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        for name, value in attrs:
            if name in {"src", "data", "poster", "srcset"} or (name in {"href", "xlink:href"} and tag != "a"):
                self.requests.append(value)

    def handle_data(self, data):
        self.text += data


def test_page_asks_for_nothing_outside_itself(record, tmp_path):
    html = render_report(record, tmp_path)

    assert all(request.startswith("#") for request in Page(html).requests)
    assert "@import" not in html
    assert re.findall(r"url\((?!#)", html) == []


def test_hostile_text_is_shown_and_is_no_markup(record, tmp_path):
    page = Page(render_report(record, tmp_path))

    assert "script" not in page.elements
    assert '<script>alert("x")</script> $\\frac{1}{0}$ & 标题' in page.text


def test_page_is_equal_for_equal_runs(record, tmp_path):
    assert render_report(record, tmp_path) == render_report(record, tmp_path)


def test_every_stage_and_score_is_on_the_page(record, tmp_path):
    text = Page(render_report(record, tmp_path)).text

    for stage in record.stages:
        assert f"{stage.kind}/{stage.name}" in text
        assert stage.headline in text
    assert "1.960" in text
    assert "tfidf + logistic regression" in text
    assert "0.012 kWh (rapl)" in text
    assert "新闻" in text


def test_loss_against_a_baseline_is_called_one(record, tmp_path):
    html = render_report(record, tmp_path)

    assert '<b class="wins-false">LOSES</b>' in html
    assert '<b class="wins-none">no difference shown</b>' in html


def test_at_most_three_dropped_samples_a_reason(record, tmp_path):
    assert render_report(record, tmp_path).count("length/too_short<td") == 3


def test_failed_run_without_artifacts_has_a_page(record, tmp_path):
    failed = record.model_copy(update={"status": "failed", "error": "disk <full>", "stages": []})

    page = Page(render_report(failed, tmp_path))

    assert "disk <full>" in page.text
    assert "svg" not in page.elements


def test_values_are_written_for_people():
    assert readable(1234567) == "1,234,567"
    assert readable({"en": 1.42, "exact": True, "missing": None}) == "en: 1.42, exact: yes, missing: -"
    assert readable(["甲", "乙"]) == "甲, 乙"
