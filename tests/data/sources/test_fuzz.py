"""Files that nobody meant to be read: whatever is in them, a reader ends, and counts what it found."""

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.sources import Row, SourceError
from data.sources.formats import FORMATS

MUTANTS = 300
"""Of every format, a third of them compressed."""
TOKENS = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\n" * 50,
    b'"',
    b"{[",
    b"<",
    b"&#x0;",
    b"]]>",
    b"WARC/1.0\r\n",
    b"PAR1",
    b"9" * 30,
]


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Content with a few bytes flipped, cut out, doubled or put in."""
    result = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(result) + 1)
        end = min(len(result), start + draw.choice([1, 4, 30, 200]))
        match draw.randrange(4):
            case 0:
                result[start:end] = draw.randbytes(end - start)
            case 1:
                del result[start:end]
            case 2:
                result[start:start] = result[start:end] * draw.choice([1, 20])
            case _:
                result[start:end] = draw.choice(TOKENS)
    return bytes(result)


def test_mutated_files_give_rows_or_one_error(
    read: Callable[..., list[Row]],
    tmp_path: Path,
    files: dict[str, bytes],
    of_format: str,
    compressions: dict[str, Callable[[bytes], bytes]],
) -> None:
    draw = random.Random(of_format)
    outcomes = {"rows": 0, "error": 0}
    for number in range(MUTANTS):
        suffix = draw.choice(list(compressions)) if number % 3 == 0 else ""
        content = mutated(files[of_format], draw)
        content = mutated(compressions[suffix](content), draw) if suffix else content
        path = tmp_path / f"{number}{of_format}{suffix}"
        path.write_bytes(content)
        try:
            found = read(path=path.name)
        except SourceError:
            outcomes["error"] += 1
        else:
            outcomes["rows"] += 1
            for row in found:
                assert (row.text + (row.title or "")).encode() is not None
        path.unlink()
    assert outcomes["rows"] > 0
    assert outcomes["error"] > 0 or of_format in (".htm", ".html", ".txt")


ANY_FILE = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANY_FILE
@given(
    content=st.binary(max_size=400), suffix=st.sampled_from([*FORMATS, ".jsonl.gz", ".csv.xz", ".txt.zst", ".xml.bz2"])
)
def test_any_bytes_under_any_name_give_rows_or_one_error(
    read: Callable[..., list[Row]], tmp_path: Path, content: bytes, suffix: str
) -> None:
    (tmp_path / f"x{suffix}").write_bytes(content)
    try:
        found = read(path=f"x{suffix}")
    except SourceError:
        return
    assert all(row.origin.startswith(f"x{suffix}") for row in found)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\ufeff"), min_size=1)
LINE = st.one_of(
    TEXT.filter(str.strip).map(lambda text: ("text", text)),
    st.sampled_from([("not_utf8", ""), ("not_json", ""), ("no_text", "")]),
)


@ANY_FILE
@given(lines=st.lists(LINE, min_size=1, max_size=30))
def test_every_line_of_jsonl_is_a_text_or_a_counted_defect(
    read: Callable[..., list[Row]], tmp_path: Path, lines: list[tuple[str, str]]
) -> None:
    broken = {"not_utf8": b'{"text": "\xff"}', "not_json": b"{", "no_text": b'{"body": "a"}'}
    content = [broken.get(kind) or json.dumps({"text": text}).encode() for kind, text in lines]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(content))

    found = read(path="a.jsonl")
    assert [row.defect or "text" for row in found] == [kind for kind, _ in lines]
    assert [row.text for row in found if not row.defect] == [text for kind, text in lines if kind == "text"]


@ANY_FILE
@given(texts=st.lists(TEXT.filter(str.strip), min_size=1, max_size=20))
def test_texts_survive_csv_tsv_parquet_and_txt(
    read: Callable[..., list[Row]], tmp_path: Path, texts: list[str], parquet_of: Callable[[list[str]], bytes]
) -> None:
    for suffix, delimiter in ((".csv", ","), (".tsv", "\t")):
        with (tmp_path / f"a{suffix}").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([["text"], *([text] for text in texts)])
        assert [row.text for row in read(path=f"a{suffix}")] == texts
    (tmp_path / "a.parquet").write_bytes(parquet_of(texts))
    assert [row.text for row in read(path="a.parquet")] == texts
    (tmp_path / "a.txt").write_text("\n".join(texts), encoding="utf-8")
    assert [row.text for row in read(path="a.txt", unit="line")] == texts
