"""What `stagelm tokenizer compare` shows: a line for each tokenizer, and curves over the sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from rich.table import Table

from flows.report.console import open_console
from flows.report.figures import COLOURS, STYLE
from flows.vocabularies import MeasuredVocabulary


def print_vocabularies(measured: Sequence[MeasuredVocabulary]) -> None:
    """Prints a line for each; the least bits per byte of each kind are bold."""
    languages = sorted({language for one in measured for language in one.report["fertility"]})
    table = Table(box=None, pad_edge=False)
    table.add_column("tokenizer")
    columns = ["bits/byte: tokens alone", "4-gram", "bytes/token"]
    columns += [f"tokens/word ({language})" for language in languages]
    columns += ["bytes and unknown", "given back", "MB/s", "trained"]
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    least_alone = min(one.unigram_bits_per_byte for one in measured)
    least_ngram = min(one.ngram_bits_per_byte for one in measured)
    for one in measured:
        report, fertility = one.report, one.report["fertility"]
        table.add_row(
            f"{one.algorithm} {one.vocab_size:,}",
            _figure(one.unigram_bits_per_byte, least_alone),
            _figure(one.ngram_bits_per_byte, least_ngram),
            f"{report['bytes_per_token']:.2f}",
            *(f"{fertility[name]['tokens_per_word']:.2f}" if name in fertility else "" for name in languages),
            f"{report['unk_or_byte_share']:.2%}",
            f"{report['round_trip']['exact'] / max(1, report['round_trip']['checked']):.1%}",
            f"{one.megabytes_per_second:.0f}",
            f"{one.training_seconds:.0f} s",
        )
    open_console().print(table)


def save_plot(measured: Sequence[MeasuredVocabulary], path: Path) -> None:
    """Draws bits per byte and bytes per token over the number of pieces, as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.2), layout="constrained")
        panels = figure.subplots(1, 3)
        titles = ("bits per byte, tokens alone", "bits per byte, 4-gram", "bytes per token")
        for axes, title in zip(panels, titles, strict=True):
            axes.set(title=title, xlabel="pieces", xscale="log")
        for algorithm, colour in zip(dict.fromkeys(one.algorithm for one in measured), COLOURS, strict=False):
            ours = sorted((one for one in measured if one.algorithm == algorithm), key=lambda one: one.vocab_size)
            sizes = [one.vocab_size for one in ours]
            curves = (
                [one.unigram_bits_per_byte for one in ours],
                [one.ngram_bits_per_byte for one in ours],
                [one.report["bytes_per_token"] for one in ours],
            )
            for axes, values in zip(panels, curves, strict=True):
                axes.plot(sizes, values, marker="o", color=colour, label=algorithm)
        panels[0].legend()
        figure.savefig(path, dpi=150, metadata={"Software": None})


def _figure(value: float, least: float) -> str:
    return f"[bold]{value:.3f}[/bold]" if value == least else f"{value:.3f}"
