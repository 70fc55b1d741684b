"""`stagelm compare` as it is typed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.tracking.client import connect
from flows.tracking.runs import PipelineRun
from flows.tracking.settings import load_settings


@pytest.fixture
def compare(stores, monkeypatch):
    monkeypatch.setenv("STAGELM_STORE", str(stores.root))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    one = stores.run("one", [stores.sentiment("t1", [True] * 60 + [False] * 40)])
    two = stores.run("two", [stores.sentiment("t2", [True] * 30 + [False] * 70)])
    stores.tracked = (one, two)
    return lambda *arguments: CliRunner().invoke(app, ["compare", *arguments])


def test_page_is_written_beside_the_records_and_its_path_printed(compare, stores):
    done = compare("one", "two", "--no-log")

    page = stores.root / "runs" / "compare-one-two.html"
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == str(page)
    assert "sentiment/accuracy" in page.read_text(encoding="utf-8")


def test_a_named_score_that_is_worse_ends_in_status_1_and_still_writes_the_page(compare, stores, tmp_path):
    done = compare("one", "two", "--no-log", "--fail-if-worse", "sentiment/accuracy", "--output", f"{tmp_path}/x.html")

    assert isinstance(done.exception, RuntimeError)  # which the entry point turns into one line and status 1
    assert str(done.exception) == "worse for certain: two: sentiment/accuracy"
    assert (tmp_path / "x.html").exists()
    assert compare("two", "one", "--no-log", "--fail-if-worse", "sentiment/accuracy").exit_code == 0


def test_table_and_page_are_added_to_the_second_run_in_mlflow(compare, stores):
    settings = load_settings(stores.root, stores.root)
    run = PipelineRun.start(settings, "two", params={}, tags={})
    run.close()
    record = stores.tracked[1].model_copy(update={"tracking_run": run.run_id})
    (stores.root / "runs" / "two.json").write_text(record.model_dump_json())

    done = compare("one", "two")

    client = connect(settings)
    assert done.exit_code == 0, done.output
    assert [file.path for file in client.list_artifacts(run.run_id, "reports")] == ["reports/compare-one-two.html"]
    table = json.loads(Path(client.download_artifacts(run.run_id, "tables/compare-one.json")).read_text())
    assert dict(zip(table["columns"], table["data"][0], strict=True))["outcome"] == "LOSES"
