"""Precision, recall and F1 of tagged spans, in percent: a span counts where start, end and label are all right.

Counts are summed over the texts and the labels, as conlleval and seqeval do. Where nothing is predicted and nothing is
true, all three are 100: a text without spans that gets none is answered rightly.
Source: Tjong Kim Sang and De Meulder 2003 (CoNLL-2003), section 2.4.

Shapes: N examples. Statistics (N, 3): spans hit, predicted, true.
"""

from typing import ClassVar

import numpy as np

from data.answers import read_tags
from lightning_modules.metrics.base import Floats, Metric, Outputs
from lightning_modules.metrics.ratio import percent


class SpanMetric(Metric):
    """Shares the counts; a subclass turns them into one figure."""

    @property
    def signature(self) -> str:
        """Says what has to be equal, and that labels are counted together."""
        return f"{self.name}|exact:start,end,label|average:micro|zero_division:1|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 3)."""
        rows = []
        for prediction, references in zip(outputs.predictions, outputs.references, strict=True):
            predicted, true = set(read_tags(prediction)), set(read_tags(references[0]))
            rows.append([len(predicted & true), len(predicted), len(true)])
        return np.array(rows, dtype=np.float64).reshape(-1, 3)


class SpanF1(SpanMetric):
    """2 hits / (predicted + true)."""

    name: ClassVar[str] = "span_f1"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        hits, predicted, true = np.moveaxis(sums, -1, 0)
        return percent(2 * hits, predicted + true, nothing=1.0)


class SpanPrecision(SpanMetric):
    """Hits / predicted."""

    name: ClassVar[str] = "span_precision"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return percent(sums[..., 0], sums[..., 1], nothing=1.0)


class SpanRecall(SpanMetric):
    """Hits / true."""

    name: ClassVar[str] = "span_recall"

    def value(self, sums: Floats) -> Floats:
        """Returns percent."""
        return percent(sums[..., 0], sums[..., 2], nothing=1.0)
