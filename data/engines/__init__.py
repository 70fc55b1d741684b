"""Where cleaning runs. To add an engine: its file, its line in `ENGINES`, its settings in `EngineConfig`."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from data.engines.engine import Engine
from data.engines.local import LocalConfig, LocalEngine
from data.engines.ray import RayConfig, RayEngine
from data.naming import look_up

__all__ = ["ENGINES", "Engine", "EngineConfig", "LocalConfig", "build_engine", "require_engine"]

ENGINES: dict[str, type[Engine[Any]]] = {
    "local": LocalEngine,
    "ray": RayEngine,
}


def _kind_alone(given: Any) -> Any:
    """Reads `engine: ray` as `engine: {kind: ray}`."""
    given = {"kind": given} if isinstance(given, str) else given
    if isinstance(given, dict):
        look_up("engine", str(given.get("kind")), ENGINES)
    return given


EngineConfig = Annotated[
    Annotated[LocalConfig | RayConfig, Field(discriminator="kind")],
    BeforeValidator(_kind_alone),
]


def require_engine(config: EngineConfig) -> None:
    """Raises ValueError, which says what to install, where the engine cannot run."""
    ENGINES[config.kind].require()


def build_engine(config: EngineConfig, threads: int) -> Engine[Any]:
    """The engine of a corpus; `threads` of this machine are for it."""
    return ENGINES[config.kind](config, threads)
