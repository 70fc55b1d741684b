import math
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from data.batch import TokenBatch
from data.example_rows import ExampleRows
from data.packing import pack
from data.views.base import ViewContext
from data.views.noise import key, row_seeds
from data.views.prefix_lm import PrefixLMView, PrefixLMViewConfig
from data.vocabulary import SPECIALS, Vocabulary, special_piece
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.objectives.prefix_lm import PrefixLM, PrefixLMConfig

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)
VOCABULARY = Vocabulary.from_pieces([*map(special_piece, SPECIALS.by_name()), *(f"▁w{index}" for index in range(29))])


def pairs(*given: tuple[list[int], list[int]]) -> TokenBatch:
    view = PrefixLMView(PrefixLMViewConfig(), ViewContext(VOCABULARY, 16, "shifted"))
    inputs, targets = ([np.array(ids) for ids in side] for side in zip(*given, strict=True))
    return view(ExampleRows(inputs, targets, np.full(len(given), -1)), np.zeros(len(given), np.uint64)).batch


def test_loss_is_the_cross_entropy_of_answer_and_eos_given_all_of_the_prompt():
    trunk, batch = Trunk(CONFIG), pairs(([40, 41], [50, 51]))
    term = PrefixLM(PrefixLMConfig(), CONFIG, SPECIALS)(trunk, batch)["prefix_lm"]
    logits = trunk.project(trunk.hidden(batch))[0]

    torch.testing.assert_close(
        term.loss_sum, F.cross_entropy(logits[3:6], torch.tensor([50, 51, SPECIALS.eos]), reduction="sum")
    )
    assert term.count == 3


def test_padding_changes_no_loss():
    trunk, objective = Trunk(CONFIG), PrefixLM(PrefixLMConfig(), CONFIG, SPECIALS)
    one, other = ([40, 41, 42], [50, 51]), ([43], [52])
    together = objective(trunk, pairs(one, other))["prefix_lm"]
    apart = [objective(trunk, pairs(pair))["prefix_lm"] for pair in (one, other)]

    torch.testing.assert_close(together.loss_sum, apart[0].loss_sum + apart[1].loss_sum)
    assert together.count == apart[0].count + apart[1].count


def test_the_prompt_is_read_to_both_sides_and_the_answer_from_left_to_right():
    trunk = Trunk(CONFIG)
    states = trunk.hidden(pairs(([40, 41], [50, 51])))[0]
    other_prompt_end = trunk.hidden(pairs(([40, 42], [50, 51])))[0]
    other_answer_end = trunk.hidden(pairs(([40, 41], [50, 52])))[0]

    assert not torch.equal(states[0], other_prompt_end[0])
    torch.testing.assert_close(states[:5], other_answer_end[:5], rtol=0, atol=0)


def running_text(*documents: list[int], epoch: int = 0) -> TokenBatch:
    view = PrefixLMView(PrefixLMViewConfig(), ViewContext(VOCABULARY, 16, "shifted"))
    packing = pack(np.cumsum([0, *map(len, documents)]), 16)
    rows = packing.read(np.concatenate(documents).astype(np.uint16), np.arange(packing.rows), single=False)
    return view(rows, row_seeds(key(5, epoch), np.arange(packing.rows))).batch


def test_loss_of_running_text_is_the_cross_entropy_of_what_follows_the_prefix():
    trunk, batch = Trunk(CONFIG), running_text([40, 41, 42, 43], [50, 51])
    term = PrefixLM(PrefixLMConfig(), CONFIG, SPECIALS)(trunk, batch)["prefix_lm"]
    logits, ids = trunk.project(trunk.hidden(batch))[0], batch.input_ids_BT[0]
    prefix = batch.attention.in_prefix_BT[0]
    cut = int(prefix[:6].sum())
    expected = F.cross_entropy(logits[cut - 1 : 5], ids[cut:6], reduction="sum")
    second = 6 + int(prefix[6:].sum())
    expected = expected + F.cross_entropy(logits[second - 1 : 9], ids[second:10], reduction="sum")

    torch.testing.assert_close(term.loss_sum, expected)
    assert term.count == 6 - cut + 10 - second


def test_running_text_sees_its_prefix_whole_and_nothing_to_come():
    batch = next(
        found for epoch in range(50) if (found := running_text([40, 41, 42, 43, 44, 45], epoch=epoch)).predict_M[0] == 3
    )  # the prefix is bos 40 41 42

    def changed(place: int) -> torch.Tensor:
        ids = batch.input_ids_BT.clone()
        ids[0, place] = 59
        return Trunk(CONFIG).hidden(replace(batch, input_ids_BT=ids))[0]

    states = Trunk(CONFIG).hidden(batch)[0]
    assert not torch.equal(changed(3)[0], states[0])
    torch.testing.assert_close(changed(5)[:5], states[:5], rtol=0, atol=0)


def test_uniform_logits_cost_log_v_per_predicted_token():
    trunk, batch = Trunk(CONFIG), running_text([40, 41, 42, 43], [50, 51])
    torch.nn.init.zeros_(trunk.model.embed_tokens.weight)
    term = PrefixLM(PrefixLMConfig(), CONFIG, SPECIALS)(trunk, batch)["prefix_lm"]

    torch.testing.assert_close(term.loss_sum, torch.tensor(term.count * math.log(60)))
