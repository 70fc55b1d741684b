"""The data card of a corpus: what it holds, where that came from, what was done to it, and what one must know of it.

README.md with a head from which the Hugging Face hub and `datasets.load_dataset(folder)` know splits and columns. Whole
lists of files are in `audit/provenance.json`; the card shows their beginnings.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from data.corpus_counts import CorpusSummary
from data.corpus_folder import write_json
from data.document import CORPUS_SCHEMA, SPLITS
from data.markdown import table
from data.sources import SOURCES, SourceFields

ROWS_SHOWN = 30
_HUB_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


def write_card(
    summary: CorpusSummary,
    sources: Mapping[str, SourceFields],
    keys: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    output: Path,
) -> None:
    """Writes README.md and `audit/provenance.json`; the parts must be there.

    Args:
        summary: the counts.
        sources: the recipe's settings of each.
        keys: source -> the identity of its content (`data.sources.source_key`).
        settings: all that the corpus depends on, as JSON.
        output: the artifact's folder.
    """
    parts = {path.relative_to(output).as_posix(): _part(path) for split in SPLITS for path in _parts(output / split)}
    write_json({"sources": keys, "parts": parts}, output / "audit" / "provenance.json")
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    size = f"{sum(summary.documents.values()):,} documents, {sum(summary.bytes.values()) / 1e6:,.2f} MB of text"
    sections = [
        "# Corpus",
        f"{size}, from {len(sources)} source{'' if len(sources) == 1 else 's'}.",
        "## Splits",
        table(
            ["split", "documents", "MB"],
            ([split, f"{summary.documents[split]:,}", f"{summary.bytes[split] / 1e6:.2f}"] for split in SPLITS),
        ),
        "## Sources",
        _sources(summary, sources),
        "## Languages",
        _shares("language", summary.languages),
        "## What was dropped",
        _by_source("reason", {name: counts.dropped for name, counts in summary.sources.items()}),
        "Samples of every reason are in `audit/dropped.parquet`.",
        "## What was repaired",
        _by_source("rule", {name: counts.repaired for name, counts in summary.sources.items()}),
        "## What was tagged",
        _by_source("tag", {name: counts.tagged for name, counts in summary.sources.items()}),
        "## Personal data that was replaced",
        _by_source("type", {name: counts.pii for name, counts in summary.sources.items()}),
        *_overlap(output / "audit" / "overlap.parquet"),
        "## Files that were read",
        table(
            ["source", "content", "sha256, or what stands for it"],
            _shown([name, *row] for name in keys for row in _files(keys[name])),
        ),
        "## Files of the corpus",
        table(
            ["file", "documents", "sha256"],
            _shown([name, f"{part['documents']:,}", f"`{part['sha256']}`"] for name, part in parts.items()),
        ),
        "Complete lists are in `audit/provenance.json`.",
        "## Recipe",
        "```yaml\n" + yaml.safe_dump({"corpus": settings}, sort_keys=False, allow_unicode=True) + "```",
        "## Known limits",
        "\n".join(f"- {limit}" for limit in known_limits(settings)),
        "## How to cite",
        f"Name the sources as their licences ask, and this selection of them by the sha256 of its parts: `{digest}`.",
    ]
    head = yaml.safe_dump(_head(summary, sources), sort_keys=True, allow_unicode=True)
    text = f"---\n{head}---\n\n" + "\n\n".join(sections) + "\n"
    (output / "README.md").write_text(text, encoding="utf-8")


def _head(summary: CorpusSummary, sources: Mapping[str, SourceFields]) -> dict[str, Any]:
    """What the hub reads."""
    total = sum(summary.documents.values())
    return {
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"{split}/part-*.parquet"} for split in SPLITS],
            }
        ],
        "dataset_info": {
            "features": [
                {"name": field.name, "list" if pa.types.is_list(field.type) else "dtype": "string"}
                for field in CORPUS_SCHEMA
            ]
        },
        "language": sorted(summary.languages),
        "license": "other",
        "license_details": "; ".join(dict.fromkeys(source.licence for source in sources.values())),
        "size_categories": [next((size for bound, size in _HUB_SIZES if total < bound), "n>10M")],
        "task_categories": ["text-generation", "fill-mask"],
    }


def _sources(summary: CorpusSummary, sources: Mapping[str, SourceFields]) -> str:
    rows = []
    for name, counts in summary.sources.items():
        languages = ", ".join(counts.languages) or "none kept"
        numbers = [f"{counts.read:,}", f"{counts.kept:,}", f"{counts.bytes_kept / 1e6:.2f}"]
        rows.append([name, kind_of(sources[name]), sources[name].licence, languages, *numbers])
    return table(["source", "type", "licence", "languages", "documents read", "kept", "MB kept"], rows)


def known_limits(settings: Mapping[str, Any]) -> Iterable[str]:
    """What these settings leave undone."""
    yield "Languages are identified by a classifier, which is least sure of short texts, of code and of lists."
    if settings["pii"] is None:
        yield "Personal data was left where it is."
    else:
        yield "Personal data is found by patterns: what has no typical form, such as names of people, stays."
    if not settings["dedup"]["near"]:
        yield "Near duplicates were not looked for, so a text may be there several times with small changes."
    else:
        yield "Near duplicates are found by estimates: of pairs close to the threshold some stay, and some go too many."
    yield "Rules of quality judge form, not truth: nothing here was checked for facts, and views are their authors'."
    yield "The licence of a source is what the recipe says of it; its documents may quote others under others."


def kind_of(source: SourceFields) -> str:
    """The key of the recipe that says where a source comes from: path, wheel, ..."""
    return next(kind for kind in SOURCES if kind in type(source).model_fields)


def _shares(kind: str, counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    rows = ([name, f"{count:,}", f"{count / total:.1%}"] for name, count in Counter(counts).most_common())
    return table([kind, "documents", "share"], rows)


def _by_source(kind: str, counts: Mapping[str, Mapping[str, int]]) -> str:
    """A row for each reason, rule or type, a column for each source."""
    totals = sum((Counter(of_source) for of_source in counts.values()), Counter[str]())
    if not totals:
        return "None."
    rows = [
        [name, f"{total:,}", *(f"{of_source.get(name, 0):,}" for of_source in counts.values())]
        for name, total in totals.most_common()
    ]
    return table([kind, "all", *counts], rows)


def _overlap(path: Path) -> list[str]:
    """How many test examples of each evaluation set the corpus holds, where they were looked for."""
    if not path.exists():
        return []
    threshold = float(pq.read_schema(path).metadata[b"threshold"])
    found = pq.read_table(path, columns=["evaluation", "share_before", "share"])
    rows = []
    for evaluation in sorted(pc.unique(found["evaluation"]).to_pylist()):
        own = found.filter(pc.equal(found["evaluation"], evaluation))
        held = (pc.sum(pc.greater_equal(own[column], threshold)).as_py() for column in ("share_before", "share"))
        rows.append([evaluation, f"{own.num_rows:,}", *(f"{number:,}" for number in held)])
    head = ["evaluation set", "examples", "of them in what was read", "in what stays"]
    return ["## Overlap with evaluation sets", table(head, rows)]


def _files(key: Mapping[str, Any]) -> Iterable[list[str]]:
    """What a source consists of, and its sha256 where it has one."""
    if "files" in key:
        return ([name, f"`{identity}`"] for name, identity, *_ in key["files"])
    facts = ", ".join(f"{name} {value}" for name, value in key.items() if value is not None and name != "sha256")
    return [[facts, f"`{key['sha256']}`" if "sha256" in key else "-"]]


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


def _part(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"documents": pq.read_metadata(path).num_rows, "sha256": digest}


def _shown(rows: Iterable[Sequence[str]]) -> list[Sequence[str]]:
    """The first rows, and a last one that says how many are left out."""
    every = list(rows)
    left = len(every) - ROWS_SHOWN
    return [*every[:ROWS_SHOWN], *([[f"and {left:,} more", "", ""]] if left > 0 else [])]
