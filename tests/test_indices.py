"""Every interchangeable part that lies in a folder is in the folder's index, so that a recipe can name it."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

INDICES = [
    ("data.cleaning", "RULES"),
    ("data.engines", "ENGINES"),
    ("data.pii", "DETECTORS"),
    ("data.sources", "SOURCES"),
    ("data.tasks", "LABELLED"),
    ("data.views", "VIEWS"),
    ("lightning_modules.adapters", "ADAPTERS"),
    ("lightning_modules.exams", "EXAMS"),
    ("lightning_modules.metrics", "METRICS"),
    ("lightning_modules.objectives", "OBJECTIVES"),
    ("lightning_modules.tasks", "TASKS"),
    ("lightning_modules.weighting", "WEIGHTINGS"),
]


def contract(package: str, parts: Iterable[Any]) -> type:
    """The nearest class of the folder that all parts of its index are, or are instances of."""
    kinds = [part if isinstance(part, type) else type(part) for part in parts]
    return next(
        base
        for base in kinds[0].__mro__
        if base.__module__.startswith(package) and all(issubclass(kind, base) for kind in kinds)
    )


def parts_in(package: str, contract: type) -> Iterator[Any]:
    """All that the folder's files define to this contract, bases of other parts left out."""
    for file in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        for found in vars(importlib.import_module(file.name)).values():
            if isinstance(found, contract) or (
                isinstance(found, type)
                and issubclass(found, contract)
                and found is not contract
                and found.__module__ == file.name
                and not any(found in other.__bases__ for other in subclasses(contract))
            ):
                yield found


def subclasses(base: type) -> set[type]:
    direct = set(base.__subclasses__())
    return direct.union(*(subclasses(kind) for kind in direct))


@pytest.mark.parametrize(("package", "name"), INDICES)
def test_index_holds_every_part_of_its_folder_under_the_parts_own_name(package: str, name: str):
    index = getattr(importlib.import_module(package), name)
    found = list(parts_in(package, contract(package, index.values())))

    assert [part for part in found if part not in index.values()] == []
    assert [key for key, part in index.items() if getattr(part, "name", key) != key] == []
    assert len(index) > 1
