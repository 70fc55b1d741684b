"""How a comparison of runs looks: on the console, on its page, as rows of a table."""

import base64
import hashlib
import io
import json
import re
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from flows.comparing.runs import compare_runs
from flows.records import flatten
from flows.report.comparison import comparison_html, comparison_rows, comparison_table, page_name
from tests.flows.report.test_page import Page

HOSTILE = '</script><script>alert("x")</script> 影评 &'


@pytest.fixture
def runs(record, tmp_path):
    """Three runs that differ in a review's sentiment and in a setting; the third has the second's artifacts."""

    def made(run, right, note):
        stages = []
        for stage in record.stages:
            if (stage.kind, stage.name) == ("scores", "sentiment"):
                fingerprint = hashlib.sha256(str(right).encode()).hexdigest()
                folder = stage.folder.with_suffix("." + fingerprint[:8])
                write_scores(tmp_path / folder, right)
                stage = stage.model_copy(update={"fingerprint": fingerprint, "folder": folder})
                stages.append(stage)
            elif stage.kind != "scores":
                stages.append(stage)
        settings = {**record.settings, "notes": note}
        return record.model_copy(update={"id": run, "stages": stages, "settings": settings})

    return [
        made("first", [True] * 60, "<b>"),
        made("second", [False] * 40 + [True] * 20, "标题"),
        made("third", [False] * 40 + [True] * 20, "标题"),
    ]


def write_scores(folder, right):
    rows = [
        {
            "example_id": f"review-{index}{HOSTILE}",
            "system": "pretrained",
            "group": "film",
            "nll": 1.0,
            "tokens": 1.0,
            "bytes": 4.0,
            "prediction": "good" if one else "bad",
            "references": ["good"],
            "score": 100.0 * one,
        }
        for index, one in enumerate(right)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "examples.parquet")
    value = 100 * sum(right) / len(right)
    row = {"metric": "accuracy", "system": "pretrained", "better": "higher", "signature": "s", "value": value, "n": 60}
    content = {"task": "classification", "scores": [row], "headline": row}
    (folder / "scores.json").write_text(json.dumps(content))


def printed(comparison) -> str:
    file = io.StringIO()
    Console(file=file, width=160).print(comparison_table(comparison))
    return file.getvalue()


def test_console_says_what_parts_two_runs_and_how_each_score_ended(runs, tmp_path):
    text = printed(compare_runs(runs[:2], tmp_path))

    assert "the runs part at  scores/sentiment" in text
    assert re.search(r"accuracy \(higher\) +100\.00 +33\.33 +-66\.67 \(.*\) +<0\.001 +LOSES +unknown +60", text)
    assert "sentiment: 40 examples right to wrong, 0 wrong to right, 20 as before, by accuracy" in text
    assert "first: 1 seed in the store" in text


def test_console_of_several_runs_is_a_table_of_differences(runs, tmp_path):
    first, second, third = runs
    text = printed(compare_runs([first, second, third, first], tmp_path))

    assert re.search(r"sentiment/accuracy \(higher\) +100\.00 +-66\.67 LOSES +-66\.67 LOSES +same artifact", text)
    assert "third parts from the first at  scores/sentiment" in text


def test_page_shows_hostile_and_chinese_text_as_text(runs, tmp_path):
    page = Page(comparison_html(compare_runs(runs[:2], tmp_path)))

    assert page.elements.count("script") == 1
    assert f"review-0{HOSTILE}" in page.text
    assert "标题" in page.text
    assert page.elements.count("b") < 10
    assert page.requests == []


def test_only_the_pages_own_script_may_run(runs, tmp_path):
    html = comparison_html(compare_runs(runs[:2], tmp_path))
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    (allowed,) = re.findall(r"script-src '([^']+)'", html)

    assert allowed == "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def test_examples_are_filtered_by_their_words_in_a_browser(runs, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("NO BROWSER: the filter of examples was not tried. Install Debian's chromium to have it done")
    from playwright.sync_api import sync_playwright

    path = tmp_path / "page.html"
    path.write_text(comparison_html(compare_runs(runs[:2], tmp_path)), encoding="utf-8")
    with sync_playwright() as engines:
        browser = engines.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(path.as_uri())
        rows = page.locator(".flips tbody tr:visible")
        counts = [rows.count()]
        for words in ("影评 review-0", "REVIEW-1", "nowhere"):
            page.fill("#words", words)
            counts.append(rows.count())
        page.fill("#words", "")
        page.select_option("#direction", "better")
        counts.append(rows.count())
        browser.close()

    # 25 of the 40 are shown: all with the same change, so the first; of them 1 and 10 to 19 hold 'review-1'
    assert counts == [25, 1, 11, 0, 0]
    assert complaints == []


def test_page_of_several_runs_has_every_difference_and_is_equal_for_equal_runs(runs, tmp_path):
    html, again = (comparison_html(compare_runs(runs, tmp_path)) for _ in range(2))

    assert html == again
    assert Page(html).text.count("-66.67 LOSES") == 2


def test_rows_are_plain_json_with_one_row_a_score(runs, tmp_path):
    rows = json.loads(json.dumps(comparison_rows(compare_runs(runs, tmp_path))))

    assert [(row["run"], row["task"], row["outcome"], row["test"]) for row in rows] == [
        ("second", "sentiment", "LOSES", "mcnemar"),
        ("third", "sentiment", "LOSES", "mcnemar"),
    ]
    # 40 against 0: 2 / 2^40, twice as many tests
    assert rows[0]["p"] == pytest.approx(2 / 2**40)
    assert rows[0]["p_holm"] == pytest.approx(4 / 2**40)
    assert rows[0]["seeds"] is None


def test_name_of_a_page_fits_a_file_system_and_tells_comparisons_apart(runs, tmp_path):
    assert page_name(compare_runs(runs[:2], tmp_path)) == "compare-first-second.html"
    many = [run.model_copy(update={"id": f"{run.id}-{index:060}"}) for index in range(3) for run in runs]
    names = {page_name(compare_runs(chosen, tmp_path)) for chosen in (many, many[:-1])}

    assert len(names) == 2
    assert all(len(name.encode()) < 255 for name in names)


def test_nested_settings_become_dotted_keys():
    assert flatten({"a": {"b": 1, "c": {}}, "d": [1]}) == {"a.b": 1, "a.c": {}, "d": [1]}
