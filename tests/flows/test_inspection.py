"""What `stagelm corpus inspect` shows of a corpus and of a sample."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.inspection import Inspection, inspect_built, inspect_sample
from flows.plan import MissingInput
from flows.recipe import RecipeError
from flows.report.cleaning import changed, print_inspection


@pytest.fixture
def sample(tiny_recipe: Path) -> Inspection:
    news = tiny_recipe.parent / "news" / "2026-01.jsonl"
    first, *others = news.read_text(encoding="utf-8").splitlines()
    entity = json.loads(first)["text"] + " Salt &amp; pepper were sold."
    dirty = [json.dumps({"text": text}) for text in ("Too short.", entity)]
    news.write_text("\n".join([*dirty, *others]), encoding="utf-8")
    return inspect_sample(str(tiny_recipe), {}, 12)


def test_sample_counts_what_became_of_the_first_documents(sample: Inspection):
    assert sample.counts["news"]["read"] == 12
    assert sample.counts["news"]["dropped"] == {"length/too_short": 1}
    assert sample.counts["news"]["repaired"] == {"repair": 1}
    assert [row["text"] for row in sample.dropped if row["source"] == "news"] == ["Too short."]
    assert [row["rule"] for row in sample.repaired] == ["repair"]


def test_only_a_source_or_a_rule_is_shown(sample: Inspection):
    rule = sample.only("news", "length")

    assert list(rule.counts) == ["news"]
    assert rule.counts["news"]["repaired"] == {}
    assert [row["reason"] for row in rule.dropped] == ["too_short"]
    with pytest.raises(RecipeError, match="--source news2: no such source here; there are: news, pairs"):
        sample.only("news2", None)
    with pytest.raises(RecipeError, match="--rule quality: it did nothing here; what did: length, repair"):
        sample.only("news", "quality")


def test_page_and_text_say_the_same(sample: Inspection, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    print_inspection(sample, 1, tmp_path / "page.html")
    printed = capsys.readouterr().out

    assert "dropped length/too_short" in printed
    assert "Salt &[-amp;-] pepper" in printed.replace("\n", "")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "dropped length/too_short" in page


def test_change_shows_what_went_and_what_came():
    assert changed("a\x00b 旧的书", "ab 新的书").plain in {
        "[-a\\x00b-]{+ab+} [-旧-]{+新+}的书",
        "a[-\\x00-]b [-旧-]{+新+}的书",
    }
    assert changed("Text.\nRead more", "Text.").plain == "Text.[-⏎Read more-]"


def test_corpus_that_was_not_built_says_how_to_see_a_sample(tiny_recipe: Path):
    with pytest.raises(MissingInput, match=r"has not been built; .* --sample 500"):
        inspect_built(str(tiny_recipe), {})


def test_folder_that_is_no_corpus_is_refused(tmp_path: Path):
    with pytest.raises(RecipeError, match="not the folder of a corpus"):
        inspect_built(str(tmp_path), {})
    with pytest.raises(RecipeError, match="a sample is drawn from the sources of a recipe"):
        inspect_sample(str(tmp_path), {}, 5)


def test_command_shows_a_corpus_that_was_built(tiny_recipe: Path, tmp_path: Path):
    done = CliRunner().invoke(app, ["corpus", "inspect", str(tiny_recipe), "--sample", "5", "--n", "0"])

    assert done.exit_code == 0, done.output
    assert "documents of every source" in done.output
