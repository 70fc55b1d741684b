"""A rater at the keyboard, in a real browser: questions, undo, two tabs, a server that goes away, hostile texts."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.judging.journal import Journal
from flows.judging.sheet import Item, Preference, Question, Ratings, Sheet

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "build" / "pictures"
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> 标题'


@pytest.fixture
def sheet() -> Sheet:
    pair, rating = ("one", "two"), ("one",)
    questions = [Question(kind="pair", item=item, systems=pair) for item in ("a", "b", "c")]
    questions += [Question(kind="rating", item=item, systems=rating) for item in ("a", "b")]
    texts = {"one": HOSTILE, "two": "银行上调利率 " * 3}
    items = [Item(id=item, input=f"新闻 {item}。" * 30, reference="", texts=texts) for item in ("a", "b", "c")]
    return Sheet(
        task="headline", runs=["demo-1"], systems=["one", "two"], language="zh", target_language="zh", seed=1,
        shows_references=False, items=items, questions=questions, alike=0,
    )  # fmt: skip


@contextmanager
def served(store: Path, sheet: Sheet, language: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and the address that it prints."""
    options = ["--rater", "安娜", "--language", language]
    command = [sys.executable, "-m", "flows.cli", "judge", "serve", sheet.id, *options]
    environment = os.environ | {"STAGELM_STORE": str(store)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            yield process, found[0]
        finally:
            process.kill()


def shows(page, answered: int) -> None:
    from playwright.sync_api import expect

    expect(page.locator("#answered")).to_have_text(str(answered), timeout=30_000)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_is_answered_from_the_keyboard(sheet, browser, tmp_path, language):
    folder = sheet.save(tmp_path)
    faults: list[str] = []
    with served(tmp_path, sheet, language) as (_, address):
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        shows(page, 0)
        title = page.title()
        assert page.locator("#left").inner_text() == HOSTILE
        assert page.locator(".text img, .text script").count() == 0
        assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-Hans"}[language]
        assert page.locator("#left").get_attribute("lang") == "zh-Hans"
        assert page.get_by_role(
            "heading", name={"en": "Which text is better?", "zh": "哪一段更好？"}[language]
        ).is_visible()
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"judging-pair-{language}.png")

        for answered, key in enumerate(["ArrowLeft", "ArrowRight"], 1):
            page.keyboard.press(key)
            shows(page, answered)
        page.keyboard.press("Backspace")
        shows(page, 1)
        page.keyboard.press("ArrowDown")
        shows(page, 2)
        # Tab order without shortcuts: the texts, which scroll, then left, tie, right.
        for stop in ("left", "right"):
            page.keyboard.press("Tab")
            page.locator(f"#{stop}:focus").wait_for()
        for _ in range(3):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        shows(page, 3)

        page.keyboard.press("2")
        page.keyboard.press("4")
        page.screenshot(path=PICTURES / f"judging-rating-{language}.png")
        page.keyboard.press("Enter")  # a row is missing: the browser says so and nothing is sent
        page.keyboard.press("5")
        assert page.locator("#answered").inner_text() == "3"
        page.keyboard.press("Enter")
        shows(page, 4)
        assert page.locator("input:checked").count() == 0
        for grade in "333":
            page.keyboard.press(grade)
        page.keyboard.press("Enter")
        page.locator("#done").wait_for()
        assert page.title() == title

    assert faults == []
    answers = Journal.read(sheet, folder / "安娜.jsonl").answers
    assert answers == {
        0: Preference(preferred="left"),
        1: Preference(preferred="tie"),
        2: Preference(preferred="right"),
        3: Ratings(fluency=2, adequacy=4, coherence=5),
        4: Ratings(fluency=3, adequacy=3, coherence=3),
    }


def test_two_tabs_and_a_server_that_ends_lose_nothing(sheet, browser, tmp_path):
    folder = sheet.save(tmp_path)
    with served(tmp_path, sheet, "en") as (process, address):
        first, second = browser.new_page(), browser.new_page()
        for page in (first, second):
            page.goto(address)
            shows(page, 0)
        first.keyboard.press("ArrowLeft")
        shows(first, 1)
        second.keyboard.press("ArrowRight")
        second.locator("#conflict").wait_for()
        shows(second, 1)
        second.keyboard.press("ArrowRight")
        shows(second, 2)
        process.kill()
        process.wait(60)
        second.keyboard.press("ArrowRight")
        second.locator("#failed").wait_for()
        shows(second, 2)

    answers = Journal.read(sheet, folder / "安娜.jsonl").answers
    assert answers == {0: Preference(preferred="left"), 1: Preference(preferred="right")}
    with served(tmp_path, sheet, "en") as (_, address):
        page = browser.new_page()
        page.goto(address)
        shows(page, 2)
