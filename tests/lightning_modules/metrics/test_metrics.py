import math

import numpy as np
import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.metrics.summarization import CharacterTokenizer

ENGLISH = Outputs(
    predictions=["the cat is on the mat", "a dog is in the garden"],
    references=[["the cat sat on the mat"], ["there is a dog in the garden"]],
)
CHINESE = Outputs(predictions=["我爱北京天安门"], references=[["我爱北京的天安门"]])
WORDS = ["red", "Green", "blue,", "a", "the", "7", "天", "气", "北京", "."]


def value(name: str, outputs: Outputs, language: str = "en", labels: tuple[str, ...] = ()) -> float:
    metric = METRICS[name](language, labels)
    return float(metric.value(metric.statistics(outputs).sum(0)))


def drawn(random: np.random.Generator, size: int = 40) -> Outputs:
    """Texts of no to 11 words; predictions share about half of their reference."""
    references, predictions = [], []
    for _ in range(size):
        words = random.choice(WORDS, random.integers(1, 12))
        kept = np.where(random.random(len(words)) < 0.5, words, random.choice(WORDS, len(words)))
        references.append([" ".join(words)])
        predictions.append(" ".join(kept[: random.integers(0, len(words) + 1)]))
    return Outputs(predictions, references)


def test_bits_per_byte_and_perplexity_of_the_fixed_vector():
    outputs = Outputs(nll_N=np.array([10.0, 20.0]), tokens_N=np.array([5.0, 7.0]), bytes_N=np.array([30.0, 20.0]))

    assert value("bits_per_byte", outputs) == pytest.approx(0.865617, abs=1e-6)
    assert value("perplexity", outputs) == pytest.approx(12.1825, abs=1e-4)
    words = Outputs(nll_N=outputs.nll_N, words_N=np.array([3.0, 5.0]))
    assert value("word_perplexity", words) == pytest.approx(42.5211, abs=1e-4)


def test_a_uniform_model_has_the_perplexity_of_its_vocabulary():
    outputs = Outputs(
        nll_N=np.array([3 * math.log(50), math.log(50)]), tokens_N=np.array([3.0, 1.0]), bytes_N=np.ones(2)
    )

    assert value("perplexity", outputs) == pytest.approx(50)


@pytest.mark.parametrize(("name", "expected"), [("macro_f1", 67.4603), ("micro_f1", 71.4286), ("weighted_f1", 70.0680)])
def test_f1_of_the_fixed_vector(name: str, expected: float):
    outputs = Outputs(predictions=list("0222112"), references=[[label] for label in "0122102"])

    assert value(name, outputs, labels=("0", "1", "2")) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("classes", [2, 5])
def test_class_metrics_are_those_of_scikit_learn(classes: int):
    random = np.random.default_rng(classes)
    labels = tuple(map(str, range(classes)))
    truth, guess = (random.choice(labels[:-1] if classes > 2 else labels, 60).tolist() for _ in range(2))
    outputs = Outputs(guess, [[label] for label in truth])
    macro = {"labels": labels, "zero_division": 0, "average": "macro"}

    assert value("accuracy", outputs, labels=labels) == pytest.approx(100 * accuracy_score(truth, guess), abs=1e-9)
    assert value("macro_f1", outputs, labels=labels) == pytest.approx(100 * f1_score(truth, guess, **macro), abs=1e-9)
    micro = f1_score(truth, guess, labels=labels, average="micro", zero_division=0)
    assert value("micro_f1", outputs, labels=labels) == pytest.approx(100 * micro, abs=1e-9)
    for name, score in (("micro_precision", precision_score), ("micro_recall", recall_score)):
        expected = score(truth, guess, labels=labels, average="micro", zero_division=0)
        assert value(name, outputs, labels=labels) == pytest.approx(100 * expected, abs=1e-9)
    weighted = f1_score(truth, guess, labels=labels, average="weighted", zero_division=0)
    assert value("weighted_f1", outputs, labels=labels) == pytest.approx(100 * weighted, abs=1e-9)
    assert value("precision", outputs, labels=labels) == pytest.approx(
        100 * precision_score(truth, guess, **macro), abs=1e-9
    )
    assert value("recall", outputs, labels=labels) == pytest.approx(100 * recall_score(truth, guess, **macro), abs=1e-9)


def test_bleu_chrf_and_rouge_of_the_fixed_vectors():
    assert value("bleu", ENGLISH) == pytest.approx(30.1015706, abs=1e-7)
    assert value("chrf", ENGLISH) == pytest.approx(60.790150922, abs=1e-9)
    assert value("ter", ENGLISH) == pytest.approx(23.076923, abs=1e-6)
    assert value("bleu", CHINESE, "zh") == pytest.approx(51.544869, abs=1e-6)
    first = Outputs(ENGLISH.predictions[:1], ENGLISH.references[:1])
    assert [value(name, first) for name in ("rouge1", "rouge2", "rouge_l")] == pytest.approx(
        [83.3333, 60, 83.3333], abs=1e-4
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("language", "tokenize"), [("en", "13a"), ("zh", "zh"), ("ja", "char")])
def test_bleu_is_sacrebleus(seed: int, language: str, tokenize: str):
    outputs = drawn(np.random.default_rng(seed))
    references = [[reference[0] for reference in outputs.references]]

    expected = sacrebleu.corpus_bleu(outputs.predictions, references, tokenize=tokenize).score
    assert value("bleu", outputs, language) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_chrf_is_sacrebleus(seed: int):
    outputs = drawn(np.random.default_rng(seed))
    references = [[reference[0] for reference in outputs.references]]

    expected = sacrebleu.corpus_chrf(outputs.predictions, references).score
    assert value("chrf", outputs) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("language", "asian"), [("en", False), ("zh", True)])
