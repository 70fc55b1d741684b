"""Labelled examples as token ids, and the loader that trains on them.

Inputs are cut to what the answer leaves of a row, answers never are; an example whose answer leaves its input no room
is dropped. Both are counted. Shapes: N examples, B rows of a micro-batch, T positions of its longest row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.batch import MicroBatch, StepBatch
from data.config import Config
from data.counterfactual import SwapConfig, augmented
from data.document import Split
from data.example_rows import ExampleRows, Rows
from data.packing import Ints
from data.prompts import AROUND, Template, encode_prompts
from data.views.base import View
from data.views.noise import key, permutation, row_seeds

if TYPE_CHECKING:
    from data.tokenizer import Tokenizer

Answers = Literal["class", "classes", "ranking", "span", "tags", "text"]
"""What an answer is. `class`: one of the task's labels. `classes`: any number of them. `ranking`: candidates by how
well they answer a query. `span`: a stretch of the input itself, or nothing. `tags`: stretches of the input, each with a
label. `text`: free text. How those that are not plain text are written: `data/answers.py`."""

CANDIDATES = "candidates.parquet"
"""Of an `examples` artifact, where what is ranked comes from a table of its own."""

_POOL_STEPS = 16
"""Examples of so many steps are sorted by length together: enough that rows of a micro-batch are about equally long,
few enough that a step is still a mixture."""

UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "km", "my"})


class TaskDescription(Config):
    """`task.json` of an `examples` artifact."""

    answers: Answers
    labels: list[str]
    """Names of classes, or of what spans are tagged with, in the order of their numbers; empty for other answers."""
    language: str
    """Of the inputs."""
    target_language: str
    """Of the answers."""

    @classmethod
    def load(cls, folder: Path) -> TaskDescription:
        """Reads the description in the artifact `folder`."""
        return cls.model_validate_json((folder / "task.json").read_text(encoding="utf-8"))

    @property
    def unspaced(self) -> bool:
        """The inputs are written without spaces between words."""
        return self.language in UNSPACED_LANGUAGES

    @property
    def specials(self) -> int:
        """Special tokens of a row: bos and eos, and a separator before a free answer."""
        return 3 if self.answers == "text" else 2


@dataclass(frozen=True, eq=False)
class EncodedExamples:
    """One split, fitted to rows of at most `sequence_length` positions."""

    rows: Rows
    lengths_N: Ints
    """Positions of each row, specials included."""
    truncated: int
    dropped: int


def read_examples(folder: Path, split: Split, limit: int | None = None) -> list[dict[str, Any]]:
    """Returns the first `limit` rows of one split of an `examples` artifact, as dictionaries of its columns.

    `details` is read from its JSON.
    """
    rows = pq.read_table(folder / f"{split}.parquet").slice(0, limit).to_pylist()
    return [{**row, "details": json.loads(row["details"])} for row in rows]


def read_candidates(folder: Path, split: Split) -> dict[str, str]:
    """Returns id -> text of what the queries of a split search: the table of candidates, or all documents of the split.

    The order is that of the table or of the examples.
    """
    if (folder / CANDIDATES).exists():
        table = pq.read_table(folder / CANDIDATES).to_pydict()
        return dict(zip(table["id"], table["text"], strict=True))
    rows = read_examples(folder, split)
    return {key: text for row in rows for key, text in row["details"].get("documents", {}).items()}


def encode_examples(
    folder: Path,
    split: Split,
    tokenizer: Tokenizer,
    sequence_length: int,
    threads: int = 1,
    template: Template = "pair",
    counterfactual: SwapConfig | None = None,
) -> EncodedExamples:
    """Encodes one split of an `examples` artifact, laid out by `template` where answers are free text.

    Args:
        folder: the artifact.
        split: which of its parts.
        tokenizer: of the network.
        sequence_length: longest row in positions, specials included.
        threads: of the tokenizer.
        template: where the answer stands.
        counterfactual: adds copies of examples; None: none.

    Raises:
        ValueError: no example fits.
    """
    description, examples = TaskDescription.load(folder), read_examples(folder, split)
    if counterfactual is not None:
        examples = augmented(examples, counterfactual)
    if description.answers == "class":
        targets, labels = [np.empty(0, np.int64)] * len(examples), [example["label"] for example in examples]
    else:
        targets = _arrays(tokenizer.encode_batch([example["target"] for example in examples], threads))
        labels = [-1] * len(examples)
    specials = AROUND[template] if description.answers == "text" else description.specials
    rooms = [sequence_length - specials - len(target) for target in targets]
    prompts = encode_prompts(template, examples, tokenizer, rooms, threads)
    kept = np.array([index for index, prompt in enumerate(prompts) if prompt is not None], np.int64)
    if not len(kept):
        raise ValueError(
            f"{folder / split}: none of {len(examples)} answers fits {sequence_length} positions; raise sequence_length"
        )
    fitting = [prompt for prompt in prompts if prompt is not None]
    inputs, answers = [prompt.ids for prompt in fitting], [targets[index] for index in kept]
    return EncodedExamples(
        rows=ExampleRows(inputs, answers, np.array(labels, np.int64)[kept]),
        lengths_N=np.array([len(x) + len(y) + specials for x, y in zip(inputs, answers, strict=True)]),
        truncated=sum(prompt.cut for prompt in fitting),
        dropped=len(examples) - len(kept),
    )


class ExampleLoader:
    """All steps of a fine-tuning, as one rank reads them; the interface of `data.loaders.StepLoader`.

    Each epoch is a permutation drawn from the seed, and one epoch follows the other without a break. Micro-batches are
    bucketed: the examples of 16 steps are sorted by length, cut, and the pieces shuffled. All ranks read neighbours of
    that sorting at once, so none waits for a longer one.
    """

    def __init__(
        self,
        examples: EncodedExamples,
        view: View[Any],
        *,
        objective: str,
        micro_batch_size: int,
        micro_batches: int,
        steps: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Draws the order.

        Args:
            examples: the train split.
            view: what the objective reads.
            objective: its name in the stage.
            micro_batch_size: rows of a micro-batch.
            micro_batches: micro-batches of one step on this rank.
            steps: of the whole stage.

        Raises:
            ValueError: the view cannot read such micro-batches.
        """
        view.check_rows(objective, "examples", micro_batch_size)
        self.steps = steps
        self._examples, self._view, self._objective = examples, view, objective
        self._size, self._micro_batches, self._seed = micro_batch_size, micro_batches, seed
        self._rank, self._world_size = rank, world_size
        self._next_step = 0
        self._pool: tuple[int, Ints, NDArray[np.uint64]] | None = None

    def __len__(self) -> int:
        """Steps of the whole stage, those already taken included."""
        return self.steps

    def __iter__(self) -> Iterator[StepBatch]:
        """Yields the steps that are left; the loader counts what it has handed out."""
        while self._next_step < self.steps:
            self._next_step += 1
            yield self.step(self._next_step - 1)

    def step(self, step: int) -> StepBatch:
        """Returns step `step` (0-based) of this rank; depends on nothing that was read before."""
        pool, place = divmod(step, _POOL_STEPS)
        if self._pool is None or self._pool[0] != pool:
            self._pool = (pool, *self._bucketed(pool))
        _, chosen_CB, seeds_CB = self._pool
        first = place * self._micro_batches * self._world_size + self._rank
        mine = range(first, first + self._micro_batches * self._world_size, self._world_size)
        view = self._view.at(step / max(1, self.steps - 1))
        viewed = [view(self._examples.rows.take(chosen_CB[index]), seeds_CB[index]) for index in mine]
        return StepBatch(step, [micro.feeding(self._objective) for micro in viewed])

    def state_dict(self) -> dict[str, int]:
        """Returns where the loader is: the next step."""
        return {"step": self._next_step}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Goes on from a `state_dict`; the steps to come are those of an uninterrupted run."""
        self._next_step = state["step"]

    def statistics(self) -> dict[str, float]:
        """Returns what the stage will read.

        `padding_fraction` is a share of the positions, `unsorted_padding_fraction` what it would be in the order drawn;
        beside them the epochs, and the examples cut and dropped.
        """
        pools = range(-(-self.steps // _POOL_STEPS))
        lengths_CB = self._examples.lengths_N[np.concatenate([self._bucketed(pool)[0] for pool in pools])]
        drawn_CB = self._examples.lengths_N[np.concatenate([self._drawn(pool)[0] for pool in pools])]
        return {
            "padding_fraction": _padding(lengths_CB),
            "unsorted_padding_fraction": _padding(drawn_CB.reshape(-1, self._size)),
            "epochs": lengths_CB.size / len(self._examples.lengths_N),
            "truncated_examples": self._examples.truncated,
            "dropped_examples": self._examples.dropped,
        }

    def _bucketed(self, pool: int) -> tuple[Ints, NDArray[np.uint64]]:
        """Returns the examples of each of a pool's C micro-batches, over all ranks, and their seeds: (C, B) each."""
        chosen, seeds = self._drawn(pool)
        by_length = np.argsort(self._examples.lengths_N[chosen], kind="stable")
        at_once = by_length.reshape(-1, self._world_size, self._size)
        shuffled = at_once[permutation(key(self._seed, "examples", "pool", pool), len(at_once))]
        shuffled_CB = shuffled.reshape(-1, self._size)
        return chosen[shuffled_CB], seeds[shuffled_CB]

    def _drawn(self, pool: int) -> tuple[Ints, NDArray[np.uint64]]:
        """Returns the examples of a pool in the order of their epochs, and their seeds."""
        per_step = self._size * self._micro_batches * self._world_size
        places = np.arange(pool * _POOL_STEPS * per_step, min((pool + 1) * _POOL_STEPS, self.steps) * per_step)
        epochs, within = np.divmod(places, len(self._examples.lengths_N))
        chosen = np.empty(len(places), dtype=np.int64)
        seeds = np.empty(len(places), dtype=np.uint64)
        for epoch in range(int(epochs[0]), int(epochs[-1]) + 1):
            here = epochs == epoch
            order = permutation(key(self._seed, "examples", "order", epoch), len(self._examples.lengths_N))
            chosen[here] = order[within[here]]
            seeds[here] = row_seeds(key(self._seed, "examples", "noise", epoch), chosen[here])
        return chosen, seeds


