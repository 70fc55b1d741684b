"""What people judged, in a real SQLite tracking store: one run a sheet, however often results are asked for."""

import csv
import json

from typer.testing import CliRunner

from flows.cli import app
from flows.judging.recording import PAGE, record_results
from flows.judging.results import Pair, Rater, Results
from lightning_modules.metrics import Interval
from tests.flows.judging.runs import write_run


def judged(share: float, answered: int) -> Results:
    strength = Interval(0.4, 0.1, 0.9)
    return Results(
        sheet="标题-1f3a90bc",
        task="标题",
        runs=["demo-1"],
        systems=["pretrained", "scratch"],
        items=20,
        alike=0,
        raters={"安娜": Rater(answered=answered, total=44, left_share=0.5, consistency={})},
        agreement={"preferred": None, "fluency": Interval(0.7, 0.5, 0.8)},
        pairs=[Pair(first="pretrained", second="scratch", answers=20, share=Interval(share, 0.4, 0.8))],
        strengths={"pretrained": strength, "scratch": Interval(-0.4, -0.9, -0.1)},
        ratings={"fluency": {"pretrained": Interval(3.5, 3.0, 4.0)}},
    )


def test_results_reach_one_run_whose_figures_are_the_latest(settings, client, tmp_path):
    folder = tmp_path / "judging" / "sheet"
    folder.mkdir(parents=True)

    assert record_results(judged(0.55, 22), folder, settings)
    assert record_results(judged(0.6, 44), folder, settings)

    experiment = client.get_experiment_by_name(settings.experiment)
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.tags["stagelm.sheet"] == "标题-1f3a90bc"
    assert run.info.status == "FINISHED"
    metrics = {name.removeprefix("judged/标题/"): value for name, value in run.data.metrics.items()}
    assert metrics["preferred/pretrained/over/scratch"] == 0.6
    assert metrics["bradley_terry/scratch/low"] == -0.9
    assert metrics["agreement/fluency"] == 0.7
    assert metrics["fluency/pretrained/high"] == 4.0
    assert metrics["answers/安娜"] == 44
    assert "agreement/preferred" not in metrics
    assert "0.600 (0.400 .. 0.800)" in (folder / PAGE).read_text(encoding="utf-8")
    assert Results.model_validate_json((folder / "results.json").read_text(encoding="utf-8")) == judged(0.6, 44)
    assert json.loads((folder / "tracking.json").read_text()) == {"run": run.info.run_id}
    assert {file.path for file in client.list_artifacts(run.info.run_id)} >= {"reports", "tables"}


def test_commands_lead_from_a_run_to_results(settings, client, tmp_path, monkeypatch):
    monkeypatch.setenv("STAGELM_STORE", str(tmp_path))
    write_run(tmp_path)
    paper, answered = tmp_path / "sheet.csv", tmp_path / "answered.csv"

    def stagelm(*words: str) -> str:
        done = CliRunner().invoke(app, ["judge", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    printed = stagelm("sheet", "demo", "--task", "标题", "--items", "10", "--ask", "pairs")
    sheet = printed.split(":")[0]
    assert printed.startswith(f"{sheet}: 10 items, 11 questions")
    assert stagelm("sheet", "demo", "--task", "标题", "--items", "10", "--ask", "pairs") == printed
    stagelm("export", sheet, "--output", str(paper))
    with paper.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with answered.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"preferred": "left" if "pretrained" in row["left"] else "right"} for row in rows)
    for rater in ("安娜", "ben"):
        assert stagelm("import", sheet, str(answered), "--rater", rater) == (
            "11 new answers; 11 of 11 questions are answered\n"
        )

    shown = stagelm("results", sheet)
    assert "1.000 (1.000 .. 1.000)" in shown
    assert "preferred 1/1" in shown
    assert shown.rstrip().endswith(f"{sheet}/results.html")
    experiment = client.get_experiment_by_name(settings.experiment)
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics["judged/标题/preferred/pretrained/over/scratch"] == 1
    assert [path.name for path in tmp_path.glob(f"judging/{sheet}/*")].count("sheet.json") == 1
