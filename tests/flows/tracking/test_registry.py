"""Registered models: untrained micro networks, kept and loaded as trained ones are."""

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flows.tracking.registry import (
    Package,
    RegistryUnreachableError,
    Verdict,
    Version,
    champion,
    model_folder,
    promote,
    register,
    registered_fingerprints,
)
from flows.tracking.runs import PipelineRun
from flows.tracking.settings import TrackingSettings
from lightning_modules.generation import DecodingConfig
from lightning_modules.objectives.retrieval import RetrievalConfig
from lightning_modules.predictor import Predictor, PredictorConfig

TEXTS = ["kalomi neru", "今天"]
BASE = PredictorConfig(answers="continuation", sequence_length=32, decoding=DecodingConfig(max_new_tokens=4))
MOOD = PredictorConfig(answers="class", labels=("好", "bad"), sequence_length=32)
SUMMARY = PredictorConfig(answers="text", sequence_length=32, decoding=DecodingConfig(max_new_tokens=4))
IN_A_FRESH_PROCESS = """
import json, sys
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
texts = json.loads(sys.argv[3])
frame = model.predict(pd.DataFrame({"text": texts}))
assert frame.equals(model.predict(texts))
assert "flows" not in sys.modules
print(frame.to_json(orient="records"))
"""


def register_one(
    settings: TrackingSettings, package: Package, fingerprint: str = "f1", name: str = "demo-base"
) -> Version:
    run = PipelineRun.start(settings, "demo", params={}, tags={})
    with contextlib.closing(run):
        return register(
            settings,
            name,
            package,
            fingerprint=fingerprint,
            run_id=run.run_id,
            metrics={"language-model/bits_per_byte": 1.96},
            tags={"recipe": "demo"},
            example=TEXTS,
        )


def verdict(*, promoted: bool) -> Verdict:
    return Verdict(
        promoted=promoted,
        reason="better",
        metric="bits_per_byte",
        champion="1",
        difference=-0.1,
        low=-0.2,
        high=-0.05,
        confidence=0.95,
        examples=200,
    )


def loaded_elsewhere(settings: TrackingSettings, uri: str, folder: Path) -> list[dict]:
    command = [sys.executable, "-W", "ignore", "-c", IN_A_FRESH_PROCESS, settings.tracking, uri, json.dumps(TEXTS)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("predictor", "columns"),
    [
        (BASE, {"completion", "nll", "bits_per_byte"}),
        (MOOD, {"label", "probability.好", "probability.bad"}),
        (SUMMARY, {"text"}),
    ],
)
def test_model_answers_in_a_fresh_process_after_the_store_is_gone(
    settings, tokenizer, weights, tmp_path, predictor, columns
):
    package = Package(weights(classes=len(predictor.labels)), tokenizer, predictor)
    register_one(settings, package)
    here = Predictor.load(model_folder(settings, "demo-base@champion")).predict(TEXTS)
    shutil.rmtree(tmp_path / "artifacts")

    there = loaded_elsewhere(settings, "models:/demo-base@champion", tmp_path)

    assert set(there[0]) == columns
    for row, expected in zip(there, here, strict=True):
        for column in columns:
            value = expected[column]
            assert row[column] == (pytest.approx(value) if isinstance(value, float) else value)


def test_vectors_of_texts_are_a_column_of_lists(settings, client, tokenizer, weights):
    folder = weights()
    stage = json.loads((folder / "stage.json").read_text())
    stage["objectives"] = {"find": {"objective": "retrieval", **RetrievalConfig().model_dump()}}
    (folder / "stage.json").write_text(json.dumps(stage))
    register_one(settings, Package(folder, tokenizer, PredictorConfig(answers="ranking", sequence_length=32)))
    described = yaml.safe_load((model_folder(settings, "demo-base@champion").parents[1] / "MLmodel").read_text())
    signature = json.loads(described["signature"]["outputs"])

    assert signature == [{"type": "array", "items": {"type": "double"}, "name": "embedding", "required": True}]


def test_first_version_is_champion_and_the_next_a_challenger(settings, client, tokenizer, weights):
    first = register_one(settings, Package(weights("one"), tokenizer, BASE), "f1")
    second = register_one(settings, Package(weights("two"), tokenizer, BASE), "f2")

    assert (first.number, second.number) == ("1", "2")
    assert champion(settings, "demo-base") == first
    assert int(client.get_model_version_by_alias("demo-base", "challenger").version) == 2
    assert registered_fingerprints(settings) == {"f1", "f2"}


def test_fingerprint_is_registered_once(settings, client, tokenizer, weights):
    package = Package(weights(), tokenizer, BASE)

    assert register_one(settings, package) == register_one(settings, package)
    assert len(client.search_model_versions("name = 'demo-base'")) == 1


def test_promotion_moves_the_alias_only_for_a_winner_and_keeps_the_verdict(settings, client, tokenizer, weights):
    register_one(settings, Package(weights("one"), tokenizer, BASE), "f1")
    register_one(settings, Package(weights("two"), tokenizer, BASE), "f2")

    promote(settings, "demo-base", "2", verdict(promoted=False))
    kept = champion(settings, "demo-base")
    promote(settings, "demo-base", "2", verdict(promoted=True))
    moved = champion(settings, "demo-base")

    assert kept is not None
    assert kept.number == "1"
    assert moved is not None
    assert moved.number == "2"
    assert json.loads(moved.tags["stagelm.verdict"])["difference"] == -0.1


def test_registered_models_are_found_by_their_metrics(settings, client, tokenizer, weights):
    register_one(settings, Package(weights(), tokenizer, BASE))
    experiment = client.get_experiment_by_name("stagelm").experiment_id

    def found(condition: str) -> int:
        return len(client.search_logged_models([experiment], f"metrics.`language-model/bits_per_byte` {condition}"))

    assert (found("< 2"), found("> 2")) == (1, 0)


def test_name_without_versions_has_no_champion(settings):
    assert champion(settings, "demo-base") is None


def test_unknown_model_is_refused_with_the_names_there_are(settings, client):
    client.create_registered_model("demo-base")

    with pytest.raises(ValueError, match=r"no registered model 'demo-bas@champion'.*names: demo-base"):
        model_folder(settings, "demo-bas@champion")


def test_registry_that_does_not_answer_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = TrackingSettings(store=tmp_path, tracking_uri="http://127.0.0.1:9")

    with pytest.raises(RegistryUnreachableError, match=r"http://127.0.0.1:9 does not answer .* MLFLOW_REGISTRY_URI"):
        champion(away, "demo-base")
