import bz2
import hashlib
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError

from data.document import CORPUS_SCHEMA
from data.tasks import Example, LabelledConfig, LabelledSource, build_examples
from data.tasks.base import Places


def source(**settings: object) -> LabelledSource:
    return TypeAdapter(LabelledConfig).validate_python(settings)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(cache=tmp_path / "cache", root=tmp_path, corpus=None)


@pytest.fixture
def wheel(places: Places) -> Callable[[dict[str, bytes]], str]:
    """Puts a wheel 'pack==1.0' with these members where the download cache has it; returns its sha256."""

    def make(members: dict[str, bytes]) -> str:
        folder = places.cache / "wheels"
        folder.mkdir(parents=True)
        with zipfile.ZipFile(folder / "new.whl", "w") as file:
            for name, content in members.items():
                file.writestr(name, content)
        sha256 = hashlib.sha256((folder / "new.whl").read_bytes()).hexdigest()
        (folder / "new.whl").rename(folder / f"pack-1.0-{sha256[:12]}.whl")
        return sha256

    return make


def catalogue(messages: dict[str, str]) -> bytes:
    """A compiled gettext catalogue, by the format's definition: header, two tables of (length, offset), texts."""
    keys = sorted(messages)
    texts = [text.encode() + b"\0" for text in [*keys, *(messages[key] for key in keys)]]
    start = 28 + 8 * len(texts)
    offsets = [start + sum(map(len, texts[:index])) for index in range(len(texts))]
    table = b"".join(struct.pack("<2I", len(text) - 1, offset) for text, offset in zip(texts, offsets, strict=True))
    header = struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0)
    return header + table + b"".join(texts)


def test_gettext_gives_messages_without_context_and_first_plural_forms(places: Places, wheel):
    info = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=n != 1;\n"
    messages = {"": info, "menu\x04Open": "打开", "Save": "保存", "%1 file\0%1 files": "%1 个文件\0%1 些文件"}
    sha256 = wheel({"a/b.mo": catalogue(messages), "a/b.json": b"{}"})

    found = list(source(source="gettext", wheel="pack==1.0", sha256=sha256).examples(places))
    assert {(example.input, example.target) for example in found} == {
        ("Open", "打开"),
        ("Save", "保存"),
        ("%1 file", "%1 个文件"),
    }


def test_gettext_backwards_translates_into_the_message_and_keeps_one_translation_in_one_split(places: Places, wheel):
    messages = {"": "Content-Type: text/plain; charset=UTF-8\n", "Close": "关闭", "Shut": "关闭"}
    sha256 = wheel({"a/b.mo": catalogue(messages)})

    found = list(source(source="gettext", wheel="pack==1.0", sha256=sha256, backwards=True).examples(places))
    assert found == [Example("关闭", "Close", "关闭"), Example("关闭", "Shut", "关闭")]


def test_lines_gives_every_class_its_file_and_counts_what_is_no_text(places: Places, wheel):
    sha256 = wheel({"d/good.txt": "很好\n\n不错\n".encode(), "d/bad.txt": b"\xff\n" + "太差\n".encode()})
    settings = {"source": "lines", "wheel": "pack==1.0", "sha256": sha256, "labels": ["bad", "good"]}
    config = source(**settings, members={"good": "d/good.txt", "bad": "d/bad.txt"})

    assert list(config.examples(places)) == [
        Example("", "bad", ""),
        Example("太差", "bad", "太差"),
        Example("很好", "good", "很好"),
        Example("不错", "good", "不错"),
    ]
    with pytest.raises(ValidationError, match=r"no other: labels are bad, good, members good, fair"):
        source(**settings, members={"good": "d/good.txt", "fair": "d/fair.txt"})


def test_gettext_refuses_a_wheel_without_catalogues(places: Places, wheel):
    sha256 = wheel({"a.txt": b""})
    with pytest.raises(ValueError, match=r"pack==1\.0: no \.mo member"):
        list(source(source="gettext", wheel="pack==1.0", sha256=sha256).examples(places))


def test_wheel_reads_a_compressed_member_and_keeps_cells_as_text(places: Places, wheel):
    sha256 = wheel({"d/t.csv.bz2": bz2.compress(b"text,label\nNA,1\n007,0\n")})
    config = source(
        source="wheel", wheel="pack==1.0", sha256=sha256, member="d/t.csv.bz2", label="label", labels=["0", "1"]
    )

    assert list(config.examples(places)) == [Example("NA", "1", "NA"), Example("007", "0", "007")]


def test_wheel_names_the_members_there_are(places: Places, wheel):
    sha256 = wheel({"d/t.csv": b"text,label\n"})
    config = source(source="wheel", wheel="pack==1.0", sha256=sha256, member="t.csv", label="label", labels=["0", "1"])
    with pytest.raises(ValueError, match=r"no member 't\.csv'; it has: d/t\.csv"):
        list(config.examples(places))


