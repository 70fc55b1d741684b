import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from benchmarks import extraction
from benchmarks.extraction import Score


class InThisProcess:
    """Stands for a pool whose processes would take too long to start."""

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, function, pages, chunksize: int):
        return map(function, pages)


def test_scores_are_those_of_hand_counted_strings() -> None:
    score = Score(kept=6, to_keep=8, left=2, to_go=10)

    assert score.precision == 6 / 8
    assert score.recall == 6 / 8
    assert score.f1 == 0.75
    assert score.accuracy == (6 + 8) / 18


def test_an_article_is_told_from_its_menu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    article = "".join(
        f"<p>On day {day} the harbour was quiet before the storm, and all pulled the boats onto the sand.</p>"
        for day in range(5)
    )
    content = f"<html><body><nav><a href='/'>Home page</a></nav><article>{article}</article></body></html>"
    notes = {"http://a.org": {"file": "a.html", "with": ["the boats onto the sand"], "without": ["Home page"]}}
    (tmp_path / "annotations.json").write_text(json.dumps(notes))
    with tarfile.open(tmp_path / "pages.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("eval/a.html")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content.encode()))
    page = tmp_path / "page.md"
    page.write_text("<!-- extraction -->\n<!-- /extraction -->\n")
    monkeypatch.setattr(sys, "argv", ["extraction", "--pages", str(tmp_path), "--page", str(page)])
    monkeypatch.setattr(extraction, "ProcessPoolExecutor", InThisProcess)

    extraction.main()
    assert "| StageLM | 1.000 | 1.000 | 1.000 | 1.000 |" in capsys.readouterr().out
    assert "| tags taken off | 0.500 | 1.000 | 0.667 | 0.500 |" in page.read_text()
