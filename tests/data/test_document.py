from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.document import CORPUS_SCHEMA, draw, iter_texts


def test_iter_texts_keeps_order_over_parts_and_bounds_batches(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    for part, texts in enumerate((["一", "二", "三"], ["四"])):
        rows = [dict.fromkeys(CORPUS_SCHEMA.names, text) | {"tags": []} for text in texts]
        pq.write_table(
            pa.Table.from_pylist(rows, schema=CORPUS_SCHEMA), tmp_path / "train" / f"part-{part:05d}.parquet"
        )

    batches = list(iter_texts(tmp_path, "train", columns=("text", "language"), batch_rows=2))

    assert [batch.num_rows for batch in batches] == [2, 1, 1]
    assert [text for batch in batches for text in batch["text"].to_pylist()] == ["一", "二", "三", "四"]
    assert batches[0].schema.names == ["text", "language"]


def test_missing_split_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="validation"):
        next(iter_texts(tmp_path, "validation"))


def test_draw_is_uniform_and_depends_on_key_and_seed() -> None:
    drawn = [draw(str(key)) for key in range(2000)]

    assert all(0 <= value < 1 for value in drawn)
    assert abs(sum(value < 0.25 for value in drawn) / 2000 - 0.25) < 0.03
    assert draw("a") == draw("a") != draw("a", seed=1)
