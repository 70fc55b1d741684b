"""A recipe of seconds on text made here, English and Chinese, and one finished run of it for all tests of the flows."""

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

SUBJECTS = ["farmer", "doctor", "teacher", "sailor", "painter", "singer", "baker", "judge", "miner", "tailor"]
VERBS = ["visits", "praises", "avoids", "follows", "calls", "helps", "paints", "watches", "teaches", "meets"]
PLACES = ["market", "harbour", "school", "garden", "village", "station", "library", "theatre", "castle", "river"]
主语 = ["农民", "医生", "老师", "水手", "画家"]
动词 = ["拜访", "称赞", "避开", "跟随", "帮助"]
地点 = ["市场", "港口", "学校", "花园", "村庄"]


def sentence(draw: random.Random) -> str:
    one, two = draw.sample(SUBJECTS, 2)
    return f"The {one} {draw.choice(VERBS)} the {two} near the old {draw.choice(PLACES)} on day {draw.randrange(1000)}."


def 句子(draw: random.Random) -> str:
    one, two = draw.sample(主语, 2)
    return f"{one}在{draw.choice(地点)}{draw.choice(动词)}{two}，这是第{draw.randrange(1000)}天。"


def documents(seed: int, count: int) -> list[dict[str, str]]:
    """News-like documents with a title; every fourth is Chinese."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        write = 句子 if number % 4 == 3 else sentence
        lines = [write(draw) for _ in range(draw.randrange(6, 14))]
        made.append({"text": " ".join(lines), "title": f"{draw.choice(SUBJECTS)} {draw.choice(PLACES)} {number}"})
    return made


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Path of everything in a folder -> size and time of change."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


@pytest.fixture
def news_documents() -> Callable[[int, int], list[dict[str, str]]]:
    """Makes (seed, count) documents like those of the tiny recipe."""
    return documents


def write_jsonl(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_recipe(folder: Path) -> Path:
    """A recipe with its sources in `folder`: three stages of pretraining, one task of each kind."""
    (folder / "news").mkdir(parents=True)
    write_jsonl(folder / "news" / "2026-01.jsonl", documents(1, 160))
    draw = random.Random(2)
    topics = [{"text": sentence(draw), "topic": draw.choice(["calm", "loud"])} for _ in range(200)]
    for row in topics:
        row["text"] += " Quietly so." if row["topic"] == "calm" else " What noise!"
    write_jsonl(folder / "topics.jsonl", topics)
    pairs = [
        {"en": f"{subject} {place} {n}", "zh": f"{主语[n % 5]}{地点[n % 5]}{n}"}
        for n, (subject, place) in enumerate(zip(SUBJECTS * 20, PLACES * 20, strict=True))
    ]
    write_jsonl(folder / "pairs.jsonl", pairs)
    schedule = {"shape": "linear", "warmup_fraction": 0.1}
    task = {"batch_size": 8, "micro_batch_size": 8, "sequence_length": 48, "peak_lr": 1e-3, "schedule": schedule}
    recipe: dict[str, Any] = {
        "name": "tiny",
        "corpus": {
            "languages": ["en", "zh"],
            "sources": {
                "news": {"path": str(folder / "news" / "*.jsonl"), "title": "title", "licence": "CC0-1.0"},
                "pairs": {"task": "translate", "language": "en", "min_words": 1},
            },
            "cleaning": {"repetition": None, "quality": None, "length": {"min_words": 20, "min_characters": 20}},
            "dedup": {"near": False},
            "split": {"validation": 0.15, "test": 0.2},
        },
        "tokenizer": {"vocab_size": 512},
        "model": {"preset": "micro"},
        "training": {
            "accelerator": "cpu",
            "precision": "fp32",
            "threads": 1,
            "global_batch_tokens": 512,
            "micro_batch_tokens": 128,
        },
        "pretraining": {
            "stages": {
                "foundation": {
                    "tokens": 4096,
                    "sequence_length": 64,
                    "peak_lr": 3e-3,
                    "validation_tokens": 512,
                    "objectives": {
                        "forward": {"objective": "causal_lm", "share": 0.5},
                        "cloze": {"objective": "masked_lm", "share": 0.5},
                    },
                    "gate": [
                        {"metric": "forward/loss", "below": 20},
                        {"metric": "cloze/loss", "rises_at_most": 0.5},
                    ],
                },
                "discrimination": {
                    "tokens": 3072,
                    "sequence_length": 64,
                    "peak_lr": 2e-3,
                    "validation_tokens": 512,
                    "weighting": {"method": "excess_loss"},
                    "objectives": {
                        "forward": {"objective": "causal_lm", "share": 0.5},
                        "replaced": {"objective": "replaced_token", "share": 0.25, "weight": 50},
                        "order": {"objective": "sentence_order", "share": 0.25},
                    },
                },
            }
        },
        "finetuning": {
            "topic": {
                **task,
                "task": "classification",
                "data": {
                    "source": "file",
                    "path": str(folder / "topics.jsonl"),
                    "label": "topic",
                    "labels": ["calm", "loud"],
                },
                "examples": 64,
            },
            "headline": {
                **task,
                "task": "summarization",
                "data": {"source": "corpus"},
                "examples": 32,
                "decoding": {"max_new_tokens": 4},
            },
            "translate": {
                **task,
                "task": "translation",
                "data": {
                    "source": "file",
                    "path": str(folder / "pairs.jsonl"),
                    "input": "en",
                    "target": "zh",
                    "target_language": "zh",
                },
                "adapter": "lora",
                "examples": 32,
                "decoding": {"max_new_tokens": 4},
            },
        },
        "evaluation": {"bootstrap": 100, "tokens": 2000, "examples": 20},
        "retraining": {"tokens": 2048, "peak_lr": 1e-3, "min_new_tokens": 5000},
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture
def tiny_recipe(tmp_path: Path) -> Path:
    """The tiny recipe with sources of its own, of which nothing has been built."""
    return write_recipe(tmp_path / "tiny")


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[None]:
    """One embedded Prefect API for all tests that run flows in this process."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


class FinishedRun:
    """A recipe with everything built, and what its first run returned."""

    def __init__(self, recipe: Path, store: Path, run: Callable[..., list[dict[str, Any]]]) -> None:
        self.recipe, self.store, self.run = str(recipe), store, run
        self.outcomes = run(self.recipe)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, prefect_api: None) -> FinishedRun:
    """The tiny recipe, run once from nothing through the flow `pipeline`. Its store must not be changed by a test."""
    folder = tmp_path_factory.mktemp("tiny")
    os.environ["STAGELM_STORE"] = str(folder / "store")
    os.environ["STAGELM_CACHE"] = str(folder / "cache")
    from flows.pipeline import pipeline

    return FinishedRun(write_recipe(folder), folder / "store", pipeline)


@pytest.fixture
def in_store(finished: FinishedRun, monkeypatch: pytest.MonkeyPatch) -> FinishedRun:
    """The finished run, with the environment pointing at its store."""
    monkeypatch.setenv("STAGELM_STORE", str(finished.store))
    monkeypatch.setenv("STAGELM_CACHE", str(finished.store.parent / "cache"))
    return finished
