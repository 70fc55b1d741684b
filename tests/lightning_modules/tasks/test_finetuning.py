from typing import Any

import pytest
from pydantic import ValidationError

from lightning_modules.adapters import LoRAConfig
from lightning_modules.baselines import BASELINES
from lightning_modules.metrics import METRICS
from lightning_modules.networks import ModelChoice
from lightning_modules.objectives import OBJECTIVES
from lightning_modules.selection import SelectionConfig
from lightning_modules.tasks import TASKS
from lightning_modules.tasks.finetuning import FinetuningConfig

SENTIMENT = {"source": "file", "path": "a.csv", "label": "stars", "labels": ["bad", "good"]}
HEADLINE = {"source": "corpus"}


def config(**changes: Any) -> FinetuningConfig:
    return FinetuningConfig.model_validate(
        {"task": "classification", "data": SENTIMENT, "examples": "1K", "peak_lr": 1e-3} | changes
    )


def test_a_task_names_parts_that_exist():
    for kind in TASKS.values():
        assert kind.objective in OBJECTIVES
        assert set(kind.metrics) <= METRICS.keys()
        assert set(kind.baselines) <= BASELINES.keys()


def test_steps_and_micro_batches_follow_from_the_examples():
    finetuning = config(examples=1000, batch_size=48, micro_batch_size=8)

    assert finetuning.steps == 21
    assert finetuning.micro_batches(devices=1) == 6
    assert finetuning.micro_batches(devices=2) == 3
    with pytest.raises(ValueError, match="48 is not a multiple of micro_batch_size 8 x 5 devices"):
        finetuning.micro_batches(devices=5)


def test_the_stage_has_one_objective_with_the_tasks_classes_and_settings():
    stage = config(settings={"pooling": "bos"}, sequence_length=128, batch_size=32).stage()

    assert stage.objectives["classification"].settings.model_dump() | {"classes": 2, "pooling": "bos"} == (
        stage.objectives["classification"].settings.model_dump()
    )
    assert stage.tokens == 32 * 32 * 128


def test_a_tasks_own_dropout_replaces_the_models_and_nothing_else():
    model = ModelChoice(preset="micro", dropout=0.3).resolve(vocab_size=64, sequence_length=8)

    assert config().network(model) == model
    assert config(dropout=0.1).network(model) == model.model_copy(update={"dropout": 0.1})


def test_the_adapter_may_be_named_alone():
    assert config(adapter="lora").adapter == LoRAConfig()
    assert config(adapter={"method": "lora", "rank": 2}).adapter == LoRAConfig(rank=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "clasification"}, "unknown task 'clasification'. Did you mean 'classification'"),
        ({"adapter": "lorra"}, "unknown adapter method 'lorra'. Did you mean 'lora'"),
        ({"data": HEADLINE}, "task 'classification' needs data.labels"),
        ({"task": "summarization"}, "task 'summarization' takes no data.labels"),
        ({"batch_size": 30, "micro_batch_size": 16}, "30 is not a multiple of micro_batch_size 16"),
        ({"task": "summarization", "data": HEADLINE, "sequence_length": 67}, "max_new_tokens 64 leaves no room"),
        ({"metrics": ["self_blue"]}, "unknown metric 'self_blue'. Did you mean 'self_bleu'"),
        ({"metrics": ["word_perplexity"]}, "'word_perplexity' is of running text, not of tasks"),
        ({"task": "summarization", "data": HEADLINE, "metrics": ["ece"]}, "'ece' is about classes"),
        (
            {"task": "summarization", "data": HEADLINE | {"language": "zh"}, "metrics": ["meteor"]},
            "not of 'zh'; take meteor_exact_stem",
        ),
        ({"settings": {"poling": "bos"}}, "unknown setting of classification 'poling'. Did you mean 'pooling'"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(changes: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        config(**changes)


def test_the_best_weights_are_kept_unless_a_recipe_says_otherwise():
    assert config().stage().selection == SelectionConfig()
    assert config(selection={"by": "classification/accuracy"}).stage().selection.by == "classification/accuracy"
    assert config(selection=None).stage().selection is None
    with pytest.raises(ValidationError, match=r"selection\.by 'clasification'\. Did you mean 'classification'"):
        config(selection={"by": "clasification/accuracy"})


CODE = {"source": "programs", "path": "a.jsonl"}
FIVE = {"samples": 5, "temperature": 0.8}


@pytest.mark.parametrize(
    ("task", "data", "decoding"),
    [
        ("dialogue", {"source": "conversations", "path": "a.jsonl", "language": "zh"}, {}),
        ("instruction", {"source": "file", "path": "a.csv", "target": "output"}, {}),
        ("arithmetic", {"source": "arithmetic"}, {}),
        ("code", CODE, FIVE),
        ("text_to_sql", {"source": "sql", "path": "a.jsonl"}, {}),
        ("story", {"source": "openings"}, {}),
        ("guided_story", {"source": "stories", "path": "a.csv"}, {"keywords": "forced"}),
        ("generative_qa", {"source": "file", "path": "a.csv", "target": "answer"}, {}),
    ],
)
def test_every_task_that_writes_takes_its_source(task: str, data: dict, decoding: dict):
    kind = config(task=task, data=data, decoding=decoding).kind

    assert kind.answers == "text"
    assert kind.template == ("chat" if kind.objective == "chat" else "pair")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"task": "code", "data": HEADLINE, "decoding": FIVE},
            "task 'code' needs examples with tests, which data.source 'corpus' does not give; take programs",
        ),
        ({"task": "code", "data": CODE}, "task 'code' is measured on 5 answers to each example: set decoding.samples"),
        ({"task": "guided_story", "data": HEADLINE}, "needs examples with constraints.* take openings or stories"),
        (
            {"task": "dialogue", "data": HEADLINE, "decoding": {"max_new_tokens": 27}, "sequence_length": 32},
            "max_new_tokens 27 leaves no room",
        ),
    ],
)
def test_examples_that_lack_what_a_task_is_measured_by_are_refused(changes: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        config(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"adapter": {"method": "partial", "frozen_layers": 9}}, "frozen_layers is 9, but the model has 2 layers"),
        ({"adapter": {"method": "partial", "head_only": True}, "task": "summarization", "data": HEADLINE}, "adds none"),
        ({"adapter": {"method": "prefix", "length": 0}, "task": "summarization", "data": HEADLINE}, "adds none"),
    ],
)
def test_an_adapter_that_does_not_fit_the_network_or_the_task_is_refused(changes: dict[str, Any], message: str):
    model = ModelChoice(preset="micro").resolve(vocab_size=64, sequence_length=256)
    config().check_model(model)
    with pytest.raises(ValueError, match=message):
        config(**changes).check_model(model)


def test_front_adapters_need_attention():
    lstm = ModelChoice(preset="micro", architecture="lstm").resolve(vocab_size=64, sequence_length=256)
    with pytest.raises(ValueError, match="adapter 'prompt' is seen by attention"):
        config(adapter="prompt").check_model(lstm)
