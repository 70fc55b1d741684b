from collections import Counter

import numpy as np
import pytest
import torch

from data.batch import MicroBatch, StepBatch, TokenBatch
from data.config import Config
from data.loaders import StepLoader, validation_batches
from data.shards import Shards
from data.views.base import View, ViewContext, Viewed, attention, batch_seed
from data.views.masked_lm import MaskedLMView, MaskedLMViewConfig
from data.views.next_sentence import NextSentenceView, NextSentenceViewConfig
from data.vocabulary import SPECIALS, Vocabulary, special_piece

FIRST = SPECIALS.count
VOCABULARY = Vocabulary.from_pieces(
    [*map(special_piece, SPECIALS.by_name()), *(f"▁word{index}" for index in range(9000))]
)


class PlainView(View[Config]):
    """Shows the rows as they are."""

    def __call__(self, rows, seeds_B):
        batch = TokenBatch(
            torch.from_numpy(rows.input_ids_BT),
            torch.from_numpy(rows.position_ids_BT),
            attention("causal", rows),
            seed=batch_seed(seeds_B),
        )
        return Viewed(batch, {"plain": 1}, int((rows.input_ids_BT >= FIRST).sum()))


class ExampleView(PlainView):
    reads = frozenset({"examples"})


PLAIN = PlainView(Config(), ViewContext(VOCABULARY, 8, "shifted"))


