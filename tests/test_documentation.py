"""What the pages say can be done: commands exist, links lead somewhere, settings are settings."""

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from flows.cli import app
from flows.commands.options import overrides
from flows.recipe import SHIPPED, load_recipe
from lightning_modules.metrics import METRICS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OTHER_PROGRAMS = {"prefect", "export", "source", "python3", ".venv/bin/pip"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(language: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for found, text in BLOCK.findall(page.read_text(encoding="utf-8")):
            if found == language:
                yield page, text


def commands() -> list[tuple[str, list[str]]]:
    """Page and words of each command of the pages; '<such a thing>' stands for a word."""
    lines = ((page, line) for page, text in blocks("sh") for line in text.splitlines())
    filled = ((page, re.sub(r"<[^>]+>", "PLACEHOLDER", line)) for page, line in lines)
    return [(name_of(page), words) for page, line in filled if (words := shlex.split(line, comments=True))]


def heading_anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings(page: Path):
    for target in (a or b for a, b in LINK.findall(page.read_text(encoding="utf-8"))):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file) if file else page
        assert found.exists(), f"{target}: no such file"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(heading_anchor, headings), f"{target}: no such heading"


def test_every_page_of_docs_is_reached_from_its_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = {a or b for a, b in LINK.findall(index)}

    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")} - {"index.md"}
    assert pages - linked == set()


@pytest.mark.parametrize(("page", "words"), commands(), ids=lambda value: value if isinstance(value, str) else None)
def test_command_exists_with_its_options(page: str, words: list[str]):
    program, *arguments = words
    if program == "make":
        targets = re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert [word for word in arguments if "=" not in word and word not in targets] == []
    elif program == "stagelm":
        command = get_command(app)
        while hasattr(command, "commands"):  # a group
            name, *arguments = arguments
            assert name in command.commands
            command = command.commands[name]
        options = command.make_context(program, arguments).params
        load_recipe("demo", overrides(options.get("set_")))
    elif arguments[0] == "-m" and arguments[1].startswith("benchmarks."):
        importlib.import_module(arguments[1]).parser().parse_args(arguments[2:])
    else:
        assert program in OTHER_PROGRAMS


@pytest.mark.parametrize(("page", "text"), list(blocks("yaml")), ids=lambda value: getattr(value, "name", None))
def test_recipe_fragments_of_the_pages_are_valid(page: Path, text: str, tmp_path: Path):
    demo, given = yaml.safe_load((SHIPPED / "demo.yaml").read_text(encoding="utf-8")), yaml.safe_load(text)
    for name, task in given.get("finetuning", {}).items():
        if "task" not in task:  # what is shown is more of the demo's task
            given["finetuning"][name] = demo["finetuning"][name] | task
    whole = demo | given
    file = tmp_path / "fragment.yaml"
    file.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")

    load_recipe(str(file), {})


def test_both_readmes_name_the_same_commands_and_files():
    english, chinese = (
        (ROOT / name).read_text(encoding="utf-8").replace("README.zh-CN.md", "").replace("README.md", "")
        for name in ("README.md", "README.zh-CN.md")
    )
    first_words = [
        [line.split("#")[0].split("=<")[0].strip() for _, text in BLOCK.findall(page) for line in text.splitlines()]
        for page in (english, chinese)
    ]
    commands_of = [[line for line in lines if re.match(r"make|stagelm|python3|\.venv", line)] for lines in first_words]

    assert commands_of[0] == commands_of[1]
    assert {a for a, _ in LINK.findall(english)} == {a for a, _ in LINK.findall(chinese)}


def test_pages_promise_only_recipes_that_are_shipped():
    shipped = {file.stem for file in SHIPPED.glob("*.yaml")}

    assert shipped >= {"smoke", "demo", "showcase", "bert", "albert", "electra", "glm", "gpt_bert"}


def test_page_of_metrics_names_every_metric():
    named = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")))

    assert set(METRICS) - named == set()
