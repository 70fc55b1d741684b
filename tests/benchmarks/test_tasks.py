import gzip
import json
from pathlib import Path

import pytest
import yaml

from benchmarks.labelled_sets import SETS, write_set
from benchmarks.tasks import PAIRS, published_pairs, recipe_of, rows_of
from flows.recipe import load_recipe


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A line or two of every file that the recipes need, in the publishers' shapes."""
    folder = tmp_path / "sets"
    paper = {"source": ["We show a thing.", "It works."], "target": ["A thing works.", "Another summary."]}
    texts = {
        "sst2": dict.fromkeys(("train.tsv", "dev.tsv", "test.tsv"), "1\ta fine film\n0\ta dull \"one\n"),
        "chnsenticorp": dict.fromkeys(("train.tsv", "dev.tsv", "test.tsv"), "label\ttext_a\n1\t很好\n0\t不好\n"),
        "multi30k": {f"{split}.{language}": "Ein Satz.\n" for split in ("train", "val", "test_2016_flickr")
                     for language in ("en", "de")},
        "scitldr-a": dict.fromkeys(("train.jsonl", "dev.jsonl", "test.jsonl"), json.dumps(paper) + "\n"),
        "tatoeba-en-zh": {"cmn.tsv": "Hi.\t嗨。\n"},
        "csl-titles-zh": {"dev.tsv": "to title\t摘要。\t标题\n"},
        "instructions": dict.fromkeys(("alpaca_en_demo.jsonl", "alpaca_zh_demo.jsonl"), "{}\n"),
        "us-speeches": {"speeches.jsonl": json.dumps({"text": "My fellow citizens."}) + "\n"},
        "movie-reviews": {"movie_reviews.jsonl": json.dumps({"text": "A film."}) + "\n"},
        "fewclue": {"eprstmt__unlabeled.jsonl": json.dumps({"sentence": "便宜。"}) + "\n"},
    }  # fmt: skip
    for name, files in texts.items():
        for file, content in files.items():
            path = folder / name / f"{file}.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(content.encode()))
    return folder


@pytest.mark.parametrize("language", ["en", "zh"])
def test_recipe_of_a_language_is_one_and_names_every_set(data: Path, tmp_path: Path, language: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        yaml.safe_dump(recipe_of(language, data, tmp_path / "build", "4M"), allow_unicode=True, sort_keys=False)
    )

    recipe = load_recipe(str(path), {})

    assert list(recipe.finetuning) == [*SETS[language], "instructions"]
    assert {exam.scoring for exam in recipe.evaluation.exams.values()} == {"causal", "masked"}
    assert recipe.evaluation.exams["pairs"].path.endswith(PAIRS[language])


def test_sets_become_inputs_and_answers(data: Path, tmp_path: Path) -> None:
    written = {
        name: [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
        for name, chosen in (SETS["en"] | SETS["zh"]).items()
        for path in list(write_set(chosen, data, tmp_path / name).values())[:1]
    }

    assert written["sst2"] == [
        {"input": "a fine film", "target": "positive"},
        {"input": 'a dull "one', "target": "negative"},
    ]
    assert written["chnsenticorp"][0] == {"input": "很好", "target": "positive"}
    assert written["scitldr"] == [
        {"input": "We show a thing. It works.", "target": ["A thing works.", "Another summary."]}
    ]
    assert written["tatoeba"] == [{"input": "Hi.", "target": "嗨。"}]
    assert written["titles"] == [{"input": "摘要。", "target": "标题"}]


def test_a_row_says_what_was_beaten_and_what_not() -> None:
    def score(system: str, value: float) -> dict:
        return {"metric": "accuracy", "system": system, "value": value, "low": value - 1, "high": value + 1}

    def gain(versus: str, value: float, wins: bool | None) -> dict:
        own = {"metric": "accuracy", "system": "pretrained", "versus": versus, "difference": value, "wins": wins}
        return own | {"low": value - 1, "high": value + 1}

    task = {
        "task": "sst2",
        "headline": {"metric": "accuracy"},
        "scores": [score("pretrained", 80.0), score("scratch", 75.0), score("tfidf", 81.0)],
        "differences": [gain("scratch", 5.0, True), gain("tfidf", -1.0, None)],
    }

    [row] = rows_of([task], "en", pairs="")

    assert row[:3] == ["sst2", "accuracy", "**80.00 [79.00, 81.00]**"]
    assert row[3] == "scratch 75.00: wins +5.00 [+4.00, +6.00]"
    assert row[4] == "tfidf 81.00: no difference shown -1.00 [-2.00, +0.00]"
    assert "BERT-base 91.8" in row[5]


def test_published_figures_are_means_over_the_paradigms_that_are_there(tmp_path: Path) -> None:
    folder = tmp_path / "blimp-part"
    folder.mkdir()
    (folder / "agreement.jsonl.gz").touch()
    (folder / "island.jsonl.gz").touch()
    rows = [("agreement", 0.5, 0.75), ("island", 0.7, 0.85), ("ellipsis", 0.9, 0.9)]
    lines = [{"UID": name, "ngram": ngram, "lstm": 0.6, "gpt2": gpt2} for name, ngram, gpt2 in rows]
    (folder / "models_summary.jsonl").write_text("\n".join(map(json.dumps, lines)))

    assert published_pairs("en", tmp_path) == "5-gram 60.0, LSTM 60.0, GPT-2 large 80.0"
