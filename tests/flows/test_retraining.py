"""Scheduled retraining on the tiny recipe: nothing new, new text, and a verdict that is kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.plan import load_plan
from flows.records import all_records
from flows.store import Store
from flows.tracking.registry import champion, model_folder


def outcome(finished: Any) -> tuple[str, dict[str, Any]]:
    """Name of the final state, and what the flow returned."""
    from flows.retraining import retraining

    state = retraining(finished.recipe, return_state=True)
    return state.name, state.result()


def test_without_new_text_it_completes_and_says_so(in_store: Any) -> None:
    runs = len(all_records(in_store.store))
    name, result = outcome(in_store)
    assert name == "NothingNew"
    assert result["reason"].startswith("the sources are those that models:/tiny-base/1 was trained on")
    assert len(all_records(in_store.store)) == runs


def test_documents_that_are_copies_of_old_ones_are_nothing_new(in_store: Any) -> None:
    news = Path(in_store.recipe).parent / "news"
    copy = news / "2026-02.jsonl"
    copy.write_text("".join((news / "2026-01.jsonl").read_text().splitlines(keepends=True)[:20]))
    try:
        name, result = outcome(in_store)
    finally:
        copy.unlink()
    assert name == "NothingNew"
    assert "every document has been read before" in result["reason"]


def test_new_text_is_trained_on_judged_in_pairs_and_the_verdict_kept(in_store: Any, news_documents: Any) -> None:
    plan = load_plan(in_store.recipe)
    before = champion(plan.tracking, "tiny-base")
    news = Path(in_store.recipe).parent / "news" / "2026-03.jsonl"
    news.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in news_documents(7, 60)))
    try:
        name, verdict = outcome(in_store)
        again, repeated = outcome(in_store)
    finally:
        news.unlink()
    assert before is not None and before.number == "1"
    assert verdict["promoted"] is (verdict["high"] < 0)
    assert name == ("Promoted" if verdict["promoted"] else "Kept")
    assert verdict["champion"] == "1" and verdict["examples"] > 10

    store = Store(in_store.store)
    corpus = next(a for a in store.artifacts() if a.manifest["kind"] == "corpus" and a.manifest["name"] == "tiny-new")
    counts = corpus.manifest["counts"]["sources"]["news"]
    assert counts["read"] == 160 + 60
    assert counts["dropped"]["known/part"] == 160
    retrained = next(a for a in store.artifacts() if a.manifest["name"] == "retrained").manifest
    assert retrained["inputs"]["weights"] == before.fingerprint
    assert {"replay:0", "tokens", "tokenizer"} <= set(retrained["inputs"])

    now = champion(plan.tracking, "tiny-base")
    assert now is not None
    assert now.number == ("2" if verdict["promoted"] else "1")
    card = (model_folder(plan.tracking, "tiny-base/2") / "README.md").read_text(encoding="utf-8")
    assert "Then 2,048 tokens more on new text" in card
    assert "### retrained-on-new" in card
    kept = sorted((in_store.store / "runs").glob("*.verdict.md"))
    assert kept and verdict["reason"] in kept[0].read_text()
    if verdict["promoted"]:
        assert again == "NothingNew"
    else:
        assert repeated["difference"] == verdict["difference"]


def test_too_little_new_text_waits_for_more(in_store: Any, news_documents: Any) -> None:
    news = Path(in_store.recipe).parent / "news" / "2026-04.jsonl"
    news.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in news_documents(9, 6)))
    try:
        name, result = outcome(in_store)
    finally:
        news.unlink()
    assert name == "NothingNew"
    assert (
        "new tokens are less than retraining.min_new_tokens, 5,000" in result["reason"] or "before" in result["reason"]
    )


def test_a_recipe_without_a_champion_says_what_to_run(in_store: Any, tmp_path: Path) -> None:
    from flows.retraining import NoChampion, retraining

    with pytest.raises(NoChampion, match=r"no champion of other-base at .*; run first: stagelm run other"):
        retraining(in_store.recipe, {"name": "other"})
