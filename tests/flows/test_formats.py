"""The content of every kind of artifact under its format version: who changes it raises the version.

Without that an artifact of the old content would be found under the key of the new one. What is text and integers is
held by its sha256; what depends on the processor's floating point only by names, shapes and keys.
"""

import hashlib
import json
import os
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.plan import Plan, load_plan
from flows.stages import FORMATS

FROZEN = Path(__file__).with_name("formats.json")
"""Kind -> format version -> what the artifacts of the tiny recipe hold; old versions stay."""
EXACT = {"examples", "corpus", "tokenizer", "tokens"}
UPDATE = "STAGELM_FREEZE_FORMATS"
"""Set, it adds what is missing to the file; what is there is never changed."""


def hashed(path: Path, plan: Plan, folder: Path) -> str:
    """sha256 of a file's content, without where the test's own files lie and without how parquet packs rows.

    Documents name the file they come from, so sums that are named of others' bytes follow that place too.
    """
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        types = [f"{field.name}: {field.type}" for field in table.schema]
        content = json.dumps([types, table.to_pylist()], ensure_ascii=False, default=bytes.hex).encode()
    else:
        content = path.read_bytes()
    if path.suffix in {".md", ".json"}:
        content = re.sub(rb"[0-9a-f]{64}", b"sha256", content)
    for here in (os.path.relpath(folder, plan.project), str(folder)):
        content = content.replace(here.encode(), b"")
    return hashlib.sha256(content).hexdigest()


def outline(path: Path, plan: Plan, folder: Path) -> Any:
    """What of a file does not depend on the processor: columns, tensors, JSON keys."""
    if path.suffix == ".parquet":
        return {field.name: str(field.type) for field in pq.read_schema(path)}
    if path.suffix == ".safetensors":
        with path.open("rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        return {name: f"{entry['dtype']} {entry['shape']}" for name, entry in header.items() if name != "__metadata__"}
    return keys(json.loads(path.read_text(encoding="utf-8")))


def keys(content: Any) -> Any:
    """JSON with its numbers, texts and list entries left out; of a list the keys of all entries together."""
    if isinstance(content, dict):
        return {key: keys(value) for key, value in content.items()}
    if isinstance(content, list) and any(isinstance(entry, dict) for entry in content):
        merged: dict[str, Any] = {}
        for entry in content:
            merged |= keys(entry)
        return [merged]
    return "list" if isinstance(content, list) else "value"


@pytest.mark.parametrize("kind", sorted(set(FORMATS) - {"registration"}))
def test_content_of_a_kind_is_what_its_format_version_says(in_store: Any, kind: str) -> None:
    plan, folder = load_plan(in_store.recipe), Path(in_store.recipe).parent
    describe: Callable[[Path, Plan, Path], Any] = hashed if kind in EXACT else outline
    found = {}
    for stage in plan.stages.values():
        artifact = plan.found(stage.label)
        if stage.kind == kind and artifact is not None:
            files = sorted(artifact.manifest["files"])
            found[stage.name] = {name: describe(artifact.folder / name, plan, folder) for name in files}
    frozen = json.loads(FROZEN.read_text()) if FROZEN.exists() else {}
    version = str(FORMATS[kind])
    if os.environ.get(UPDATE) and version not in frozen.get(kind, {}):
        frozen.setdefault(kind, {})[version] = found
        FROZEN.write_text(json.dumps(frozen, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    known = frozen.get(kind, {})
    assert version in known, f"format {version} of {kind} is not in {FROZEN.name}; run this test once with {UPDATE}=1"
    assert found == known[version], f"the content of {kind} has changed: raise FORMATS[{kind!r}] in flows/stages.py"


def test_every_kind_but_the_registry_has_a_content_that_is_held() -> None:
    assert set(json.loads(FROZEN.read_text())) == set(FORMATS) - {"registration"}
