"""Source `task`: the training text of one of the recipe's own tasks, so that pretraining has seen its domain.

Only the train split is read: what a task is tested on never reaches the corpus.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
from pydantic import Field

from data.sources.source import Part, Row, Source, SourceError, SourceFields


class TaskConfig(SourceFields):
    """Settings of `task`."""

    task: str
    """Name of an entry of the recipe's `finetuning` that does not itself draw from the corpus."""
    examples: Path | None = Field(None, exclude=True)
    """Folder of the task's `examples` artifact; the flow fills it in when it is built."""


class TaskSource(Source[TaskConfig]):
    """One document an example: its input, and on a line of its own the answer where that is text."""

    name: ClassVar[str] = "task"
    Config: ClassVar[type[SourceFields]] = TaskConfig

    def key(self) -> dict[str, Any]:
        """The task's name; its content is an input of the corpus of its own."""
        return {"task": self.config.task}

    def parts(self) -> Iterator[Part]:
        """All examples; only their artifact knows whether they are new."""
        yield Part(None, self._rows)

    def _rows(self) -> Iterator[Row]:
        """The examples in the order of the artifact.

        Raises:
            SourceError: the examples have not been built.
        """
        if self.config.examples is None:
            raise SourceError(f"task {self.config.task!r}: its examples have not been built; run the flow corpus")
        task = json.loads((self.config.examples / "task.json").read_text(encoding="utf-8"))
        table = pq.read_table(self.config.examples / "train.parquet", columns=["id", "input", "target"])
        for example in table.to_pylist():
            text = f"{example['input']}\n{example['target']}" if task["answers"] == "text" else example["input"]
            yield Row(text, None, f"{self.config.task}:{example['id'][:16]}")
