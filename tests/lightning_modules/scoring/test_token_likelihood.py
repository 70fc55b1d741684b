import math

import numpy as np
import pytest
import torch

from data.batch import Attention, TokenBatch
from data.vocabulary import SPECIALS, Vocabulary, special_piece
from lightning_modules.hardware import Hardware
from lightning_modules.networks import ModelChoice, Trunk
from lightning_modules.scoring.candidates import candidate_nll
from lightning_modules.scoring.token_likelihood import Cloze, causal_nll, cloze_nll, clozes_of, masked_nll

SIZE = 48
FIRST = SPECIALS.count
HARDWARE = Hardware(
    accelerator="cpu", devices=1, strategy="single", precision="fp32", threads=1, global_batch_tokens=256,
    micro_batch_tokens=64, compile=False, deterministic=True,
)  # fmt: skip
TEXTS = [np.array(ids) + FIRST for ids in ([1, 2, 3], [4, 5, 6, 7, 8, 9, 10], [3], [1, 2, 3], [2, 1, 2, 1])]


def trunk_of(**options) -> Trunk:
    sizes = {"hidden_size": 16, "num_layers": 2, "num_heads": 2}
    config = ModelChoice(preset="micro", **sizes, **options).resolve(vocab_size=SIZE, sequence_length=32)
    trunk = Trunk(config, seed=1).eval()
    torch.nn.init.normal_(trunk.model.embed_tokens.weight, std=0.5, generator=torch.Generator().manual_seed(0))
    return trunk


@torch.no_grad()
def log_probabilities(trunk: Trunk, ids: list[int], mode: str) -> torch.Tensor:
    batch = TokenBatch(torch.tensor([ids]), torch.arange(len(ids))[None], Attention(mode), seed=0)
    return trunk.project(trunk.hidden(batch)[0]).log_softmax(-1)


def test_a_token_costs_what_one_pass_over_its_text_says():
    trunk = trunk_of()
    for text, nll in zip(TEXTS, causal_nll(trunk, TEXTS, HARDWARE), strict=True):
        logp = log_probabilities(trunk, [SPECIALS.bos, *text.tolist()], "causal")
        expected = [-float(logp[place, token]) for place, token in enumerate(text)]
        assert nll == pytest.approx(expected, abs=1e-5)


def test_only_what_is_asked_for_is_returned():
    trunk = trunk_of()
    whole = causal_nll(trunk, TEXTS, HARDWARE)
    ends = causal_nll(trunk, TEXTS, HARDWARE, first_scored=[len(text) - 1 for text in TEXTS])

    assert [len(nll) for nll in ends] == [1] * len(TEXTS)
    assert [nll[0] for nll in ends] == pytest.approx([nll[-1] for nll in whole], abs=1e-5)


@pytest.mark.parametrize("alignment", ["shifted", "same"])
def test_a_hidden_token_is_predicted_by_the_state_that_the_alignment_names(alignment: str):
    trunk = trunk_of(alignment=alignment)
    text = TEXTS[1]
    found = cloze_nll(trunk, [Cloze(np.array([SPECIALS.bos, *text, SPECIALS.eos]), np.array([3, 5]), 3)], HARDWARE)
    shown = [SPECIALS.bos, *text.tolist(), SPECIALS.eos]
    shown[3] = shown[5] = SPECIALS.mask
    logp = log_probabilities(trunk, shown, "full")

    assert found[0] == pytest.approx(-float(logp[2 if alignment == "shifted" else 3, text[2]]), abs=1e-5)


def test_a_uniform_network_costs_log_v_whatever_is_asked():
    trunk = trunk_of()
    torch.nn.init.zeros_(trunk.model.embed_tokens.weight)
    vocabulary = words("\u2581a")

    for nll in causal_nll(trunk, TEXTS, HARDWARE) + masked_nll(trunk, TEXTS, vocabulary, "l2r", HARDWARE):
        assert nll == pytest.approx([math.log(SIZE)] * len(nll), abs=1e-6)


def test_equal_texts_get_equal_bits_and_the_size_of_a_batch_changes_next_to_nothing():
    trunk, vocabulary = trunk_of(), words("\u2581a")
    small = replace_tokens(HARDWARE, 8)
    for ask in (
        lambda hardware: causal_nll(trunk, TEXTS, hardware),
        lambda hardware: masked_nll(trunk, TEXTS, vocabulary, "l2r", hardware),
    ):
        large, little = ask(HARDWARE), ask(small)
        assert large[0].tolist() == large[3].tolist()
        assert np.concatenate(large) == pytest.approx(np.concatenate(little), abs=1e-5)


def replace_tokens(hardware: Hardware, tokens: int) -> Hardware:
    return hardware.model_copy(update={"micro_batch_tokens": tokens})


def words(*pieces: str) -> Vocabulary:
    specials = [special_piece(name) for name in SPECIALS.by_name()]
    return Vocabulary.from_pieces([*specials, *pieces, *["\u2581x"] * (SIZE - FIRST - len(pieces))])


def test_later_pieces_of_a_word_are_hidden_with_the_earlier_and_characters_are_words():
    vocabulary = words("\u2581un", "happ", "y", "\u2581yes", "农", "民")
    text = np.arange(6) + FIRST
    hidden = [cloze.hidden.tolist() for cloze in clozes_of(text, vocabulary, "l2r")]

    assert hidden == [[1, 2, 3], [2, 3], [3], [4], [5], [6]]
    assert [cloze.hidden.tolist() for cloze in clozes_of(text, vocabulary, "alone")] == [[n] for n in range(1, 7)]
    first = clozes_of(text, vocabulary, "l2r")[0]
    mask = SPECIALS.mask
    assert first.shown.tolist() == [SPECIALS.bos, mask, mask, mask, *range(FIRST + 3, FIRST + 6), SPECIALS.eos]


@pytest.mark.parametrize("architecture", ["transformer", "lstm", "convolution"])
def test_candidates_cost_what_they_cost_written_out_after_their_context(architecture: str):
    trunk = trunk_of(architecture=architecture)
    contexts = [TEXTS[1], np.empty(0, np.int64), TEXTS[2]]
    candidates = [[TEXTS[0], TEXTS[2]], [TEXTS[2], TEXTS[4], TEXTS[0]], [TEXTS[2]]]
    found = candidate_nll(trunk, contexts, candidates, HARDWARE)

    for context, own, nll in zip(contexts, candidates, found, strict=True):
        whole = [np.concatenate([context, ids]) for ids in own]
        expected = causal_nll(trunk, whole, HARDWARE, first_scored=[len(context)] * len(own))
        for one, other in zip(nll, expected, strict=True):
            assert one == pytest.approx(other, abs=1e-5)
