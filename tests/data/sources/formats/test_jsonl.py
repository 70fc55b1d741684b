from collections.abc import Callable
from pathlib import Path

from data.sources import Row


def test_what_is_nested_beyond_reason_is_no_json(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    digits = "1" * 10_000
    (tmp_path / "a.jsonl").write_text(f'{"[" * 10**6}\n{{"text": "ok", "n": {digits}}}\n{{"text": "ok"}}\n')

    assert [row.defect for row in read(path="a.jsonl")] == ["not_json", "not_json", None]
