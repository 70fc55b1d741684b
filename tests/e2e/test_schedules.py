"""Schedules start runs by themselves, and outlive a second deploy."""

import pytest


@pytest.fixture
def every_minute(workplace):
    """The id of the schedule; it is on `pipeline/smoke` while the test runs."""
    smoke = workplace.get("/deployments/name/pipeline/smoke")["id"]
    schedules = f"/deployments/{smoke}/schedules"
    new = [{"schedule": {"interval": 60}, "active": True}]
    made = workplace.api.post(schedules, json=new).raise_for_status().json()[0]["id"]
    yield made
    for schedule in workplace.get(schedules):
        workplace.api.delete(f"{schedules}/{schedule['id']}").raise_for_status()


def test_a_schedule_starts_a_run_that_completes(workplace, every_minute):
    # With SQLAlchemy 2.1 Prefect's scheduler logs an error and creates nothing, while everything else works.
    def finished():
        runs = workplace.post(
            "/flow_runs/filter",
            flow_runs={"state": {"type": {"any_": ["COMPLETED"]}}},
            deployments={"name": {"any_": ["smoke"]}},
        )
        return [run for run in runs if run["auto_scheduled"]]

    assert workplace.wait_for(finished, "a run started by the schedule", limit_seconds=420)


def test_deploying_again_keeps_what_was_switched_on_and_added(workplace, every_minute):
    nightly = workplace.get("/deployments/name/retraining/nightly")
    (schedule,) = nightly["schedules"]
    assert schedule["active"] is False
    place = f"/deployments/{nightly['id']}/schedules/{schedule['id']}"
    workplace.api.patch(place, json={"active": True}).raise_for_status()

    done = workplace.command("stagelm", "deploy")

    assert done.returncode == 0, done.stdout
    assert [kept["active"] for kept in workplace.get("/deployments/name/retraining/nightly")["schedules"]] == [True]
    assert [
        kept["schedule"]["interval"] for kept in workplace.get("/deployments/name/pipeline/smoke")["schedules"]
    ] == [60.0]
    assert len(workplace.post("/automations/filter")) == 1
    workplace.api.patch(place, json={"active": False}).raise_for_status()
