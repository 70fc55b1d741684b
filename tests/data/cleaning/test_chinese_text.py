"""The rules on real Chinese text, where it is: $STAGELM_SHARED_DATA is a folder of public labelled sets."""

import csv
import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data.cleaning import RULES, CleaningConfig, TextBatch, apply_rules, build_rules

SHARED = os.environ.get("STAGELM_SHARED_DATA")
pytestmark = pytest.mark.skipif(SHARED is None, reason="STAGELM_SHARED_DATA names no folder of Chinese text")


def rows(path: str) -> Iterator[list[str]]:
    with gzip.open(Path(SHARED or "") / path, "rt", encoding="utf-8") as file:
        yield from csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def records(path: str) -> Iterator[dict[str, Any]]:
    return (json.loads("\t".join(row)) for row in rows(path))


SETS: dict[str, Callable[[], list[str]]] = {
    "reviews": lambda: [row[1] for row in rows("chnsenticorp/train.tsv.gz")][1:],
    "abstracts": lambda: [max(row, key=len) for row in rows("csl-titles-zh/dev.tsv.gz")],
    "titles": lambda: [row[0] for row in rows("thucnews-titles/test.txt.gz")],
    "news": lambda: [row[0] for row in rows("wmt22/zh-en.src.zh.gz") if row],
    "dialogues": lambda: [
        "\n".join(turn.replace(" ", "") for turn in record["turns"])
        for record in records("lccc-test-zh/lccc_base_test.jsonl.gz")
    ],
}
LEAST_KEPT: dict[str, dict[str, float]] = {
    # Rule -> set -> share that it has to keep. Titles and lines of dialogue are no prose: what their form costs under
    # rules for prose is known, and not a bound here.
    "code": {"reviews": 1.0, "abstracts": 1.0, "titles": 1.0, "news": 1.0, "dialogues": 1.0},
    "characters": {"reviews": 0.98, "abstracts": 0.98, "titles": 0.85, "news": 0.96, "dialogues": 0.96},
    "repetition": {"reviews": 0.98, "abstracts": 0.95, "titles": 0.99, "news": 0.95, "dialogues": 0.94},
    "quality": {"reviews": 0.99, "abstracts": 0.99, "titles": 0.99, "news": 0.97, "dialogues": 0.95},
    "fineweb": {"reviews": 0.99, "abstracts": 0.99, "titles": 0.99, "news": 0.99},
    "language": {"reviews": 0.99, "abstracts": 0.99, "titles": 0.97, "news": 0.97},
}
MOST_REPAIRED = {"tripled": 0.001, "teasers": 0.002, "boilerplate": 0.01}


@pytest.fixture(scope="module")
def texts() -> dict[str, list[str]]:
    return {name: [text for text in read() if text.strip()] for name, read in SETS.items()}


def judged(rule: str, texts: list[str], **settings: Any) -> TextBatch:
    config = CleaningConfig.model_validate({**dict.fromkeys(RULES), rule: settings})
    batch = TextBatch(texts, [None if rule == "language" else "zh"] * len(texts))
    apply_rules(build_rules(config, ("zh",)), batch)
    return batch


@pytest.mark.parametrize(("rule", "name"), [(rule, name) for rule, sets in LEAST_KEPT.items() for name in sets])
def test_rule_keeps_ordinary_chinese(texts: dict[str, list[str]], rule: str, name: str):
    kept = judged(rule, texts[name]).alive.mean()

    assert kept >= LEAST_KEPT[rule][name], f"{rule} keeps {kept:.4f} of {len(texts[name]):,} {name}"


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("rule", MOST_REPAIRED)
def test_rule_leaves_ordinary_chinese_as_it_is(texts: dict[str, list[str]], rule: str, name: str):
    batch = judged(rule, texts[name])

    assert sum(map(bool, batch.repairs)) <= MOST_REPAIRED[rule] * len(texts[name])


@pytest.mark.parametrize(("name", "least"), [("reviews", 0.97), ("abstracts", 0.97)])
def test_prose_has_small_words(texts: dict[str, list[str]], name: str, least: float):
    assert judged("quality", texts[name], min_stop_words=2).alive.mean() >= least


@pytest.mark.parametrize("name", ["reviews", "abstracts", "news"])
def test_c4_sees_the_ends_of_chinese_sentences(texts: dict[str, list[str]], name: str):
    ended = [text for text in texts[name] if len(text) > 20 and text.rstrip()[-1] in "。！？…”"]

    assert judged("c4", ended, min_sentences=1).alive.mean() >= 0.995
