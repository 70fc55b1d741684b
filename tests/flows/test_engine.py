"""The engine of a recipe's corpus: chosen, checked, and without effect on any key."""

from pathlib import Path

import pytest

from flows.plan import load_plan
from flows.recipe import RecipeError


def test_engine_is_no_part_of_any_key(tiny_recipe: Path) -> None:
    here = load_plan(str(tiny_recipe))
    elsewhere = load_plan(str(tiny_recipe), {"corpus.engine": {"kind": "ray", "address": "auto", "workers": 3}})

    assert elsewhere.recipe.corpus.engine.model_dump() == {"kind": "ray", "address": "auto", "workers": 3}
    assert [stage.key.fingerprint for stage in elsewhere.stages.values()] == [
        stage.key.fingerprint for stage in here.stages.values()
    ]


def test_engine_that_is_not_installed_is_refused_with_what_to_install(
    tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(RecipeError) as refused:
        load_plan(str(tiny_recipe), {"corpus.engine": "ray"})
    assert str(refused.value) == (
        f"{tiny_recipe}: corpus.engine: engine 'ray' needs the package ray, which is not installed: "
        f"pip install 'stagelm[ray]'"
    )
