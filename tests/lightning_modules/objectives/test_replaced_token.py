import math

import pytest
import torch
from torch import Tensor, tensor

from data.batch import Attention, TokenBatch
from data.vocabulary import SPECIALS
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives.replaced_token import (
    ReplacedToken,
    ReplacedTokenConfig,
    ordered_pairs,
    sample_tokens,
)

CONFIG = ModelChoice(preset="tiny", num_layers=2).resolve(vocab_size=60, sequence_length=16)
ORIGINAL = tensor([[2, 40, 41, 42, 43, 44, 3, 0]])


def batch(hidden: tuple[int, ...] = (2, 4), seed: int = 0) -> TokenBatch:
    corrupted = tensor(hidden, dtype=torch.int64)
    return TokenBatch(
        ORIGINAL.flatten().index_fill(0, corrupted, SPECIALS.mask).view_as(ORIGINAL),
        torch.arange(8).unsqueeze(0),
        Attention("full", tensor([[0, 0, 0, 0, 0, 0, 0, -1]])),
        seed,
        predict_M=corrupted - 1,
        targets_M=ORIGINAL.flatten()[corrupted],
        original_ids_BT=ORIGINAL,
        corrupted_M=corrupted,
        real_N=tensor([1, 2, 3, 4, 5]),
    )


def objective(**settings: object) -> ReplacedToken:
    return ReplacedToken(ReplacedTokenConfig.model_validate(settings), CONFIG, SPECIALS)


def shown_to_the_trunk(objective: ReplacedToken, trunk: Trunk, batch: TokenBatch, monkeypatch: pytest.MonkeyPatch):
    seen: list[Tensor] = []
    read = trunk.hidden
    monkeypatch.setattr(trunk, "hidden", lambda batch: (seen.append(batch.input_ids_BT), read(batch))[1])
    return objective(trunk, batch), seen[0].flatten()


def test_discriminator_loss_of_the_fixed_vector_with_label_one_for_replaced(monkeypatch: pytest.MonkeyPatch):
    judged, four = objective(), batch(hidden=(2, 4))
    object.__setattr__(four, "real_N", tensor([1, 2, 3, 4]))
    monkeypatch.setattr(judged, "_replacements", lambda trunk, batch: (batch.targets_M + 10, {}))
    monkeypatch.setattr(judged.classifier, "forward", lambda states: tensor([[2.0], [-1.0], [0.5], [0.0]]))

    term = judged(Trunk(CONFIG), four)["replaced_token"]
    assert term.loss_sum.item() / 4 == pytest.approx(1.2768534422)  # labels 0, 1, 0, 1
    assert [term.ratios[name][0].item() for name in ("accuracy", "replaced_share")] == [0, 2]


def test_terms_count_text_and_hidden_positions():
    terms = objective()(Trunk(CONFIG), batch())

    assert {name: term.count for name, term in terms.items()} == {"replaced_token": 5, "generator": 2}
    assert ReplacedToken.term_weights(ReplacedTokenConfig(), 50.0) == {"replaced_token": 50.0, "generator": 1.0}


def test_an_undecided_discriminator_costs_log_two_a_token():
    undecided = objective()
    torch.nn.init.zeros_(undecided.classifier.weight)

    assert undecided(Trunk(CONFIG), batch())["replaced_token"].loss_sum.item() == pytest.approx(5 * math.log(2))


def test_the_trunk_sees_replacements_and_originals_but_neither_mask_nor_other_specials(
    monkeypatch: pytest.MonkeyPatch,
):
    _, shown = shown_to_the_trunk(objective(), Trunk(CONFIG), batch(), monkeypatch)

    assert shown[[0, 1, 3, 5, 6, 7]].tolist() == [2, 40, 42, 44, 3, 0]
    assert (shown[[2, 4]] >= SPECIALS.count).all()


def test_a_sample_equal_to_the_original_is_original(monkeypatch: pytest.MonkeyPatch):
    same = objective(source="uniform")
    monkeypatch.setattr(same, "_replacements", lambda trunk, batch: (batch.targets_M, {}))
    ratios = same(Trunk(CONFIG), batch())["replaced_token"].ratios

    assert ratios["replaced_share"][0].item() == 0
    assert ratios["base_rate_loss"][0].item() == 0


