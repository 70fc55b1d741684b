"""`mlflow.yaml`: where it is read from, what wins, what is refused."""

import os
from pathlib import Path

import pytest

from flows.tracking.client import as_default
from flows.tracking.settings import TrackingSettings, load_settings


def write(project: Path, text: str) -> Path:
    (project / "mlflow.yaml").write_text(text, encoding="utf-8")
    return project


def test_default_is_a_database_inside_the_store(tmp_path):
    settings = load_settings(tmp_path, tmp_path / "runs")

    assert settings.tracking == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert settings.registry == settings.tracking
    assert settings.artifact_root == tmp_path / "runs" / "mlartifacts"


def test_environment_wins_over_the_file(tmp_path, monkeypatch):
    write(tmp_path, "tracking_uri: http://file:5000\nregistry_uri: http://registry:5000\n")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://environment:5000")

    settings = load_settings(tmp_path, tmp_path)

    assert settings.tracking == "http://environment:5000"
    assert settings.registry == "http://registry:5000"
    assert settings.artifact_root is None


def test_shipped_file_is_the_defaults():
    project = Path(__file__).parents[3]

    assert load_settings(project, Path("runs")) == TrackingSettings(store=Path("runs"))


def test_models_are_named_after_recipe_and_task(tmp_path):
    settings = load_settings(write(tmp_path, 'models: {task: "{recipe}.{task}"}'), tmp_path)

    assert (settings.base_model("demo"), settings.task_model("demo", "情感")) == ("demo-base", "demo.情感")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("experimnt: x", r"mlflow\.yaml: experimnt: unknown key\. Known: aliases, .*experiment"),
        ("promotion: {confidense: 0.9}", r"promotion\.confidense: unknown key\. Known: confidence, metric"),
        ("promotion: {metric: chrf}", r"promotion\.metric: .*'bits_per_byte', 'perplexity' or 'word_perplexity', got"),
        ("aliases: {champion: best, challenger: best}", r"aliases: champion and challenger are both 'best'"),
        ("promotion: {confidence: 1.5}", r"promotion\.confidence: .*less than 1, got 1\.5"),
        ("log: [plots, videos]", r"log\.\d: .*'videos'"),
        ('models: {base: "{recipe}-{model}"}', r"models: base: '\{recipe\}-\{model\}' may hold \{recipe\} only"),
        ('models: {task: "{recipe}"}', r"models: task: '\{recipe\}' must hold \{task\}"),
        ("- a\n- b", r"must be a mapping of settings, got a list"),
        ("store: elsewhere", r"store: is not set here; use the environment variable STAGELM_STORE"),
        ("a: [", r"not readable as YAML"),
    ],
)
def test_mistake_is_refused_with_its_place(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        load_settings(write(tmp_path, text), tmp_path)


def test_use_of_one_store_leaves_no_default_behind(tmp_path):
    with as_default(TrackingSettings(store=tmp_path / "one")):
        assert os.environ["MLFLOW_TRACKING_URI"].endswith("one/mlflow.db")

    assert load_settings(tmp_path, tmp_path / "two").tracking.endswith("two/mlflow.db")
