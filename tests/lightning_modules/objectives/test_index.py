import importlib
import inspect
import pkgutil

import pytest

import lightning_modules.objectives
from data.views import VIEWS
from data.vocabulary import SPECIALS
from lightning_modules.networks import ModelChoice
from lightning_modules.objectives import OBJECTIVES, Objective
from lightning_modules.objectives.sentence_order import SentenceOrder, SentenceOrderConfig


def test_every_objective_in_the_folder_is_in_the_index_under_its_name():
    found = {
        part
        for module in pkgutil.iter_modules(lightning_modules.objectives.__path__)
        for _, part in inspect.getmembers(importlib.import_module(f"lightning_modules.objectives.{module.name}"))
        if inspect.isclass(part) and issubclass(part, Objective) and "name" in vars(part)
    }

    assert {part.name: part for part in found} == OBJECTIVES


def test_every_objective_reads_the_view_of_its_name():
    assert OBJECTIVES.keys() == VIEWS.keys()


@pytest.mark.parametrize("objective", [part for part in OBJECTIVES.values() if not part.reads_causally])
def test_objectives_that_look_to_both_sides_refuse_a_network_that_cannot(objective: type[Objective]):
    lstm = ModelChoice(preset="micro", architecture="lstm").resolve(vocab_size=60, sequence_length=16)

    with pytest.raises(ValueError, match=f"{objective.name} looks to both sides, but a model of architecture 'lstm'"):
        objective.check_model(objective.config_class.model_construct(), lstm)


def test_heads_depend_on_the_seed_alone():
    config = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)
    first, second, other = (SentenceOrder(SentenceOrderConfig(), config, SPECIALS) for _ in range(3))
    for objective, seed in ((first, 1), (second, 1), (other, 2)):
        objective.initialize(seed)

    assert first.dense.weight.equal(second.dense.weight)
    assert not first.dense.weight.equal(other.dense.weight)
