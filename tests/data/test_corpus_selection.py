"""What becomes of whole corpora: order, memory and batches do not show; near duplicates never straddle a split."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import corpus as corpus_module
from data.corpus import CorpusConfig, CorpusSummary, build_corpus
from data.document import SPLITS, iter_texts, sha256_hex
from data.split import SplitConfig, split_of

FOOTER = "Subscribe to our newsletter for more stories like this one, every single morning."
SPLIT = {"validation": 0.25, "test": 0.25}
EVERYTHING: dict[str, Any] = {
    "passages": {"min_characters": 30},
    "substrings": {"min_bytes": 200},
    "semantic": {"threshold": 0.97},
}


def story(seed: int, words: int = 80) -> str:
    draw = random.Random(seed)
    return " ".join(f"word{draw.randrange(100_000)}" for _ in range(words))


def 故事(seed: int, length: int = 160) -> str:
    draw = random.Random(seed)
    return "".join(chr(0x4E00 + draw.randrange(3_000)) for _ in range(length))


def like(text: str, seed: int) -> str:
    """The text with one word, or character, replaced near its end."""
    if " " in text:
        return f"{text.rpartition(' ')[0]} other{seed}"
    return text[:-1] + chr(0x4E00 + seed)


def build(root: Path, name: str, texts: list[str], *, known: tuple[str, ...] = (), **dedup: Any) -> CorpusSummary:
    lines = (json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    (root / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    config = CorpusConfig.model_validate(
        {
            "sources": {"own": {"path": f"{name}.jsonl", "min_words": 10, "min_characters": 20}},
            "languages": ["en", "zh"],
            "cleaning": {
                "repetition": None,
                "quality": None,
                "language": {"min_confidence": 0.0, "candidates": ["zh"]},
            },
            "dedup": dedup,
            "split": SPLIT,
        }
    )
    return build_corpus(
        config,
        output=root / "corpora" / name,
        cache=root,
        root=root,
        workers=1,
        known=[root / "corpora" / earlier for earlier in known],
    )


def splits_of(folder: Path) -> dict[str, str]:
    """Text -> split."""
    return {t: split for split in SPLITS for batch in iter_texts(folder, split) for t in batch["text"].to_pylist()}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def texts() -> list[str]:
    """Everything there is to find, English and Chinese."""
    originals = [*(story(seed) for seed in range(40)), *(故事(seed) for seed in range(40))]
    shared = story(1_000, 40)
    return [
        *originals,
        *(like(text, seed) for seed, text in enumerate(originals) if seed % 3 == 0),
        *(text.upper() for text in originals[:40:5]),
        *(f"{story(seed)}\n{FOOTER}" for seed in range(100, 110)),
        *(f"{story(seed)} {shared} {story(seed + 50)}" for seed in range(200, 205)),
    ]


@pytest.mark.parametrize("dedup", [{}, {"near": False}, EVERYTHING], ids=["default", "near kept", "everything"])
def test_memory_does_not_show(
    texts: list[str], dedup: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path, "plenty", texts, **dedup)
    plenty = content(tmp_path / "corpora/plenty")
    monkeypatch.setattr(corpus_module, "SELECTION_BYTES", 4_096)
    (tmp_path / "corpora/plenty").rename(tmp_path / "corpora/before")
    build(tmp_path, "plenty", texts, **dedup)

    assert content(tmp_path / "corpora/plenty") == plenty


def test_parts_that_repeat_are_cut_and_documents_without_a_rest_go(tmp_path: Path) -> None:
    texts = [*(f"{story(seed)}\n{FOOTER}" for seed in range(6)), f"{story(90)}\n{story(91)}", story(90), story(91)]
    texts.append(f"{story(90).upper()}\nOnly this is new.")

    summary = build(tmp_path, "cut", texts, passages={}, near=False)

    found = list(splits_of(tmp_path / "corpora/cut"))
    assert sum(FOOTER in text for text in found) == 1
    for number in range(6):
        assert sum(story(number) in text for text in found) == 1
    for number in (90, 91):  # whichever document is preferred
        assert sum(text.lower().count(story(number)) for text in found) == 1
    assert set(summary.sources["own"].dropped) == {"dedup/nothing_left"}


def test_a_cut_document_stays_in_its_split_and_gets_the_id_of_its_text(tmp_path: Path) -> None:
    texts = [f"{story(seed)}\n{FOOTER}" for seed in range(40)]
    build(tmp_path, "whole", texts)
    build(tmp_path, "cut", texts, passages={})

    whole = {text.partition("\n")[0]: split for text, split in splits_of(tmp_path / "corpora/whole").items()}
    cut = {text.partition("\n")[0]: split for text, split in splits_of(tmp_path / "corpora/cut").items()}
    assert cut == whole
    ids = {
        row
        for split in SPLITS
        for b in iter_texts(tmp_path / "corpora/cut", split, ["id"])
        for row in b["id"].to_pylist()
    }
    assert len(ids) == 40


@given(seeds=st.lists(st.integers(0, 30), min_size=1, max_size=25), more=st.lists(st.integers(0, 60), max_size=15))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=12)
def test_adding_text_moves_no_document_between_splits(tmp_path: Path, seeds: list[int], more: list[int]) -> None:
    always = [story(seed) for seed in range(900, 920)]
    few = [story(seed) if seed % 2 else 故事(seed) for seed in seeds]
    new = [like(story(seed), seed) if seed % 2 else 故事(seed) for seed in more]
    build(tmp_path, "few", [*few, *always])
    build(tmp_path, "many", [*new, *always, *few])
    before, after = splits_of(tmp_path / "corpora/few"), splits_of(tmp_path / "corpora/many")

    assert {text: split for text, split in before.items() if text in after} == {
        text: split for text, split in after.items() if text in before
    }


@pytest.mark.parametrize("near", [True, False])
def test_no_pair_of_near_duplicates_straddles_a_split(tmp_path: Path, near: bool) -> None:
    originals = [story(seed) if seed % 2 else 故事(seed) for seed in range(60)]
    copies = [like(text, seed) for seed, text in enumerate(originals)]
    third = [like(text, seed + 500) for seed, text in enumerate(originals)]
    build(tmp_path, "one", [*originals, *copies], near=near)
    build(tmp_path, "two", [*third, *(story(seed) for seed in range(500, 520))], known=("one",), near=near)
    splits = splits_of(tmp_path / "corpora/one") | splits_of(tmp_path / "corpora/two")

    for group in zip(originals, copies, third, strict=True):
        found = [splits[text] for text in group if text in splits]
        assert len(set(found)) == 1
        assert len(found) == (1 if near else 3)
    assert len(set(splits.values())) == 3


def test_a_document_like_two_that_earlier_corpora_have_in_different_splits_goes(tmp_path: Path) -> None:
    words = story(7, 340).split()

    def part(start: int, number: int) -> str:
        """300 words of the 340, and one of its own."""
        return " ".join([*words[start : start + 300], f"tail{number}"])

    splits = SplitConfig.model_validate(SPLIT)
    first = part(0, 0)
    last = next(
        text
        for text in (part(40, number) for number in range(100))
        if split_of(sha256_hex(text), splits) != split_of(sha256_hex(first), splits)
    )
    others = [story(seed) for seed in range(100, 140)]
    build(tmp_path, "ends", [first, last, *others], near=False)  # 256 of 338 runs in common: not alike
    summary = build(
        tmp_path,
        "middle",
        [part(20, 0), others[0], *(story(seed) for seed in range(300, 330))],
        known=("ends",),
        near=False,
    )

    assert summary.sources["own"].dropped == {"known/seen_before": 1, "known/two_splits": 1}


@pytest.mark.parametrize("dedup", [{}, {"near": False}, EVERYTHING], ids=["default", "near kept", "everything"])
def test_batches_in_order_give_what_replaying_them_gives(
    texts: list[str], dedup: dict[str, Any], tmp_path: Path
) -> None:
    """The second batch has much of the first: as it is, nearly, in part."""
    second = [
        *(like(text, 700 + n) for n, text in enumerate(texts[:20])),
        *texts[20:25],
        *(f"{story(seed)}\n{FOOTER}" for seed in range(800, 805)),
        *(story(seed) for seed in range(900, 930)),
    ]
    for name in ("first", "again"):
        (tmp_path / name).mkdir()
        build(tmp_path / name, "one", texts, **dedup)
        build(tmp_path / name, "two", random.Random(3).sample(second, len(second)), known=("one",), **dedup)

    assert content(tmp_path / "first/corpora") == content(tmp_path / "again/corpora")
    counts = json.loads((tmp_path / "first/corpora/two/audit/counts.json").read_text())["own"]
    assert counts["dropped"]["known/seen_before"] == 5
    assert counts["dropped"].get("known/near", 0) == (0 if dedup.get("near") is False else 20)
    if "passages" in dedup:
        assert not any(FOOTER in text for text in splits_of(tmp_path / "first/corpora/two"))


def test_earlier_corpora_of_other_shingles_are_refused(tmp_path: Path) -> None:
    build(tmp_path, "old", [story(seed) for seed in range(20)], shingle_words=4)

    with pytest.raises(ValueError, match=r"old: its signatures cannot be compared with shingles of 5 words"):
        build(tmp_path, "new", [story(seed) for seed in range(50, 70)], known=("old",))


def test_signatures_say_the_split_of_each_document(tmp_path: Path) -> None:
    build(tmp_path, "one", [story(seed) for seed in range(30)])
    kept = pq.read_table(tmp_path / "corpora/one/audit/signatures.parquet")
    ids = {
        document_id: split
        for split in SPLITS
        for batch in iter_texts(tmp_path / "corpora/one", split, ["id"])
        for document_id in batch["id"].to_pylist()
    }

    assert dict(zip(kept["id"].to_pylist(), kept["split"].to_pylist(), strict=True)) == ids


def test_a_copy_that_the_rules_of_its_source_drop_takes_no_other_with_it(tmp_path: Path) -> None:
    texts = [story(1), story(2, 12), 故事(3, 24)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    strict = {"path": "a.jsonl", "language": "en"}
    sources = {"strict": strict, "lenient": strict | {"min_words": 10, "min_characters": 20}}
    config = CorpusConfig.model_validate({"sources": sources, "split": SPLIT})

    summary = build_corpus(config, output=tmp_path / "out", cache=tmp_path, root=tmp_path, workers=1)

    kept = [
        text for split in SPLITS for batch in iter_texts(tmp_path / "out", split) for text in batch["text"].to_pylist()
    ]
    assert sorted(kept) == sorted(texts)
    assert summary.sources["strict"].dropped == {"dedup/exact": 2}
    assert summary.sources["lenient"].dropped == {"dedup/exact": 1}