def _padding(lengths_CB: Ints) -> float:
    """Share of positions that hold nothing, every row as long as the longest of its micro-batch."""
    return float(1.0 - lengths_CB.sum() / (lengths_CB.max(axis=1).sum() * lengths_CB.shape[1]))


def example_batches(
    examples: EncodedExamples,
    view: View[Any],
    *,
    objective: str,
    micro_batch_size: int,
    max_positions: int | None = None,
    seed: int = 0,
    rank: int = 0,
    world_size: int = 1,
) -> list[MicroBatch]:
    """Returns a fixed set of micro-batches, shortest examples first, each example at most once: for validation.

    Args:
        max_positions: over all ranks, padding aside; None takes every example.
        seed: chooses the examples where not all are taken.
    """
    order = permutation(key(seed, "validation", "order"), len(examples.lengths_N))
    if max_positions is not None:
        order = order[: max(1, int((examples.lengths_N[order].cumsum() <= max_positions).sum()))]
    order = order[np.argsort(examples.lengths_N[order], kind="stable")]
    seeds, view = row_seeds(key(seed, "validation", "noise"), order), view.at(1.0)
    batches = [
        view(examples.rows.take(order[start : start + micro_batch_size]), seeds[start : start + micro_batch_size])
        for start in range(0, len(order), micro_batch_size)
    ]
    return [viewed.feeding(objective) for viewed in batches][rank::world_size]


def _arrays(encoded: Sequence[Sequence[int]]) -> list[Ints]:
    return [np.array(ids, dtype=np.int64) for ids in encoded]
