"""Deployments as a user starts them, from the command line of Prefect."""

import json


def test_smoke_runs_to_its_end(workplace, uninterrupted):
    record = workplace.records(uninterrupted)[-1]

    assert record["status"] == "completed"
    assert {stage["kind"] for stage in record["stages"]} >= {"corpus", "tokenizer", "tokens", "weights", "scores"}


def test_smoke_again_reuses_every_stage_and_ends_within_90_seconds(workplace, uninterrupted):
    done = workplace.command("prefect", "deployment", "run", "pipeline/smoke", "--watch", limit_seconds=90)

    assert done.returncode == 0, done.stdout
    assert "Completed" in done.stdout
    assert all(workplace.reuse(uninterrupted).values())


def test_unknown_parameter_is_refused_before_a_run_is_made(workplace):
    done = workplace.command("prefect", "deployment", "run", "pipeline/smoke", "-p", "recipee=smoke", "--watch")

    assert done.returncode == 1
    assert "'recipee'" in done.stdout
    assert "'recipe', 'overrides'" in " ".join(done.stdout.split())


def test_parameter_of_a_wrong_type_is_refused_before_a_run_is_made(workplace):
    done = workplace.command("prefect", "deployment", "run", "pipeline/smoke", "-p", "overrides=3", "--watch")

    assert done.returncode == 1
    assert "'overrides'" in done.stdout


def test_unknown_recipe_fails_with_the_nearest_name(workplace):
    done = workplace.command("prefect", "deployment", "run", "pipeline/smoke", "-p", "recipe=smokey", "--watch")
    newest = workplace.post("/flow_runs/filter", sort="EXPECTED_START_TIME_DESC", limit=1)[0]

    assert done.returncode == 1
    assert "Failed" in done.stdout
    assert "smokey" in newest["state"]["message"]
    assert "Did you mean 'smoke'?" in newest["state"]["message"]


def test_unknown_override_fails_with_its_place(workplace):
    overrides = json.dumps({"pretraining.stages.foundation.tokenz": 1000})
    done = workplace.command(
        "prefect", "deployment", "run", "pipeline/smoke", "-p", f"overrides={overrides}", "--watch"
    )
    newest = workplace.post("/flow_runs/filter", sort="EXPECTED_START_TIME_DESC", limit=1)[0]

    assert done.returncode == 1
    assert "pretraining.stages.foundation: unknown key 'tokenz'. Did you mean 'tokens'?" in newest["state"]["message"]
