"""The plots of a corpus."""

import warnings
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flows.report import corpus_figures as plots

NEWS = {
    "read": 100,
    "kept": 60,
    "dropped": {"length/too_short": 10, "length/too_long": 5, "dedup/near": 20, "source/not_utf8": 5},
    "languages": {"zh": 50, "en": 10},
    "lengths_read": {"16": 15, "256": 80},
    "lengths_kept": {"256": 60},
}


def painted(plot: Any, counts: Any, monkeypatch: pytest.MonkeyPatch) -> Figure:
    kept: list[Any] = []
    monkeypatch.setattr(plots, "draw", lambda name, width, height, paint: kept.append(paint))
    plot(counts)
    figure = Figure()
    kept[0](figure)
    return figure


def bars(axes: Axes) -> dict[str, Any]:
    """Label -> lengths of the horizontal bars that have it."""
    return {
        str(container.get_label()): pytest.approx([bar.get_width() for bar in container])
        for container in axes.containers
    }


def test_a_sources_bar_is_all_that_was_read_by_what_became_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = painted(plots.documents, {"人民日报": NEWS, "empty": {"read": 0, "kept": 0}}, monkeypatch)

    assert bars(figure.axes[0]) == {
        "kept 60": [0.6, 0],
        "length 15": [0.15, 0],
        "duplicate 20": [0.2, 0],
        "unreadable 5": [0.05, 0],
    }
    assert [text.get_text() for text in figure.axes[0].texts] == ["60 of 100", "0 of 0"]


def test_rules_that_took_least_share_a_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = {f"rule{number}/reason": 10 + number for number in range(8)}
    figure = painted(plots.documents, {"news": {"read": 108, "kept": 0, "dropped": dropped}}, monkeypatch)

    labels = list(bars(figure.axes[0]))
    assert labels == ["kept 0", *(f"rule{number} {10 + number}" for number in range(7, 1, -1)), "other rules 21"]


def test_lengths_before_and_after_stand_at_powers_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = painted(plots.lengths, {"news": NEWS}, monkeypatch)

    read, kept = figure.axes[0].containers
    assert [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in read] == [(16, 16, 15), (256, 256, 80)]
    assert [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in kept] == [(256, 256, 60)]


def test_small_sources_share_a_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {f"s{number}": {**NEWS, "read": 100 + number} for number in range(8)}
    figure = painted(plots.lengths, counts, monkeypatch)

    assert [axes.get_title(loc="left") for axes in figure.axes] == ["s3", "s4", "s5", "s6", "s7", "3 others"]
    assert [bar.get_height() for bar in figure.axes[5].containers[0]] == [45, 240]


def test_languages_are_counted_over_all_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = painted(plots.languages, {"a": NEWS, "b": NEWS}, monkeypatch)

    assert [text.get_text() for text in figure.axes[0].texts] == ["100 (83.3%)", "20 (16.7%)"]


def test_names_in_chinese_stay_text_and_nobody_is_warned() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = plots.corpus_figures({"人民日报": NEWS})

    assert list(drawn) == ["documents", "lengths", "languages"]
    assert all("人民日报" in drawn[name] for name in ("documents", "lengths"))


def test_what_was_not_counted_is_not_drawn() -> None:
    assert list(plots.corpus_figures({"old": {"read": 3, "kept": 3, "dropped": {}}})) == ["documents"]
