"""The referees in miniature: translations against sacrebleu's command line, pairs as the harness is given them."""

import gzip
import json
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks import harness, referees

HYPOTHESES = {"de-en": "the cat is on the mat\na dog is in the garden\n", "en-zh": "我爱北京天安门\n今天下雨。\n"}
REFERENCES = {
    "de-en": "the cat sat on the mat\nthere is a dog in the garden\n",
    "en-zh": "我爱北京的天安门\n今天有雨。\n",
}


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """Two pairs of a system; the scores of the first are listed."""
    for pair in HYPOTHESES:
        for part, texts in (("hyp.Online-A", HYPOTHESES), ("ref.A", REFERENCES)):
            with gzip.open(tmp_path / f"{pair}.{part}.{pair[-2:]}.gz", "wt", encoding="utf-8") as file:
                file.write(texts[pair])
    (tmp_path / "README.md").write_text("scores: de-en Online-A vs A: BLEU 30.1 (tok 13a), chrF 60.8; and so on\n")
    return tmp_path


def test_ours_is_what_the_command_line_prints_and_the_list_says(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "argv", ["referees", "--wmt22", str(outputs)])
    referees.main()

    row = "| de-en Online-A | 30.1 | 30.1016 | 60.8 | 60.7902 | 23.0769 | yes | yes |"
    assert row in capsys.readouterr().out


def test_another_score_than_the_listed_one_ends_it(outputs: Path):
    readme = outputs / "README.md"
    readme.write_text(readme.read_text().replace("30.1", "30.2"))

    with pytest.raises(ValueError, match=r"de-en Online-A: bleu 30\.102, but 30\.2 is listed"):
        list(referees.translation_rows(outputs))


def test_chinese_is_split_by_the_command_line_as_by_us(outputs: Path):
    system, names = referees.System("en-zh", "Online-A", {}), ["bleu", "ter"]
    own, theirs = (scores(system, outputs, names) for scores in (referees.ours, referees.command_line))

    assert {name: signature for name, (_, signature) in own.items()} == {
        name: signature for name, (_, signature) in theirs.items()
    }
    assert [own[name][0] for name in names] == pytest.approx([theirs[name][0] for name in names], abs=1e-9)
    assert "tok:zh" in own["bleu"][1]


def test_equal_probabilities_count_half():
    assert harness.accuracy([(-1.0, -2.0), (-3.0, -3.0), (-5.0, -4.0)]) == pytest.approx(0.5)


def test_pairs_are_given_to_the_harness_without_a_space_before_them(tmp_path: Path):
    with gzip.open(tmp_path / "agreement.jsonl.gz", "wt") as file:
        for number in range(5):
            file.write(json.dumps({"sentence_good": f"Cats sleep {number}.", "sentence_bad": "Cats sleeps."}) + "\n")
    pairs = harness.read_pairs(tmp_path / "agreement.jsonl.gz", limit=2)
    harness.write_task("agreement", pairs, tmp_path)
    task = yaml.safe_load((tmp_path / "agreement.yaml").read_text())

    assert pairs == [("Cats sleep 0.", "Cats sleeps."), ("Cats sleep 1.", "Cats sleeps.")]
    assert task["target_delimiter"] == ""
    rows = [json.loads(line) for line in Path(task["dataset_kwargs"]["data_files"]["train"]).read_text().splitlines()]
    assert [tuple(row.values()) for row in rows] == pairs
