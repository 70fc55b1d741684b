"""What a stage reads, and what it is validated on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from data.batch import MicroBatch
from data.shards import Shards
from lightning_modules.datamodule import StageData
from lightning_modules.spec import TrainSpec

MakeSpec = Callable[..., TrainSpec]
CAUSAL = {"objectives": {"causal_lm": {}}}


def mixture(artifacts: Path, **shares: float) -> dict[str, object]:
    sources = [{"path": artifacts / "tokens", "source": name, "share": share} for name, share in shares.items()]
    return {"kind": "shards", "sources": sources}


def openings(shards: Shards, length: int) -> set[tuple[int, ...]]:
    """The first four tokens of every window."""
    texts = [shards.document(index).tolist() for index in range(shards.documents)]
    return {tuple(text[start : start + 4]) for text in texts for start in range(0, len(text), length - 1)}


def is_of(micro: MicroBatch, known: set[tuple[int, ...]]) -> bool:
    """Whether the first window of every row is a known one."""
    return all(tuple(row[1:5].tolist()) in known for row in micro.batch.input_ids_BT)


def test_rows_come_from_the_named_sources_by_their_shares(make_spec: MakeSpec, artifacts: Path):
    spec = make_spec(stage=CAUSAL, steps=10, data=mixture(artifacts, news=0.25, tweets=0.75))
    train = Shards.open(artifacts / "tokens", "train")
    known = {name: openings(train.of_source(name), 32) for name in ("news", "tweets")}

    micros = [micro for step in StageData(spec).train_dataloader() for micro in step.micro_batches]

    from_tweets = [is_of(micro, known["tweets"]) for micro in micros]
    assert [is_of(micro, known["news"]) for micro in micros] == [not tweets for tweets in from_tweets]
    assert abs(sum(from_tweets) - 0.75 * len(micros)) <= 1


def test_validation_is_on_all_text_whatever_the_mixture(make_spec: MakeSpec, artifacts: Path):
    natural, mixed = make_spec(), make_spec(data=mixture(artifacts, tweets=1.0))

    sets = [
        [micro.batch.input_ids_BT.tolist() for micro in StageData(spec).val_dataloader()] for spec in (natural, mixed)
    ]

    assert sets[0] == sets[1]


def test_source_that_the_tokens_do_not_know_is_refused(make_spec: MakeSpec, artifacts: Path):
    with pytest.raises(ValueError, match="source 'blogs' is not one run"):
        StageData(make_spec(data=mixture(artifacts, blogs=1.0))).check()
