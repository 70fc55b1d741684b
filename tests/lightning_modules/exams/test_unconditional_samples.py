import math

import numpy as np
import pytest

from data.vocabulary import SPECIALS
from lightning_modules.baselines.ngram import ngram_nll, text_grams
from lightning_modules.exams import unconditional_samples
from lightning_modules.exams.unconditional_samples import UnconditionalSamples


def exam(**settings) -> UnconditionalSamples:
    fields = {"exam": "unconditional_samples", "samples": 4, "max_new_tokens": 8}
    return UnconditionalSamples.model_validate(fields | settings)


def test_grams_look_back_within_their_text_only():
    grams = text_grams([np.array([40, 41]), np.array([42])], 3, ended=True)
    bos, eos, pad = SPECIALS.bos, SPECIALS.eos, SPECIALS.pad

    assert grams.tolist() == [
        [40, bos, pad], [41, 40, bos], [eos, 41, 40],
        [42, bos, pad], [eos, 42, bos],
    ]  # fmt: skip
    assert text_grams([np.array([40, 41])], 2, ended=False).tolist() == [[40, bos], [41, 40]]


def test_the_referee_knows_a_text_that_it_has_counted_better_than_another():
    train = [np.array([40, 41, 42, 43])] * 8
    known, unknown = (text_grams([np.array(ids)], 2, ended=False) for ids in ([40, 41, 42], [42, 40, 43]))
    nll = [ngram_nll(text_grams(train, 2, ended=True), grams, 60).sum() for grams in (known, unknown)]

    assert nll[0] < 0.5 < nll[1]


def test_texts_of_one_word_are_all_alike_and_repeat_themselves(sit, trunk, tokenizer, monkeypatch):
    word = tokenizer.pieces.index("农")
    monkeypatch.setattr(
        unconditional_samples, "decode", lambda trunk, prompts, *rest, **named: [[word] * 8 for _ in prompts]
    )
    results = exam().run(sit(trunk))
    scores = {(row["metric"], row["system"]): row for row in results.comparison.scores()["scores"]}

    assert scores["repetition", "pretrained"]["value"] > scores["repetition", "corpus"]["value"]
    assert scores["distinct_2", "pretrained"]["value"] < scores["distinct_2", "corpus"]["value"]
    assert scores["referee_perplexity", "pretrained"]["signature"].endswith("|referee:3-gram")
    assert results.facts["mean_tokens_pretrained"] == 8.0


def test_a_sum_of_nats_is_that_of_each_text_also_of_an_empty_one(sit, trunk, monkeypatch):
    texts = [[300, 301], [], [302], []]
    monkeypatch.setattr(unconditional_samples, "decode", lambda *rest, **named: texts)
    own = exam().run(sit(trunk)).comparison.outputs["pretrained"]

    assert own.tokens_N.tolist() == [2.0, 0.0, 1.0, 0.0]
    assert own.nll_N[1] == own.nll_N[3] == 0.0
    assert 0 < own.nll_N[0] < 2 * math.log(540) + 10


@pytest.mark.parametrize("order", [2, 4])
def test_what_is_written_depends_on_the_seed_alone(sit, trunk, order: int):
    one, two, other = (exam(order=order).run(sit(trunk, seed=seed)).comparison for seed in (1, 1, 2))

    assert one.outputs["pretrained"].predictions == two.outputs["pretrained"].predictions
    assert one.outputs["pretrained"].predictions != other.outputs["pretrained"].predictions


def test_texts_of_a_corpus_with_chinese_are_split_as_chinese_is(sit, trunk, tokenizer, monkeypatch):
    written = [tokenizer.encode("农民在港口看见水手" + end) for end in ("。", "！", "画家", "医生")]
    monkeypatch.setattr(unconditional_samples, "decode", lambda *rest, **named: written)
    results = exam(samples=4).run(sit(trunk))
    [own] = [
        row
        for row in results.comparison.scores()["scores"]
        if (row["metric"], row["system"]) == ("self_bleu", "pretrained")
    ]

    assert results.language == "zh" and "|tok:zh|" in own["signature"]
    assert own["value"] > 80  # as whole sentences without spaces they would have no word in common
