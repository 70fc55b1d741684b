"""What the exams of a fine-tuned classifier share: its test examples, and the trained network that answers them.

Shapes: N texts, B rows of a batch, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from data.batch import TokenBatch
from data.example_rows import ExampleRows
from data.examples import TaskDescription, read_examples
from data.packing import Ints
from data.tokenizer import Tokenizer
from data.views.base import ViewContext
from data.views.classification import ClassificationView, ClassificationViewConfig
from data.views.noise import key, permutation
from data.vocabulary import SPECIALS
from lightning_modules.exams.base import Sitting
from lightning_modules.hardware import Hardware
from lightning_modules.networks import Trunk
from lightning_modules.objectives.classification import Classification
from lightning_modules.scoring.batches import by_length
from lightning_modules.scoring.spec import SystemRef
from lightning_modules.scoring.systems import inference, open_classifier, open_system

SCRATCH = "scratch"
"""The same task, learnt from random weights."""


@dataclass(frozen=True)
class Classifier:
    """A fine-tuned network that tells classes of texts."""

    trunk: Trunk
    head: Classification
    tokenizer: Tokenizer
    length: int
    """Positions of the longest row; longer texts are cut."""

    @classmethod
    def open(cls, sitting: Sitting, role: str, length: int) -> Self:
        """Opens the fine-tuning that the exam reads under this role."""
        folder = sitting.folders[role]
        ref = SystemRef(weights=folder, base=sitting.folders["weights"])
        trunk = open_system(ref, sitting.hardware, sitting.tokenizer.sha256)
        return cls(trunk, open_classifier(folder, trunk), sitting.tokenizer, min(length, trunk.config.max_positions))

    def untrained(self, seed: int) -> Self:
        """Returns one of the same shape with random weights."""
        device = self.trunk.vocabulary_VD.device
        head = Classification(self.head.config, self.trunk.config, SPECIALS).to(device).eval()
        return replace(self, trunk=Trunk(self.trunk.config, seed).to(device).eval(), head=head)

    def encode(self, texts: Sequence[str]) -> list[Ints]:
        """Returns the ids of each text without specials, cut to the length."""
        return [np.array(ids[: self.length - 2], np.int64) for ids in self.tokenizer.encode_batch(texts)]

    def batch(self, inputs: Sequence[Ints]) -> TokenBatch:
        """Returns texts as the network reads them."""
        view = ClassificationView(
            ClassificationViewConfig(), ViewContext(self.tokenizer.vocabulary, self.length, alignment="shifted")
        )
        rows = ExampleRows(list(inputs), [np.empty(0, np.int64)] * len(inputs), np.full(len(inputs), -1))
        return view(rows, np.zeros(len(inputs), np.uint64)).batch.to(self.trunk.vocabulary_VD.device)

    def probabilities(
        self, texts: Sequence[str], hardware: Hardware, progress: Callable[[int, int], None]
    ) -> NDArray[np.float64]:
        """Returns (N, K); equal texts get equal ones, whatever batch they fall into."""
        inputs = self.encode(texts)
        unique: dict[bytes, int] = {}
        places = [unique.setdefault(ids.tobytes(), len(unique)) for ids in inputs]
        asked = [np.frombuffer(ids, dtype=np.int64) for ids in unique]
        found_NK = np.empty((len(asked), self.head.config.classes))
        with inference(hardware):
            for chosen in by_length([len(ids) + 2 for ids in asked], hardware.micro_batch_tokens, progress):
                logits_BK = self.head.logits(self.trunk, self.batch([asked[index] for index in chosen]))
                found_NK[chosen] = logits_BK.double().softmax(-1).cpu().numpy()
        return found_NK[places]


def class_labels(sitting: Sitting, task: str) -> tuple[str, ...]:
    """Returns the classes of the task whose examples an exam reads.

    Raises:
        ValueError: its answers are no classes.
    """
    description = TaskDescription.load(sitting.folders["examples"])
    if description.answers != "class":
        raise ValueError(f"task {task!r} answers with {description.answers}, this exam is for one class a text")
    return tuple(description.labels)


def held_out_examples(sitting: Sitting, task: str, most: int) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """Returns a task's classes and its test examples, at most so many, drawn by the seed, in the artifact's order.

    Raises:
        ValueError: its answers are no classes.
    """
    every = read_examples(sitting.folders["examples"], "test")
    order = permutation(key(sitting.seed, "test examples"), len(every))[:most]
    return class_labels(sitting, task), [every[index] for index in np.sort(order)]
