"""Engine `local`: the cores of this machine."""

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar, Literal

from data.engines.engine import WORKER_DIED, Crew, Engine, EngineFields, Prepare


class LocalConfig(EngineFields):
    """Settings of `local`."""

    kind: Literal["local"] = "local"


class LocalEngine(Engine[LocalConfig]):
    """A pool of processes; one worker is this process itself."""

    name: ClassVar[str] = "local"
    Config: ClassVar[type[EngineFields]] = LocalConfig

    @contextmanager
    def crew(self, prepare: Prepare[Any, Any]) -> Iterator[Crew[Any, Any]]:
        """The pool, or what stands for it."""
        workers = self.config.workers or self.threads
        if workers == 1:
            function = prepare()
            yield Crew(1, lambda piece: partial(function, piece))
            return
        spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of Arrow's and others' threads
        pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start_worker, initargs=(prepare,))
        try:
            yield Crew(workers, lambda piece: pool.submit(_work, piece).result)
        except BrokenProcessPool as error:
            raise RuntimeError(WORKER_DIED) from error
        finally:
            pool.shutdown(cancel_futures=True)


_function: Callable[[Any], Any]


def _start_worker(prepare: Prepare[Any, Any]) -> None:
    global _function
    _function = prepare()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this worker when its parent was killed: the pool's queue alone would let it wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _work(piece: Any) -> Any:
    return _function(piece)
