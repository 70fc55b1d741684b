"""What one stage reads: the steps of its training and a fixed validation set, for this rank."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader

from data.batch import MicroBatch
from data.document import Split
from data.encodings import encode_split
from data.examples import EncodedExamples, ExampleLoader, example_batches
from data.loaders import StepLoader, validation_batches
from data.shards import Shards
from data.views import VIEWS, View, ViewContext
from data.vocabulary import Vocabulary
from lightning_modules.spec import ExampleData, ShardData, ShardSource, TrainSpec


class StageData(pl.LightningDataModule):
    """Builds the loaders that the spec asks for; Lightning keeps a loader's `state_dict` in its checkpoint."""

    def __init__(self, spec: TrainSpec) -> None:
        super().__init__()
        self.spec = spec
        context = ViewContext(Vocabulary.load(spec.tokenizer), spec.stage.sequence_length, spec.model.alignment)
        self.views: dict[str, View[Any]] = {
            name: VIEWS[use.objective](use.settings, context) for name, use in spec.stage.objectives.items()
        }

    def check(self) -> None:
        """Builds both loaders once, so that whatever is wrong with the data shows before anything is trained.

        Raises:
            ValueError: see `train_dataloader`; or there is nothing to validate on.
        """
        _ = self.statistics
        self.val_dataloader()

    @cached_property
    def statistics(self) -> dict[str, float]:
        """What the stage will read; see `statistics` of the loaders."""
        return self.train_dataloader().statistics()

    def train_dataloader(self) -> StepLoader | ExampleLoader:
        """Returns all steps of the stage.

        Raises:
            ValueError: too little data for one step, or the objectives do not read this kind of data.
        """
        spec, data = self.spec, self.spec.data
        rank, world_size = self._place()
        if isinstance(data, ShardData):
            return StepLoader(
                [(self._training_text(source), source.share) for source in data.sources],
                self.views,
                {name: use.share for name, use in spec.stage.objectives.items()},
                sequence_length=spec.stage.sequence_length,
                micro_batch_size=spec.micro_batch_size,
                micro_batches=spec.micro_batches,
                steps=spec.steps,
                seed=spec.seed,
                rank=rank,
                world_size=world_size,
            )
        if len(self.views) != 1:
            raise ValueError(f"labelled examples train one objective, got {', '.join(self.views)}")
        [(name, view)] = self.views.items()
        return ExampleLoader(
            self._encoded(data, "train", view),
            view,
            objective=name,
            micro_batch_size=spec.micro_batch_size,
            micro_batches=spec.micro_batches,
            steps=spec.steps,
            seed=spec.seed,
            rank=rank,
            world_size=world_size,
        )

    def val_dataloader(self) -> DataLoader[MicroBatch]:
        """Returns this rank's part of the validation set of every objective."""
        batches = [batch for name in self.views for batch in self._validation(name)]
        return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]  # a list is a map-style data set

    def _validation(self, name: str) -> list[MicroBatch]:
        spec, data = self.spec, self.spec.data
        rank, world_size = self._place()
        if isinstance(data, ExampleData):
            return example_batches(
                self._encoded(data, "validation", self.views[name]),
                self.views[name],
                objective=name,
                micro_batch_size=spec.micro_batch_size,
                max_positions=spec.stage.validation_tokens,
                seed=spec.seed,
                rank=rank,
                world_size=world_size,
            )
        # Whatever part of the text a stage trains on, it is validated on all: losses of all stages are of one measure.
        shares: dict[Path, float] = {}
        for source in data.sources:
            shares[source.path] = shares.get(source.path, 0.0) + source.share
        opened = [(self._shards(path, "validation"), share) for path, share in shares.items()]
        # New text of a retraining may be too little to have a validation part; old text has one.
        with_text = [(shards, share) for shards, share in opened if shards.documents] or opened
        return [
            batch
            for shards, share in with_text
            for batch in validation_batches(
                shards,
                self.views[name],
                objective=name,
                sequence_length=spec.stage.sequence_length,
                micro_batch_size=spec.micro_batch_size,
                max_positions=round(share * spec.stage.validation_tokens),
                seed=spec.seed,
                rank=rank,
                world_size=world_size,
            )
        ]

    def _training_text(self, source: ShardSource) -> Shards:
        shards = self._shards(source.path, "train")
        return shards if source.source is None else shards.of_source(source.source)

    def _shards(self, path: Path, split: Split) -> Shards:
        shards = Shards.open(path, split)
        if shards.vocab_size != self.spec.model.vocab_size:
            raise ValueError(
                f"{path}: tokens of a vocabulary of {shards.vocab_size:,}, "
                f"but the model has {self.spec.model.vocab_size:,}"
            )
        return shards

    def _encoded(self, data: ExampleData, split: Split, view: View[Any]) -> EncodedExamples:
        from data.tokenizer import Tokenizer  # here, because training on shards needs no tokenizer library

        tokenizer = Tokenizer.load(self.spec.tokenizer)
        length, threads = self.spec.stage.sequence_length, self.spec.hardware.threads
        added = data.counterfactual if split == "train" else None
        return encode_split(data.path, split, tokenizer, length, threads, view.template, added)

    def _place(self) -> tuple[int, int]:
        trainer = self.trainer
        return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)
