"""Whether a classifier is right as often as it says.

Source: Guo et al. 2017, arXiv:1706.04599, section 2. Shapes: N examples, B bins.
"""

from typing import ClassVar, Literal

import numpy as np

from lightning_modules.metrics.base import Floats, Metric, Outputs, Reads

_BINS = 15


class Ece(Metric):
    """Expected calibration error: mean over the examples of |share right - mean confidence| of their bin, in percent.

    The 15 bins of confidence are equally wide and closed above, as scikit-learn's `calibration_curve` has them. A bin's
    counts are sums over examples, so resamples are exact; but the error of few examples is biased upwards, for noise
    within a bin counts as miscalibration. Only confidences of one kind compare: here that of the class predicted.
    """

    name: ClassVar[str] = "ece"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    reads: ClassVar[Reads] = "confidence"
    of_classes: ClassVar[bool] = True

    @property
    def signature(self) -> str:
        """Says what the bins are."""
        return f"ece|bins:{_BINS} equal widths|norm:l1|confidence:of the class predicted|percent"

    def statistics(self, outputs: Outputs) -> Floats:
        """Returns (N, 3B): whether the example is in the bin, is there and right, its confidence there."""
        edges = np.linspace(0.0, 1.0, _BINS + 1)[1:-1]
        in_bin_NB = np.eye(_BINS)[np.searchsorted(edges, outputs.confidence_N)]
        answered = zip(outputs.predictions, outputs.references, strict=True)
        right_N = np.array([prediction == references[0] for prediction, references in answered], dtype=np.float64)
        return np.concatenate(
            [in_bin_NB, in_bin_NB * right_N[:, None], in_bin_NB * outputs.confidence_N[:, None]], axis=-1
        )

    def value(self, sums: Floats) -> Floats:
        """Returns percent; of one example's statistics how far its confidence is from what came true."""
        examples, right, confidence = np.split(sums, 3, axis=-1)
        errors: Floats = 100 * np.abs(right - confidence).sum(-1) / examples.sum(-1)
        return errors
