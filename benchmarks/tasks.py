"""What pretraining of half an hour is worth on real labelled sets, English and Chinese, with every score's interval.

    python -m benchmarks.tasks --data FOLDER [--languages en zh] [--tokens 3M] [--write]

FOLDER holds one folder a set: sst2, multi30k, scitldr-a, instructions, blimp-part, us-speeches, movie-reviews; and in
Chinese chnsenticorp, tatoeba-en-zh, csl-titles-zh, instructions, sling-zh, fewclue. Of each language a recipe is
written below `--build` and run by `stagelm run`: it pretrains on text that any machine can have (the demo's) and on the
text among these sets, fine-tunes every set from the pretrained and from random weights, and judges pairs of sentences
without fine-tuning. A call after an interrupted one goes on where it was. Texts of the sets' test parts are kept out of
pretraining (the recipe's `decontamination`).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmarks.labelled_sets import SETS, LabelledSet, write_set
from benchmarks.pages import RESULTS, fill, setting, table
from flows.recipe import SHIPPED
from flows.records import find_record
from flows.report.contents import read_scores

BASES = {"en": "demo", "zh": "demo-zh"}
"""Language -> shipped recipe whose text, tokenizer and training are taken over."""
TEXTS = {
    "en": {"speeches": "us-speeches/speeches.jsonl.gz", "films": "movie-reviews/movie_reviews.jsonl.gz"},
    "zh": {"shopping": "fewclue/eprstmt__unlabeled.jsonl.gz"},
}
"""Language -> source -> file with a `text` (or a `sentence`) a line."""
INSTRUCTIONS = {"en": "instructions/alpaca_en_demo.jsonl.gz", "zh": "instructions/alpaca_zh_demo.jsonl.gz"}
PAIRS = {"en": "blimp-part/*.jsonl.gz", "zh": "sling-zh/*.jsonl.gz"}
PAIRS_MODELS = {"ngram": "5-gram", "lstm": "LSTM", "gpt2": "GPT-2 large"}
"""Column of BLiMP's `models_summary.jsonl` -> the system whose accuracy on all pairs of a paradigm it holds."""
TRAINING: dict[str, dict[str, Any]] = {
    "classification": {"examples": "20K", "sequence_length": 96, "peak_lr": 1.0e-3, "dropout": 0.1},
    "translation": {
        "examples": "40K", "sequence_length": 96, "peak_lr": 1.5e-3, "decoding": {"max_new_tokens": 40},
    },
    "summarization": {
        "examples": "6K", "sequence_length": 256, "peak_lr": 1.5e-3, "decoding": {"max_new_tokens": 40},
    },
    "instruction": {
        "examples": "3K", "sequence_length": 256, "peak_lr": 1.5e-3, "decoding": {"max_new_tokens": 64},
    },
}  # fmt: skip
"""Kind of task -> how it is trained; 32 examples a step."""
KINDS = {
    "sst2": "classification",
    "chnsenticorp": "classification",
    "multi30k": "translation",
    "tatoeba": "translation",
    "scitldr": "summarization",
    "titles": "summarization",
}
TARGET_LANGUAGES = {"multi30k": "de", "tatoeba": "zh"}
SOURCE_LANGUAGES = {"tatoeba": "en"}


def recipe_of(language: str, data: Path, folder: Path, tokens: str) -> dict[str, Any]:
    """Returns the recipe, and writes the files that it names."""
    base = yaml.safe_load((SHIPPED / f"{BASES[language]}.yaml").read_text(encoding="utf-8"))
    sources = {name: source for name, source in base["corpus"]["sources"].items() if "task" not in source}
    for name, file in TEXTS[language].items():
        sources[name] = {"path": str(_plain(data / file, folder)), "language": language, "licence": "research"}
    stages = base["pretraining"]["stages"]
    finetuning = {name: task_of(name, chosen, data, folder, language) for name, chosen in SETS[language].items()}
    finetuning["instructions"] = {
        "task": "instruction",
        "data": {"source": "conversations", "path": str(data / INSTRUCTIONS[language]), "language": language},
        "batch_size": 32,
        "micro_batch_size": 8,
        **TRAINING["instruction"],
    }
    exam = {"exam": "minimal_pairs", "path": str(data / PAIRS[language]), "pairs": 50}
    return {
        "name": f"sets-{language}",
        "seed": base["seed"],
        "corpus": {**base["corpus"], "sources": sources, "decontamination": {}},
        "tokenizer": base["tokenizer"] | {"vocab_size": 12288 if language == "zh" else 8192},
        "model": {"preset": "mini", "alignment": "shifted"},
        "training": base["training"],
        "pretraining": {
            "stages": {
                "foundation": stages["foundation"] | {"tokens": tokens, "peak_lr": 6.0e-3},
                "consolidation": stages["consolidation"] | {"tokens": tokens, "peak_lr": 4.0e-3},
            }
        },
        "finetuning": finetuning,
        "evaluation": {
            **base["evaluation"],
            "exams": {"pairs": exam | {"scoring": "causal"}, "pairs-masked": exam | {"scoring": "masked"}},
        },
    }


