"""A source that grows: what a later build takes, and that it is what replaying the batches from nothing gives."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from data.corpus import CorpusConfig, CorpusSummary, build_corpus
from data.document import SPLITS
from data.sources.formats import FORMATS

BATCHES = [range(60), range(40, 110), range(100, 160)]
"""Numbers of the documents of each batch; each repeats some of the one before."""


def document(number: int) -> str:
    draw = random.Random(number)
    return " ".join(f"word{draw.randrange(5_000)} and" for _ in range(40))


def write_batch(folder: Path, batch: int) -> None:
    """Two files, each with a near duplicate and a line that is no JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = list(BATCHES[batch])
    for part, own in (("a", numbers[::2]), ("b", numbers[1::2])):
        texts = [*map(document, own), f"{document(own[0])} with a word {part}"]
        lines = [*(json.dumps({"text": text}) for text in texts), "{", ""]
        (folder / f"{batch}-{part}.jsonl").write_text("\n".join(lines))


def config(path: str = "texts/*.jsonl") -> CorpusConfig:
    return CorpusConfig.model_validate(
        {"sources": {"growing": {"path": path, "language": "en"}}, "split": {"validation": 0.2, "test": 0.2}}
    )


def replay(root: Path, paths: Sequence[str] = ("texts/*.jsonl",) * 3) -> list[CorpusSummary]:
    """Builds after every batch on what the builds before have, as the nights of a schedule do."""
    summaries = []
    for batch, path in enumerate(paths):
        write_batch(root / "texts", batch)
        known = [root / f"corpus-{number}" for number in range(batch)]
        places = {"output": root / f"corpus-{batch}", "cache": root / "cache", "root": root}
        summaries.append(build_corpus(config(path), **places, workers=1, known=known))
    return summaries


def content(folder: Path, pattern: str = "**/*") -> Mapping[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob(pattern) if path.is_file()}


def assert_same_documents(one: Path, other: Path) -> None:
    for batch in range(3):
        for split in SPLITS:
            assert content(one / f"corpus-{batch}", f"{split}/*") == content(other / f"corpus-{batch}", f"{split}/*")


def test_batches_replayed_from_nothing_give_the_same_bytes(tmp_path: Path) -> None:
    assert replay(tmp_path / "grown") == replay(tmp_path / "replayed")

    for batch in range(3):
        grown, replayed = (content(tmp_path / name / f"corpus-{batch}") for name in ("grown", "replayed"))
        assert grown == replayed
        assert {f"{split}/part-00000.parquet" for split in SPLITS} <= set(grown)


def test_a_grown_source_gives_what_a_source_of_the_new_files_alone_gives(tmp_path: Path) -> None:
    grown = replay(tmp_path / "grown")
    apart = replay(tmp_path / "apart", [f"texts/{batch}-*.jsonl" for batch in range(3)])

    assert_same_documents(tmp_path / "grown", tmp_path / "apart")
    assert [summary.documents for summary in grown] == [summary.documents for summary in apart]


def test_reading_everything_again_gives_the_same_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replay(tmp_path / "skipping")
    monkeypatch.setattr("data.corpus.read_parts", lambda _: {})
    replay(tmp_path / "reading")

    assert_same_documents(tmp_path / "skipping", tmp_path / "reading")


def test_files_that_were_read_are_not_opened_again_and_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    reader = FORMATS[".jsonl"]
    monkeypatch.setitem(FORMATS, ".jsonl", lambda s, name, c: opened.append(name) or reader(s, name, c))

    nights = [summary.sources["growing"] for summary in replay(tmp_path)]
    assert opened == [f"texts/{batch}-{part}.jsonl" for batch in range(3) for part in "ab"]
    read = [len(batch) + 4 for batch in BATCHES]
    assert [night.read for night in nights] == [sum(read[:batch]) for batch in (1, 2, 3)]
    assert [night.dropped.get("known/part", 0) for night in nights] == [0, read[0], sum(read[:2])]
    assert nights[1].dropped["known/seen_before"] == 20
    for night in nights:
        assert night.kept + sum(night.dropped.values()) == night.read


def test_nothing_new_is_said_without_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replay(tmp_path)
    monkeypatch.setitem(FORMATS, ".jsonl", lambda *_: pytest.fail("a known file was opened"))
    known = [tmp_path / f"corpus-{number}" for number in range(3)]

    with pytest.raises(ValueError, match=r"of 202 read; dropped most: known/part 202"):
        build_corpus(config(), output=tmp_path / "new", cache=tmp_path / "cache", root=tmp_path, known=known)
