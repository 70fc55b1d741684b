"""Engine `ray`: actors of a Ray cluster, or of a Ray that is started on this machine for the time of the work.

Pieces and results are Arrow record batches; Ray keeps their buffers in its object store and hands them on uncopied.
"""

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from typing import Any, ClassVar, Literal

from data.engines.engine import AHEAD, WORKER_DIED, Crew, Engine, EngineFields, Prepare

STORE_BYTES_PER_PIECE = 32 * 2**20
"""Room in the object store of a Ray started here; what does not fit, Ray moves to disk."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the coming default; without it every start warns
}


class RayConfig(EngineFields):
    """Settings of `ray`."""

    kind: Literal["ray"] = "ray"
    address: str | None = None
    """Of a running cluster: 'auto' on one of its nodes, 'host:6379', or 'ray://host:10001' from outside. Every node
    needs the same version of this package. null starts Ray on this machine, for this build."""


class RayEngine(Engine[RayConfig]):
    """One actor for each worker, on one CPU each; a Ray that this process is connected to already is used and left."""

    name: ClassVar[str] = "ray"
    Config: ClassVar[type[EngineFields]] = RayConfig

    @classmethod
    def require(cls) -> None:
        """Raises ValueError where Ray is not installed."""
        if importlib.util.find_spec("ray") is None:
            raise ValueError("engine 'ray' needs the package ray, which is not installed: pip install 'stagelm[ray]'")

    @contextmanager
    def crew(self, prepare: Prepare[Any, Any]) -> Iterator[Crew[Any, Any]]:
        """The actors."""
        self.require()
        import ray
        from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError, WorkerCrashedError

        with connected(self.config.address, self.config.workers or self.threads):
            cores = int(ray.cluster_resources().get("CPU", 0))
            workers = self.config.workers or cores
            if not 0 < workers <= cores:  # the actors beyond would be waited for without end
                raise RuntimeError(f"engine 'ray': {workers} workers asked for, but the cluster has {cores} CPUs")
            worker = ray.remote(num_cpus=1)(_Worker)
            actors = [worker.remote(prepare) for _ in range(workers)]
            turns = cycle(actors)
            try:
                yield Crew(workers, lambda piece: partial(ray.get, next(turns).work.remote(piece)))
            except RayTaskError as error:  # what the function raised, as it would have been raised here
                raise error.cause from error
            except (RayActorError, WorkerCrashedError, OutOfMemoryError) as error:
                raise RuntimeError(WORKER_DIED) from error
            finally:
                for actor in actors:
                    ray.kill(actor)


class _Worker:
    """An actor's content."""

    def __init__(self, prepare: Prepare[Any, Any]) -> None:
        self._function: Callable[[Any], Any] = prepare()

    def work(self, piece: Any) -> Any:
        return self._function(piece)


@contextmanager
def connected(address: str | None, workers: int) -> Iterator[None]:
    """Connects this process to Ray for the block.

    Args:
        address: of a cluster; None starts one on this machine, without dashboard and without telemetry.
        workers: CPUs of the one that is started.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    for variable, value in _QUIET.items():
        os.environ.setdefault(variable, value)
    own = {
        "num_cpus": workers,
        "num_gpus": 0,
        "include_dashboard": False,
        "object_store_memory": max(128 * 2**20, 2 * AHEAD * workers * STORE_BYTES_PER_PIECE),
        "_temp_dir": os.environ.get("RAY_TMPDIR"),
    }
    ray.init(address=address, logging_level="error", log_to_driver=False, **({} if address else own))
    try:
        yield
    finally:
        ray.shutdown()
