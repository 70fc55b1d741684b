import gzip
import math
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from py3langid.langid import MODEL_FILE, visit_counts
from py3langid.langid import LanguageIdentifier as Model

from data.cleaning.language import LanguageConfig
from data.text import TextColumn
from data.text.language_id import language_identifier
from tests.data.text.texts import batches

CANDIDATES = tuple(sorted(LanguageConfig().candidates))


@pytest.fixture(scope="module")
def model() -> Model:
    model = Model.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(CANDIDATES)
    return model


def expected(model: Model, text: str) -> tuple[str, float]:
    """The library's decision in double precision; its own sums are of single precision."""
    encoded = unicodedata.normalize("NFC", text.lower() if text.isupper() else text).encode()
    visits = visit_counts(model.tk_nextmove, model._rowbase, model.tk_output, encoded) or {}
    scores = np.zeros(len(model.nb_pc))
    if visits:
        weights = model.nb_ptc[list(visits)].astype(np.float64)
        scores = np.log1p(np.array(list(visits.values()), dtype=np.float64)) @ weights + model.nb_pc
    odds = np.exp((scores - scores.max()) / math.sqrt(len(encoded) or 1))
    odds /= odds.sum()
    return model.nb_classes[int(odds.argmax())], float(odds.max())


def found(texts: list[str], max_characters: int = 1000) -> tuple[list[str], np.ndarray]:
    labels, confidences = language_identifier(CANDIDATES).classify(
        TextColumn(texts), np.arange(len(texts)), max_characters
    )
    return labels.tolist(), confidences


@given(texts=batches)
@settings(deadline=None)
def test_decisions_are_those_of_the_library(model: Model, texts: list[str]) -> None:
    labels, confidences = found(texts)

    assert labels == [model.classify(text)[0] for text in texts]
    assert confidences == pytest.approx([expected(model, text)[1] for text in texts], abs=1e-6)


def test_only_the_beginning_is_read() -> None:
    text = "The committee met on Tuesday to discuss the library. " * 30 + "委员会星期二开会讨论图书馆的问题。" * 200

    assert found([text])[0] == ["en"]
    assert found([text], 10_000)[0] == ["zh"]


@pytest.mark.skipif("STAGELM_SHARED_DATA" not in os.environ, reason="the labelled sentences are no part of the project")
def test_languages_of_labelled_sentences_are_found(model: Model) -> None:
    folder = Path(os.environ["STAGELM_SHARED_DATA"]) / "lingua-sentences"
    for path in sorted(folder.glob("*.txt.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            sentences = [line for line in file.read().split("\n") if len(line) >= 50]
        labels, _ = found(sentences)

        assert labels == [model.classify(sentence)[0] for sentence in sentences]
        assert labels.count(path.name[:2]) / len(labels) > 0.95
