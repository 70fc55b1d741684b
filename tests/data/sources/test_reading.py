from collections.abc import Callable
from pathlib import Path

import pytest

from data.sources import Ledger, Row
from data.sources.formats import FORMATS


@pytest.fixture
def three(tmp_path: Path) -> Path:
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_text("".join(f'{{"text": "{name}{n}"}}\n' for n in range(3)))
    return tmp_path


def test_known_parts_are_not_opened_and_their_documents_counted(
    read: Callable[..., list[Row]], three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Ledger()
    assert len(read(first, path="[ab].jsonl")) == 6
    assert sorted(first.read.values()) == [3, 3]

    opened: list[str] = []
    reader = FORMATS[".jsonl"]
    monkeypatch.setitem(FORMATS, ".jsonl", lambda s, name, c: opened.append(name) or reader(s, name, c))
    (three / "a.jsonl").rename(three / "d.jsonl")
    second = Ledger(first.read)
    assert [row.text for row in read(second, path="*.jsonl")] == ["c0", "c1", "c2"]
    assert opened == ["c.jsonl"]
    assert second.skipped == 6


def test_a_part_read_in_another_way_is_another(read: Callable[..., list[Row]], three: Path) -> None:
    ledger = Ledger()
    read(ledger, path="a.jsonl")

    assert len(read(Ledger(ledger.read), path="a.jsonl", text="body")) == 3


@pytest.mark.parametrize(
    ("limit", "texts", "skipped"), [(2, [], 2), (3, [], 3), (5, ["b0", "b1"], 3), (7, ["b0", "b1", "b2", "c0"], 3)]
)
def test_max_documents_means_the_same_ones_whatever_is_known(
    read: Callable[..., list[Row]], three: Path, limit: int, texts: list[str], skipped: int
) -> None:
    first = Ledger()
    read(first, path="a.jsonl")
    ledger = Ledger(first.read)

    assert [row.text for row in read(ledger, path="*.jsonl", max_documents=limit)] == texts
    assert ledger.skipped == skipped
    assert sorted(ledger.read.values()) == ([3] if limit == 7 else [])  # what was cut off is not known whole


def test_pages_come_in_their_order_between_other_documents(
    read: Callable[..., list[Row]], tmp_path: Path, page_of: Callable[[str], str], texts: list[str]
) -> None:
    for n in range(40):
        if n % 3:
            (tmp_path / f"{n:02d}.txt").write_text(f"plain {n}")
        else:
            (tmp_path / f"{n:02d}.html").write_text(page_of(f"{texts[0]} Page {n}."))

    found = read(path="*.*")
    assert [row.origin[:2] for row in found] == [f"{n:02d}" for n in range(40)]
    assert [row.text for row in found if row.origin.endswith("txt")] == [f"plain {n}" for n in range(40) if n % 3]
