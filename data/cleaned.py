"""Cleaned documents between cleaning and writing: on disk, in the order of reading, a record batch for each chunk.

They lie in files that get their names when they are whole, so a build that was killed goes on behind the last of them.
They are read, not mapped: the pages of a mapped file count as memory of whoever touched them.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa

from data.chunk import CLEANED_SCHEMA

BATCHES_IN_FILE = 32
"""A kill costs the cleaning of at most so many chunks."""


class CleanedDocuments:
    """The files of one folder; what an earlier process left whole counts as done."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        sizes = [batch.num_rows for batch in self.read(["source_order"])]
        self.batches, self.rows = len(sizes), sum(sizes)

    def extend(self, batches: Iterable[pa.RecordBatch]) -> Iterator[int]:
        """Adds batches of `CLEANED_SCHEMA`; gives the number of rows that are there after each."""
        stream = iter(batches)
        part = self._folder / "part"
        while (first := next(stream, None)) is not None:
            name = f"{self.batches:08d}.arrow"
            with part.open("wb") as sink:
                with pa.ipc.new_file(sink, CLEANED_SCHEMA) as writer:
                    for batch in chain([first], islice(stream, BATCHES_IN_FILE - 1)):
                        writer.write_batch(batch)
                        self.batches += 1
                        self.rows += batch.num_rows
                        yield self.rows
                sink.flush()
                os.fsync(sink.fileno())
            part.rename(self._folder / name)

    def read(self, columns: Sequence[str] = tuple(CLEANED_SCHEMA.names)) -> Iterator[pa.RecordBatch]:
        """The batches, one at a time, with some of their columns, which stand in the order of `CLEANED_SCHEMA`."""
        fields = [CLEANED_SCHEMA.get_field_index(column) for column in columns]
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        for path in sorted(self._folder.glob("*.arrow")):
            with pa.OSFile(str(path)) as file:
                reader = pa.ipc.open_file(file, options=options)
                for number in range(reader.num_record_batches):
                    yield reader.get_batch(number)
