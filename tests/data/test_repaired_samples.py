"""Which repairs an audit shows, and that rules which are prepared give the same for any number of workers."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from data import corpus_reading
from data.cleaning.rule import Change
from data.corpus import CorpusConfig, CorpusSummary, NothingLeft, build_corpus
from data.repaired_samples import excerpts
from data.text import TextColumn

WORDS = ["river", "boat", "quiet", "village", "people", "waited", "news", "town", "spring", "garden", "letter", "road"]


def sentence(seed: int, extra: str = "") -> str:
    draw = random.Random(seed)
    return f"The {' '.join(draw.choice(WORDS) + str(draw.randrange(90)) for _ in range(60))} {extra}".strip()


def write(path: Path, texts: list[str]) -> None:
    path.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8")


@pytest.fixture
def config(tmp_path: Path) -> CorpusConfig:
    write(tmp_path / "some.jsonl", [sentence(n, "a &amp; b" if n % 2 else "") for n in range(60)])
    write(tmp_path / "good.jsonl", [sentence(n) for n in range(1000, 1150)])
    write(tmp_path / "bad.jsonl", [f"buy pills {n} now, cheap pills {n * 7}" for n in range(150)])
    learned = {kind: {"path": f"{kind}.jsonl"} for kind in ("good", "bad")} | {"action": "tag", "lost_good": 0.5}
    return CorpusConfig.model_validate(
        {
            "sources": {"some": {"path": "some.jsonl", "language": "en"}},
            "cleaning": {"learned": learned, "quality": None},
            "split": {"validation": 0.1, "test": 0.1},
        }
    )


def build(config: CorpusConfig, root: Path, name: str, workers: int = 1) -> CorpusSummary:
    return build_corpus(config, output=root / name, cache=root / "cache", root=root, workers=workers)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_repairs_are_sampled_before_and_after_and_tags_are_counted(config: CorpusConfig, tmp_path: Path) -> None:
    summary = build(config, tmp_path, "corpus")
    repaired = pq.read_table(tmp_path / "corpus" / "audit" / "repaired.parquet").to_pylist()

    assert summary.sources["some"].repaired == {"repair": 30}
    assert len(repaired) == 20  # no more of a rule
    assert {(row["source"], row["rule"]) for row in repaired} == {("some", "repair")}
    assert all(row["before"].endswith(" a &amp; b") and row["after"].endswith(" a & b") for row in repaired)
    tagged = summary.sources["some"].tagged["learned/low_score"]
    tags = [tags for split in ("train", "validation", "test") for tags in _tags(tmp_path / "corpus" / split)]
    assert 0 < tagged == tags.count(["learned/low_score"]) < 60
    facts: dict[str, Any] = json.loads((tmp_path / "corpus" / "counts.json").read_text())["prepared"]["learned"]
    assert facts["auc"] == 1.0
    assert (facts["good"], facts["bad"]) == (150, 150)


def _tags(folder: Path) -> list[list[str]]:
    tags: list[list[str]] = pq.read_table(folder / "part-00000.parquet")["tags"].to_pylist()
    return tags


def test_prepared_rules_and_samples_are_equal_for_any_workers_and_chunks(
    config: CorpusConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(config, tmp_path, "one")
    monkeypatch.setattr(corpus_reading, "CHUNK_DOCUMENTS", 7)
    build(config, tmp_path, "two", workers=2)

    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_audit_is_there_even_if_nothing_is_left(config: CorpusConfig, tmp_path: Path) -> None:
    strict = config.model_copy(
        update={
            "cleaning": config.cleaning.model_copy(update={"length": config.cleaning.length.__class__(min_words=99)})
        }
    )
    with pytest.raises(NothingLeft, match="length/too_short 60"):
        build(strict, tmp_path, "corpus")

    assert pq.read_table(tmp_path / "corpus" / "audit" / "dropped.parquet").num_rows == 20


def test_excerpt_spans_the_changes_and_cuts_no_character() -> None:
    before, after = f"{'前' * 500}旧{'中' * 20}旧{'后' * 500}", f"{'前' * 500}新{'中' * 20}新{'后' * 500}"
    change = Change("rule", np.array([True]), TextColumn([before]), TextColumn([after]))

    assert excerpts(change, 0) == tuple(f"{'前' * 39}{c}{'中' * 20}{c}{'后' * 40}" for c in "旧新")
