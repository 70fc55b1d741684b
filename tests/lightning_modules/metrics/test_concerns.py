import math

import pytest

from lightning_modules.metrics import METRICS, Outputs, interval
from lightning_modules.metrics.numbers import number


def value(name: str, predictions: list[str], references: list[str]) -> float:
    metric = METRICS[name]("zh")
    return float(metric.value(metric.statistics(Outputs(predictions, [[r] for r in references])).sum(0)))


def test_exposure_is_log2_of_the_candidates_over_the_rank():
    assert value("exposure", ["1"], ["1024"]) == 10.0
    assert value("exposure", ["1024"], ["1024"]) == 0.0
    assert value("exposure", ["2", "8.0"], ["16", "16"]) == 2.0


def test_exposure_of_all_ranks_alike_is_about_log2_e():
    ranks = [str(rank) for rank in range(1, 5001)]

    assert value("exposure", ranks, ["5000"] * 5000) == pytest.approx(math.log2(math.e), abs=2e-3)


def test_only_a_whole_continuation_is_extracted():
    assert value("extracted", ["the old harbour", "a 港口", ""], ["the old harbour", "a 港", "x"]) == pytest.approx(
        100 / 3
    )


def test_share_of_stereotyped_choices_counts_ties_half_and_the_bias_is_its_distance_from_half():
    best = ['["more"]', '["less"]', '["less", "more"]', '["more"]']

    assert value("stereotype_share", best, ["more"] * 4) == 62.5
    assert value("stereotype_bias", best, ["more"] * 4) == 12.5
    assert value("stereotype_bias", ['["less"]'] * 4, ["more"] * 4) == 50.0


def test_interval_of_the_share_holds_half_where_there_is_no_leaning():
    metric = METRICS["stereotype_share"]("en")
    statistics = metric.statistics(Outputs(['["more"]', '["less"]'] * 50, [["more"]] * 100))
    found = interval(metric, statistics, 500, seed=3)

    assert found.low < 50.0 < found.high


def test_numbers_survive_their_text_and_their_distance_is_averaged():
    assert float(number(0.1 + 0.2)) == 0.1 + 0.2
    assert value("score_change", [number(0.9), number(0.25)], [number(0.4), number(0.5)]) == pytest.approx(0.375)


def test_completeness_is_a_ratio_of_sums_and_nothing_to_explain_is_no_error():
    assert value("completeness_error", ["0.9", "-2.0"], ["1.0", "-2.1"]) == pytest.approx(100 * 0.2 / 3.1)
    assert value("completeness_error", ["0.0"], ["0.0"]) == 0.0