@pytest.mark.parametrize(("kind", "separator"), [("csv", ","), ("tsv", "\t")])
def test_cells_without_a_name_move_no_others(places: Places, kind: str, separator: str):
    config = source(source="file", path=f"a.{kind}", label="label", labels=["0", "1"])
    rows = [["text", "label"], ["007", "1", ""], ["好", "0", ""], ["NA"]]
    (places.root / f"a.{kind}").write_text("".join(separator.join(row) + "\n" for row in rows))

    assert [(e.input, e.target) for e in config.examples(places)] == [("007", "1"), ("好", "0"), ("NA", "")]

    rows[2] = ["好", "很", "0"]
    (places.root / f"a.{kind}").write_text("".join(separator.join(row) + "\n" for row in rows))
    with pytest.raises(ValueError, match=r"more cells than the first line has names \(text, label\)"):
        list(config.examples(places))


def test_file_takes_jsonl_and_parquet_alike(places: Places):
    (places.root / "a.jsonl").write_text('{"text": "一", "answer": "one"}\n{"text": "二", "answer": "two"}\n')
    pq.write_table(pa.table({"text": ["一", "二"], "answer": ["one", "two"]}), places.root / "a.parquet")

    jsonl, parquet = (
        list(source(source="file", path=f"a.{kind}", target="answer").examples(places)) for kind in ("jsonl", "parquet")
    )
    assert jsonl == parquet == [Example("一", "one", "一"), Example("二", "two", "二")]


def test_columns_about_an_example_are_its_details_and_empty_cells_are_left_out(places: Places):
    (places.root / "a.csv").write_text("text,label,写者,age\n好,1,女,30\n坏,0,,4\n", encoding="utf-8")
    settings = {"source": "file", "path": "a.csv", "label": "label", "labels": ["0", "1"]}

    kept = list(source(**settings, about=["写者", "age"]).examples(places))
    assert [example.details for example in kept] == [{"写者": "女", "age": "30"}, {"age": "4"}]
    assert [example.details for example in source(**settings).examples(places)] == [{}, {}]
    with pytest.raises(ValueError, match=r"a\.csv: no column sex; the columns are text, label, 写者, age"):
        list(source(**settings, about=["sex"]).examples(places))


def test_file_takes_validation_out_of_train_where_only_test_is_given(places: Places):
    rows = "".join(f"text {number},answer\n" for number in range(200))
    (places.root / "train.csv").write_text("text,answer\n" + rows)
    (places.root / "test.csv").write_text("text,answer\nother,answer\n")
    config = source(source="file", path={"train": "train.csv", "test": "test.csv"}, target="answer")

    found = list(config.examples(places))
    assert [example.input for example in found if example.split == "test"] == ["other"]
    assert all(
        (example.split == "validation") == (config.split.of(example.group) == "validation") for example in found[:200]
    )
    assert {example.split for example in found} == {"train", "validation", "test"}


def write_documents(folder: Path, split: str, documents: list[tuple[str, str | None]]) -> None:
    (folder / split).mkdir(parents=True)
    rows = [
        dict.fromkeys(CORPUS_SCHEMA.names, "")
        | {"id": hashlib.sha256(text.encode()).hexdigest(), "text": text, "title": title, "source": "news", "tags": []}
        for text, title in documents
    ]
    pq.write_table(pa.Table.from_pylist(rows, CORPUS_SCHEMA), folder / split / "part-00000.parquet")


def test_titles_keep_the_split_of_their_document_and_occur_once(tmp_path: Path):
    corpus = tmp_path / "corpus"
    train = [
        ("A ship sank.", "Loss at sea"),
        ("No title here.", None),
        ("Rain fell.", "Wet day"),
        ("Wind blew.", "Gale"),
    ]
    write_documents(corpus, "train", [*train, ("Now: a storm, he said.", "A storm")])
    write_documents(corpus, "validation", [("Snow fell.", "White day")])
    write_documents(corpus, "test", [("wet  DAY\nIt rained.", "Wet day")])
    output = tmp_path / "out"
    output.mkdir()

    counts = build_examples(source(source="corpus"), output=output, cache=tmp_path, root=tmp_path, corpus=corpus)
    assert counts["dropped"] == {"answer_in_input": 1, "duplicate": 1}
    assert pq.read_table(output / "train.parquet")["target"].to_pylist() == ["Loss at sea", "Gale"]
    assert pq.read_table(output / "test.parquet").select(["input", "target"]).to_pylist() == [
        {"input": "It rained.", "target": "Wet day"}
    ]


def test_titles_need_a_corpus(places: Places):
    with pytest.raises(ValueError, match="this run has no corpus"):
        list(source(source="corpus").examples(places))
