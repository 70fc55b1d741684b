"""The paired test that promotes: over all test sets together, if all were scored alike."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest

from flows.figures import signatures
from flows.tracking.registry import Version
from flows.tracking.settings import PromotionRules
from flows.verdict import judge
from lightning_modules.metrics import METRICS, OtherSignatureError, Outputs
from lightning_modules.scoring import results
from lightning_modules.scoring.documents import SCORED

PLAN: Any = SimpleNamespace(
    tracking=SimpleNamespace(promotion=PromotionRules()),
    recipe=SimpleNamespace(evaluation=SimpleNamespace(bootstrap=200), seed=3),
)
CHAMPION = Version("tiny-base", "4", "f" * 64, {}, None)


def scored(folder: Path, gain: float, reading: str = "stride:half a window") -> Path:
    """A `scores` artifact of 20 documents, the challenger's `gain` nats likelier each."""
    nll_N = np.linspace(50, 90, 20)
    counts = {"tokens_N": np.full(20, 25.0), "bytes_N": np.full(20, 100.0), "words_N": np.full(20, 18.0)}
    comparison = results.Comparison(
        test=results.TestSet([f"{folder.name}-{index}" for index in range(20)], [""] * 20),
        metrics=[METRICS["bits_per_byte"](""), METRICS["word_perplexity"]("")],
        trained={"challenger": Outputs(nll_N=nll_N - gain, **counts), "champion": Outputs(nll_N=nll_N, **counts)},
        baselines={},
        resamples=50,
        seed=0,
        reading=reading,
    )
    folder.mkdir()
    results.write_scores(comparison, "language_model", [], folder)
    (folder / "manifest.json").write_text(json.dumps({"kind": "scores", "name": folder.name}))
    return folder


@pytest.mark.parametrize(("gain", "promoted"), [(5.0, True), (-5.0, False), (0.0, False)])
def test_a_gain_on_every_document_promotes(tmp_path: Path, gain: float, promoted: bool):
    verdict = judge([scored(tmp_path / "old", gain), scored(tmp_path / "new", gain)], CHAMPION, PLAN)

    assert verdict.promoted is promoted
    assert verdict.examples == 40
    assert verdict.difference == pytest.approx(-gain / np.log(2) / 100)


def test_a_promotion_may_be_decided_by_every_metric_that_documents_are_scored_by():
    assert get_args(PromotionRules.model_fields["metric"].annotation) == SCORED


def test_test_sets_that_were_read_in_other_strides_are_not_put_together(tmp_path: Path):
    folders = [scored(tmp_path / "old", 5.0), scored(tmp_path / "new", 5.0, "stride:16")]

    with pytest.raises(OtherSignatureError, match=r"bits_per_byte of new: .*half a window.*stride:16.*The first has"):
        judge(folders, CHAMPION, PLAN)


def test_signatures_of_scores_are_parameters_and_other_stages_have_none(tmp_path: Path):
    assert signatures(scored(tmp_path / "language-model", 0.0, "stride:16")) == {
        "signature/language-model/bits_per_byte": "bits_per_byte|unit:utf-8-byte|eos:scored|bos:context|stride:16",
        "signature/language-model/word_perplexity": (
            "word_perplexity|unit:word, character of Han and kana|eos:scored|bos:context|stride:16"
        ),
    }
    other = tmp_path / "tokens"
    other.mkdir()
    (other / "manifest.json").write_text(json.dumps({"kind": "tokens", "name": "tiny"}))
    assert signatures(other) == {}
