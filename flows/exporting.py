"""Finds the parts of a trained model, in the registry or in a run, to take it out of the store."""

from __future__ import annotations

from pathlib import Path

from flows.plan import project_folder
from flows.records import RunRecord, StageOutcome, find_record
from flows.stages import SCRATCH
from flows.store import Artifact, Store
from flows.tracking.registry import model_folder
from flows.tracking.settings import load_settings
from lightning_modules.export.writing import Source
from lightning_modules.predictor import BASE, SETTINGS, TOKENIZER, WEIGHTS, PredictorConfig


def model_source(model: str, stage: str | None = None) -> Source:
    """The folders of a model.

    Args:
        model: a registered model, 'demo-base@champion' or 'demo-base/3'; or a run, as `find_record` knows it.
        stage: of a run, such as 'finetuned/sentiment'; None: the last stage of pretraining.

    Raises:
        ValueError: there is no such model, run or stage.
        RegistryUnreachableError: the server of the registry does not answer.
    """
    project = project_folder()
    store = Store.default(project)
    if "@" not in model and "/" not in model:
        return _of_run(store, find_record(store.root, model), stage)
    if stage is not None:
        raise ValueError(f"{model} is a registered model, which is one stage already: leave --stage {stage} out")
    return _of_registry(project, store, model)


def _of_registry(project: Path, store: Store, model: str) -> Source:
    folder = model_folder(load_settings(project, store.root), model)
    config = PredictorConfig.model_validate_json((folder / SETTINGS).read_text(encoding="utf-8"))
    base = folder / BASE
    return Source(folder / WEIGHTS, folder / TOKENIZER, base if base.exists() else None, config.labels)


def _of_run(store: Store, record: RunRecord, stage: str | None) -> Source:
    trained = [outcome for outcome in record.stages if outcome.kind in ("weights", "finetuned")]
    chosen = [
        outcome
        for outcome in trained
        if (outcome.kind == "weights" if stage is None else f"{outcome.kind}/{outcome.name}" == stage)
    ]
    if not chosen:
        known = ", ".join(f"{outcome.kind}/{outcome.name}" for outcome in trained) or "none"
        raise ValueError(f"run {record.id} has no {stage or 'stage of pretraining'}; trained stages: {known}")
    weights = _artifact(store, chosen[-1].kind, chosen[-1].fingerprint)
    inputs = weights.manifest["inputs"]
    adapted = chosen[-1].kind == "finetuned" and "weights" in inputs
    return Source(
        weights=weights.folder,
        tokenizer=_artifact(store, "tokenizer", inputs["tokenizer"]).folder,
        base=_artifact(store, "weights", inputs["weights"]).folder if adapted else None,
        labels=_labels(record, chosen[-1]),
    )


def _artifact(store: Store, kind: str, fingerprint: str) -> Artifact:
    found = store.find(kind, fingerprint)
    if found is None:
        raise ValueError(f"{kind} {fingerprint[:8]} is no longer in {store.root}: run the recipe again")
    return found


def _labels(record: RunRecord, outcome: StageOutcome) -> list[str]:
    if outcome.kind != "finetuned":
        return []
    labels: list[str] = record.settings["finetuning"][outcome.name.removesuffix(SCRATCH)]["data"]["labels"]
    return labels
