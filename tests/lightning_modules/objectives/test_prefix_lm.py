import numpy as np
import torch
import torch.nn.functional as F

from data.batch import TokenBatch
from data.example_rows import ExampleRows
from data.views.base import ViewContext
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
