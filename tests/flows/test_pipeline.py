"""The whole chain on a tiny recipe, once: what it leaves in the store, in MLflow and in the registry."""

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.plan import MissingInput, load_plan
from flows.records import all_records, find_record
from flows.store import Store, Work, file_sha256

STAGES = [
    "examples/topic", "examples/translate", "corpus/tiny", "examples/headline", "tokenizer/tiny", "tokens/tiny",
    "weights/foundation", "gate/foundation", "weights/discrimination",
    "finetuned/topic", "finetuned/topic-scratch", "finetuned/headline", "finetuned/headline-scratch",
    "finetuned/translate", "finetuned/translate-scratch",
    "scores/language-model", "scores/topic", "scores/headline", "scores/translate", "registration/tiny",
]  # fmt: skip


def labels(outcomes: list[dict[str, Any]], *, reused: bool) -> list[str]:
    return [f"{o['kind']}/{o['name']}" for o in outcomes if o["reused"] is reused]


def artifact(finished: Any, label: str) -> Path:
    return load_plan(finished.recipe).folder(label)


def test_every_stage_is_built_once_in_an_order_that_respects_its_inputs(in_store: Any) -> None:
    assert labels(in_store.outcomes, reused=False) == STAGES


def test_every_file_is_what_its_manifest_says(in_store: Any) -> None:
    seen = 0
    for found in Store(in_store.store).artifacts():
        for name, entry in found.manifest["files"].items():
            assert file_sha256(found.folder / name) == entry["sha256"], found.folder / name
            seen += 1
    assert seen > 60


def test_a_second_run_reuses_every_stage(in_store: Any) -> None:
    again = in_store.run(in_store.recipe)
    assert labels(again, reused=True) == STAGES
    assert [o["fingerprint"] for o in again] == [o["fingerprint"] for o in in_store.outcomes]