def shards(lengths: list[int], first: int = FIRST) -> Shards:
    """Documents of these lengths whose tokens are all different."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    tokens = np.arange(first, first + offsets[-1], dtype=np.uint16)
    return Shards(tokens, offsets, np.array(lengths), vocab_size=VOCABULARY.size, tokenizer_sha256="toy")


def loader(sources: Shards | list[tuple[Shards, float]], **changes) -> StepLoader:
    settings = {"sequence_length": 8, "micro_batch_size": 2, "micro_batches": 3, "steps": 8, "seed": 5} | changes
    views = settings.pop("views", {"plain": PLAIN})
    shares = settings.pop("shares", dict.fromkeys(views, 1 / len(views)))
    return StepLoader([(sources, 1.0)] if isinstance(sources, Shards) else sources, views, shares, **settings)


def micro_batches(steps) -> list[MicroBatch]:
    return [micro for step in steps for micro in step.micro_batches]


def tokens_of(micros: list[MicroBatch]) -> Counter[int]:
    ids = [token for micro in micros for token in micro.batch.input_ids_BT.flatten().tolist()]
    return Counter(token for token in ids if token >= FIRST)


def assert_equal(one: list[StepBatch], other: list[StepBatch]) -> None:
    assert [step.step for step in one] == [step.step for step in other]
    for a, b in zip(micro_batches(one), micro_batches(other), strict=True):
        assert (a.objective, a.counts, a.text_tokens, a.batch.seed) == (
            b.objective,
            b.counts,
            b.text_tokens,
            b.batch.seed,
        )
        assert torch.equal(a.batch.input_ids_BT, b.batch.input_ids_BT)
        assert torch.equal(a.batch.position_ids_BT, b.batch.position_ids_BT)


MIXED = shards([7] * 20 + [3, 2, 1, 4] * 9)  # 20 single rows; 36 short documents in packed rows


def two_objectives(**changes) -> StepLoader:
    masked = MaskedLMView(MaskedLMViewConfig(rate=0.3), ViewContext(VOCABULARY, 8, "shifted"))
    return loader(MIXED, views={"plain": PLAIN, "cloze": masked}, shares={"plain": 0.3, "cloze": 0.7}, **changes)


@pytest.mark.parametrize("stopped_after", [0, 1, 5, 8])
def test_resumed_loader_goes_on_as_if_never_stopped(stopped_after: int):
    uninterrupted = list(two_objectives())
    stopped = two_objectives()
    before = [step for step, _ in zip(stopped, range(stopped_after), strict=False)] if stopped_after else []
    resumed = two_objectives()
    resumed.load_state_dict({"step": stopped_after})

    assert len(resumed) == len(uninterrupted) == 8
    assert_equal(before + list(resumed), uninterrupted)


def test_state_counts_the_steps_handed_out():
    run = two_objectives()
    steps = iter(run)
    next(steps), next(steps)

    assert run.state_dict() == {"step": 2}


def test_ranks_read_the_same_objectives_and_together_what_one_rank_reads():
    alone = micro_batches(two_objectives(micro_batch_size=4))
    ranks = [micro_batches(two_objectives(rank=rank, world_size=2)) for rank in (0, 1)]

    for whole, first, second in zip(alone, *ranks, strict=True):
        assert whole.objective == first.objective == second.objective
        together = torch.cat([first.batch.input_ids_BT, second.batch.input_ids_BT])
        assert torch.equal(whole.batch.input_ids_BT, together)
        assert not tokens_of([first]) & tokens_of([second])


def test_every_token_is_read_exactly_once_an_epoch():
    text = shards([7] * 12)  # 12 rows: 6 micro-batches, 2 steps

    for epoch in range(4):
        assert tokens_of(micro_batches(list(loader(text))[2 * epoch : 2 * epoch + 2])) == Counter(text.tokens.tolist())


def test_rows_are_read_in_another_order_in_every_epoch():
    steps = list(loader(shards([7] * 12)))

    assert not torch.equal(steps[0].micro_batches[0].batch.input_ids_BT, steps[2].micro_batches[0].batch.input_ids_BT)
    assert steps[0].micro_batches[0].batch.seed != steps[2].micro_batches[0].batch.seed


def test_rows_that_fill_no_micro_batch_go_over_to_the_next_epoch():
    text = shards([7] * 13)  # 13 rows in pairs: 13 micro-batches are two epochs
    steps = list(loader(text, micro_batches=1, steps=13))

    assert tokens_of(micro_batches(steps)) == Counter(dict.fromkeys(text.tokens.tolist(), 2))


def test_single_and_packed_rows_never_share_a_micro_batch_and_feed_every_objective():
    views = {"one": PLAIN, "other": PLAIN}
    micros = micro_batches(loader(MIXED, views=views, steps=40))
    kinds = Counter((micro.objective, micro.batch.attention.sample_ids_BT is None) for micro in micros)
    share = loader(MIXED).statistics()["single_share"]

    for name in views:
        assert abs(kinds[name, True] - 60 * share) < 1
        assert abs(kinds[name, False] - 60 * (1 - share)) < 1
    for micro in micros:
        if micro.batch.attention.sample_ids_BT is None:
            assert micro.text_tokens == 2 * 7


def test_objectives_get_their_shares_at_every_point_of_the_stage():
    names = [micro.objective for micro in micro_batches(two_objectives(steps=30))]
    ahead = np.cumsum(np.array(names) == "plain") - 0.3 * np.arange(1, 91)

    assert np.abs(ahead).max() < 1


def test_sources_are_mixed_by_share():
    old, new = shards([7] * 40), shards([7] * 10, first=5000)
    micros = micro_batches(loader([(old, 0.25), (new, 0.75)], micro_batches=4, steps=5))
    is_new = [bool((micro.batch.input_ids_BT >= 5000).any()) for micro in micros]

    assert sum(is_new) == 15
    assert loader([(old, 0.25), (new, 0.75)], micro_batches=4, steps=5).statistics()["epochs"] == 3.0


def test_a_rate_on_its_way_resumes_where_it_was_and_is_the_final_one_in_validation():
    config = MaskedLMViewConfig(selection="exact", rate=0.8, final_rate=0.2)
    view = MaskedLMView(config, ViewContext(VOCABULARY, 42, "shifted"))
    settings = {"views": {"cloze": view}, "sequence_length": 42, "steps": 5}
    text = shards([40] * 30)
    uninterrupted = list(loader(text, **settings))
    resumed = loader(text, **settings)
    resumed.load_state_dict({"step": 3})
    [validation, *_] = validation_batches(
        text, view, objective="cloze", sequence_length=42, micro_batch_size=2, max_positions=84, seed=0
    )

    hidden = [{micro.counts["masked_lm"] for micro in step.micro_batches} for step in uninterrupted]
    assert hidden == [{2 * 32}, {2 * 26}, {2 * 20}, {2 * 14}, {2 * 8}]  # of 40 tokens 80, 65, 50, 35, 20 %
    assert_equal(list(resumed), uninterrupted[3:])
    assert validation.counts == {"masked_lm": 2 * 8}


def test_too_few_packed_rows_are_filled_up_with_single_ones():
    text = shards([7] * 20 + [2])
    micros = micro_batches(loader(text, micro_batch_size=4, micro_batches=1, steps=21))  # 21 rows: 4 epochs

    assert tokens_of(micros) == Counter(dict.fromkeys(text.tokens.tolist(), 4))
    packed = [micro.batch for micro in micros if micro.batch.attention.sample_ids_BT is not None]
    assert {tuple(sorted(micro.attention.sample_ids_BT[:, -1].tolist())) for micro in packed} == {(-1, 0, 0, 0)}


def test_too_little_text_for_one_micro_batch_is_refused():
    with pytest.raises(ValueError, match="14 tokens fill 2 rows of 8 positions, fewer than the 4 of one micro-batch"):
        loader(shards([7] * 2), world_size=2)


def test_objectives_that_read_examples_are_refused():
    view = ExampleView(Config(), ViewContext(VOCABULARY, 8, "shifted"))
    with pytest.raises(ValueError, match="objective 'sentiment' reads labelled examples"):
        loader(MIXED, views={"sentiment": view})


def test_a_single_row_is_refused_where_rows_are_compared():
    view = NextSentenceView(NextSentenceViewConfig(), ViewContext(VOCABULARY, 8, "shifted"))
    with pytest.raises(
        ValueError, match=r"'pairs' compares the rows .* has only 1; raise .* to 2 rows of sequence_length"
    ):
        loader(MIXED, views={"pairs": view}, micro_batch_size=1)


def test_statistics_are_those_of_what_is_read():
    run = loader(shards([7] * 6 + [2] * 4), steps=5, micro_batches=2)  # 6 single rows, 2 packed of 2 * 4 positions
    facts = run.statistics()
    ids = torch.cat([micro.batch.input_ids_BT for micro in micro_batches(run)])

    assert facts == {"single_share": 0.75, "packed_share": 0.25, "padding_fraction": 0.0, "epochs": 2.5}
    assert not (ids == SPECIALS.pad).any()
    assert loader(shards([7] * 6 + [1] * 4)).statistics()["padding_fraction"] == pytest.approx(0.25 * 4 / 16)


def test_validation_set_is_fixed_and_shared_out_among_ranks():
    settings = {"objective": "x", "sequence_length": 8, "micro_batch_size": 4, "max_positions": 8 * 19, "seed": 3}
    one, other = validation_batches(MIXED, PLAIN, **settings), validation_batches(MIXED, PLAIN, **settings)
    ranks = [validation_batches(MIXED, PLAIN, **settings, rank=rank, world_size=2) for rank in (0, 1)]

    assert sum(len(micro.batch.input_ids_BT) for micro in one) == 19
    assert max(tokens_of(one).values()) == 1
    assert_equal([StepBatch(0, one)], [StepBatch(0, other)])
    assert tokens_of(ranks[0]) + tokens_of(ranks[1]) == tokens_of(one)
    assert {micro.objective for micro in one} == {"x"}


def test_empty_validation_split_is_refused():
    settings = {"objective": "x", "sequence_length": 8, "micro_batch_size": 4, "max_positions": 64, "seed": 3}
    with pytest.raises(ValueError, match="validation split holds no text"):
        validation_batches(shards([]), PLAIN, **settings)
