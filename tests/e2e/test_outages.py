"""MLflow's server is killed in mid-training and comes back: training goes on, and no point is lost or doubled."""

import json
import runpy
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import yaml
from mlflow import MlflowClient

TINY = Path(__file__).parents[1] / "flows" / "conftest.py"
STEPS = 1500
"""Of the one stage: some twenty seconds, in which a server can be lost."""


def long_recipe(folder):
    """The tiny recipe of the flows' tests with one stage, long enough for an outage, and one task."""
    path = runpy.run_path(str(TINY))["write_recipe"](folder)
    recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    recipe["corpus"]["sources"].pop("pairs")
    recipe["pretraining"]["stages"].pop("discrimination")
    recipe["pretraining"]["stages"]["foundation"]["tokens"] = STEPS * recipe["training"]["global_batch_tokens"]
    recipe["finetuning"] = {"topic": recipe["finetuning"]["topic"]}
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path


@contextmanager
def mlflow_server(workplace, folder, port):
    """MLflow's own server on loopback; its database and artifacts outlive it."""
    backend = ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--artifacts-destination", str(folder)]
    command = [sys.executable, "-P", "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), *backend]
    with workplace.background(command, "mlflow.log", MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false") as server:

        def healthy():
            assert server.poll() is None, (workplace.folder / "mlflow.log").read_text()
            try:
                return httpx.get(f"http://127.0.0.1:{port}/health", timeout=60).is_success
            except httpx.TransportError:
                return False

        workplace.wait_for(healthy, "MLflow server (see mlflow.log)", limit_seconds=300)
        yield server


def test_a_tracking_server_lost_in_mid_training_costs_no_point(server, tmp_path):
    port, folder = server.free_port(), tmp_path / "mlflow"
    folder.mkdir()
    url, store, log = f"http://127.0.0.1:{port}", tmp_path / "store", server.folder / "outage.log"
    command = [sys.executable, "-P", "-m", "flows.cli", "run", str(long_recipe(tmp_path / "tiny"))]

    def trained_steps():
        lines = [line for path in store.glob("work/*/metrics.jsonl") for line in path.read_text().splitlines()]
        return json.loads(lines[-1])["step"] if lines else 0

    with ExitStack() as ends_with_the_test:
        with mlflow_server(server, folder, port):
            run = ends_with_the_test.enter_context(
                server.background(command, log.name, STAGELM_STORE=str(store), MLFLOW_TRACKING_URI=url)
            )
            server.wait_for(lambda: trained_steps() >= 100, f"the first steps of the training (see {log})")
        server.wait_for(lambda: "cannot be reached" in log.read_text(), f"the warning in {log}", limit_seconds=120)
        assert run.poll() is None, log.read_text()
        ends_with_the_test.enter_context(mlflow_server(server, folder, port))
        assert run.wait(300) == 0, log.read_text()

        client = MlflowClient(url)
        experiment = client.get_experiment_by_name("stagelm")
        (stage,) = client.search_runs([experiment.experiment_id], "tags.`mlflow.runName` = 'weights/foundation'")
        points = client.get_metric_history(stage.info.run_id, "train/loss")
    assert log.read_text().count("cannot be reached") == 1
    assert log.read_text().count("everything is recorded") == 1
    (weights,) = store.glob("weights/foundation-*")
    lines = [json.loads(line) for line in (weights / "metrics.jsonl").read_text().splitlines()]
    trained = [line["tokens"] for line in lines if "train/loss" in line["metrics"]]
    assert len(trained) == STEPS // 10
    assert [point.step for point in points] == trained
    assert list((store / "spool").glob("*.jsonl")) == []
