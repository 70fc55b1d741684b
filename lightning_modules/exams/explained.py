"""One answer of a network in the form in which integrated gradients take it apart.

Shapes: T positions, R rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from data.batch import Attention, TokenBatch
from data.packing import Ints
from data.tokenizer import Tokenizer
from data.vocabulary import SPECIALS
from lightning_modules.attribution import Attribution, integrated_gradients
from lightning_modules.exams.task import Classifier
from lightning_modules.networks import Trunk


@dataclass(frozen=True)
class Asked:
    """A network, how it reads the text, and the log-probability that is taken apart."""

    trunk: Trunk
    repeated: Callable[[int], TokenBatch]
    """The text in so many rows."""
    score: Callable[[TokenBatch], Tensor]
    """(R,) in nats."""


@dataclass(frozen=True)
class Explained:
    """One text and its answer."""

    ids: Ints
    """The tokens that can bring something about, without specials."""
    answer: str
    networks: tuple[Asked, Asked]
    """The trained one, and one with random weights."""

    @property
    def shown(self) -> slice:
        """Where the tokens stand among the positions: behind bos."""
        return slice(1, 1 + len(self.ids))

    def take_apart(self, asked: Asked, baseline: Literal["mask", "pad"], steps: int) -> Attribution:
        """Returns what each position brings about, specials nothing."""
        ids_T = asked.repeated(1).input_ids_BT[0].clone()
        ids_T[self.shown] = SPECIALS.mask if baseline == "mask" else SPECIALS.pad
        return integrated_gradients(asked.trunk, asked.repeated, asked.score, ids_T, steps)


def of_classifier(classifiers: tuple[Classifier, Classifier], ids: Ints, labels: tuple[str, ...]) -> Explained:
    """Returns the log-probability of the class that the first classifier gives a text."""
    with torch.no_grad():
        answer = int(classifiers[0].head.logits(classifiers[0].trunk, classifiers[0].batch([ids])).argmax())

    def asked(classifier: Classifier) -> Asked:
        return Asked(
            classifier.trunk,
            lambda rows: classifier.batch([ids] * rows),
            lambda batch: classifier.head.logits(classifier.trunk, batch).log_softmax(-1)[:, answer],
        )

    return Explained(ids, labels[answer], (asked(classifiers[0]), asked(classifiers[1])))


def of_base_model(networks: tuple[Trunk, Trunk], ids: Ints, tokenizer: Tokenizer) -> Explained:
    """Returns the log-probability of a text's last token after all before it."""
    target = int(ids[-1])
    sample = torch.from_numpy(np.concatenate([[SPECIALS.bos], ids[:-1]]))

    def asked(trunk: Trunk) -> Asked:
        def repeated(rows: int) -> TokenBatch:
            width = len(sample)
            batch = TokenBatch(
                input_ids_BT=sample.expand(rows, width),
                position_ids_BT=torch.arange(width).expand(rows, width),
                attention=Attention("causal"),
                seed=0,
            )
            return batch.to(trunk.vocabulary_VD.device)

        return Asked(
            trunk, repeated, lambda batch: trunk.project(trunk.hidden(batch)[:, -1]).float().log_softmax(-1)[:, target]
        )

    return Explained(ids[:-1], tokenizer.decode([target]), (asked(networks[0]), asked(networks[1])))
