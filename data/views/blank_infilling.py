"""Blank infilling: spans of the text are taken out, and written behind it one by one.

A sample becomes a *unit*. Part A is its text with a mask for each span, read to both sides; part B holds the spans in a
random order, each written from left to right behind `[span start]` and closed by `[span end]`, seeing part A and what
is written before it. Every position has two coordinates: a token of part B shares the position of its span's mask, and
counts its place within the span.

    text   bos 1 2 3 4 5 6          input   bos 1 2 M 4 M   S 5 6 S 3
    spans  5 6, then 3              target                  5 6 E 3 E

A unit has two positions more for each span than its text; `data.views.spans` shortens the text by as many, so a unit
stands where its sample stood. Bos and eos stay in part A.

Source: Du et al. 2022, arXiv:2103.10360 (GLM), sections 2.1 and 2.2. Shapes: B rows, T positions, S samples, F spans,
N flattened positions of the rows, M positions of part B.
"""

from typing import Literal, Self, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from data.batch import Attention, TokenBatch
from data.config import Config
from data.packing import Ints, Windows, ranges
from data.views.base import View, Viewed, batch_seed, flat
from data.views.noise import uniform
from data.views.sentence_order import sentence_ends
from data.views.spans import LONGEST_SPAN, MEAN_SPAN, Draw, Spans, Texts, document_spans, sentence_spans, token_spans
from data.vocabulary import Specials

Level = Literal["token", "sentence", "document"]
LEVELS: tuple[Level, ...] = get_args(Level)


class BlankInfillingViewConfig(Config):
    """What `blank_infilling` reads."""

    levels: dict[Level, float] = Field({"token": 1.0}, min_length=1)
    """What is hidden -> share of the samples: `token`, spans of 1 to 39 tokens; `sentence`, whole sentences;
    `document`, one span of half of the text to all of it. Each level has a mask symbol of its own."""
    rate: float = Field(0.15, gt=0.0, le=0.5)
    """Share of the text's tokens that the spans of `token` and `sentence` cover; at more than half of them there might
    be none left to keep spans apart."""

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        shares = self.levels.values()
        if min(shares) <= 0.0 or abs(sum(shares) - 1.0) > 1e-6:
            given = ", ".join(f"{level} {share:g}" for level, share in self.levels.items())
            raise ValueError(f"levels are positive shares of the samples that add up to 1, got {given}")
        return self

    def predicted_share(self) -> float:
        """Returns the share of a unit's positions that predict a token, in texts that are long beside their spans."""
        spans = self.rate / MEAN_SPAN  # for each token of the text
        of_level = {
            "token": (self.rate + spans) / (1.0 + 2.0 * spans),
            "sentence": self.rate,
            "document": 0.75,  # half of the text to all of it
        }
        return sum(share * of_level[level] for level, share in self.levels.items())

    def longest_span(self, sequence_length: int) -> int:
        """Returns the most tokens that a span can have in rows of `sequence_length` positions."""
        longest = sequence_length - 3  # bos, a mask and a span start
        return min(longest, LONGEST_SPAN) if self.levels.keys() == {"token"} else longest


class BlankInfillingView(View[BlankInfillingViewConfig]):
    """Makes a unit of every sample; one that is too short for a span, or has no whole sentence to hide, is left out."""

    def __call__(self, rows: Windows, seeds_B: NDArray[np.uint64]) -> Viewed:
        """Returns the units, each in the place its sample has in its row."""

        def draw(purpose: str) -> NDArray[np.float64]:
            return uniform(seeds_B, purpose, self.context.sequence_length).reshape(-1)

        texts = _texts(rows, ~self.vocabulary.is_special[rows.input_ids_BT])
        levels = [level for level in LEVELS if level in self.config.levels]
        borders = np.cumsum([self.config.levels[level] for level in levels[:-1]])
        level_S = np.searchsorted(borders, draw("level")[texts.bos_S], side="right")
        parts = [self._hidden(level, texts.where(level_S == index), rows, draw) for index, level in enumerate(levels)]
        spans = Spans(*map(np.concatenate, zip(*(part for part, _ in parts), strict=True)))
        masks_F = np.repeat([mask for _, mask in parts], [len(part.starts_F) for part, _ in parts])
        batch = units(rows, spans, masks_F, draw("turn")[spans.starts_F], self.specials, batch_seed(seeds_B))
        targets = int(spans.lengths_F.sum()) + len(spans.lengths_F)  # each span's end is one
        text_tokens = int((~self.vocabulary.is_special[batch.input_ids_BT.numpy()]).sum())
        return Viewed(batch, {"blank_infilling": targets}, text_tokens)

    def _hidden(self, level: Level, texts: Texts, rows: Windows, draw: Draw) -> tuple[Spans, int]:
        """Returns the spans of one level, and its mask symbol."""
        if level == "token":
            return token_spans(texts, self.config.rate, draw), self.specials.mask
        if level == "sentence":
            ends_N = sentence_ends(rows.input_ids_BT, self.vocabulary).reshape(-1)
            return sentence_spans(texts, self.config.rate, ends_N, draw), self.specials.sentence_mask
        return document_spans(texts, draw), self.specials.generation_mask


