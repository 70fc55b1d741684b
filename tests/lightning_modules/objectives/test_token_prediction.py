import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import tensor

from data.batch import Attention, TokenBatch
from data.packing import pack
from data.views.base import ViewContext
from data.views.causal_lm import CausalLMView, CausalLMViewConfig
from data.vocabulary import SPECIALS, Vocabulary, special_piece
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives.causal_lm import CausalLM, CausalLMConfig
from lightning_modules.objectives.masked_lm import MaskedLM, MaskedLMConfig

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)
VOCABULARY = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *(f"▁w{index}" for index in range(29))])
IDS = tensor([[2, 40, 41, 42], [2, 50, 51, 52]])


def causal_batch(rows: slice = slice(None)) -> TokenBatch:
    ids = IDS[rows]
    predict = torch.arange(ids.numel()).view_as(ids)[:, :-1].flatten()
    return TokenBatch(
        ids, torch.arange(4).expand_as(ids), Attention("causal"), 0, predict_M=predict, targets_M=ids[:, 1:].flatten()
    )


def masked_batch(predict: list[int], targets: list[int]) -> TokenBatch:
    return TokenBatch(
        IDS,
        torch.arange(4).expand_as(IDS),
        Attention("full"),
        0,
        predict_M=tensor(predict, dtype=torch.int64),
        targets_M=tensor(targets, dtype=torch.int64),
    )


def test_causal_loss_is_the_cross_entropy_of_the_shifted_logits():
    trunk = Trunk(CONFIG)
    term = CausalLM(CausalLMConfig(), CONFIG, SPECIALS)(trunk, causal_batch())["causal_lm"]
    logits = trunk.project(trunk.hidden(causal_batch()))

    expected = F.cross_entropy(logits[:, :-1].flatten(0, 1), IDS[:, 1:].flatten(), reduction="sum")
    torch.testing.assert_close(term.loss_sum, expected, rtol=1e-6, atol=1e-6)
    assert term.count == 6


def read_from(direction: str, *documents: list[int]) -> TokenBatch:
    packing = pack(np.cumsum([0, *map(len, documents)]), 16)
    rows = packing.read(np.concatenate(documents).astype(np.uint16), np.arange(packing.rows), single=False)
    context = ViewContext(VOCABULARY, 16, "shifted")
    config = CausalLMViewConfig.model_validate({"direction": direction})
    return CausalLMView(config, context)(rows, np.zeros(packing.rows, np.uint64)).batch


def test_right_to_left_loss_is_the_left_to_right_loss_of_the_reversed_text():
    trunk, objective = Trunk(CONFIG), CausalLM(CausalLMConfig(direction="rtl"), CONFIG, SPECIALS)
    rtl = objective(trunk, read_from("rtl", [40, 41, 42, 43], [50, 51, 52]))["causal_lm"]
    ltr = objective(trunk, read_from("ltr", [43, 42, 41, 40], [52, 51, 50]))["causal_lm"]

    assert rtl.loss_sum.equal(ltr.loss_sum)
    assert rtl.count == ltr.count


def test_right_to_left_no_token_sees_what_stands_before_it_in_the_text():
    trunk = Trunk(CONFIG)
    states = trunk.hidden(read_from("rtl", [40, 41, 42, 43]))[0]
    other_start = trunk.hidden(read_from("rtl", [59, 41, 42, 43]))[0]
    other_end = trunk.hidden(read_from("rtl", [40, 41, 42, 59]))[0]

    assert states[:4].equal(other_start[:4])  # bos 43 42 41, before 40
    assert not states[2].equal(other_end[2])


def test_two_halves_give_the_sums_and_gradients_of_the_whole():
    objective = CausalLM(CausalLMConfig(), CONFIG, SPECIALS)
    whole, halves = Trunk(CONFIG), Trunk(CONFIG)
    objective(whole, causal_batch())["causal_lm"].loss_sum.backward()
    terms = [objective(halves, causal_batch(slice(row, row + 1)))["causal_lm"] for row in (0, 1)]
    for term in terms:
        term.loss_sum.backward()

    assert sum(term.count for term in terms) == 6
    for (name, one), other in zip(whole.named_parameters(), halves.parameters(), strict=True):
        if name != "segments.weight":
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)


def test_a_batch_with_nothing_hidden_costs_zero():
    term = MaskedLM(MaskedLMConfig(), CONFIG, SPECIALS)(Trunk(CONFIG), masked_batch([], []))["masked_lm"]
    term.loss_sum.backward()

    assert (term.loss_sum.item(), term.count, term.ratios["accuracy"][0].item()) == (0.0, 0, 0.0)


def test_smoothing_logs_the_likelihood_beside_the_loss():
    trunk, batch = Trunk(CONFIG), masked_batch([1, 6], [40, 51])
    plain = MaskedLM(MaskedLMConfig(), CONFIG, SPECIALS)(trunk, batch)["masked_lm"]
    smooth = MaskedLM(MaskedLMConfig(label_smoothing=0.1), CONFIG, SPECIALS)(trunk, batch)["masked_lm"]

    torch.testing.assert_close(smooth.ratios["nll"][0], plain.loss_sum)
    assert smooth.loss_sum != plain.loss_sum and "nll" not in plain.ratios


def test_impossible_smoothing_is_refused_before_anything_is_built():
    config = CausalLMConfig(label_smoothing=0.999, smoothing="exclude_target")

    with pytest.raises(ValueError, match=r"label_smoothing 0\.999"):
        CausalLM.check_model(config, CONFIG)


def test_steps_repeat_to_the_bit():
    def trained() -> dict[str, torch.Tensor]:
        trunk = Trunk(CONFIG, seed=5)
        optimizer = torch.optim.AdamW(trunk.parameters(), lr=1e-2)
        for _ in range(3):
            with torch.autocast("cpu", torch.bfloat16):
                term = CausalLM(CausalLMConfig(), CONFIG, SPECIALS)(trunk, causal_batch())["causal_lm"]
            (term.loss_sum / term.count).backward()
            optimizer.step()
            optimizer.zero_grad()
        return trunk.state_dict()

    first, second = trained(), trained()
    assert all(torch.equal(first[name], second[name]) for name in first)
