import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data.sources import Row, SourceError
from data.sources.formats import FORMATS
from data.sources.formats.jsonl import read_jsonl


def test_loops_of_links_end_and_dead_links_are_passed_over(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x.txt").write_text("text")
    (tmp_path / "a" / "b" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "self.txt").symlink_to(tmp_path / "a" / "self.txt")
    (tmp_path / "a" / "dead.txt").symlink_to(tmp_path / "none.txt")
    os.mkfifo(tmp_path / "a" / "pipe.txt")

    assert [row.origin for row in read(path="a/**/*.txt")] == ["a/b/x.txt"]


def test_a_file_is_found_by_its_name_though_that_reads_like_a_pattern(
    read: Callable[..., list[Row]], tmp_path: Path
) -> None:
    for name in ("news [1].txt", "news 1.txt"):
        (tmp_path / name).write_text(name)

    assert [row.text for row in read(path="news [1].txt")] == ["news [1].txt"]
    assert [row.text for row in read(path="news [0-9].txt")] == ["news 1.txt"]


@pytest.mark.parametrize("change", [lambda path: path.write_text('{"text": "longer"}\n'), lambda path: path.unlink()])
def test_a_file_that_changes_while_it_is_read_is_an_error(
    read: Callable[..., list[Row]], tmp_path: Path, change: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n')

    def changing(*arguments: Any) -> Iterator[Row]:
        yield from read_jsonl(*arguments)
        change(tmp_path / "a.jsonl")

    monkeypatch.setitem(FORMATS, ".jsonl", changing)
    with pytest.raises(SourceError, match=r"a\.jsonl: it changed while it was read; run again when it is whole"):
        read(path="a.jsonl")