def units(
    rows: Windows, spans: Spans, masks_F: Ints, turn_F: NDArray[np.float64], specials: Specials, seed: int
) -> TokenBatch:
    """Builds part A and part B of every sample that has a span.

    Args:
        rows: the samples.
        spans: what is hidden, in any order.
        masks_F: id that stands for each span in part A.
        turn_F: within a sample, part B holds the spans in ascending order of these numbers.
        specials: ids of the tokenizer's special tokens.
        seed: of the batch.
    """
    order = np.lexsort((turn_F, spans.bos_F))
    spans, masks_F = Spans(*(values_F[order] for values_F in spans)), masks_F[order]
    source = _left_in_a(rows, spans)
    bos_of_a = source - rows.position_ids_BT.reshape(-1)[source]
    position_in_a = np.arange(len(source)) - np.searchsorted(bos_of_a, bos_of_a)
    mask_F = np.searchsorted(source, spans.starts_F)
    ids_of_a = rows.input_ids_BT.reshape(-1)[source]
    ids_of_a[mask_F] = masks_F
    a = bos_of_a + position_in_a

    length_of_a = np.bincount(bos_of_a, minlength=rows.input_ids_BT.size)
    written_F = spans.lengths_F + 1
    before_F = np.cumsum(written_F) - written_F
    before_F -= before_F[np.searchsorted(spans.bos_F, spans.bos_F)]
    b = ranges(spans.bos_F + length_of_a[spans.bos_F] + before_F, written_F)
    inputs_M, targets_M = _written(rows, spans, specials)

    filled = np.concatenate([a, b])
    sample = rows.samples().reshape(-1)[np.concatenate([bos_of_a, np.repeat(spans.bos_F, written_F)])]
    position = np.concatenate([position_in_a, np.repeat(position_in_a[mask_F], written_F)])

    def over_rows(place: Ints, values: Ints | bool, elsewhere: int | bool) -> Tensor:
        values_BT = np.full(rows.input_ids_BT.shape, elsewhere)
        values_BT.reshape(-1)[place] = values
        return torch.from_numpy(values_BT)

    return TokenBatch(
        input_ids_BT=over_rows(filled, np.concatenate([ids_of_a, inputs_M]), specials.pad),
        position_ids_BT=over_rows(filled, position, 0),
        attention=Attention(
            "prefix", sample_ids_BT=over_rows(filled, sample, -1), in_prefix_BT=over_rows(a, True, False)
        ),
        seed=seed,
        predict_M=flat(b),
        targets_M=flat(targets_M),
        span_position_ids_BT=over_rows(b, ranges(np.ones_like(written_F), written_F), 0),
    )


def _left_in_a(rows: Windows, spans: Spans) -> Ints:
    """Returns the flattened positions that part A takes over: of each span the first, for its mask."""
    size = rows.input_ids_BT.size
    place_N = np.arange(size)
    kept_N = np.full(size, size)
    kept_N[spans.bos_F] = spans.kept_F
    left_N = place_N >= kept_N[place_N - rows.position_ids_BT.reshape(-1)]
    left_N[spans.bos_F] = True
    left_N[ranges(spans.starts_F + 1, spans.lengths_F - 1)] = False
    return np.flatnonzero(left_N)


def _written(rows: Windows, spans: Spans, specials: Specials) -> tuple[Ints, Ints]:
    """Returns what part B reads and what it predicts: the spans behind their starts, and before their ends."""
    sizes_F = spans.lengths_F + 1
    last_F = np.cumsum(sizes_F) - 1
    inputs_M = rows.input_ids_BT.reshape(-1)[ranges(spans.starts_F - 1, sizes_F)]
    inputs_M[last_F - spans.lengths_F] = specials.span_start
    targets_M = np.roll(inputs_M, -1)
    targets_M[last_F] = specials.span_end
    return inputs_M, targets_M


def _texts(rows: Windows, is_text_BT: NDArray[np.bool_]) -> Texts:
    """Returns the samples of three tokens or more: a span costs two positions, and hides one token at least."""
    place = np.flatnonzero(is_text_BT)
    bos_S, tokens_S = np.unique(place - rows.position_ids_BT.reshape(-1)[place], return_counts=True)
    long_S = tokens_S > 2
    return Texts(bos_S[long_S], tokens_S[long_S])
