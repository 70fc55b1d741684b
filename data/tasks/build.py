"""Writes the `examples` artifact: a labelled source, cleaned of what cannot be scored fairly, divided and counted."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.answers import read_classes, read_tags
from data.document import SPLITS, Split, sha256_hex
from data.examples import CANDIDATES
from data.faults import reach
from data.tasks import questions, tagged_spans
from data.tasks.base import Example, LabelledSource, Places, normalised

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("group", pa.string()),
        ("input", pa.string()),
        ("target", pa.string()),
        ("others", pa.list_(pa.string())),
        ("details", pa.string()),  # JSON
        ("label", pa.int64()),
    ]
)


def examples_key(config: LabelledSource, cache: Path, root: Path) -> dict[str, Any]:
    """Returns the JSON that identifies what `build_examples` would write, apart from the corpus."""
    content = config.content(Places(cache, root, corpus=None))
    settings = config.model_dump(mode="json", exclude={"path": True, "searched": {"path": True}})
    return {"settings": settings, "content": content}


def build_examples(
    config: LabelledSource, *, output: Path, cache: Path, root: Path, corpus: Path | None
) -> dict[str, Any]:
    """Writes train, validation and test.parquet, task.json and counts.json into `output`.

    Where a table lists what is ranked, it becomes candidates.parquet.

    Test examples are chosen first, then validation: a training example that repeats one of them is dropped.

    Returns:
        What counts.json holds.

    Raises:
        ValueError: the source cannot be read, a split is empty, or a class has no training example.
    """
    places = Places(cache, root, corpus)
    read = list(config.examples(places))
    reach("examples/read")
    splits, dropped = _divide(read, config)
    _check(splits, config)
    labels = {label: number for number, label in enumerate(config.labels)}
    for split, examples in splits.items():
        rows = [
            {
                "id": sha256_hex(f"{e.input}\0{e.target}"),
                "group": e.group,
                "input": e.input,
                "target": e.target,
                "others": list(e.others),
                "details": json.dumps(dict(e.details), sort_keys=True, ensure_ascii=False),
                "label": labels.get(e.target),
            }
            for e in examples
        ]
        pq.write_table(
            pa.Table.from_pylist(rows, SCHEMA), output / f"{split}.parquet", compression="zstd", compression_level=1
        )
    task = {
        "answers": config.answers,
        "labels": list(config.labels),
        "language": config.language,
        "target_language": config.target_language or config.language,
    }
    counts = {
        "read": len(read),
        "kept": {split: len(examples) for split, examples in splits.items()},
        "groups": {split: len({e.group for e in examples}) for split, examples in splits.items()},
        "labels": {
            split: dict(sorted(Counter(name for e in examples for name in _labels(e, config)).items()))
            for split, examples in splits.items()
        }
        if config.labels
        else {},
        "dropped": dict(sorted(dropped.items())),
    }
    if candidates := config.candidates(places):
        listed = pa.table({"id": list(candidates), "text": list(candidates.values())})
        pq.write_table(listed, output / CANDIDATES, compression="zstd", compression_level=1)
    _write_json(output / "task.json", task)
    _write_json(output / "counts.json", counts)
    reach("examples/written")
    return counts


def _divide(read: Sequence[Example], config: LabelledSource) -> tuple[dict[Split, list[Example]], Counter[str]]:
    whole = [example for example in read if _is_unicode(example)]
    dropped = +Counter(not_utf8=len(read) - len(whole))  # without a zero
    conflicting = _conflicting(whole, config) if config.drop_conflicts else frozenset()
    splits: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    for example in whole:
        splits[example.split or config.split.of(example.group)].append(example)
    seen: dict[str, set[str]] = {field: set() for field in config.distinct}
    for split in reversed(SPLITS):
        kept = []
        for example in splits[split]:
            keys = {field: normalised(getattr(example, field)) for field in config.distinct}
            if reason := _refuse(example, config):
                dropped[reason] += 1
            elif keys["input"] in conflicting:
                dropped["conflicting_labels"] += 1
            elif any(key in seen[field] for field, key in keys.items()):
                dropped["duplicate"] += 1
            else:
                kept.append(example)
                for field, key in keys.items():
                    seen[field].add(key)
        splits[split] = kept
    return splits, dropped


def _is_unicode(example: Example) -> bool:
    """Whether nothing in an example is half a surrogate pair, which JSON can spell: an emoji that was cut in two."""
    texts = [example.input, example.target, example.group, *example.others]
    try:
        json.dumps([texts, dict(example.details)], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _conflicting(read: Sequence[Example], config: LabelledSource) -> frozenset[str]:
    """Returns the inputs, normalised, that are there under more than one class."""
    classes: dict[str, set[str]] = defaultdict(set)
    for example in read:
        if _refuse(example, config) is None:
            classes[normalised(example.input)].add(example.target)
    return frozenset(text for text, given in classes.items() if len(given) > 1)


def _refuse(example: Example, config: LabelledSource) -> str | None:
    """Returns why an example cannot be used, or None."""
    if not example.input.strip() or not (example.target.strip() or config.answers == "span"):
        return "empty"
    if set(_labels(example, config)) - set(config.labels):
        return "other_label"
    if config.answers == "tags" and (reason := tagged_spans.problem(example.input, read_tags(example.target))):
        return reason
    if config.answers == "span" and (reason := questions.problem(example)):
        return reason
    if not config.answer_may_be_quoted and normalised(example.target) in normalised(example.input):
        return "answer_in_input"
    return None


def _labels(example: Example, config: LabelledSource) -> list[str]:
    """Returns the names of `labels` that the answer of an example holds."""
    match config.answers:
        case "class":
            return [example.target]
        case "classes":
            return read_classes(example.target)
        case "tags":
            return [span.label for span in read_tags(example.target)]
        case _:
            return []


def _check(splits: dict[Split, list[Example]], config: LabelledSource) -> None:
    if empty := [split for split, examples in splits.items() if not examples]:
        sizes = ", ".join(f"{split} {len(examples)}" for split, examples in splits.items())
        raise ValueError(
            f"data.source {config.source}: no examples left for {', '.join(empty)} ({sizes}); "
            "give more examples, or other folds in data.split"
        )
    if missing := set(config.labels).difference(*(_labels(example, config) for example in splits["train"])):
        raise ValueError(
            f"data.source {config.source}: no training example of class {', '.join(sorted(missing))}; "
            "check the names in data.labels"
        )


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
