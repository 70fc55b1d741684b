from pathlib import Path

from data.views import VIEWS

FOLDER = Path(__file__).parents[3] / "data" / "views"


def test_every_view_of_the_folder_is_in_the_index():
    parts = {"base", "noise", "segments", "selection", "spans"}
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"} - parts

    assert set(VIEWS) == files
    assert {name: view.__module__ for name, view in VIEWS.items()} == {name: f"data.views.{name}" for name in files}
