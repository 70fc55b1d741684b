import random
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data.dedup.semantic import SemanticConfig, semantic_duplicates

TOPICS = {
    "en": [[f"{topic}{number}" for number in range(40)] for topic in ("ship", "bread", "court", "choir")],
    "zh": [[chr(0x4E00 + 400 * topic + n) + chr(0x5E00 + 400 * topic + n) for n in range(40)] for topic in range(4)],
}


def told(words: list[str], seed: int, language: str) -> str:
    """The same words in another order."""
    return ("" if language == "zh" else " ").join(random.Random(seed).sample(words, len(words)))


def found(texts: list[str], scratch: Path, ranks: NDArray[np.int64] | None = None, **settings: object) -> list[bool]:
    config = SemanticConfig.model_validate(settings)
    ranks = np.arange(len(texts)) if ranks is None else ranks
    return semantic_duplicates(lambda: iter(texts), ranks, config, scratch, 2**20).tolist()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_text_told_again_goes_and_other_topics_stay(language: str, tmp_path: Path) -> None:
    texts = [told(words, seed, language) for seed in range(3) for words in TOPICS[language]]

    assert found(texts, tmp_path / "embeddings", threshold=0.5) == [False] * 4 + [True] * 8


def test_the_preferred_stays_in_whatever_order_they_come(tmp_path: Path) -> None:
    texts = [told(words, seed, "en") for seed in range(3) for words in TOPICS["en"]]
    order = random.Random(2).sample(range(12), 12)

    again = found([texts[rank] for rank in order], tmp_path / "embeddings", np.array(order), threshold=0.5)

    assert {rank for rank, gone in zip(order, again, strict=True) if not gone} == {0, 1, 2, 3}


def test_many_clusters_and_little_memory_find_copies_too(tmp_path: Path) -> None:
    texts = [told([f"w{n}" for n in range(10 * start, 10 * start + 30)], 0, "en") for start in range(50)] * 2

    assert found(texts, tmp_path / "embeddings", cluster_documents=10) == [False] * 50 + [True] * 50


def test_single_texts_and_none_are_no_duplicates(tmp_path: Path) -> None:
    assert found([], tmp_path / "embeddings") == []
    assert found(["one text"], tmp_path / "embeddings") == [False]
    assert found(["", "", "words"], tmp_path / "embeddings") == [False, False, False]
