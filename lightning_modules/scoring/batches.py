"""Texts in batches that waste little: those of about equal length together."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from data.packing import Ints

Progress = Callable[[int, int], None]


def by_length(
    lengths: Sequence[int], max_positions: int, progress: Progress = lambda done, total: None, extra: int = 0
) -> Iterator[Ints]:
    """Yields indices of samples of about equal length, the longest first, as many at once as fit `max_positions`."""
    order = np.argsort([-length for length in lengths], kind="stable")
    done = 0
    while done < len(order):
        rows = max(1, max_positions // max(1, lengths[order[done]] + extra))
        yield order[done : done + rows]
        done = min(done + rows, len(order))
        progress(done, len(order))
