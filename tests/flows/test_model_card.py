"""The cards of the finished tiny run: what they say is what its artifacts hold."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.model_card import CardFacts, is_free, model_card, with_energy
from flows.plan import load_plan
from flows.report.console import figure
from flows.tracking.client import connect
from flows.tracking.registry import model_folder


def card(finished: Any, name: str) -> tuple[dict[str, Any], str]:
    folder = load_plan(finished.recipe).folder("registration/tiny")
    _, head, text = (folder / "cards" / f"{name}.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def test_every_registered_model_has_a_card_in_the_artifact_and_in_its_package(in_store: Any) -> None:
    plan = load_plan(in_store.recipe)
    folder = plan.folder("registration/tiny")
    models = json.loads((folder / "models.json").read_text())

    assert {path.stem for path in (folder / "cards").iterdir()} == set(models)
    for name in models:
        kept = (folder / "cards" / f"{name}.md").read_text(encoding="utf-8")
        copied = (model_folder(plan.tracking, f"{name}/1") / "README.md").read_text(encoding="utf-8")
        assert copied.startswith(kept)
        assert "## Energy" in copied.removeprefix(kept)
        described = connect(plan.tracking).get_model_version(name, "1").description
        assert described.startswith(f"# {name}\n")
        assert len(described) <= 5000


def test_card_tells_data_stages_and_scores_as_their_artifacts_hold_them(in_store: Any) -> None:
    plan = load_plan(in_store.recipe)
    head, text = card(in_store, "tiny-topic")
    counts = plan.store.find("corpus", plan.stage("corpus/tiny").key.fingerprint).manifest["counts"]["sources"]["news"]
    scores = json.loads((plan.folder("scores/topic") / "scores.json").read_text())
    row = scores["headline"]

    assert head["language"] == ["en", "zh"]
    assert head["pipeline_tag"] == "text-classification"
    assert f"| news | path | CC0-1.0 | {counts['read']:,} | {counts['kept']:,} | " in text
    assert f"`{plan.sources['news'][:16]}`" in text
    assert "| foundation | 4,096 | 8 | 64 | 0.003 | forward (causal_lm): share 0.5, weight 1; cloze (masked_lm)" in text
    assert f"`{plan.labelled['topic']}`" in text
    interval = f"{figure(row['low'])} to {figure(row['high'])}"
    assert f"| accuracy | higher | pretrained | {figure(row['value'])} | {interval} | {row['n']} | " in text
    assert row["signature"].replace("|", "\\|") in text
    assert "### language-model" not in text


def test_base_model_has_the_scores_of_a_language_model_and_both_languages_have_their_section(in_store: Any) -> None:
    _, text = card(in_store, "tiny-base")

    assert "### language-model" in text
    assert "### topic" not in text
    chinese = text.partition("## 中文说明")[2]
    assert "预训练的语言模型" in chinese
    assert "language-model：bits_per_byte" in chinese


def test_sources_whose_licence_is_unknown_make_a_model_for_research_only(in_store: Any) -> None:
    _, text = card(in_store, "tiny-base")

    assert "- For research only: the licences of some sources are unknown or do not allow every use (unknown)." in text
    assert "仅供研究" in text


def test_an_english_recipe_has_no_chinese_section(in_store: Any) -> None:
    plan = load_plan(in_store.recipe)
    english = load_plan(in_store.recipe, {"corpus.languages": ["en"]})
    facts = CardFacts("one", [plan.folder("corpus/tiny")], {}, [])

    assert "中文" in model_card(plan, facts)
    assert "中文" not in model_card(english, facts)


def test_energy_is_the_sum_of_what_the_stages_logged_and_left_out_where_none_did(tmp_path: Path) -> None:
    folders = []
    for number, energy in enumerate([{"kwh": 0.001, "method": "rapl"}, None, {"kwh": 0.0025, "method": "rapl"}]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "manifest.json").write_text(json.dumps({"kind": "weights", "name": f"s{number}"}))
        (folder / "record.json").write_text(json.dumps({"seconds": 60, **({"energy": energy} if energy else {})}))
        folders.append(folder)

    told = with_energy("card", CardFacts("one", [], {}, folders))

    assert "| weights/s0 | 1 | rapl | 60 |" in told
    assert "| all | 3.5 |  |  |" in told
    assert "s1" not in told
    assert with_energy("card", CardFacts("one", [], {}, folders[1:2])) == "card"


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("CC0-1.0", True),
        ("CC-BY-SA-4.0", True),
        ("MIT", True),
        ("BSD-3-Clause", True),
        ("CC-BY-NC-4.0", False),
        ("unknown", False),
        ("research (articles belong to their publishers)", False),
        ("CC BY 4.0 (research only)", False),
    ],
)
def test_only_licences_known_to_be_free_let_a_model_be_used_for_anything(licence: str, free: bool) -> None:
    assert is_free(licence) is free
