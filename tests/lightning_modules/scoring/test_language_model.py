import numpy as np
import pytest
import torch

from data.batch import Attention, TokenBatch
from data.shards import Shards
from data.vocabulary import SPECIALS
from lightning_modules.checkpoint import load_trunk
from lightning_modules.hardware import Hardware
from lightning_modules.scoring.language_model import chosen_documents, document_nll, windows_of

HARDWARE = Hardware(
    accelerator="cpu", devices=1, strategy="single", precision="fp32", threads=1, global_batch_tokens=256,
    micro_batch_tokens=128, compile=False, deterministic=True,
)  # fmt: skip


@pytest.mark.parametrize("targets", [1, 7, 8, 9, 12, 13, 40])
@pytest.mark.parametrize("stride", [1, 3, 4, 8])
def test_every_token_is_scored_once_and_late_ones_after_what_the_stride_leaves(targets: int, stride: int):
    windows = windows_of(0, targets, length=8, stride=stride)

    scored = [token for window in windows for token in range(window.first_scored, window.end)]
    assert scored == list(range(targets))
    assert all(window.start >= 0 and window.end - window.start <= 8 for window in windows)
    assert all(window.first_scored - window.start >= 8 - stride for window in windows[1:])


def test_a_document_within_a_window_costs_what_one_pass_over_it_costs(folders):
    test, trunk = Shards.open(folders / "tokens", "test"), load_trunk(folders / "pretrained")
    lengths = np.diff(test.offsets)
    documents = np.arange(test.documents)
    found = document_nll(trunk, test, documents, int(lengths.max()) + 1, HARDWARE, lambda done, total: None)

    for document, nll in zip(documents, found, strict=True):
        ids = torch.tensor([[SPECIALS.bos, *test.document(document)]])
        batch = TokenBatch(ids, torch.arange(ids.numel())[None], Attention("causal"), seed=0)
        targets = torch.tensor([*ids[0, 1:], SPECIALS.eos])
        with torch.no_grad():
            logits = trunk.project(trunk.hidden(batch))[0]
        expected = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
        assert nll == pytest.approx(float(expected), rel=1e-5)


def test_a_uniform_network_costs_log_v_a_token_whatever_the_windows(folders):
    trunk = load_trunk(folders / "pretrained")
    torch.nn.init.zeros_(trunk.model.embed_tokens.weight)
    test = Shards.open(folders / "tokens", "test")
    documents = np.array([1, 4])
    found = document_nll(trunk, test, documents, 8, HARDWARE, lambda done, total: None)

    expected = (np.diff(test.offsets)[documents] + 1) * np.log(trunk.config.vocab_size)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_documents_are_drawn_by_the_seed_up_to_the_limits(folders):
    test = Shards.open(folders / "tokens", "test")
    lengths = np.diff(test.offsets)

    assert chosen_documents(test, 1, None, None).tolist() == list(range(test.documents))
    assert len(chosen_documents(test, 1, 5, None)) == 5
    assert lengths[chosen_documents(test, 1, None, 60)].sum() <= 60 or len(chosen_documents(test, 1, None, 60)) == 1
    assert len({tuple(chosen_documents(test, seed, 5, None)) for seed in range(5)}) > 1


def test_progress_ends_at_the_total(folders):
    seen = []
    trunk, test = load_trunk(folders / "scratch"), Shards.open(folders / "tokens", "test")
    document_nll(trunk, test, np.arange(3), 16, HARDWARE, lambda done, total: seen.append((done, total)))

    assert seen[-1][0] == seen[-1][1]


def test_stride_of_one_gives_every_token_the_longest_context(folders):
    test, trunk = Shards.open(folders / "tokens", "test"), load_trunk(folders / "pretrained")
    document = int(np.argmax(np.diff(test.offsets)))
    [found] = document_nll(trunk, test, np.array([document]), 16, HARDWARE, lambda done, total: None, stride=1)

    text = [*test.document(document), SPECIALS.eos]
    expected = 0.0
    for place, target in enumerate(text):
        ids = torch.tensor([[SPECIALS.bos, *text[max(0, place - 15) : place]]])
        batch = TokenBatch(ids, torch.arange(ids.numel())[None], Attention("causal"), seed=0)
        with torch.no_grad():
            logits = trunk.project(trunk.hidden(batch))[0, -1]
        expected -= float(logits.log_softmax(-1)[target])
    assert len(text) > 32
    assert found == pytest.approx(expected, rel=1e-5)


def test_no_stride_is_half_a_window_and_one_beyond_the_window_is_refused(folders):
    test, trunk = Shards.open(folders / "tokens", "test"), load_trunk(folders / "pretrained")
    documents = np.arange(test.documents)
    of_stride = {
        stride: document_nll(trunk, test, documents, 16, HARDWARE, lambda done, total: None, stride=stride)
        for stride in (None, 8, 4)
    }

    np.testing.assert_array_equal(of_stride[None], of_stride[8])
    assert not np.array_equal(of_stride[8], of_stride[4])
    with pytest.raises(ValueError, match=r"stride 17 .* set evaluation.stride to at most 16"):
        document_nll(trunk, test, documents, 16, HARDWARE, lambda done, total: None, stride=17)
