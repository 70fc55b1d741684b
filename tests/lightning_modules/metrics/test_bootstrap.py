import numpy as np
import pytest
import sacrebleu

from lightning_modules.metrics import METRICS, Interval, Outputs, bootstrap, compare, interval, wins

LABELS = ("no", "yes")
ACCURACY = METRICS["accuracy"]("en", LABELS)


def statistics(right: int, wrong: int) -> np.ndarray:
    return ACCURACY.statistics(Outputs(["yes"] * right + ["no"] * wrong, [["yes"]] * (right + wrong)))


def test_80_of_100_has_the_interval_of_the_binomial():
    result = interval(ACCURACY, statistics(80, 20), resamples=4000, seed=0)

    assert result.value == 80
    # quantiles of Binomial(100, 0.8): 72 and 87 or 88
    assert (result.low, result.high) == pytest.approx((72, 87.5), abs=1)


def test_the_seed_alone_decides():
    first, again, other = (interval(ACCURACY, statistics(33, 50), 500, seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_resampled_bleu_is_the_bleu_of_the_resampled_corpus(monkeypatch: pytest.MonkeyPatch):
    metric = METRICS["bleu"]("en")
    predictions = ["the cat is on the mat", "a dog is in the garden", "it rains", "one two three four five six"]
    references = [
        "the cat sat on the mat",
        "there is a dog in the garden",
        "it rains now",
        "one two three four six five",
    ]
    own = metric.statistics(Outputs(predictions, [[reference] for reference in references]))
    drawn = np.random.default_rng(5).integers(4, size=(3, 4), dtype=np.int32)
    values = metric.value(bootstrap.resampled_sums(own, resamples=3, seed=5))

    for value, chosen in zip(values, drawn, strict=True):
        expected = sacrebleu.corpus_bleu([predictions[i] for i in chosen], [[references[i] for i in chosen]]).score
        assert value == pytest.approx(expected, abs=1e-9)


def test_resamples_do_not_depend_on_how_many_are_made_at_once(monkeypatch: pytest.MonkeyPatch):
    own = statistics(30, 20)
    whole = bootstrap.resampled_sums(own, 64, seed=3)
    monkeypatch.setattr(bootstrap, "_COUNTS_AT_ONCE", 100)

    np.testing.assert_array_equal(bootstrap.resampled_sums(own, 64, seed=3), whole)


def test_a_constant_gain_has_an_interval_without_width():
    metric = METRICS["bits_per_byte"]("en")
    nll = np.random.default_rng(0).uniform(5, 50, 40)
    ours, theirs = (metric.statistics(Outputs(nll_N=n, bytes_N=np.full(40, 10.0))) for n in (nll - np.log(2), nll))

    result = compare(metric, ours, theirs, 200, seed=0)
    assert (result.value, result.low, result.high) == pytest.approx((-0.1, -0.1, -0.1))
    assert wins(metric, result) is True


def test_pairing_takes_out_what_both_share():
    metric = METRICS["bits_per_byte"]("en")
    random = np.random.default_rng(0)
    nll = random.uniform(5, 500, 100)
    theirs, ours = (
        metric.statistics(Outputs(nll_N=n, bytes_N=np.full(100, 10.0))) for n in (nll, nll - random.uniform(0, 2, 100))
    )

    alone = interval(metric, theirs, 500, seed=0)
    paired = compare(metric, ours, theirs, 500, seed=0)
    assert (paired.high - paired.low) * 20 < alone.high - alone.low


@pytest.mark.parametrize(
    ("name", "low", "high", "expected"),
    [("accuracy", 1, 2, True), ("accuracy", -2, -1, False), ("accuracy", -1, 1, None), ("perplexity", -2, -1, True)],
)
def test_a_win_is_an_interval_on_the_better_side_of_zero(name: str, low: float, high: float, expected: bool | None):
    assert wins(METRICS[name]("en", LABELS), Interval(0.0, low, high)) is expected


def test_unequal_examples_are_refused():
    with pytest.raises(ValueError, match="the same examples, got 2 and 3"):
        compare(ACCURACY, statistics(1, 1), statistics(1, 2), 10, seed=0)
