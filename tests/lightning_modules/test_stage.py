from typing import Any

import pytest
from pydantic import ValidationError

from lightning_modules.objectives.masked_lm import MaskedLMConfig
from lightning_modules.stage import StageConfig


def stage(**changes: Any) -> StageConfig:
    return StageConfig.model_validate({"tokens": "1.5M", "peak_lr": 1e-3, "objectives": {"causal_lm": {}}} | changes)


def test_use_called_like_its_objective_needs_no_more():
    use = stage().objectives["causal_lm"]

    assert (use.objective, use.share, use.weight) == ("causal_lm", 1.0, 1.0)


def test_other_keys_of_a_use_are_its_objectives_settings():
    use = stage(objectives={"cloze": {"objective": "masked_lm", "rate": 0.3}}).objectives["cloze"]

    assert isinstance(use.settings, MaskedLMConfig)
    assert use.settings == MaskedLMConfig(rate=0.3)


def test_dump_is_complete_and_reads_back_the_same():
    given = stage(objectives={"cloze": {"objective": "masked_lm"}}, optimizer={"method": "muon"})
    spelled_out = stage(objectives={"cloze": {"objective": "masked_lm", **MaskedLMConfig().model_dump()}})

    assert StageConfig.model_validate_json(given.model_dump_json()) == given
    assert given.objectives == spelled_out.objectives


@pytest.mark.parametrize(
    ("changes", "place", "message"),
    [
        ({"objectives": {}}, (), "no objective: name at least one. Known: .*causal_lm"),
        (
            {"objectives": {"mask": {"objective": "maskd_lm"}}},
            ("objectives", "mask"),
            "unknown objective 'maskd_lm'. Did you mean 'masked_lm'?",
        ),
        (
            {"objectives": {"masked_lm": {"rat": 0.3}}},
            ("objectives", "masked_lm"),
            "unknown setting of masked_lm 'rat'. Did you mean 'rate'?",
        ),
        ({"objectives": {"masked_lm": {"rate": 3}}}, ("objectives", "masked_lm"), "rate: .* less than .*, got 3"),
        ({"objectives": {"a.b": {"objective": "causal_lm"}}}, ("objectives", "a.b", "[key]"), "pattern"),
        (
            {"objectives": {"causal_lm": {"share": 0.3}, "masked_lm": {"share": 0.5}}},
            (),
            "shares must add up to 1, got 0.8 from causal_lm, masked_lm",
        ),
        ({"optimizer": {"method": "adamv"}}, ("optimizer",), "unknown optimizer 'adamv'. Did you mean 'adamw'?"),
        (
            {"weighting": {"method": "excess_loss", "references": {"masked_lm": 3.0}}},
            (),
            "weighting.references names masked_lm, but the stage has causal_lm",
        ),
        ({"peak_lr": 0}, ("peak_lr",), "greater than 0"),
        ({"token": 1}, ("token",), "not permitted"),
    ],
)
def test_error_names_the_place_and_what_was_allowed(changes: dict[str, Any], place: tuple[str, ...], message: str):
    with pytest.raises(ValidationError, match=message) as error:
        stage(**changes)

    assert error.value.errors()[0]["loc"] == place