def test_the_command_line_answers_a_finished_run_without_prefect_or_mlflow(in_store: Any) -> None:
    script = (
        "import sys; sys.argv = ['stagelm', 'run', sys.argv[1]]\n"
        "from flows.cli import main\n"
        "main()\n"
        "loaded = {'prefect', 'mlflow', 'pytorch_lightning'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", script, in_store.recipe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("reused") == len(STAGES)
    assert "bits_per_byte" in done.stdout


def test_a_changed_task_runs_its_own_stages_again_and_no_other(in_store: Any) -> None:
    plan = load_plan(in_store.recipe)
    changed = load_plan(in_store.recipe, {"finetuning.topic.examples": 72})
    differ = [label for label in STAGES if plan.stage(label).key.fingerprint != changed.stage(label).key.fingerprint]
    assert differ == ["finetuned/topic", "finetuned/topic-scratch", "scores/topic", "registration/tiny"]


def test_a_changed_task_file_reaches_only_what_reads_it(in_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = load_plan(in_store.recipe)
    path = Path(in_store.recipe).parent / "topics.jsonl"
    before = path.read_text()
    try:
        path.write_text(before + before.splitlines()[0].replace("The", "Once the") + "\n")
        changed = load_plan(in_store.recipe)
    finally:
        path.write_text(before)
    differ = [label for label in STAGES if plan.stage(label).key.fingerprint != changed.stage(label).key.fingerprint]
    assert differ == [
        "examples/topic",
        "finetuned/topic",
        "finetuned/topic-scratch",
        "scores/topic",
        "registration/tiny",
    ]


def test_other_decoding_scores_again_without_training(in_store: Any) -> None:
    plan = load_plan(in_store.recipe)
    changed = load_plan(in_store.recipe, {"finetuning.headline.decoding.max_new_tokens": 5})
    differ = [label for label in STAGES if plan.stage(label).key.fingerprint != changed.stage(label).key.fingerprint]
    assert differ == ["scores/headline", "registration/tiny"]


def test_micro_batch_threads_and_compilation_are_no_part_of_a_key(in_store: Any) -> None:
    plan = load_plan(in_store.recipe)
    other = load_plan(
        in_store.recipe,
        {"training.micro_batch_tokens": 256, "training.threads": 2, "training.compile": True},
    )
    assert [s.key.fingerprint for s in plan.stages.values()] == [s.key.fingerprint for s in other.stages.values()]


def test_a_score_can_be_walked_back_to_the_content_of_its_source(in_store: Any) -> None:
    store, plan = Store(in_store.store), load_plan(in_store.recipe)
    by_fingerprint = {found.fingerprint: found for found in store.artifacts()}
    waiting, reached = [plan.stage("scores/headline").key.fingerprint], set()
    sources: dict[str, str] = {}
    while waiting:
        found = by_fingerprint[waiting.pop()]
        reached.add(found.manifest["kind"])
        for role, digest in found.manifest["inputs"].items():
            if digest in by_fingerprint:
                waiting.append(digest)
            else:
                sources[role] = digest
    assert reached == {"scores", "finetuned", "weights", "examples", "tokenizer", "tokens", "corpus"}
    assert sources["source:news"] == plan.sources["news"]


def test_test_headlines_were_never_trained_on(in_store: Any) -> None:
    corpus, examples = artifact(in_store, "corpus/tiny"), artifact(in_store, "examples/headline")
    test = set(pq.read_table(examples / "test.parquet")["group"].to_pylist())
    train = {
        document for part in (corpus / "train").glob("*.parquet") for document in pq.read_table(part)["id"].to_pylist()
    }
    assert test
    assert not test & train


def test_tokens_run_on_one_axis_over_all_stages(in_store: Any) -> None:
    tokens: list[int] = []
    for label in ("weights/foundation", "weights/discrimination", "finetuned/topic"):
        lines = (artifact(in_store, label) / "metrics.jsonl").read_text().splitlines()
        tokens += [json.loads(line)["tokens"] for line in lines]
    assert all(earlier <= later for earlier, later in pairwise(tokens))
    assert tokens[0] == 0
    assert 4096 in tokens and 7168 in tokens


def test_mlflow_shows_the_pipeline_as_one_run_with_a_child_a_stage(in_store: Any) -> None:
    from flows.tracking.client import connect, experiment_id

    plan = load_plan(in_store.recipe)
    client = connect(plan.tracking)
    record = min(all_records(in_store.store), key=lambda r: r.started)
    parent = client.get_run(str(record.tracking_run))
    assert parent.info.status == "FINISHED"
    assert parent.data.params["pretraining.stages.foundation.peak_lr"] == "0.003"
    assert parent.data.params["signature/language-model/bits_per_byte"].endswith("|bos:context|stride:half a window")
    for metric in ("language-model/bits_per_byte/pretrained", "topic/accuracy/scratch", "translate/chrf/copy_source"):
        assert metric in parent.data.metrics
    children = client.search_runs(
        [experiment_id(client, plan.tracking)], f"tags.mlflow.parentRunId = '{record.tracking_run}'"
    )
    assert sorted(child.info.run_name for child in children) == sorted(STAGES)
    foundation = next(child for child in children if child.info.run_name == "weights/foundation")
    history = client.get_metric_history(foundation.info.run_id, "train/loss")
    assert [point.step for point in history] == sorted({point.step for point in history})
    assert history[-1].step == 4096
    assert foundation.data.metrics["energy/kwh"] > 0
    assert foundation.data.params["energy_method"]
    assert {entry.dataset.name for entry in foundation.inputs.dataset_inputs} == {"tokens", "tokenizer"}


def test_registered_models_answer_in_a_fresh_process(in_store: Any) -> None:
    plan = load_plan(in_store.recipe)
    script = (
        "import sys, json, mlflow\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "for name in sys.argv[2:]:\n"
        "    model = mlflow.pyfunc.load_model(f'models:/{name}@champion')\n"
        "    answers = model.predict(['The baker meets the judge.', '医生在花园帮助老师。'])\n"
        "    print(json.dumps(answers.to_dict('records')))\n"
    )
    names = ["tiny-base", "tiny-topic", "tiny-translate"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, plan.tracking.registry, *names],
        capture_output=True, text=True, check=True, cwd="/",
    )  # fmt: skip
    base, topic, translated = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))
    assert len(base) == len(topic) == len(translated) == 2
    assert base[0]["nll"] > 0
    assert {row["label"] for row in topic} <= {"calm", "loud"}
    assert topic[0]["probability.calm"] + topic[0]["probability.loud"] == pytest.approx(1.0)
    assert isinstance(translated[0]["text"], str)


def test_the_report_is_one_page_that_holds_every_stage_and_score(in_store: Any) -> None:
    record = min(all_records(in_store.store), key=lambda r: r.started)
    page = (in_store.store / "runs" / f"{record.id}.html").read_text()
    for text in ("foundation", "discrimination", "bits_per_byte", "copy_source", "医生"):
        assert text in page
    assert not re.search(r"(?:src|(?<!xlink:)href)=[\"'](?:https?:)?//|url\((?!#)|@import", page), "asks for something"


def test_weights_are_kept_with_texts_that_they_write_again(in_store: Any) -> None:
    from data.shards import Shards
    from data.tokenizer import Tokenizer
    from lightning_modules.samples import text_samples

    plan = load_plan(in_store.recipe)
    folder = artifact(in_store, "weights/foundation")
    kept = json.loads((folder / "record.json").read_text())["samples"]
    tokenizer = Tokenizer.load(artifact(in_store, "tokenizer/tiny"))
    held_out = Shards.open(artifact(in_store, "tokens/tiny"), "validation")
    assert kept == text_samples(folder, tokenizer, held_out, plan.recipe.pretraining.stages["foundation"])
    assert {row["objective"] for row in kept} == {"forward", "cloze"}
    assert "samples" not in (folder / "manifest.json").read_text()


def test_a_run_is_found_by_its_recipe_and_by_the_beginning_of_its_id(in_store: Any) -> None:
    latest = find_record(in_store.store, "tiny")
    assert find_record(in_store.store, latest.id) == latest
    with pytest.raises(ValueError, match="'nothing' is no run and no recipe that has run"):
        find_record(in_store.store, "nothing")


