"""Scores fine-tuned networks and the task's baselines on the test examples of an `examples` artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from data.decontamination import read_overlap
from data.examples import Answers, TaskDescription, read_candidates, read_examples
from data.packing import Ints
from data.tokenizer import Tokenizer
from data.views.noise import key, permutation
from lightning_modules.baselines import BASELINES
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.scoring.answering import ANSWERING
from lightning_modules.scoring.answers import Questions, details, most_probable, references
from lightning_modules.scoring.judging import open_judge
from lightning_modules.scoring.results import Comparison, TestSet
from lightning_modules.scoring.shown import shown
from lightning_modules.scoring.spec import EvaluateSpec, SystemRef
from lightning_modules.scoring.systems import open_system
from lightning_modules.tasks import TASKS

SAMPLES = 5
SAMPLE_CHARACTERS = 500


def score_labelled(
    spec: EvaluateSpec, progress: Callable[[str, int, int], None]
) -> tuple[Comparison, list[dict[str, Any]]]:
    """Returns all systems' results, and a few examples with every system's answer.

    Args:
        progress: is told the system, the examples done and their number.

    Raises:
        ValueError: a system does not fit the task or the tokenizer.
    """
    kind, description = TASKS[spec.task], TaskDescription.load(spec.data)
    tokenizer = Tokenizer.load(spec.tokenizer)
    examples = read_examples(spec.data, "test")
    chosen = permutation(key(spec.seed, "test examples"), len(examples))[: spec.max_examples]
    examples = [examples[index] for index in np.sort(chosen)]
    candidates = read_candidates(spec.data, "test") if description.answers == "ranking" else {}
    trained = {
        name: _outputs(spec, name, ref, tokenizer, examples, description, candidates, progress)
        for name, ref in spec.systems.items()
    }
    train = [(example["input"], example["target"]) for example in read_examples(spec.data, "train")]
    inputs = [example["input"] for example in examples]
    judge = open_judge(spec)
    baselines, measured_by = {}, details(examples) if kind.answers == "text" else []
    for name in kind.baselines:
        texts = BASELINES[name](description, candidates).answers(train, inputs)
        judged = most_probable(judge, texts)
        baselines[name] = Outputs(texts, references(examples), details=measured_by, judged=judged)
    metrics = [
        METRICS[name](description.target_language, description.labels)
        for name in dict.fromkeys((*kind.metrics, *spec.metrics))
    ]
    asked = next(iter(trained.values()))
    comparison = Comparison(
        test=_test_set(spec, examples),
        metrics=[metric for metric in metrics if metric.applies(asked)],
        trained=trained,
        baselines=baselines,
        resamples=spec.resamples,
        seed=spec.seed,
    )
    order = permutation(key(spec.seed, "samples"), len(examples))
    return comparison, _samples(comparison, examples, order, description.answers, candidates)


def _test_set(spec: EvaluateSpec, examples: Sequence[dict[str, Any]]) -> TestSet:
    """Returns the examples, with what of them the training text holds where that was looked for."""
    ids, groups = [example["id"] for example in examples], [example["group"] for example in examples]
    found = None if spec.corpus is None else read_overlap(spec.corpus, spec.name)
    if found is None:
        return TestSet(ids, groups)
    if missing := sum(example_id not in found.shares for example_id in ids):
        raise ValueError(
            f"{spec.corpus}: {missing} of {len(ids)} test examples of {spec.name} were not looked for in this corpus; "
            f"it was made with other examples"
        )
    return TestSet(ids, groups, np.array([found.shares[example_id] for example_id in ids]), found.threshold)


def _outputs(
    spec: EvaluateSpec,
    name: str,
    ref: SystemRef,
    tokenizer: Tokenizer,
    examples: list[dict[str, Any]],
    description: TaskDescription,
    candidates: Mapping[str, str],
    progress: Callable[[str, int, int], None],
) -> Outputs:
    trunk = open_system(ref, spec.hardware, tokenizer.sha256)
    length = spec.sequence_length or trunk.config.max_positions

    def report(done: int, total: int) -> None:
        progress(name, done, total)

    asked = Questions(
        trunk,
        ref.weights,
        tokenizer,
        description,
        examples,
        length,
        spec.decoding,
        spec.hardware,
        report,
        candidates,
        TASKS[spec.task].template,
        spec.seed,
        open_judge(spec),
    )
    return ANSWERING[TASKS[spec.task].answers](asked)


def _samples(
    comparison: Comparison,
    examples: Sequence[dict[str, Any]],
    order: Ints,
    kind: Answers,
    candidates: Mapping[str, str],
) -> list[dict[str, Any]]:
    def readable(answer: str, text: str) -> str:
        return shown(kind, answer, text, candidates)

    return [
        {
            "example_id": example["id"],
            "input": example["input"][:SAMPLE_CHARACTERS],
            "references": [readable(answer, example["input"]) for answer in references([example])[0]],
            "predictions": {
                system: readable(outputs.predictions[index], example["input"])
                for system, outputs in comparison.outputs.items()
            },
        }
        for index, example in ((index, examples[index]) for index in order[:SAMPLES])
    ]
