"""The page of a run."""

import json
import re
from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure

from flows.report import figures
from flows.report.contents import read_stages
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


def painted(plot, stages):
    """The axes of a plot instead of its SVG."""
    kept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "draw", lambda name, width, height, paint: kept.append(paint))
        plot(stages)
    figure = Figure()
    kept[0](figure)
    return figure.axes[0]


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
    assert "12 Wh (rapl)" in text
    assert "新闻" in text


def test_settings_of_a_stage_are_on_the_page(record, tmp_path):
    text = Page(render_report(record, tmp_path)).text

    for shown in (
        "discrimination500,00016,384",
        "新闻: 0.7, mine: 0.3",
        "causal_lm: 0.5, 0.3; replaced_token: 0.5, 50",
        "layers: 2replaced_token",
    ):
        assert shown in "".join(text.splitlines())


def test_texts_that_a_stage_writes_are_on_the_page(record, tmp_path):
    page = Page(render_report(record, tmp_path))

    assert "What each stage writes about held-out texts" in page.text
    assert "今天" in page.text and "天气很好。" in page.text


def test_stages_that_left_neither_settings_nor_texts_have_no_tables(record, tmp_path):
    for stage in ("foundation/record", "discrimination/manifest"):
        name, file = stage.split("/")
        [outcome] = [o for o in record.stages if (o.kind, o.name) == ("weights", name)]
        (tmp_path / outcome.folder / f"{file}.json").unlink()

    text = Page(render_report(record, tmp_path)).text

    assert "Stages of pretraining" not in text
    assert "What each stage writes" not in text


def test_accuracy_and_loss_of_replaced_tokens_stand_beside_what_no_skill_reaches(record, tmp_path):
    [stage] = [s for s in read_stages(record, tmp_path) if s.label == "weights/discrimination"]

    for plot, height in ((figures.accuracies, 0.88), (figures.losses, 0.367)):
        axes = painted(plot, [stage])
        dashed = [line for line in axes.lines if line.get_linestyle() == "--" and len(line.get_ydata())]
        assert [line.get_ydata()[0] for line in dashed] == [pytest.approx(height)]
    squares = [line for line in painted(figures.accuracies, [stage]).lines if line.get_marker() == "s"]
    assert {value for line in squares for value in line.get_ydata()} == {0.8}


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


@pytest.mark.parametrize("widened", [True, False])
def test_page_shows_which_weights_were_kept_and_warns_where_examples_were_learnt_by_heart(record, tmp_path, widened):
    [tuned] = [stage for stage in read_stages(record, tmp_path) if stage.label == "finetuned/sentiment"]
    seen = [
        {"step": 20, "value": 0.5, "validation_loss": 0.512, "training_loss": 0.401},
        {"step": 40, "value": 0.6, "validation_loss": 0.634, "training_loss": 0.123},
    ]
    chosen = {
        "by": "validation_loss", "step": 20, "value": 0.512, "stopped_early": True, "gap_widened": widened,
        "evaluations": seen,
    }  # fmt: skip
    (tuned.folder / "stage.json").write_text(json.dumps({"steps": 40, "selection": chosen}))

    text = " ".join(Page(render_report(record, tmp_path)).text.split())
    for shown in ("finetuned/sentiment", "20 40 (stopped early)", "0.401, 0.512", "0.123, 0.634"):
        assert shown in text
    assert ("the gap to the training loss widens" in text) is widened
