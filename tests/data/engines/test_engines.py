import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from data.engines import EngineConfig, build_engine, require_engine
from data.engines.engine import AHEAD

CONFIG: TypeAdapter[Any] = TypeAdapter(EngineConfig)
ENGINES = [
    pytest.param("local", 1, id="here"),
    pytest.param("local", 2, id="local"),
    pytest.param("ray", 2, id="ray", marks=pytest.mark.slow),
]


@pytest.fixture
def engine(kind: str, workers: int, request: pytest.FixtureRequest) -> Any:
    if kind == "ray":
        request.getfixturevalue("ray_of_two")
    return build_engine(CONFIG.validate_python({"kind": kind, "workers": workers}), 1)


def counting(start: int) -> Callable[[int], tuple[int, int]]:
    """Prepares a function that adds, and tells its process."""
    return lambda number: (number + start, os.getpid())


def failing() -> Callable[[int], int]:
    return lambda number: 1 // (number - 3)


def dying() -> Callable[[int], None]:
    return lambda _: signal.raise_signal(signal.SIGKILL)


@pytest.mark.parametrize(("kind", "workers"), ENGINES)
def test_results_come_in_the_order_of_the_pieces_from_all_workers(engine: Any, workers: int) -> None:
    results = list(engine.map(partial(counting, 100), range(40)))

    assert [number for number, _ in results] == list(range(100, 140))
    processes = {process for _, process in results}
    assert len(processes) <= workers
    assert (os.getpid() in processes) == (workers == 1)


@pytest.mark.parametrize(("kind", "workers"), ENGINES)
def test_no_more_pieces_are_taken_than_the_workers_have_in_hand(engine: Any, workers: int) -> None:
    taken: list[int] = []

    def pieces() -> Iterator[int]:
        for number in range(30):
            taken.append(number)
            yield number

    for given, _ in enumerate(engine.map(partial(counting, 0), pieces()), 1):
        assert len(taken) - given < AHEAD * workers


@pytest.mark.parametrize(("kind", "workers"), ENGINES)
def test_what_the_function_raises_is_raised(engine: Any, workers: int) -> None:
    results = engine.map(failing, range(10))

    assert [next(results) for _ in range(3)] == [-1, -1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize(("kind", "workers"), ENGINES[1:])
def test_dead_worker_is_an_error(engine: Any, workers: int) -> None:
    with pytest.raises(RuntimeError, match="a cleaning process died, most likely for lack of memory"):
        list(engine.map(dying, range(10)))


@pytest.mark.slow
def test_ray_keeps_its_files_where_it_is_told(ray_of_two: Path) -> None:
    assert list(ray_of_two.glob("**/session_*"))


@pytest.mark.slow
@pytest.mark.usefixtures("ray_of_two")
def test_more_workers_than_the_cluster_has_cores_are_refused() -> None:
    engine = build_engine(CONFIG.validate_python({"kind": "ray", "workers": 3}), 1)

    with pytest.raises(RuntimeError, match="3 workers asked for, but the cluster has 2 CPUs"):
        list(engine.map(partial(counting, 0), range(3)))


@pytest.mark.parametrize("given", ["ray", {"kind": "ray"}])
def test_kind_alone_is_a_setting(given: Any) -> None:
    assert CONFIG.validate_python(given).model_dump() == {"kind": "ray", "address": None, "workers": None}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("rai", r"unknown engine 'rai'\. Did you mean 'ray'\? Known: local, ray"),
        ({"kind": "local", "address": "auto"}, "address"),
        ({"kind": "local", "workers": 0}, "greater than 0"),
    ],
)
def test_wrong_settings_are_refused(given: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CONFIG.validate_python(given)


def test_missing_package_is_named_with_its_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    require_engine(CONFIG.validate_python("local"))
    with pytest.raises(ValueError, match=r"engine 'ray' needs the package ray, .* pip install 'stagelm\[ray\]'"):
        require_engine(CONFIG.validate_python("ray"))