def test_settings_of_a_stage_reach_the_child(in_store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import pretraining
    from lightning_modules.datamodule import StageData

    settings = {
        "sources": {"pairs": 0.25, "news": 0.75},
        "global_batch_tokens": 1024,
        "blend_fraction": 0.5,
        "freeze": {"layers": 1},
    }
    plan = load_plan(
        in_store.recipe, {f"pretraining.stages.discrimination.{key}": value for key, value in settings.items()}
    )
    asked: list[Any] = []

    def refuse(plan: Any, spec: Any, work: Any, run: Any) -> None:
        asked.append(spec)
        raise InterruptedError

    monkeypatch.setattr(pretraining, "train", refuse)
    stage = plan.stage("weights/discrimination")
    with pytest.raises(InterruptedError):
        pretraining.write_weights(plan, stage, Work(stage.key, tmp_path), None)  # type: ignore[arg-type]

    [spec] = asked
    assert [(source.source, source.share) for source in spec.data.sources] == [("news", 0.75), ("pairs", 0.25)]
    assert (spec.steps, spec.micro_batch_size, spec.micro_batches, spec.tokens_before) == (3, 2, 8, 4096)
    assert spec.former_weights == {"forward": 1.0, "cloze": 1.0}
    assert spec.stage.freeze.layers == 1
    assert len(StageData(spec).train_dataloader().step(0).micro_batches) == 8


GATE = "pretraining.stages.foundation.gate"
UNMET = [{"metric": "forward/loss", "beats": "ngram"}, {"metric": "cloze/accuracy", "above": 0.9}]


def test_another_gate_trains_nothing_again(in_store: Any) -> None:
    plan, changed = load_plan(in_store.recipe), load_plan(in_store.recipe, {GATE: UNMET})
    without = load_plan(in_store.recipe, {GATE: []})
    differ = [label for label in STAGES if plan.stage(label).key.fingerprint != changed.stage(label).key.fingerprint]
    assert differ == ["gate/foundation"]
    assert [label for label in STAGES if label not in without.stages] == ["gate/foundation"]
    assert without.stage("weights/discrimination").key == plan.stage("weights/discrimination").key


def test_gate_that_fails_ends_the_run_with_its_verdict_and_is_judged_again(in_store: Any) -> None:
    from flows.gates import GateFailed
    from flows.tracking.client import connect, experiment_id

    plan, records = load_plan(in_store.recipe, {GATE: UNMET}), []
    verdict = r"^gate/foundation: forward/loss is [\d.]+, not below that of a 3-gram model, [\d.]+; cloze/accuracy is "
    for _ in range(2):
        with pytest.raises(GateFailed, match=verdict):
            in_store.run(in_store.recipe, {GATE: UNMET})
        records.append(all_records(in_store.store)[0])
    for record in records:
        assert record.status == "failed"
        assert str(record.error).endswith(", which trains nothing again")
        assert [f"{stage.kind}/{stage.name}" for stage in record.stages] == STAGES[: STAGES.index("gate/foundation")]
        assert all(stage.reused for stage in record.stages)
    assert plan.found("gate/foundation") is None
    client = connect(plan.tracking)
    children = client.search_runs(
        [experiment_id(client, plan.tracking)], f"tags.mlflow.parentRunId = '{records[0].tracking_run}'"
    )
    (child,) = [child for child in children if child.info.run_name == "gate/foundation"]
    assert child.info.status == "FAILED"
    assert child.data.metrics["gate/forward/loss"] > child.data.metrics["gate/forward/loss/beats"] > 0
    assert child.data.metrics["gate/cloze/accuracy/above"] == 0.9


def test_nothing_is_made_or_reused_after_a_gate_that_was_not_passed(in_store: Any) -> None:
    """Also by a flow that runs alone: the gate is no input of what comes after it."""
    from flows.finetuning import finetuning

    gate = {"pretraining.stages.discrimination.gate": [{"metric": "replaced/auc", "above": 1.5}]}
    assert load_plan(in_store.recipe, gate).stage("finetuned/topic").after == ("gate/discrimination",)
    assert load_plan(in_store.recipe, gate).stage("finetuned/topic-scratch").after == ()
    with pytest.raises(MissingInput, match=r"^gate/discrimination of recipe 'tiny' has not been passed; run the flow"):
        finetuning(in_store.recipe, gate)


@pytest.mark.parametrize("label", ["weights/discrimination", "finetuned/translate"])
def test_refresh_rebuilds_a_stage_to_the_same_bytes_and_reuses_what_follows(in_store: Any, label: str) -> None:
    folder = artifact(in_store, label)
    before = (folder / "manifest.json").read_bytes()
    outcomes = in_store.run(in_store.recipe, refresh=[label])
    assert labels(outcomes, reused=False) == [label]
    assert (artifact(in_store, label) / "manifest.json").read_bytes() == before
