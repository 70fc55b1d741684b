"""Prefix and prompt tuning: what stands in front is seen by all, and nothing else changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from data.batch import Attention, TokenBatch
from lightning_modules.adapters import PrefixConfig, PromptConfig, read_adapter, weights_sha256, write_adapter
from lightning_modules.generation import DecodingConfig, decode
from lightning_modules.networks import KVCache, ModelChoice, Trunk
from lightning_modules.optimizers import split_by_decay

CONFIG = ModelChoice(preset="micro").resolve(vocab_size=60, sequence_length=16)  # width 64, 2 layers
GROUPED = CONFIG.model_copy(update={"num_kv_heads": 1})
IDS = torch.tensor([[2, 40, 41, 42, 43], [2, 50, 51, 52, 53]])
Config = PrefixConfig | PromptConfig
BOTH = [PrefixConfig(length=3), PromptConfig(length=3)]


def batch(mode: str = "causal", ids: Tensor = IDS, samples: Tensor | None = None, **attention: Any) -> TokenBatch:
    positions = torch.arange(ids.size(1)).expand_as(ids)
    return TokenBatch(ids, positions, Attention(mode, samples, **attention), seed=0)  # type: ignore[arg-type]


def adapted(config: Config, model: Any = CONFIG) -> Trunk:
    torch.manual_seed(0)
    trunk = Trunk(model).eval()
    config.build().apply(trunk)
    return trunk


def learnt(config: Config, model: Any = CONFIG) -> Trunk:
    """An adapted trunk whose front is no longer what it began as."""
    trunk = adapted(config, model)
    with torch.no_grad():
        for parameter in trunk.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return trunk


def llama(model: Any) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=model.vocab_size, hidden_size=model.hidden_size, num_hidden_layers=model.num_layers,
        num_attention_heads=model.num_heads, num_key_value_heads=model.num_kv_heads,
        intermediate_size=model.intermediate_size, max_position_embeddings=model.max_positions,
        rms_norm_eps=model.rms_norm_eps, rope_theta=model.rope_theta, tie_word_embeddings=True,
    )  # fmt: skip
    network = LlamaForCausalLM(config).eval()
    weights = Trunk(model).state_dict()
    network.load_state_dict({n: t for n, t in weights.items() if n.startswith("model.")}, strict=False)
    return network


@pytest.mark.parametrize("model", [CONFIG, GROUPED], ids=["heads", "grouped"])
def test_prefix_gives_the_logits_of_transformers_with_the_same_past(model: Any):
    trunk, network = learnt(PrefixConfig(length=3), model), llama(model)
    past = DynamicCache(config=network.config)
    assert trunk.model.front is not None
    for layer, (key, value) in enumerate(trunk.model.front.states(trunk.model.read_front)):
        past.update(key.expand(2, -1, -1, -1), value.expand(2, -1, -1, -1), layer)
    theirs = network(
        IDS, past_key_values=past, attention_mask=torch.ones(2, 8), position_ids=torch.arange(5).expand(2, -1)
    ).logits

    torch.testing.assert_close(trunk.project(trunk.hidden(batch())), theirs)


def test_prompt_gives_the_logits_of_transformers_reading_its_embeddings_first():
    trunk, network = learnt(PromptConfig(length=3)), llama(CONFIG)
    embedded = torch.cat((trunk.model.front.table.weight.expand(2, -1, -1), trunk.model.embed_tokens(IDS)), dim=1)
    theirs = network(inputs_embeds=embedded).logits[:, 3:]

    torch.testing.assert_close(trunk.project(trunk.hidden(batch())), theirs)


@pytest.mark.parametrize("config", BOTH, ids=lambda config: config.method)
def test_in_bf16_a_front_is_read_as_in_fp32_but_for_rounding(config: Config):
    trunk = learnt(config)
    whole = trunk.hidden(batch("full"))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = trunk.hidden(batch("full"))

    assert (rounded - whole).abs().max() < 0.1


def test_prefix_of_length_0_is_the_base_bit_for_bit():
    for mode in ("causal", "full"):
        assert torch.equal(adapted(PrefixConfig(length=0)).hidden(batch(mode)), Trunk(CONFIG).hidden(batch(mode)))


@pytest.mark.parametrize("config", BOTH, ids=lambda config: config.method)
@pytest.mark.parametrize("mode", ["causal", "full", "prefix"])
def test_every_packed_sample_reads_as_if_it_were_alone(config: Config, mode: str):
    trunk = learnt(config)
    ids = torch.tensor([[2, 40, 41, 2, 50, 51, 52]])
    samples = torch.tensor([[0, 0, 0, 1, 1, 1, 1]])
    positions = torch.tensor([[0, 1, 2, 0, 1, 2, 3]])
    prefix = {"in_prefix_BT": positions < 2} if mode == "prefix" else {}
    packed = trunk.hidden(TokenBatch(ids, positions, Attention(mode, samples, **prefix), seed=0))  # type: ignore[arg-type]
    for part in (slice(0, 3), slice(3, 7)):
        inside = {name: tensor[:, part] for name, tensor in prefix.items()}
        alone = trunk.hidden(batch(mode, ids[:, part], **inside))
        torch.testing.assert_close(packed[:, part], alone)


@pytest.mark.parametrize("config", BOTH, ids=lambda config: config.method)
def test_what_stands_in_front_is_seen_past_an_attention_window(config: Config):
    narrow = CONFIG.model_copy(update={"attention_window": 1})
    base, trunk = Trunk(narrow).eval(), learnt(config, narrow)

    changed = (trunk.hidden(batch()) - base.hidden(batch())).abs().amax(-1)
    assert (changed > 1e-4).all()


@pytest.mark.parametrize("config", BOTH, ids=lambda config: config.method)
@pytest.mark.parametrize("mode", ["causal", "full"])
def test_reading_on_from_a_cache_equals_reading_at_once(config: Config, mode: str):
    trunk, cache = learnt(config, GROUPED), KVCache(CONFIG)
    padded = torch.tensor([[0, 0, 2, 40], [2, 50, 51, 52]])
    samples = torch.tensor([[-1, -1, 0, 0], [0, 0, 0, 0]])
    first = trunk.extend(padded, torch.tensor([[0, 0, 0, 1], [0, 1, 2, 3]]), cache, Attention(mode, samples))  # type: ignore[arg-type]
    then = trunk.extend(torch.tensor([[41], [53]]), torch.tensor([[2], [4]]), cache)

    for row, ids in enumerate(([2, 40, 41], [2, 50, 51, 52, 53])):
        prefix = torch.tensor([[*[mode == "full"] * (len(ids) - 1), False]])
        whole = trunk.hidden(batch("prefix", torch.tensor([ids]), in_prefix_BT=prefix))
        torch.testing.assert_close(first[row, -1], whole[0, -2])
        torch.testing.assert_close(then[row, 0], whole[0, -1])


@pytest.mark.parametrize("config", BOTH, ids=lambda config: config.method)
def test_beams_and_neighbours_do_not_change_an_answer(config: Config):
    trunk, decoding = learnt(config), DecodingConfig(max_new_tokens=4, beams=2)
    prompts = [[2, 40, 41], [2, 50, 51, 52, 53]]

    together = decode(trunk, prompts, decoding, mode="full")
    assert together == [decode(trunk, [prompt], decoding, mode="full")[0] for prompt in prompts]


@pytest.mark.parametrize(
    ("config", "trained"),
    [
        (PrefixConfig(length=5), 5 * 2 * CONFIG.num_layers * 64),
        (PromptConfig(length=5), 5 * 64),
        (PrefixConfig(length=5, reparameterised=True, inner_size=8), 5 * 64 + 64 * 8 + 8 + 8 * 256 + 256),
    ],
)
def test_only_what_is_added_is_trained_and_tables_do_not_decay(config: Config, trained: int):
    trunk = adapted(config)
    base = {name: tensor.clone() for name, tensor in Trunk(CONFIG).state_dict().items()}
    assert sum(parameter.numel() for parameter in trunk.parameters() if parameter.requires_grad) == trained
    assert all(parameter.ndim == 2 and parameter.size(0) in (8, 256) for parameter in split_by_decay(trunk)[0])

    optimizer = torch.optim.AdamW([p for p in trunk.parameters() if p.requires_grad], lr=0.1, weight_decay=0.5)
    first = trunk.model.front.states(trunk.model.read_front)[1][0].detach().clone()
    trunk.hidden(batch()).square().sum().backward()
    optimizer.step()

    assert all(torch.equal(trunk.state_dict()[name], tensor) for name, tensor in base.items())
    assert not torch.equal(trunk.model.front.states(trunk.model.read_front)[1][0], first)
    assert all(p.grad is None for p in trunk.parameters() if not p.requires_grad)


def test_prefix_begins_as_what_the_network_makes_of_words_and_so_does_a_computed_one():
    prompt, prefix = adapted(PromptConfig(length=4)), adapted(PrefixConfig(length=4))
    computed = adapted(PrefixConfig(length=4, reparameterised=True))

    torch.testing.assert_close(prefix.hidden(batch("full")), prompt.hidden(batch("full")))
    assert torch.equal(computed.hidden(batch()), prefix.hidden(batch()))


@pytest.mark.parametrize("config", [*BOTH, PrefixConfig(length=3, reparameterised=True, inner_size=8)])
def test_the_file_holds_what_was_added_and_restores_it_on_its_base_only(config: Config, tmp_path: Path):
    save_file(Trunk(CONFIG).state_dict(), tmp_path / "model.safetensors")
    sha256 = weights_sha256(tmp_path)
    trunk = learnt(config)
    write_adapter(tmp_path, config, config.build(), trunk, sha256)
    fresh = Trunk(CONFIG).eval()
    read_adapter(tmp_path, fresh, sha256)

    [(name, saved)] = load_file(tmp_path / "adapter.safetensors").items()
    assert (name, saved.numel()) == ("model.front.table.weight", 3 * 64 * (1 if config.method == "prompt" else 4))
    assert torch.equal(fresh.hidden(batch()), trunk.hidden(batch()))
    assert not any("source" in name for name in fresh.state_dict())
    with pytest.raises(ValueError, match="belongs to base weights"):
        read_adapter(tmp_path, Trunk(CONFIG), "f" * 64)


@pytest.mark.parametrize("config", BOTH, ids=lambda config: config.method)
def test_what_cannot_be_is_refused_by_name(config: Config):
    lstm = ModelChoice(preset="micro", architecture="lstm").resolve(vocab_size=60, sequence_length=16)
    refuse: list[Callable[[], object]] = [lambda: config.check_model(lstm), lambda: config.build().apply(Trunk(lstm))]
    for attempt in refuse:
        with pytest.raises(ValueError, match=f"{config.method!r} is seen by attention.*choose lora"):
            attempt()
    with pytest.raises(ValueError, match=f"{config.method!r} adds .* cannot be merged"):
        config.build().merge(adapted(config))
    other = type(config)(length=9)
    with pytest.raises(ValueError, match=f"1 tensors differ.*other {config.method} settings"):
        other.build().load(adapted(other), config.build().state(adapted(config)))