def test_ter_is_sacrebleus(seed: int, language: str, asian: bool):
    outputs = drawn(np.random.default_rng(seed))
    references = [[reference[0] for reference in outputs.references]]

    expected = sacrebleu.corpus_ter(outputs.predictions, references, normalized=asian, asian_support=asian).score
    assert value("ter", outputs, language) == pytest.approx(expected, abs=1e-9)


def test_ter_of_chinese_counts_characters():
    # one character of the eight is missing; without the split the one word there is would be wrong
    assert value("ter", CHINESE, "zh") == pytest.approx(100 / 8)
    assert value("ter", CHINESE, "en") == pytest.approx(100)


@pytest.mark.parametrize("name", ["bleu", "chrf", "ter"])
@pytest.mark.parametrize("prediction", ["", "cat", "the", "dog sat on a log", "the cat sat on the mat"])
def test_single_short_and_empty_predictions_are_scored_as_sacrebleu_does(name: str, prediction: str):
    outputs = Outputs([prediction], [["the cat sat on the mat"]])
    expected = getattr(sacrebleu, f"corpus_{name}")([prediction], [["the cat sat on the mat"]]).score

    assert value(name, outputs) == pytest.approx(expected, abs=1e-9)


def test_several_references_count_as_sacrebleu_counts_them():
    outputs = Outputs(["a dog is here"], [["a dog sits here", "the dog is here"]])
    expected = sacrebleu.corpus_bleu(["a dog is here"], [["a dog sits here"], ["the dog is here"]]).score

    assert value("bleu", outputs) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", ["bleu", "chrf", "ter"])
def test_examples_may_have_different_numbers_of_references(name: str):
    texts = ["a dog is here", "it rains"]
    outputs = Outputs(texts, [["a dog sits here", "the dog is here"], ["it rained"]])
    streams = [["a dog sits here", "it rained"], ["the dog is here", None]]

    expected = getattr(sacrebleu, f"corpus_{name}")(texts, streams).score
    assert value(name, outputs) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("language", "predicted", "right", "lines"),
    [
        ("en", "It rains. We stay in!", "We stay in. It rained. So what?", [2, 3]),
        ("zh", "今天下雨。我们在家！", "我们在家。今天有雨。", [2, 2]),
    ],
)
def test_rouge_lsum_reads_sentences_as_rouge_score_reads_lines(
    language: str, predicted: str, right: str, lines: list[int]
):
    metric = METRICS["rouge_lsum"](language)
    split = [metric.prepared(text) for text in (predicted, right)]
    tokenizer = None if language == "en" else CharacterTokenizer()
    scorer = RougeScorer(["rougeLsum"], use_stemmer=True, tokenizer=tokenizer)

    assert [len(text.splitlines()) for text in split] == lines
    expected = scorer.score(split[1], split[0])["rougeLsum"].fmeasure
    assert value("rouge_lsum", Outputs([predicted], [[right]]), language) == pytest.approx(100 * expected, abs=1e-9)
    # the order of sentences costs rouge_l, and rouge_lsum nothing
    assert value("rouge_l", Outputs([predicted], [[right]]), language) < 100 * expected


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rouge_l"])
def test_english_rouge_is_rouge_scores(name: str):
    outputs = drawn(np.random.default_rng(1))
    kind = name.replace("_l", "L")
    scorer = RougeScorer([kind], use_stemmer=True)
    scores = [
        scorer.score(r[0], p)[kind].fmeasure for p, r in zip(outputs.predictions, outputs.references, strict=True)
    ]

    assert value(name, outputs) == pytest.approx(100 * float(np.mean(scores)), abs=1e-9)


@pytest.mark.parametrize("name", ["bleu", "chrf", "rouge1", "rouge2", "rouge_l", "rouge_lsum"])
@pytest.mark.parametrize(
    ("language", "text"), [("zh", "我爱北京天安门。"), ("ja", "猫が好きです。"), ("ru", "кошка сидит на крыше")]
)
def test_identical_texts_score_100_in_every_script(name: str, language: str, text: str):
    assert value(name, Outputs([text], [[text]]), language) == pytest.approx(100)


def test_chinese_rouge_counts_characters():
    # 7 of 7 predicted and 7 of 8 right characters: F = 2 * 7 / 15
    assert value("rouge1", CHINESE, "zh") == pytest.approx(100 * 14 / 15)


def test_every_metric_says_how_it_was_computed():
    names = METRICS.keys() - {"meteor"}  # of English alone, and of machines that have WordNet
    signatures = {name: METRICS[name]("zh", ("a", "b")).signature for name in names}

    assert "tok:zh" in signatures["bleu"]
    assert "asian:yes" in signatures["ter"]
    assert len(set(signatures.values())) == len(names)


@pytest.mark.parametrize("name", ["bleu", "ter", "meteor_exact_stem", "rouge_l", "self_bleu"])
def test_another_split_of_the_text_is_another_signature(name: str):
    assert METRICS[name]("zh").signature != METRICS[name]("en").signature
