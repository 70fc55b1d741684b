"""Pairs of a good and a bad sentence, judged by a model itself, by its export, and by lm-evaluation-harness on that.

The harness is installed apart from the project, without its dependencies that are here already:
`pip install --no-deps --target SITE_PACKAGES lm_eval evaluate ...`. It reads the pairs as a local task of its own kind
and asks no network. Shapes: T tokens, V vocabulary entries.
"""

from __future__ import annotations

import gzip
import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from data.batch import Attention, TokenBatch
from data.tokenizer import Tokenizer
from data.vocabulary import SPECIALS
from lightning_modules.checkpoint import load_trunk
from lightning_modules.export.writing import Source, export

Pair = tuple[str, str]
LogP = Callable[[str], float]


def read_pairs(path: Path, limit: int) -> list[Pair]:
    """Reads the first (good, bad) sentences of a paradigm."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(limit), strict=False)]
    return [(row["sentence_good"], row["sentence_bad"]) for row in rows]


def accuracy(scores: Sequence[tuple[float, float]]) -> float:
    """Returns the share of pairs whose good sentence is likelier; equal ones count half."""
    return float(np.mean([(good > bad) + 0.5 * (good == bad) for good, bad in scores]))


def our_log_p(weights: Path, tokenizer_folder: Path) -> LogP:
    """Returns what gives log p of a sentence after bos, in nats, without its end, by our own network."""
    trunk, tokenizer = load_trunk(weights), Tokenizer.load(tokenizer_folder)

    def log_p(text: str) -> float:
        ids_T = tokenizer.encode(text)
        input_ids = torch.tensor([[SPECIALS.bos, *ids_T[:-1]]])
        batch = TokenBatch(input_ids, torch.arange(len(ids_T))[None], Attention("causal"), seed=0)
        with torch.inference_mode():
            logits_TV = trunk.project(trunk.hidden(batch))[0]
        return float(logits_TV.double().log_softmax(-1)[torch.arange(len(ids_T)), torch.tensor(ids_T)].sum())

    return log_p


def open_export(folder: Path) -> tuple[Any, Any]:
    """Returns model and tokenizer of an exported folder, as transformers opens them."""
    transformers = importlib.import_module("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model, transformers.AutoTokenizer.from_pretrained(folder)


def transformers_log_p(model: Any, tokenizer: Any) -> LogP:
    """Returns the same by transformers."""

    def log_p(text: str) -> float:
        ids_T = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits_TV = model(torch.tensor([[tokenizer.bos_token_id, *ids_T[:-1]]])).logits[0]
        return float(logits_TV.double().log_softmax(-1)[torch.arange(len(ids_T)), torch.tensor(ids_T)].sum())

    return log_p


def write_task(name: str, pairs: Sequence[Pair], folder: Path) -> None:
    """Writes pairs as a task that the harness reads: a choice of two after no context, without a space before them."""
    lines = [json.dumps({"sentence_good": good, "sentence_bad": bad}, ensure_ascii=False) for good, bad in pairs]
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    task = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"train": str(folder / f"{name}.jsonl")}},
        "output_type": "multiple_choice",
        "validation_split": "train",
        "doc_to_text": "",
        "doc_to_target": 0,
        "doc_to_choice": "{{[sentence_good, sentence_bad]}}",
        "target_delimiter": "",
        "num_fewshot": 0,
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(task, sort_keys=False), encoding="utf-8")


def ask_harness(
    model: Any, tokenizer: Any, tasks: Path, names: Sequence[str]
) -> dict[str, tuple[float, list[tuple[float, float]]]]:
    """Returns of each task the harness's accuracy, and log p of each pair."""
    model_class = importlib.import_module("lm_eval.models.huggingface").HFLM
    manager = importlib.import_module("lm_eval.tasks").TaskManager(include_path=str(tasks), include_defaults=False)
    found: dict[str, Any] = importlib.import_module("lm_eval").simple_evaluate(
        model=model_class(pretrained=model, tokenizer=tokenizer, batch_size=1),
        tasks=list(names),
        task_manager=manager,
        bootstrap_iters=0,
    )
    given = {}
    for name in names:
        samples = sorted(found["samples"][name], key=lambda sample: sample["doc_id"])
        scores = [(float(good), float(bad)) for (good, _), (bad, _) in (row["filtered_resps"] for row in samples)]
        given[name] = (found["results"][name]["acc,none"], scores)
    return given


def harness_rows(
    weights: Path, tokenizer: Path, blimp: Path, paradigms: int, limit: int, site_packages: Path | None
) -> Iterator[list[str]]:
    """Yields a row for each paradigm: accuracies in percent, and how far two log p of one sentence are apart.

    Raises:
        ValueError: two judges chose differently where their log p are the same to four decimals.
    """
    if site_packages is not None:
        sys.path.append(str(site_packages))
    pairs = {file.name.split(".")[0]: read_pairs(file, limit) for file in sorted(blimp.glob("*.jsonl.gz"))[:paradigms]}
    with tempfile.TemporaryDirectory() as folder:
        exported, tasks = Path(folder) / "exported", Path(folder) / "tasks"
        export(Source(weights, tokenizer), "llama", exported)
        opened = open_export(exported)
        judges = {"ours": our_log_p(weights, tokenizer), "transformers": transformers_log_p(*opened)}
        scores = {
            judge: {name: [(log_p(good), log_p(bad)) for good, bad in own] for name, own in pairs.items()}
            for judge, log_p in judges.items()
        }
        reported: dict[str, float] = {}
        if site_packages is not None:
            tasks.mkdir()
            for name, own in pairs.items():
                write_task(name, own, tasks)
            answers = ask_harness(*opened, tasks, list(pairs))
            reported = {name: share for name, (share, _) in answers.items()}
            scores["harness"] = {name: own for name, (_, own) in answers.items()}
    for name, own in pairs.items():
        values_JN2 = np.array([each[name] for each in scores.values()])
        shares = [accuracy(each[name]) for each in scores.values()]
        apart = float(np.ptp(values_JN2, axis=0).max())
        if apart > 1e-3 or (name in reported and not np.isclose(reported[name], shares[0], rtol=0, atol=1e-9)):
            raise ValueError(f"{name}: {shares}, harness says {reported.get(name)}; log p are up to {apart} nats apart")
        shown = [f"{100 * share:.1f}" for share in shares]
        yield [name, str(len(own)), *shown, *([] if reported else ["not asked"]), f"{apart:.1e}"]
