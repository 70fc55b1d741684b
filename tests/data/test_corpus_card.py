import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from data.corpus import CorpusConfig, build_corpus
from data.corpus_card import ROWS_SHOWN, _overlap, _shown

LICENCE = "CC-BY-4.0 | 摘录"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two sources, one in Chinese with a name that would end a cell."""
    english = "The harbour was quiet before storm number {} and the people of the town waited for news of their boats. "
    chinese = "第{}天港口在暴风雨之前很安静，渔民把船拉到沙滩上系在木桩上，孩子们站在岸边看着远方的海。"
    for name, line in (("a", english), ("b", chinese)):
        texts = ["".join(line.format(10 * number + part) for part in range(8)) for number in range(30)]
        texts += [f"short {name}", f"{texts[0]} mail@example.org"]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    settings: dict[str, Any] = {
        "sources": {"news": {"path": "a.jsonl", "licence": LICENCE}, "新闻|b": {"path": "b.jsonl", "language": "zh"}},
        "languages": ["en", "zh"],
        "cleaning": {"repetition": None, "quality": None},
        "dedup": {"near": False},
        "engine": {"kind": "local", "workers": 1},
    }
    build_corpus(CorpusConfig.model_validate(settings), output=tmp_path / "c", cache=tmp_path / "cache", root=tmp_path)
    return tmp_path / "c"


def card(corpus: Path) -> tuple[dict[str, Any], str]:
    _, head, text = (corpus / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def section(text: str, heading: str) -> str:
    return text.partition(f"## {heading}\n\n")[2].partition("\n\n## ")[0]


def test_sources_stand_with_type_licence_language_and_counts(corpus: Path) -> None:
    lines = section(card(corpus)[1], "Sources").splitlines()

    assert lines[2].startswith("| news | path | CC-BY-4.0 \\| 摘录 | en | 32 | 31 | ")
    assert lines[3].startswith("| 新闻\\|b | path | unknown | zh | 32 | 31 | ")


def test_what_was_dropped_replaced_and_found_is_counted_by_source(corpus: Path) -> None:
    text = card(corpus)[1]

    assert section(text, "What was dropped").splitlines()[:3] == [
        "| reason | all | news | 新闻\\|b |",
        "| --- | --- | --- | --- |",
        "| length/too_short | 2 | 1 | 1 |",
    ]
    assert section(text, "Personal data that was replaced").splitlines()[2:] == ["| email | 2 | 1 | 1 |"]
    assert section(text, "Languages").splitlines()[2:] == ["| en | 31 | 50.0% |", "| zh | 31 | 50.0% |"]


def test_every_file_read_and_written_stands_with_its_sha256(corpus: Path) -> None:
    text = card(corpus)[1]
    provenance = json.loads((corpus / "audit" / "provenance.json").read_text(encoding="utf-8"))

    for name in ("a.jsonl", "b.jsonl"):
        digest = hashlib.sha256((corpus.parent / name).read_bytes()).hexdigest()
        assert f"| {name} | `{digest}` |" in section(text, "Files that were read")
    parts = {path.relative_to(corpus).as_posix(): path for path in corpus.glob("*/part-*.parquet")}
    assert set(provenance["parts"]) == set(parts)
    for name, path in parts.items():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert provenance["parts"][name] == {"documents": pq.read_metadata(path).num_rows, "sha256": digest}
        assert digest in section(text, "Files of the corpus")


def test_recipe_of_the_card_builds_the_corpus_again(corpus: Path) -> None:
    text = section(card(corpus)[1], "Recipe").removeprefix("```yaml\n").removesuffix("```")
    config = CorpusConfig.model_validate(yaml.safe_load(text)["corpus"])
    build_corpus(config, output=corpus.parent / "again", cache=corpus.parent / "cache", root=corpus.parent)

    assert "engine" not in text
    assert (corpus.parent / "again" / "README.md").read_bytes() == (corpus / "README.md").read_bytes()


def test_limits_are_those_of_the_settings(corpus: Path) -> None:
    limits = section(card(corpus)[1], "Known limits")

    assert "Near duplicates were not looked for" in limits
    assert "Personal data is found by patterns" in limits


def test_head_is_what_the_hub_reads(corpus: Path) -> None:
    from huggingface_hub import DatasetCard

    data = DatasetCard.load(corpus / "README.md").data

    assert data.language == ["en", "zh"]
    assert data.size_categories == ["n<1K"]
    assert data.license == "other"
    assert [part["split"] for part in data.configs[0]["data_files"]] == ["train", "validation", "test"]


def test_overlap_is_counted_by_evaluation_set(tmp_path: Path) -> None:
    found = pa.table({"evaluation": ["b", "a", "a"], "share_before": [1.0, 0.8, 0.4], "share": [0.0, 0.8, 0.1]})
    pq.write_table(found.replace_schema_metadata({"threshold": "0.5"}), tmp_path / "overlap.parquet")

    heading, table = _overlap(tmp_path / "overlap.parquet")
    assert heading == "## Overlap with evaluation sets"
    assert table.splitlines()[2:] == ["| a | 2 | 1 | 1 |", "| b | 1 | 1 | 0 |"]
    assert _overlap(tmp_path / "none.parquet") == []


def test_long_lists_are_cut_and_say_so() -> None:
    rows = _shown([str(number), "", ""] for number in range(ROWS_SHOWN + 7))

    assert len(rows) == ROWS_SHOWN + 1
    assert rows[-1] == ["and 7 more", "", ""]
