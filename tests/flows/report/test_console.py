"""What a run prints, to a file as in CI."""

import io

import pytest
from rich.console import Console

from flows.report.console import duration, figure, interval_line, print_header, scores_table, stages_table

LINE = {
    "step": 120,
    "steps": 2000,
    "tokens": 1_966_080,
    "seconds": 106.65,
    "metrics": {
        "train/loss": 5.812,
        "train/causal_lm/loss": 5.401,
        "train/masked_lm/loss": 6.223,
        "train/replaced_token/generator/loss": 9.0,
        "train/lr": 2.1e-4,
        "throughput/tokens_per_second": 18432.4,
    },
}


def printed(content) -> str:
    file = io.StringIO()
    Console(file=file, width=120, highlight=False).print(content)
    return file.getvalue()


def test_interval_is_one_line_with_losses_and_time_left():
    assert interval_line("pretraining/warm", LINE) == (
        "pretraining/warm             step   120/2,000   6.0% | loss 5.812 (causal_lm 5.401, masked_lm 6.223) "
        "| lr 2.1e-04 | 18,432 tok/s | eta 27m51s"
    )


def test_last_interval_has_no_time_left_and_one_loss_is_not_repeated():
    metrics = {"train/loss": 1.5, "train/causal_lm/loss": 1.5}

    shown = interval_line("pretraining/warm", {**LINE, "step": 2000, "metrics": metrics})

    assert shown.endswith("2,000/2,000 100.0% | loss 1.500")


def test_validation_line_names_its_objectives():
    shown = interval_line("pretraining/warm", {**LINE, "metrics": {"validation/causal_lm/loss": 3.25}})

    assert "| validation causal_lm 3.250 |" in shown


def test_header_prints_markup_as_text():
    file = io.StringIO()
    print_header(Console(file=file, width=40), {"recipe": "[red]demo[/red]", "batch": "4 x 512 = 2,048 tokens/step"})

    assert file.getvalue() == "recipe  [red]demo[/red]\nbatch   4 x 512 = 2,048 tokens/step\n"


def test_closing_table_tells_reuse_and_where_it_is_recorded(record):
    rows = printed(stages_table(record)).splitlines()

    corpus = next(row for row in rows if row.startswith("corpus/news"))
    assert "31s" in corpus
    assert "reused" in corpus
    assert "1,234 documents" in corpus
    assert "01234567" in corpus


def test_bits_per_byte_and_pretrained_come_first(language_model, sentiment):
    shown = printed(scores_table([sentiment, language_model]))

    order = [shown.index(text) for text in ("bits_per_byte", "gzip", "perplexity", "macro_f1", "tfidf", "accuracy")]
    assert order == sorted(order)
    assert shown.index("pretrained ") < shown.index("scratch ") < shown.index("gzip ")


def test_loss_is_shown_as_one(language_model, sentiment):
    rows = [row.rstrip() for row in printed(scores_table([language_model, sentiment])).splitlines()]

    assert next(row for row in rows if "tfidf" in row).endswith("LOSES -0.110 (-0.130 .. -0.090)")
    assert any("no difference shown +0.010" in row for row in rows)
    assert any("wins -0.440" in row for row in rows)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0s"), (59.4, "59s"), (59.6, "1m00s"), (1671, "27m51s"), (11100, "3h05m")]
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text


def test_scores_show_four_figures():
    assert (figure(1.96), figure(71.0449), figure(0.0123, "+"), figure(-12.345, "+")) == (
        "1.960",
        "71.04",
        "+0.012",
        "-12.35",
    )


def test_tables_fit_the_width_of_a_log(record, language_model, sentiment):
    rows = printed(stages_table(record)).splitlines() + printed(scores_table([language_model, sentiment])).splitlines()

    assert "\u2026" not in "".join(rows)
    assert "weights/discrimination-77656967" in "".join(rows)
