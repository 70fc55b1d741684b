"""What an exam adds to a page: curves, tables and facts, with nothing of its data as markup."""

import json

import pytest

from flows.report import figures
from flows.report.page import render_report

HOSTILE = "<img src=x> 距离"


@pytest.fixture
def examined(record, tmp_path):
    """The record, its second set of scores being those of an exam."""
    path = next(
        tmp_path / stage.folder for stage in record.stages if stage.name == "sentiment" and stage.kind == "scores"
    )
    content = json.loads((path / "scores.json").read_text(encoding="utf-8"))
    content |= {
        "tables": [
            {"title": "By group", "columns": ["group", "pretrained"], "rows": [[HOSTILE, 61.25]], "note": "why"}
        ],
        "curves": [
            {
                "title": "Recall",
                "x": HOSTILE,
                "y": "right",
                "lines": {"pretrained": [[16, 80, 70, 90], [32, 60, 50, 70]]},
            }
        ],
        "facts": {"chance": 25.0, "scoring": "causal"},
    }
    (path / "scores.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return record


def test_tables_curves_and_facts_are_on_the_page_and_escaped(examined, tmp_path):
    html = render_report(examined, tmp_path)

    assert "<img" not in html
    assert html.count("&lt;img src=x&gt; 距离") == 2
    assert "61.25" in html
    assert "<th>chance<td>25" in html
    assert html == render_report(examined, tmp_path)


def test_a_curve_has_a_band_and_an_axis_of_doublings():
    painted = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "draw", lambda name, width, height, paint: painted.append(paint))
        figures.curve(
            "recall", {"title": "t", "x": "x", "y": "y", "lines": {"a": [[16, 80, 70, 90], [64, 60, 50, 70]]}}
        )
    from matplotlib.figure import Figure

    figure = Figure()
    painted[0](figure)
    [axes] = figure.axes

    assert axes.get_xscale() == "log"
    assert axes.lines[0].get_ydata().tolist() == [80, 60]
    assert len(axes.collections) == 1