def test_the_discriminator_teaches_the_generator_nothing_and_the_generator_learns_by_likelihood():
    taught = objective()
    terms = taught(Trunk(CONFIG), batch())
    parameters = list(taught.generator.parameters())

    by_discriminator = torch.autograd.grad(
        terms["replaced_token"].loss_sum, parameters, allow_unused=True, retain_graph=True
    )
    by_generator = torch.autograd.grad(terms["generator"].loss_sum, parameters)
    assert all(gradient is None for gradient in by_discriminator)
    assert all(gradient.ne(0).any() for gradient in by_generator)


def test_the_generator_leaves_the_layers_of_the_trunk_alone_and_shares_its_embeddings():
    trunk = Trunk(CONFIG)
    objective()(trunk, batch())["generator"].loss_sum.backward()

    assert trunk.model.embed_tokens.weight.grad is not None
    assert all(parameter.grad is None for parameter in trunk.model.layers.parameters())


def test_replacements_are_equal_for_a_seed_and_differ_between_seeds():
    trunk, drawn = Trunk(CONFIG), objective()
    hidden = tuple(range(1, 6))

    def replacements(seed: int) -> list[int]:
        return drawn._replacements(trunk, batch(hidden, seed))[0].tolist()

    assert replacements(1) == replacements(1)
    assert replacements(1) != replacements(2)


def test_tokens_are_sampled_from_the_softmax_not_the_argmax():
    trunk = Trunk(CONFIG)
    logits = torch.full((60,), -20.0)
    logits[40], logits[41], logits[5] = math.log(0.7), math.log(0.3), 10.0  # 5 is a special: never drawn
    trunk.model.embed_tokens.weight.data.zero_()[:, 0] = logits
    hidden = torch.zeros(20_000, CONFIG.hidden_size)
    hidden[:, 0] = 1.0
    drawn = torch.rand(20_000, generator=torch.Generator().manual_seed(0))

    share = (sample_tokens(trunk, hidden, drawn, first=SPECIALS.count) == 40).float().mean().item()
    assert share == pytest.approx(0.7, abs=3 * math.sqrt(0.21 / 20_000))


def test_uniform_replacements_need_no_generator_and_cover_text_ids_only(monkeypatch: pytest.MonkeyPatch):
    uniform = objective(source="uniform")
    terms, shown = shown_to_the_trunk(uniform, Trunk(CONFIG), batch(tuple(range(1, 6))), monkeypatch)

    assert list(terms) == ["replaced_token"] and uniform.generator is None
    assert ReplacedToken.term_weights(uniform.config, 50.0) == {"replaced_token": 50.0}
    assert ((shown[1:6] >= SPECIALS.count) & (shown[1:6] < 60)).all()


def test_nothing_hidden_leaves_the_generator_at_zero():
    terms = objective()(Trunk(CONFIG), batch(hidden=()))

    assert (terms["generator"].loss_sum.item(), terms["generator"].count) == (0.0, 0)
    assert terms["replaced_token"].loss_sum.isfinite()


def test_no_text_at_all_costs_zero_and_no_ratio_is_nan():
    empty = batch(hidden=())
    object.__setattr__(empty, "real_N", tensor([], dtype=torch.int64))
    term = objective().eval()(Trunk(CONFIG), empty)["replaced_token"]

    assert (term.loss_sum.item(), term.count) == (0.0, 0)
    assert all(total.isfinite() for total, _ in term.ratios.values())


def test_auc_counts_ordered_pairs_and_half_of_the_ties():
    ordered, pairs = ordered_pairs(tensor([0.9, 0.5, 0.5, 0.1]), tensor([1.0, 1.0, 0.0, 0.0]))

    assert (ordered.item(), pairs) == (3.5, 4)  # .9 over both, .5 over .1 and level with .5
    assert "auc" in objective().eval()(Trunk(CONFIG), batch())["replaced_token"].ratios
    assert "auc" not in objective()(Trunk(CONFIG), batch())["replaced_token"].ratios


def test_base_rate_loss_is_the_entropy_of_the_share():
    labels = torch.zeros(20)
    labels[:3] = 1.0
    total, count = objective()._ratios(torch.zeros(20), labels)["base_rate_loss"]

    assert total.item() / count == pytest.approx(0.4227, abs=5e-5)  # 15 % replaced


def test_the_generator_is_a_quarter_of_the_width_in_whole_heads():
    network = ReplacedTokenConfig().generator_network(CONFIG)

    assert (network.hidden_size, network.num_heads, network.num_layers, network.vocab_size) == (32, 1, 2, 60)
