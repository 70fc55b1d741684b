from typing import Any

import pytest
from pydantic import ValidationError

from lightning_modules.networks import ModelChoice
from lightning_modules.objectives.masked_lm import MaskedLMConfig
from lightning_modules.stage import StageConfig

MODEL = ModelChoice(preset="micro").resolve(vocab_size=100, sequence_length=16)


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


def test_terms_are_weighted_by_the_recipe_and_named_by_their_use():
    uses = {
        "forward": {"objective": "causal_lm", "share": 0.5, "weight": 0.3},
        "replaced": {"objective": "replaced_token", "share": 0.5, "weight": 50, "generator_weight": 2},
    }

    assert stage(objectives=uses).term_weights(MODEL) == {"forward": 0.3, "replaced": 50.0, "replaced/generator": 2.0}


@pytest.mark.parametrize(("fraction", "way"), [(0.0, [1, 1, 1, 1]), (0.5, [0.5, 1, 1, 1]), (1.0, [0.25, 0.5, 0.75, 1])])
def test_weights_are_their_own_from_the_end_of_the_blend_on(fraction: float, way: list[float]):
    assert [stage(blend_fraction=fraction).blended(step, 4) for step in range(4)] == way


def test_losses_of_the_network_itself_are_weighted_beside_every_use():
    experts = ModelChoice(preset="micro", experts=2, router_balance_weight=0.1)
    model = experts.resolve(vocab_size=100, sequence_length=16)

    assert stage().term_weights(model) == {
        "causal_lm": 1.0,
        "causal_lm/router_balance": 0.1,
        "causal_lm/router_z": model.router_z_weight,
    }


def test_model_that_a_use_cannot_train_is_refused():
    model = ModelChoice(preset="micro", segments=2).resolve(vocab_size=100, sequence_length=16)
    many = stage(objectives={"order": {"objective": "sentence_order", "segments": 3}})

    with pytest.raises(ValueError, match=r"sentence_order has 3 segments, .* set model.segments to at least 3"):
        many.objectives["order"].check_model(model)


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
        (
            {"sources": {"news": 0.7, "tweets": 0.2}},
            (),
            "shares of sources must add up to 1, got 0.9 from news, tweets",
        ),
        ({"sources": {}}, (), "shares of sources must add up to 1, got 0 from"),
        ({"sources": {"news": 0}}, ("sources", "news"), "greater than 0"),
        (
            {"freeze": {"heads": ["casual_lm"]}},
            (),
            "unknown objective of this stage in freeze.heads 'casual_lm'. Did you mean 'causal_lm'?",
        ),
        ({"freeze": {"layers": -1}}, ("freeze", "layers"), "greater than or equal to 0"),
        ({"blend_fraction": 1.5}, ("blend_fraction",), "less than or equal to 1"),
        ({"global_batch_tokens": 0}, ("global_batch_tokens",), "greater than 0"),
        ({"peak_lr": 0}, ("peak_lr",), "greater than 0"),
        ({"token": 1}, ("token",), "not permitted"),
    ],
)
def test_error_names_the_place_and_what_was_allowed(changes: dict[str, Any], place: tuple[str, ...], message: str):
    with pytest.raises(ValidationError, match=message) as error:
        stage(**changes)

    assert error.value.errors()[0]["loc"] == place