def task_of(name: str, chosen: LabelledSet, data: Path, folder: Path, language: str) -> dict[str, Any]:
    """Returns the entry of `finetuning` for a set, and writes its files."""
    paths = write_set(chosen, data, folder / name)
    answer = {"label": "target", "labels": list(chosen.classes)} if chosen.classes else {"target": "target"}
    return {
        "task": KINDS[name],
        "data": {
            "source": "file",
            "path": paths.get("all", paths),
            "input": "input",
            "language": SOURCE_LANGUAGES.get(name, language),
            "target_language": TARGET_LANGUAGES.get(name),
            **answer,
        },
        "batch_size": 32,
        "micro_batch_size": 32,
        **TRAINING[KINDS[name]],
    }


def _plain(path: Path, folder: Path) -> Path:
    """Writes a file's texts under the name `text`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{path.name.partition('.')[0]}.jsonl"
    with gzip.open(path, "rt", encoding="utf-8") as read, written.open("w", encoding="utf-8") as write:
        for line in read:
            row = json.loads(line)
            text = row.get("text") or row["sentence"]
            write.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
    return written.absolute()


def published_pairs(language: str, data: Path) -> str:
    """Returns what others got on the pairs: of BLiMP, the mean over the paradigms that are there."""
    if language == "zh":
        return "BERT-base-chinese 84.8 (all paradigms)"
    there = {file.name.partition(".")[0] for file in data.glob(PAIRS[language])}
    summary = (data / PAIRS[language]).parent / "models_summary.jsonl"
    rows = [row for row in map(json.loads, summary.read_text(encoding="utf-8").splitlines()) if row["UID"] in there]
    means = {name: sum(row[column] for row in rows) / len(rows) for column, name in PAIRS_MODELS.items()}
    return ", ".join(f"{name} {100 * value:.1f}" for name, value in means.items())


def rows_of(scores: Sequence[Mapping[str, Any]], language: str, pairs: str) -> list[list[str]]:
    """Returns the page's rows: each set's published metric, and its headline where that is another.

    Args:
        scores: of the tasks and exams of a run.
        language: of `SETS`.
        pairs: what others got on the pairs of sentences.
    """
    published = {name: chosen.published for name, chosen in SETS[language].items()}
    rows = []
    for task in scores:
        name, headline = task["task"], task["headline"]["metric"]
        shown = [headline]
        if name in published and published[name].metric != headline:
            shown.append(published[name].metric)
        for metric in shown:
            systems = {row["system"]: row for row in task["scores"] if row["metric"] == metric}
            others = {
                each["versus"]: each
                for each in task["differences"]
                if each["metric"] == metric and each["system"] == "pretrained"
            }
            theirs = published[name].figures if name in published and published[name].metric == metric else ""
            theirs = pairs if name.startswith("pairs") else theirs
            rows.append([name, metric, *_cells(systems, others), theirs])
    return rows


def _cells(systems: Mapping[str, Any], others: Mapping[str, Any]) -> list[str]:
    def shown(row: Mapping[str, Any]) -> str:
        return f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"

    def against(names: list[str]) -> str:
        outcome = {True: "wins", False: "LOSES", None: "no difference shown"}
        return "; ".join(
            f"{name} {systems[name]['value']:.2f}: {outcome[others[name]['wins']]} {others[name]['difference']:+.2f} "
            f"[{others[name]['low']:+.2f}, {others[name]['high']:+.2f}]"
            for name in names
        )

    random = [name for name in ("scratch", "untrained") if name in others]
    return [
        f"**{shown(systems['pretrained'])}**",
        against(random),
        against([name for name in others if name not in random]),
    ]


def main() -> int:
    """Runs what is missing; prints and, if asked, writes the page."""
    arguments = parser().parse_args()
    build, data = arguments.build.absolute(), arguments.data.absolute()
    environment = os.environ | {"STAGELM_STORE": str(build / "store")}
    for language in arguments.languages:
        recipe = recipe_of(language, data, build / language, arguments.tokens)
        path = build / f"{recipe['name']}.yaml"
        path.write_text(yaml.safe_dump(recipe, allow_unicode=True, sort_keys=False), encoding="utf-8")
        subprocess.run([sys.executable, "-m", "flows.cli", "run", str(path)], check=True, env=environment)
        record = find_record(build / "store", recipe["name"])
        head = [
            "set",
            "metric",
            "pretrained",
            "against random weights",
            "against the best baseline of ours",
            "published",
        ]
        rows = rows_of(read_scores(record, build / "store"), language, published_pairs(language, data))
        text = "\n\n".join([table(head, rows), setting(torch.get_num_threads())])
        print(text)
        if arguments.write:
            fill(RESULTS / "tasks.md", language, text)
    return 0


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets' folders")
    parser.add_argument("--languages", nargs="+", choices=list(BASES), default=list(BASES))
    parser.add_argument("--tokens", default="3M", help="positions of each of the two stages of pretraining (3M)")
    parser.add_argument("--build", type=Path, default=Path("build/tasks"), help="where recipes and the store are kept")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/results/tasks.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
