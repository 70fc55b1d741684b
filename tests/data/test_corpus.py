import json
import random
import signal
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from data import cleaned, corpus_reading
from data.chunk import Chunk, ChunkCleaner
from data.corpus import CleaningError, CorpusConfig, CorpusSummary, build_corpus
from data.document import CORPUS_SCHEMA, SPLITS, iter_texts, sha256_hex

WORDS = [
    "the",
    "river",
    "carried",
    "small",
    "boats",
    "past",
    "quiet",
    "villages",
    "where",
    "people",
    "waited",
    "for",
    "news",
    "from",
    "town",
]
CHARACTERS = "河水带着小船经过安静村庄人们等待城里消息春天来到山上花开满园孩子唱歌老人听雨读书写信"


def english(seed: int, words: int = 60) -> str:
    draw = random.Random(seed)
    return " ".join(
        f"{draw.choice(WORDS)}" if place % 2 else f"word{draw.randrange(10_000)}s" for place in range(words)
    )


def chinese(seed: int, length: int = 150) -> str:
    draw = random.Random(seed)
    return "".join(draw.choice(CHARACTERS) + ("，" if place % 12 == 11 else "") for place in range(length))


def write_jsonl(path: Path, texts: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8")


def settings(**sources: dict[str, Any]) -> CorpusConfig:
    return CorpusConfig.model_validate(
        {"sources": sources, "languages": ["en", "zh"], "split": {"validation": 0.2, "test": 0.2}}
    )


def build(config: CorpusConfig, root: Path, name: str = "corpus", **options: Any) -> CorpusSummary:
    return build_corpus(config, output=root / name, cache=root / "cache", root=root, **{"workers": 1, **options})


def read(folder: Path) -> dict[str, list[str]]:
    return {s: [t for batch in iter_texts(folder, s) for t in batch["text"].to_pylist()] for s in SPLITS}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def dirty(tmp_path: Path) -> CorpusConfig:
    """Two sources with one of everything, in English and Chinese."""
    plenty = [english(n) for n in range(40)] + [chinese(n) for n in range(40)]
    near = english(0, 200)
    write_jsonl(
        tmp_path / "first.jsonl",
        [
            *plenty,
            near,
            "too short",
            "太短",
            f"{english(900)} Mail a@b.org or 手机13812345678",
            f"{english(901)} a &amp; b",
        ],
    )
    write_jsonl(
        tmp_path / "second.jsonl",
        [
            plenty[3].upper(),
            plenty[50] + " ",
            near + " and one more",
            chinese(20)[:-1] + "完",
            "too short",
            english(2000),
        ],
    )
    return settings(first={"path": "first.jsonl", "licence": "CC0-1.0"}, second={"path": "second.jsonl"})


def test_every_document_is_counted_once_with_its_reason(dirty: CorpusConfig, tmp_path: Path) -> None:
    summary = build(dirty, tmp_path)

    first, second = summary.sources["first"], summary.sources["second"]
    assert first.dropped == {"length/too_short": 2}
    assert first.pii == {"email": 1, "phone": 1}
    assert first.repaired == {"repair": 1}
    # "too short" counts as a duplicate whatever its length; one near duplicate is English, one Chinese.
    assert second.dropped == {"dedup/exact": 3, "dedup/near": 2}
    assert (first.read, first.kept, second.read, second.kept) == (85, 83, 6, 1)
    assert summary.languages == {"en": 44, "zh": 40}
    texts = read(tmp_path / "corpus")
    assert {split: len(found) for split, found in texts.items()} == summary.documents
    assert {split: sum(len(text.encode()) for text in found) for split, found in texts.items()} == summary.bytes
    assert any("Mail <EMAIL> or 手机<PHONE>" in text for found in texts.values() for text in found)


def test_a_text_of_which_the_repairs_leave_nothing_is_no_document(tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "a.jsonl",
        [english(1), "All rights reserved\nShare this", "版权所有\n责任编辑：王某", "\ufeff\u200b"],
    )
    config = settings(a={"path": "a.jsonl", "language": "en", "cleaning": {"length": None, "quality": None}})

    summary = build(config, tmp_path)

    assert [text for texts in read(tmp_path / "corpus").values() for text in texts] == [english(1)]
    assert summary.sources["a"].dropped == {"cleaning/nothing_left": 1, "dedup/exact": 2}


def test_artifact_has_the_promised_files(dirty: CorpusConfig, tmp_path: Path) -> None:
    summary = build(dirty, tmp_path)
    folder = tmp_path / "corpus"

    assert set(content(folder)) == {
        *(f"{split}/part-00000.parquet" for split in SPLITS),
        *(f"audit/{name}.json" for name in ("counts", "provenance")),
        *(f"audit/{name}.parquet" for name in ("dropped", "parts", "repaired", "seen", "signatures")),
        "README.md",
        "counts.json",
    }
    train = pq.read_table(folder / "train" / "part-00000.parquet")
    assert train.schema.equals(CORPUS_SCHEMA)
    assert train["id"].to_pylist() == [sha256_hex(text) for text in train["text"].to_pylist()]
    assert json.loads((folder / "audit/counts.json").read_text())["first"] == summary.sources["first"].model_dump()
    assert json.loads((folder / "counts.json").read_text())["documents"] == summary.documents
    dropped = pq.read_table(folder / "audit/dropped.parquet").to_pylist()
    assert {
        "source": "first",
        "rule": "length",
        "reason": "too_short",
        "text": "太短",
        "origin": "first.jsonl:83",
    } in dropped
    assert len(dropped) == 7
    assert pq.read_table(folder / "audit/seen.parquet").num_rows == 90  # of 91, "too short" came twice
    assert pq.read_table(folder / "audit/signatures.parquet").num_rows == 84


def test_datasets_opens_the_folder_with_its_features(dirty: CorpusConfig, tmp_path: Path) -> None:
    import datasets

    summary = build(dirty, tmp_path)
    loaded = datasets.load_dataset(str(tmp_path / "corpus"), cache_dir=str(tmp_path / "hub"))

    assert {split: rows.num_rows for split, rows in loaded.items()} == summary.documents
    assert list(loaded["train"].features) == CORPUS_SCHEMA.names
    features = dict(loaded["train"].features)
    assert features.pop("tags") == datasets.List(datasets.Value("string"))
    assert all(feature.dtype == "string" for feature in features.values())


def test_files_are_equal_for_one_worker_and_two(
    dirty: CorpusConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_reading, "CHUNK_DOCUMENTS", 7)
    build(dirty, tmp_path, "one", workers=1)
    build(dirty, tmp_path, "two", workers=2)

    assert content(tmp_path / "one") == content(tmp_path / "two")


@pytest.mark.slow
@pytest.mark.usefixtures("ray_of_two")
def test_files_are_equal_on_ray(dirty: CorpusConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_reading, "CHUNK_DOCUMENTS", 7)
    on_ray = CorpusConfig.model_validate({**dirty.model_dump(), "engine": {"kind": "ray", "workers": 2}})
    build(dirty, tmp_path, "here")
    build(on_ray, tmp_path, "ray")

    assert content(tmp_path / "here") == content(tmp_path / "ray")


class Killed(Exception):
    pass


def test_a_killed_build_goes_on_behind_what_was_cleaned(
    dirty: CorpusConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_reading, "CHUNK_DOCUMENTS", 7)  # 85 and 6 documents: 13 + 1 chunks
    monkeypatch.setattr(cleaned, "BATCHES_IN_FILE", 4)
    cleanings: list[int] = []
    clean = ChunkCleaner.clean

    def counted(cleaner: ChunkCleaner, chunk: Chunk) -> Any:
        cleanings.append(chunk.rows.num_rows)
        return clean(cleaner, chunk)

    def killed(phase: str, done: int, total: int) -> None:
        if done >= 7 * 10:
            raise Killed

    monkeypatch.setattr(ChunkCleaner, "clean", counted)
    build(dirty, tmp_path, "whole")
    cleanings.clear()
    with pytest.raises(Killed):
        build(dirty, tmp_path, "resumed", scratch=tmp_path / "scratch", progress=killed)
    cleanings.clear()
    build(dirty, tmp_path, "resumed", scratch=tmp_path / "scratch")

    assert cleanings == [7] * 4 + [1, 6]  # two files of four chunks were whole
    assert content(tmp_path / "whole") == content(tmp_path / "resumed")


def test_what_was_cleaned_with_other_settings_is_cleaned_again(dirty: CorpusConfig, tmp_path: Path) -> None:
    other = dirty.model_copy(update={"pii": None})
    for config, name in ((dirty, "with"), (other, "without")):
        build(config, tmp_path, name, scratch=tmp_path / "scratch")
    build(other, tmp_path, "alone")

    assert content(tmp_path / "without") == content(tmp_path / "alone")
    assert content(tmp_path / "without") != content(tmp_path / "with")


def test_a_rule_that_fails_is_told_with_source_and_document(
    dirty: CorpusConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = ChunkCleaner.clean

    def failing(cleaner: ChunkCleaner, chunk: Chunk) -> Any:
        if "too short" in chunk.rows["text"].to_pylist():
            raise ValueError("no words")
        return clean(cleaner, chunk)

    monkeypatch.setattr(ChunkCleaner, "clean", failing)
    with pytest.raises(
        CleaningError, match=r"corpus\.sources\.first: first\.jsonl:82: a rule failed \(ValueError: no words\); switch"
    ):
        build(dirty, tmp_path)


def test_chunks_do_not_show(dirty: CorpusConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(dirty, tmp_path, "one")
    monkeypatch.setattr(corpus_reading, "CHUNK_DOCUMENTS", 3)
    build(dirty, tmp_path, "three")

    assert content(tmp_path / "one") == content(tmp_path / "three")


def test_dead_worker_is_an_error(dirty: CorpusConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = ProcessPoolExecutor.submit
    monkeypatch.setattr(
        ProcessPoolExecutor, "submit", lambda pool, *_: submit(pool, signal.raise_signal, signal.SIGKILL)
    )

    with pytest.raises(RuntimeError, match="a cleaning process died"):
        build(dirty, tmp_path, workers=2)


def test_split_and_survivors_do_not_depend_on_how_texts_are_cut_into_files(tmp_path: Path) -> None:
    texts = [english(n) for n in range(50)] + [english(n).upper() for n in range(0, 50, 5)]
    write_jsonl(tmp_path / "whole" / "a.jsonl", texts)
    shuffled = random.Random(1).sample(texts, len(texts))
    for number in range(6):
        write_jsonl(tmp_path / "cut" / f"{number}.jsonl", shuffled[number::6])
    for name in ("whole", "cut"):
        build(settings(only={"path": f"{name}/*.jsonl"}), tmp_path, f"{name}-corpus")

    whole, cut = read(tmp_path / "whole-corpus"), read(tmp_path / "cut-corpus")
    assert {split: sorted(found) for split, found in whole.items()} == {
        split: sorted(found) for split, found in cut.items()
    }
    assert all(whole.values())


def test_what_an_earlier_corpus_has_is_not_taken_again(tmp_path: Path) -> None:
    old = [english(n, 120) for n in range(20)]
    write_jsonl(tmp_path / "a.jsonl", [*old, "too short"])
    build(settings(a={"path": "a.jsonl"}), tmp_path, "old")
    write_jsonl(
        tmp_path / "b.jsonl",
        [old[0], "too short", old[1].upper(), old[2] + " and so on", *(english(n) for n in range(500, 520))],
    )

    summary = build(settings(b={"path": "b.jsonl"}), tmp_path, "new", known=[tmp_path / "old"])

    assert summary.sources["b"].dropped == {"known/seen_before": 2, "known/exact": 1, "known/near": 1}
    assert summary.sources["b"].kept == 20
    third = {"c": {"path": "b.jsonl"}}
    with pytest.raises(ValueError, match=r"no document is left .*of 24 read; dropped most: known/part 24"):
        build(settings(**third), tmp_path, "third", known=[tmp_path / "old", tmp_path / "new"])


def test_nothing_left_names_the_reasons(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", ["short", "太短"])

    with pytest.raises(ValueError, match=r"of 2 read; dropped most: length/too_short 2\. Loosen"):
        build(settings(a={"path": "a.jsonl"}), tmp_path)


def test_defects_of_files_are_counted_and_kept_aside(tmp_path: Path) -> None:
    lines = [json.dumps({"text": english(n)}).encode() for n in range(10)]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([*lines, b'{"text": "caf\xe9"}', b"{"]))

    summary = build(settings(a={"path": "a.jsonl"}), tmp_path)

    assert summary.sources["a"].dropped == {"source/not_json": 1, "source/not_utf8": 1}
    aside = pq.read_table(tmp_path / "corpus/audit/dropped.parquet").to_pylist()
    assert [(row["reason"], row["text"]) for row in aside] == [("not_json", "{"), ("not_utf8", r'{"text": "caf\xe9"}')]


def test_error_of_a_source_names_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"corpus\.sources\.mine: path 'none/\*\.txt': no file matches"):
        build(settings(mine={"path": "none/*.txt"}), tmp_path)


def test_what_a_killed_build_left_is_replaced(dirty: CorpusConfig, tmp_path: Path) -> None:
    build(dirty, tmp_path, "clean")
    for name in ("scratch.part/old.arrow", "train/part-00000.parquet", "train/part-00007.parquet"):
        (tmp_path / "again" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "again" / name).write_bytes(b"half")
    build(dirty, tmp_path, "again")

    assert content(tmp_path / "clean") == content(tmp_path / "again")


def test_progress_ends_with_all_documents(dirty: CorpusConfig, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    build(dirty, tmp_path, progress=lambda *step: seen.append(step))

    assert seen[-1] == ("write", 91, 91)
    assert ("clean", 91, 0) in seen


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sources": {"a": {"path": "x", "language": "de"}}}, "sources.a: its language 'de' is not among"),
        ({"cleaning": {"language": None}}, "sources.a: give it a `language`"),
        ({"cleaning": {"lenght": {}}}, "lenght"),
        ({"sources": {}}, "sources"),
        ({"languages": ["english"]}, "languages"),
    ],
)
def test_wrong_settings_are_refused_without_reading(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CorpusConfig.model_validate({"sources": {"a": {"path": "x"}}, **change})


def test_a_source_has_rules_of_its_own(tmp_path: Path) -> None:
    texts = [english(1, 20), english(2, 60), "- one\n- two\n" * 30]
    write_jsonl(tmp_path / "a.jsonl", texts)
    write_jsonl(tmp_path / "b.jsonl", [text + " again" for text in texts])
    own = {"length": {"min_words": 10}, "repetition": None, "quality": None}
    config = settings(
        strict={"path": "a.jsonl", "language": "en"}, loose={"path": "b.jsonl", "language": "en", "cleaning": own}
    )

    summary = build(config.model_copy(update={"dedup": config.dedup.model_copy(update={"near": False})}), tmp_path)
    assert summary.sources["strict"].kept == 1
    assert summary.sources["loose"].kept == 3


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"lenght": None}, r"sources\.a\.cleaning: lenght: Extra inputs"),
        ({"length": {"min_words": 0}}, r"sources\.a\.cleaning: length\.min_words: "),
        ({"language": None}, r"sources\.a: give it a `language`"),
    ],
)
def test_wrong_rules_of_a_source_are_refused_without_reading(own: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CorpusConfig.model_validate({"sources": {"a": {"path": "x", "cleaning": own}}})
