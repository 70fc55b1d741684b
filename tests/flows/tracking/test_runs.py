"""The record of a run, in a real SQLite tracking store; for an outage, connections are refused."""

import json
import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from flows.tracking import delivery
from flows.tracking.runs import EndedRun, PipelineRun
from flows.tracking.settings import TrackingSettings


class Network:
    """Stands between the outbox and MLflow: `down` makes every connection fail, `cut_after` the n-th batch from now."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.down = False
        self.cut_after: int | None = None
        real_connect, real_batch = delivery.connect, MlflowClient.log_batch
        monkeypatch.setattr(delivery, "connect", lambda settings: self._pass(real_connect, settings))
        monkeypatch.setattr(MlflowClient, "log_batch", lambda *a, **k: self._batch(real_batch, *a, **k))

    def _pass(self, call, *arguments, **named):
        if self.down:
            raise ConnectionRefusedError("nobody listens")
        return call(*arguments, **named)

    def _batch(self, call, *arguments, **named):
        result = self._pass(call, *arguments, **named)
        if self.cut_after is not None:
            self.cut_after -= 1
            if self.cut_after == 0:  # written, but the answer never comes
                self.down, self.cut_after = True, None
                raise ConnectionResetError("cut")
        return result


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


def line(step: int, loss: float | None = None) -> dict:
    return {
        "step": step,
        "steps": 100,
        "tokens": 1000 + 10 * step,
        "seconds": 0.5 * step,
        "metrics": {"train/loss": 1 / step if loss is None else loss, "train/lr": 1e-3},
    }


def start(settings: TrackingSettings, **named) -> PipelineRun:
    return PipelineRun.start(settings, "demo", params=named.pop("params", {}), tags={"recipe": "demo"}, **named)


def steps(client: MlflowClient, run_id: str, name: str = "train/loss") -> list[int]:
    return [point.step for point in client.get_metric_history(run_id, name)]


def only_run(client: MlflowClient, name: str):
    experiment = client.get_experiment_by_name("stagelm")
    found = client.search_runs([experiment.experiment_id], f"tags.`mlflow.runName` = '{name}'")
    assert len(found) == 1
    return found[0]


def test_parent_carries_recipe_and_headlines_and_children_point_to_it(settings, client):
    run = start(settings, params={"model.preset": "tiny", "seed": 17})
    stage = run.stage("foundation", "weights", "f" * 64)
    reused = run.stage("news", "corpus", "c" * 64, reused_from="elder")
    stage.close()
    reused.close()
    run.headline({"score/bits_per_byte": 1.96})
    assert run.close()

    parent = client.get_run(run.run_id)
    assert parent.data.params == {"model.preset": "tiny", "seed": "17"}
    assert parent.data.metrics == {"score/bits_per_byte": 1.96}
    assert parent.info.status == "FINISHED"
    child = client.get_run(reused.run_id)
    assert child.data.tags["mlflow.parentRunId"] == run.run_id
    assert child.data.tags["reused_from"] == "elder"
    assert client.get_run(stage.run_id).data.tags["stagelm.fingerprint"] == "f" * 64


def test_points_lie_on_the_token_axis_at_the_times_of_their_lines(settings, client):
    run = start(settings)
    stage = run.stage("foundation", "weights", "f")
    for step in (1, 2, 3):
        stage.metrics(line(step))
    run.close()

    started = client.get_run(stage.run_id).info.start_time
    points = client.get_metric_history(stage.run_id, "train/loss")
    assert [(p.step, p.value, p.timestamp - started) for p in points] == [
        (1010, 1.0, 500),
        (1020, 0.5, 1000),
        (1030, 1 / 3, 1500),
    ]


def test_resumed_stage_reads_its_lines_again_and_doubles_no_point(settings, client):
    first = start(settings)
    before = first.stage("foundation", "weights", "f")
    for step in (1, 2, 3):
        before.metrics(line(step))
    first.close("KILLED")

    second = start(settings, resume_run_id=first.run_id)
    after = second.stage("foundation", "weights", "f", resume_run_id=before.run_id)
    for step in (1, 2, 3, 4):
        after.metrics(line(step))
    second.close()

    assert (second.run_id, after.run_id) == (first.run_id, before.run_id)
    assert steps(client, before.run_id) == [1010, 1020, 1030, 1040]


def test_resumed_stage_doubles_no_point_of_a_name_that_mlflow_cannot_have(settings, client):
    lines = [{**line(step), "metrics": {"train/a+b/loss": 1 / step}} for step in (1, 2, 3)]
    first = start(settings)
    before = first.stage("foundation", "weights", "f")
    before.metrics(lines[0])
    before.metrics(lines[1])
    first.close("KILLED")

    second = start(settings)
    after = second.stage("foundation", "weights", "f", resume_run_id=before.run_id)
    for again in lines:  # done again, so at other times
        after.metrics({**again, "seconds": 1 + again["seconds"]})
    second.close()

    assert steps(client, after.run_id, "train/a_b/loss") == [1010, 1020, 1030]


def test_outage_loses_and_doubles_nothing(settings, client, network, caplog):
    run = start(settings)
    stage = run.stage("foundation", "weights", "f")
    stage.metrics(line(1))
    network.down = True
    run._outbox._delivery._client = None  # the connection breaks
    stage.metrics(line(2))
    assert not run._outbox.flush()
    assert not run._outbox.flush()
    stage.metrics(line(3))
    network.down = False
    assert run.close()

    assert steps(client, stage.run_id) == [1010, 1020, 1030]
    assert [r.message for r in caplog.records if "cannot be reached" in r.message].__len__() == 1
    assert list(settings.spool.glob("*.jsonl")) == []


def test_batch_written_without_an_answer_is_not_doubled(settings, client, network):
    run = start(settings)
    stage = run.stage("foundation", "weights", "f")
    stage.metrics(line(1))
    network.cut_after = 1
    assert not run._outbox.flush()
    assert steps(client, stage.run_id) == [1010]
    network.down = False
    stage.metrics(line(2))
    run.close()

    assert steps(client, stage.run_id) == [1010, 1020]


def test_run_of_an_outage_from_first_to_last_is_delivered_by_the_next_one(settings, client, network, tmp_path):
    network.down = True
    report = tmp_path / "counts.json"
    report.write_text("then")
    lost = start(settings, params={"seed": 1})
    stage = lost.stage("foundation", "weights", "f")
    stage.metrics(line(1))
    stage.artifact(report, "tables")
    report.write_text("later")
    stage.close()
    assert not lost.close()
    assert lost.run_id.startswith("pending-")

    network.down = False
    start(settings, resume_run_id=lost.run_id).close()

    assert only_run(client, "demo").data.params == {"seed": "1"}
    child = only_run(client, "weights/foundation")
    assert steps(client, child.info.run_id) == [1010]
    stored = client.download_artifacts(child.info.run_id, "tables/counts.json", str(tmp_path))
    assert Path(stored).read_text() == "then"
    assert not list(settings.spool.rglob("*.json*"))


def test_killed_process_leaves_a_journal_that_the_next_one_delivers(settings, client, network):
    killed = start(settings)
    stage = killed.stage("foundation", "weights", "f")
    stage.metrics(line(1))
    stage.metrics(line(2))
    journal = killed._outbox._journal
    journal._file.write('{"kind": "lines", "ru')  # the kill comes in the middle of a write
    journal._file.close()  # the lock goes with the process
    assert steps(client, stage.run_id) == []

    resumed = start(settings, resume_run_id=killed.run_id)
    again = resumed.stage("foundation", "weights", "f", resume_run_id=stage.run_id)
    for step in (1, 2, 3):
        again.metrics(line(step))
    resumed.close()

    assert steps(client, stage.run_id) == [1010, 1020, 1030]


def test_damaged_line_and_lost_file_of_a_journal_cost_themselves_only(settings, client, network, tmp_path, caplog):
    report = tmp_path / "counts.json"
    report.write_text("counts")
    killed = start(settings)
    stage = killed.stage("foundation", "weights", "f")
    stage.metrics(line(1))
    stage.artifact(report, "tables")
    journal = killed._outbox._journal
    journal._file.write("\0\0\0\n")  # what a machine that lost its power may leave
    journal._file.flush()
    stage.metrics(line(2))
    journal._file.close()
    shutil.rmtree(settings.spool / "files")

    assert start(settings).close()

    assert steps(client, only_run(client, "weights/foundation").info.run_id) == [1010, 1020]
    assert f"{journal.path}: line 3 cannot be read" in caplog.text
    assert "counts.json of run" in caplog.text


def test_stage_whose_run_was_deleted_resumes_in_a_new_one(settings, client):
    first = start(settings)
    before = first.stage("foundation", "weights", "f")
    before.metrics(line(1))
    first.close("KILLED")
    client.delete_run(before.run_id)

    second = start(settings, resume_run_id=first.run_id)
    after = second.stage("foundation", "weights", "f", resume_run_id=before.run_id)
    for step in (1, 2):
        after.metrics(line(step))
    second.close()

    assert after.run_id != before.run_id
    assert steps(client, after.run_id) == [1010, 1020]


def test_journal_of_a_living_process_is_left_alone(settings, client):
    living = start(settings)
    stage = living.stage("foundation", "weights", "f")
    stage.metrics(line(1))

    start(settings).close()

    assert steps(client, stage.run_id) == []
    assert living._outbox._journal.path.exists()
    living.close()


def test_long_parameter_is_cut_and_kept_whole_as_an_artifact(settings, client, tmp_path):
    run = start(settings, params={"corpus.sources": "x" * 7000})
    run.close()

    assert client.get_run(run.run_id).data.params["corpus.sources"] == "x" * 6000
    stored = client.download_artifacts(run.run_id, "params/full.json", str(tmp_path))
    assert json.loads(Path(stored).read_text()) == {"corpus.sources": "x" * 7000}


def test_chinese_names_and_awkward_ones_are_recorded(settings, client):
    run = start(settings, params={"corpus.sources.新闻.path": "more/*.zst", "sources.a+b": 1})
    run.close()

    assert client.get_run(run.run_id).data.params == {"corpus.sources.新闻.path": "more/*.zst", "sources.a_b": "1"}


def test_input_keeps_its_whole_digest_and_its_figures(settings, client):
    run = start(settings)
    run.input("news", "ab" * 32, "https://example.org/news.tar", "training", profile={"documents": {"train": 7}})
    run.close()

    (found,) = client.get_run(run.run_id).inputs.dataset_inputs
    assert json.loads(found.dataset.profile) == {"digest": "ab" * 32, "documents": {"train": 7}}
    assert json.loads(found.dataset.source) == {"uri": "https://example.org/news.tar"}


def test_folder_that_is_not_logged_is_skipped(settings, client, tmp_path):
    quiet = settings.model_copy(update={"log": frozenset({"plots"})})
    run = start(quiet)
    run.table([{"text": "好", "score": 1.0}], "samples")
    run.text("<svg/>", "loss.svg", "plots")
    run.close()

    assert [entry.path for entry in client.list_artifacts(run.run_id)] == ["plots"]


def test_refused_operation_is_reported_and_holds_nothing_up(settings, client, caplog):
    run = start(settings)
    run._outbox.post("summary", "pending-nobody", metrics={"x": 1.0}, ms=0)
    run.headline({"y": 2.0})
    assert run.close()

    assert "refused to record summary" in caplog.text
    assert client.get_run(run.run_id).data.metrics == {"y": 2.0}


def test_later_headline_replaces_the_earlier(settings, client):
    run = start(settings)
    run.headline({"score/chrf": 30.0})
    run._outbox.post("summary", run.run_id, metrics={"score/chrf": 20.0}, ms=2**42)
    run.close()

    assert client.get_run(run.run_id).data.metrics == {"score/chrf": 20.0}


def test_ended_run_gets_a_table_and_stays_ended(settings, client):
    run = start(settings)
    run.close()
    before = client.get_run(run.run_id).info

    with EndedRun.open(settings, run.run_id) as ended:
        ended.table([{"task": "标题", "p": None}], "compare-first")

    after = client.get_run(run.run_id).info
    content = Path(client.download_artifacts(run.run_id, "tables/compare-first.json")).read_text(encoding="utf-8")
    assert json.loads(content) == {"columns": ["task", "p"], "data": [["标题", None]]}
    assert (after.status, after.end_time) == ("FINISHED", before.end_time)
