"""MLflow's compare page of two runs, and Prefect's page of a deployment's run, as a browser shows them."""

import json
import sys
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

PICTURES = Path(__file__).parents[2] / "build" / "pictures"
CHANGED = "pretraining.stages.consolidation.objectives.forward.label_smoothing"


@pytest.fixture
def mlflow(workplace):
    """Address of the MLflow server that `make ui` starts on the workplace's store."""
    prefect_port, mlflow_port = workplace.free_port(), workplace.free_port()
    ports = ["--prefect-port", str(prefect_port), "--mlflow-port", str(mlflow_port)]
    url = f"http://127.0.0.1:{mlflow_port}"

    def healthy():
        try:
            return httpx.get(f"{url}/health", timeout=60).is_success
        except httpx.TransportError:
            return False

    # Its Prefect server must not share the database of the one that the tests use.
    home = str(workplace.folder / "ui")
    with workplace.background([sys.executable, "-P", "-m", "flows.ui", *ports], "ui.log", PREFECT_HOME=home):
        workplace.wait_for(healthy, "MLflow server (see ui.log)", limit_seconds=300)
        yield url


def test_compare_page_shows_what_differs_between_two_runs(workplace, uninterrupted, mlflow, browser):
    overrides = json.dumps({CHANGED: 0.15})
    done = workplace.command(
        "prefect", "deployment", "run", "pipeline/smoke", "-p", f"overrides={overrides}", "--watch"
    )
    assert done.returncode == 0, done.stdout
    records = workplace.records(uninterrupted)
    first, second = next(record for record in records if not record["overrides"]), records[-1]
    runs = [first["tracking_run"], second["tracking_run"]]
    experiment = httpx.get(f"{mlflow}/api/2.0/mlflow/runs/get", params={"run_id": runs[0]}, timeout=60)
    experiments = [experiment.raise_for_status().json()["run"]["info"]["experiment_id"]]

    page = browser.new_page(viewport={"width": 1400, "height": 1800})
    page.goto(f"{mlflow}/#/compare-runs?runs={quote(json.dumps(runs))}&experiments={quote(json.dumps(experiments))}")
    page.get_by_text("Comparing 2 Runs").wait_for(timeout=180_000)
    row = page.get_by_role("row").filter(has_text=CHANGED).first
    row.wait_for(timeout=60_000)

    assert row.get_by_text("0.15", exact=True).is_visible()
    assert page.get_by_text(first["id"]).first.is_visible()
    assert page.get_by_text(second["id"]).first.is_visible()
    assert page.get_by_text("bits_per_byte").first.is_visible()
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "mlflow-compare.png", full_page=True)


def test_prefect_page_of_a_deployments_run_shows_it_completed(workplace, uninterrupted, browser):
    runs = workplace.post("/flow_runs/filter", flow_runs={"state": {"type": {"any_": ["COMPLETED"]}}})
    run = next(run for run in runs if run["deployment_id"] and run["name"] == "pipeline/smoke")

    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(f"{str(workplace.api.base_url).rstrip('/').removesuffix('/api')}/runs/flow-run/{run['id']}")
    page.get_by_text(run["name"]).first.wait_for(timeout=180_000)
    page.get_by_text("Completed").first.wait_for(timeout=60_000)
    page.get_by_text("Subflow Runs").first.click()  # the graph above is a picture, which holds no text
    page.get_by_text("pretraining/smoke").first.wait_for(timeout=60_000)

    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "prefect-run.png", full_page=True)
