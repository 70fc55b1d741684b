"""Planted examples: what is found in which document, and what becomes of it."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.corpus import CorpusConfig, CorpusSummary, build_corpus
from data.decontamination import read_overlap
from data.document import SPLITS, iter_texts, sha256_hex
from data.tasks.build import SCHEMA

EXAMPLE = (
    "Why did the old lighthouse keeper carry four heavy lanterns down to the northern harbour every single evening"
)
示例 = "为什么老灯塔的看守人每天傍晚都要把四盏沉重的灯笼一直提到北边的港口去并且在那里等到天亮"


def filler(seed: int, words: int = 60) -> str:
    draw = random.Random(seed)
    return " ".join(f"term{draw.randrange(10_000)}" for _ in range(words))


def example(text: str, answer: str, label: int | None = None) -> dict[str, Any]:
    return {"id": sha256_hex(f"{text}\0{answer}"), "group": text, "input": text, "target": answer, "label": label}


Build = Callable[..., tuple[CorpusSummary, dict[str, dict[str, Any]]]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Builds a corpus of texts against examples of the task 'quiz'; returns counts and overlap by input."""

    def build(
        texts: list[str], examples: list[dict[str, Any]], **settings: Any
    ) -> tuple[CorpusSummary, dict[str, Any]]:
        lines = (json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
        (tmp_path / "texts.jsonl").write_text("".join(lines), encoding="utf-8")
        quiz = tmp_path / "quiz"
        quiz.mkdir(exist_ok=True)
        for split, rows in (("validation", []), ("test", examples)):
            pq.write_table(pa.Table.from_pylist(rows, SCHEMA), quiz / f"{split}.parquet")
        labels = [row["target"] for row in examples if row["label"] is not None]
        task = {"answers": "class" if labels else "text", "labels": labels, "language": "en", "target_language": "en"}
        (quiz / "task.json").write_text(json.dumps(task))
        config = CorpusConfig.model_validate(
            {
                "sources": {"own": {"path": "texts.jsonl", "language": "en", "min_words": 20, "min_characters": 20}},
                "cleaning": {"repetition": None, "quality": None, "language": None},
                "split": {"validation": 0.0, "test": 0.0},
                "decontamination": settings,
            }
        )
        summary = build_corpus(
            config, output=tmp_path / "corpus", cache=tmp_path, root=tmp_path, workers=1, examples={"quiz": quiz}
        )
        inputs = {row["id"]: row["input"] for row in examples}
        rows = pq.read_table(tmp_path / "corpus/audit/overlap.parquet").to_pylist()
        return summary, {inputs.get(row["example_id"], row["evaluation"]): row for row in rows}

    return build


def texts_of(folder: Path) -> list[str]:
    return [t for split in SPLITS for batch in iter_texts(folder / "corpus", split) for t in batch["text"].to_pylist()]


@pytest.mark.parametrize("text", [EXAMPLE, 示例])
def test_a_document_that_holds_an_example_goes_and_is_evidence(build: Build, tmp_path: Path, text: str) -> None:
    leak = f"{filler(1)}\nQuestion: {text}? Nobody knows. {filler(2)}"

    summary, overlap = build([leak, *(filler(seed) for seed in range(10, 20))], [example(text, "because")])

    assert summary.sources["own"].dropped == {"decontamination/quiz": 1}
    assert len(texts_of(tmp_path)) == 10
    found = overlap[text]
    assert (found["share_before"], found["share"], found["split"]) == (1.0, 0.0, "test")
    assert found["documents"] == [sha256_hex(leak)]
    assert found["passage"].startswith(text[:20])


def test_reporting_changes_nothing(build: Build, tmp_path: Path) -> None:
    texts = [f"{filler(1)} {EXAMPLE} {filler(2)}", filler(3)]

    summary, overlap = build(texts, [example(EXAMPLE, "because")], mode="report")

    assert sorted(texts_of(tmp_path)) == sorted(texts)
    assert summary.sources["own"].dropped == {}
    assert (overlap[EXAMPLE]["share_before"], overlap[EXAMPLE]["share"]) == (1.0, 1.0)
    read = read_overlap(tmp_path / "corpus", "quiz")
    assert read is not None
    assert (set(read.shares.values()), read.threshold) == ({1.0}, 0.5)
    assert read_overlap(tmp_path / "corpus", "other") is None


def test_cutting_takes_the_passage_and_leaves_the_document(build: Build, tmp_path: Path) -> None:
    texts = [f"{filler(1)} — {EXAMPLE}! {filler(2)}", f"A short text: {EXAMPLE}", filler(3)]

    summary, overlap = build(texts, [example(EXAMPLE, "because")], mode="cut")

    assert summary.sources["own"].dropped == {"decontamination/quiz": 1}
    assert sorted(texts_of(tmp_path)) == sorted([f"{filler(1)} —  {filler(2)}", filler(3)])
    assert (overlap[EXAMPLE]["share_before"], overlap[EXAMPLE]["share"]) == (1.0, 0.0)


def test_a_quotation_of_less_than_the_share_is_reported_and_stays(build: Build) -> None:
    quoted = " ".join(EXAMPLE.split()[:14])  # of 18 words, so 2 of 6 runs

    summary, overlap = build([f"{filler(1)} {quoted} {filler(2)}", filler(3)], [example(EXAMPLE, "because")])

    assert summary.sources["own"].dropped == {}
    assert overlap[EXAMPLE]["share"] == pytest.approx(2 / 6)
    assert overlap[EXAMPLE]["passage"] == quoted


def test_a_phrase_that_many_documents_have_is_no_leak(build: Build) -> None:
    texts = [f"{filler(seed)} {EXAMPLE} {filler(seed + 100)}" for seed in range(12)]

    summary, overlap = build(texts, [example(EXAMPLE, "because")])

    assert summary.sources["own"].dropped == {}
    assert (overlap[EXAMPLE]["share"], overlap[EXAMPLE]["documents"]) == (0.0, [])


def test_what_all_examples_begin_with_is_no_leak(build: Build) -> None:
    prompt = "Read the following question with great care and then give the one right answer to it now"
    examples = [example(f"{prompt} {filler(seed, 14)}", "yes") for seed in range(60, 72)]

    summary, overlap = build([f"{filler(1)} {prompt} {filler(2)}", filler(3)], examples)

    assert summary.sources["own"].dropped == {}
    assert {row["share"] for row in overlap.values()} == {0.0}


@pytest.mark.parametrize(
    ("text", "goes"),
    [
        ("{filler} What is the capital of Atlantis? It is Poseidonis by the sea {filler}", True),
        ("{filler} What is the capital of Atlantis? {filler}", False),
        ("{filler} It is Poseidonis by the sea {filler}", False),
    ],
    ids=["input and answer", "input alone", "answer alone"],
)
def test_a_short_example_counts_only_with_its_answer(build: Build, text: str, goes: bool) -> None:
    short = example("What is the capital of Atlantis?", "It is Poseidonis by the sea")

    summary, overlap = build([text.format(filler=filler(1)), filler(3)], [short])

    assert summary.sources["own"].dropped == ({"decontamination/quiz": 1} if goes else {})
    assert overlap[short["input"]]["share_before"] == float(goes)


def test_what_a_document_that_goes_has_of_other_examples_goes_with_it(build: Build) -> None:
    other = filler(60, 40)
    part = " ".join(other.split()[:16])  # 4 of its 28 runs

    summary, overlap = build(
        [f"{filler(1)} {EXAMPLE} {part} {filler(2)}", filler(3)],
        [example(EXAMPLE, "because"), example(other, "so")],
    )

    assert summary.sources["own"].dropped == {"decontamination/quiz": 1}
    assert overlap[other]["share_before"] == pytest.approx(4 / 28)
    assert overlap[other]["share"] == 0.0


def test_long_answers_alone_are_no_contamination(build: Build) -> None:
    summary, overlap = build([f"{filler(50, 30)} {filler(2)}", filler(3)], [example(EXAMPLE, filler(50, 30))])

    assert summary.sources["own"].dropped == {}
    assert {row["share_before"] for row in overlap.values()} == {0.0}


def test_labels_alone_are_no_contamination(build: Build) -> None:
    examples = [example(f"{EXAMPLE} too", "fresh", label=1), example("good", "fresh", 1)]

    summary, overlap = build([f"fresh fresh {filler(2)}", filler(3)], examples)

    assert summary.sources["own"].dropped == {}
    assert {row["share_before"] for row in overlap.values()} == {0.0}
    assert overlap["good"]["runs"] == 0


def test_tables_of_examples_are_looked_for_too(build: Build, tmp_path: Path) -> None:
    (tmp_path / "exam.jsonl").write_text(json.dumps({"question": EXAMPLE, "answer": "because"}) + "\n")
    against = {"exam": {"path": "exam.jsonl", "input": "question", "target": "answer"}}

    summary, overlap = build([f"{filler(1)} {EXAMPLE} {filler(2)}", filler(3)], [], against=against)

    assert summary.sources["own"].dropped == {"decontamination/exam": 1}
    assert overlap["exam"]["share_before"] == 1.0


def test_what_is_left_behind_the_cuts_of_all_sets_must_be_long_enough(build: Build, tmp_path: Path) -> None:
    (tmp_path / "exam.jsonl").write_text(json.dumps({"input": filler(70, 30)}) + "\n")
    leak = f"{filler(71, 15)} {EXAMPLE} {filler(70, 30)}"  # 15 words of its own, of which there must be 20

    summary, _ = build(
        [leak, filler(3)], [example(EXAMPLE, "because")], mode="cut", against={"exam": {"path": "exam.jsonl"}}
    )

    assert summary.sources["own"].dropped == {"decontamination/exam": 1}
    assert texts_of(tmp_path) == [filler(3)]


def test_a_table_without_the_column_is_refused_with_its_columns(build: Build, tmp_path: Path) -> None:
    (tmp_path / "exam.jsonl").write_text(json.dumps({"question": EXAMPLE}) + "\n")

    with pytest.raises(ValueError, match=r"against\.exam: exam\.jsonl has no column input; the columns are question"):
        build([filler(1)], [], against={"exam": {"path": "exam.jsonl"}})


def test_only_the_training_part_is_searched(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leaks = [f"{filler(seed)} {EXAMPLE} {filler(seed + 100)}" for seed in range(8)]
    given = CorpusConfig.model_validate

    def with_test_part(settings: dict[str, Any]) -> CorpusConfig:
        return given({**settings, "split": {"validation": 0.2, "test": 0.3}})

    monkeypatch.setattr(CorpusConfig, "model_validate", with_test_part)
    summary, _ = build([*leaks, *(filler(seed) for seed in range(200, 240))], [example(EXAMPLE, "because")])

    kept = {
        split: [t for b in iter_texts(tmp_path / "corpus", split) for t in b["text"].to_pylist()] for split in SPLITS
    }
    holding = {split: sum(EXAMPLE in text for text in texts) for split, texts in kept.items()}
    assert holding["train"] == 0
    assert holding["test"] + holding["validation"] == 8 - summary.sources["own"].dropped["decontamination/quiz"] > 0
