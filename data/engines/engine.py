"""What runs a function over many pieces of work: results in the order of the pieces, memory that does not grow."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import Field

from data.config import Config

AHEAD = 2
"""Pieces a worker may have in hand, waiting and done ones included: it never waits, and no more is in memory."""
WORKER_DIED = "a cleaning process died, most likely for lack of memory; free some, or run with fewer workers"

Piece = TypeVar("Piece")
Result = TypeVar("Result")
Prepare = Callable[[], Callable[[Piece], Result]]
"""Makes the function, once in every worker: what it holds (models, tables) is not sent with every piece."""


class EngineFields(Config):
    """Settings that every engine takes."""

    workers: int | None = Field(None, gt=0)
    """Processes that clean, each on one core; none given: as many as the machine or the cluster has for it."""


C = TypeVar("C", bound=EngineFields)


@dataclass(frozen=True)
class Crew(Generic[Piece, Result]):
    """Workers that are ready."""

    size: int
    submit: Callable[[Piece], Callable[[], Result]]
    """Gives a piece to a worker; what it returns waits for the result when it is called."""


class Engine(ABC, Generic[C]):
    """Where cleaning runs; what it gives does not depend on it."""

    name: ClassVar[str]
    Config: ClassVar[type[EngineFields]]

    def __init__(self, config: C, threads: int) -> None:
        """`threads` is what this machine has for the work."""
        self.config, self.threads = config, threads

    @classmethod
    def require(cls) -> None:
        """Raises ValueError, which says what to install, where the engine cannot run at all."""

    @abstractmethod
    def crew(self, prepare: Prepare[Any, Any]) -> AbstractContextManager[Crew[Any, Any]]:
        """Starts the workers, and ends them with the block.

        Raises:
            RuntimeError: a worker died; raised where its result is asked for.
        """

    def map(self, prepare: Prepare[Piece, Result], pieces: Iterable[Piece]) -> Iterator[Result]:
        """The function's result for each piece, in their order; takes no more pieces than `AHEAD` a worker."""
        with self.crew(prepare) as crew:
            waiting: deque[Callable[[], Result]] = deque()
            for piece in pieces:
                waiting.append(crew.submit(piece))
                if len(waiting) >= AHEAD * crew.size:
                    yield waiting.popleft()()
            while waiting:
                yield waiting.popleft()()
