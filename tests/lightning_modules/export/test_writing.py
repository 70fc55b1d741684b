import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from data.batch import Attention, TokenBatch
from data.example_rows import padded
from data.vocabulary import SPECIALS
from lightning_modules.adapters import LoRAConfig, weights_sha256, write_adapter
from lightning_modules.checkpoint import load_trunk
from lightning_modules.export import TARGETS
from lightning_modules.export.writing import Source, export
from lightning_modules.generation import DecodingConfig, decode
from lightning_modules.scoring.systems import open_classifier

transformers = pytest.importorskip("transformers")
MakeSource = Callable[..., Source]
Features = dict[str, dict[str, Any]]
CAUSAL = [name for name, target in TARGETS.items() if target.attention == "causal"]
LENGTHS = {"equal lengths": (9, 9, 9), "padding": (9, 4, 1)}


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Any]:
    """Exports a model and opens it with transformers, which finds no tensor missing, left over or of another shape."""

    def open_exported(source: Source, target: str) -> Any:
        export(source, target, tmp_path / target)
        model, report = getattr(transformers, TARGETS[target].architecture).from_pretrained(
            tmp_path / target, output_loading_info=True
        )
        assert not any(report.values()), report
        return model.eval()

    return open_exported


def rows(lengths: tuple[int, ...]) -> tuple[TokenBatch, dict[str, torch.Tensor]]:
    """One sample a row, for us and for transformers; bidirectional."""
    generator = torch.Generator().manual_seed(1)
    samples = [torch.randint(SPECIALS.count, 520, (length,), generator=generator).numpy() for length in lengths]
    ids, positions, sample_ids = (None if array is None else torch.from_numpy(array) for array in padded(samples, 0))
    mask = torch.ones_like(ids) if sample_ids is None else (sample_ids >= 0).long()
    batch = TokenBatch(
        ids, positions, Attention("full", sample_ids), seed=0, pool_S=torch.arange(len(ids)) * len(ids[0])
    )
    return batch, {"input_ids": ids, "attention_mask": mask}


@torch.no_grad()
@pytest.mark.parametrize("target", CAUSAL)
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_causal_classes_give_our_logits(
    make_source: MakeSource, opened: Callable[..., Any], features: Features, lengths: tuple[int, ...], target: str
):
    source = make_source(**features.get(target, {}))
    batch, inputs = rows(lengths)
    batch = replace(batch, attention=replace(batch.attention, mode="causal"))
    trunk, real = load_trunk(source.weights), inputs["attention_mask"].bool()

    theirs = opened(source, target)(**inputs).logits[real]
    assert theirs.std() > 0.5
    torch.testing.assert_close(trunk.project(trunk.hidden(batch))[real], theirs, rtol=0, atol=1e-5)


@torch.no_grad()
def test_packed_samples_equal_a_llama_on_each_alone(make_source: MakeSource, opened: Callable[..., Any]):
    source = make_source()
    ids, positions = torch.tensor([[2, 40, 41, 2, 50, 51, 52]]), torch.tensor([[0, 1, 2, 0, 1, 2, 3]])
    packed = TokenBatch(ids, positions, Attention("causal", torch.tensor([[0, 0, 0, 1, 1, 1, 1]])), seed=0)
    trunk, llama = load_trunk(source.weights), opened(source, "llama")

    theirs = torch.cat([llama(ids[:, :3]).logits, llama(ids[:, 3:]).logits], dim=1)
    torch.testing.assert_close(trunk.project(trunk.hidden(packed)), theirs, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_eurobert_gives_our_states(make_source: MakeSource, opened: Callable[..., Any], lengths: tuple[int, ...]):
    source = make_source()
    batch, inputs = rows(lengths)
    real = inputs["attention_mask"].bool()

    theirs = opened(source, "eurobert")(**inputs).last_hidden_state[real]
    torch.testing.assert_close(load_trunk(source.weights).hidden(batch)[real], theirs, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_masked_eurobert_gives_our_logits(
    make_source: MakeSource, opened: Callable[..., Any], lengths: tuple[int, ...]
):
    source = make_source(alignment="same")
    batch, inputs = rows(lengths)
    trunk, real = load_trunk(source.weights), inputs["attention_mask"].bool()

    theirs = opened(source, "eurobert-masked")(**inputs).logits[real]
    torch.testing.assert_close(trunk.project(trunk.hidden(batch))[real], theirs, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["mean", "bos"])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_classifier_gives_our_logits_under_the_tasks_labels(
    make_source: MakeSource, opened: Callable[..., Any], lengths: tuple[int, ...], pooling: str
):
    source = make_source(pooling=pooling)
    batch, inputs = rows(lengths)
    trunk, model = load_trunk(source.weights), opened(source, "eurobert-classifier")

    assert model.config.id2label == {0: "calm", 1: "喧闹", 2: "neither"}
    ours = open_classifier(source.weights, trunk).logits(trunk, batch)
    torch.testing.assert_close(ours, model(**inputs).logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("target", CAUSAL)
def test_greedy_generation_writes_our_tokens(
    make_source: MakeSource, opened: Callable[..., Any], features: Features, tmp_path: Path, target: str
):
    source, prompts = make_source(**features.get(target, {})), ["the harbour", "港口", "a longer one, with more"]
    model = opened(source, target)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / target)
    inputs = tokenizer(prompts, padding=True, return_tensors="pt")
    prompt_ids = [
        row[mask.bool()].tolist() for row, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
    ]

    written = model.generate(**inputs, max_new_tokens=12)[:, inputs["input_ids"].size(1) :]
    theirs = [[token for token in row if token not in (SPECIALS.eos, SPECIALS.pad)] for row in written.tolist()]
    config = DecodingConfig(max_new_tokens=12)
    assert theirs == decode(load_trunk(source.weights), prompt_ids, config, mode="causal")
    assert len(set(theirs[0])) > 3


def test_fill_mask_predicts_our_token_at_our_place(make_source: MakeSource, opened: Callable[..., Any], tmp_path: Path):
    source = make_source(alignment="same")
    model = opened(source, "eurobert-masked")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "eurobert-masked")
    pipeline = transformers.pipeline("fill-mask", model=model, tokenizer=tokenizer, device="cpu")
    ids = tokenizer("the <|mask|> 港口", return_tensors="pt")["input_ids"]
    trunk = load_trunk(source.weights)
    batch = TokenBatch(ids, torch.arange(ids.size(1))[None], Attention("full"), seed=0)

    with torch.no_grad():
        place = (ids[0] == SPECIALS.mask).nonzero().item()
        probabilities = trunk.project(trunk.hidden(batch))[0, place].softmax(-1)
    found = pipeline("the <|mask|> 港口", top_k=3)
    assert [answer["token"] for answer in found] == probabilities.topk(3).indices.tolist()
    assert [answer["score"] for answer in found] == pytest.approx(probabilities.topk(3).values.tolist(), abs=1e-5)


def test_text_classification_pipeline_opens_the_folder_alone(make_source: MakeSource, tmp_path: Path):
    export(make_source(), "eurobert-classifier", tmp_path / "exported")
    pipeline = transformers.pipeline("text-classification", model=str(tmp_path / "exported"), device="cpu")

    answers = pipeline(["the harbour was quiet", "港口"])
    assert {answer["label"] for answer in answers} <= {"calm", "喧闹", "neither"}


@pytest.mark.parametrize("target", TARGETS)
def test_every_field_of_the_class_is_written_out(
    make_source: MakeSource, features: Features, tmp_path: Path, target: str
):
    export(make_source(alignment="same", **features.get(target, {})), target, tmp_path / "exported")
    written = json.loads((tmp_path / "exported" / "config.json").read_text(encoding="utf-8"))
    own = vars(type(transformers.AutoConfig.from_pretrained(tmp_path / "exported")))["__annotations__"]

    assert {name for name in own if name not in written} - {"classifier_pooling"} == set()
    assert ("classifier_pooling" in written) == (target == "eurobert-classifier")


def test_auto_classes_find_the_class(make_source: MakeSource, features: Features, tmp_path: Path):
    for target, auto in (
        *((name, transformers.AutoModelForCausalLM) for name in CAUSAL),
        ("eurobert", transformers.AutoModel),
        ("eurobert-masked", transformers.AutoModelForMaskedLM),
        ("eurobert-classifier", transformers.AutoModelForSequenceClassification),
    ):
        source = make_source(f"weights of {target}", alignment="same", **features.get(target, {}))
        export(source, target, tmp_path / target)
        assert type(auto.from_pretrained(tmp_path / target)).__name__ == TARGETS[target].architecture


@pytest.fixture
def adapted(make_source: MakeSource, tmp_path: Path) -> Source:
    """A classifier whose trunk is an adapter, with its base."""
    base = make_source("base")
    source = replace(make_source("adapted"), base=base.weights)
    trunk, adapter = load_trunk(base.weights), LoRAConfig().build()
    adapter.apply(trunk)
    for name, tensor in adapter.state(trunk).items():
        if name.endswith("lora_B"):
            tensor.normal_(0.0, 0.05, generator=torch.Generator().manual_seed(3))
    (source.weights / "model.safetensors").unlink()
    write_adapter(source.weights, LoRAConfig(), adapter, trunk, weights_sha256(base.weights))
    return source


@torch.no_grad()
def test_adapter_is_merged_into_its_base(adapted: Source, opened: Callable[..., Any]):
    assert adapted.base is not None
    batch, inputs = rows((9, 9, 9))
    trunk = load_trunk(adapted.weights, adapted.base)
    ours = open_classifier(adapted.weights, trunk).logits(trunk, batch)

    theirs = opened(adapted, "eurobert-classifier")(**inputs).logits
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    assert (trunk.hidden(batch) - load_trunk(adapted.base).hidden(batch)).abs().max() > 0.1


def test_adapter_without_its_base_is_refused(adapted: Source, tmp_path: Path):
    with pytest.raises(ValueError, match="give the weights folder it was trained from"):
        export(replace(adapted, base=None), "llama", tmp_path / "exported")


def test_shifted_model_has_no_fill_mask_head(make_source: MakeSource, tmp_path: Path):
    with pytest.raises(ValueError, match="alignment 'shifted': the state before a token predicts it"):
        export(make_source(), "eurobert-masked", tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


def test_model_that_reads_both_ways_before_it_writes_is_no_llama(make_source: MakeSource, tmp_path: Path):
    source = make_source()
    stage = json.loads((source.weights / "stage.json").read_text())
    (source.weights / "stage.json").write_text(json.dumps(stage | {"objectives": {"a": {"objective": "prefix_lm"}}}))

    with pytest.raises(ValueError, match="LlamaForCausalLM reads from left to right only"):
        export(source, "llama", tmp_path / "exported")


def test_parts_that_do_not_belong_together_are_refused(
    make_source: MakeSource, tokenizers: dict[str, Path], tmp_path: Path
):
    source, output = make_source(), tmp_path / "exported"
    with pytest.raises(ValueError, match="trained with tokenizer"):
        export(replace(source, tokenizer=tokenizers["bpe"]), "llama", output)
    with pytest.raises(ValueError, match="head has 3 classes, but 2 labels are given"):
        export(replace(source, labels=("a", "b")), "eurobert-classifier", output)
    with pytest.raises(ValueError, match=r"unknown export target 'lama'\. Did you mean 'llama'"):
        export(source, "lama", output)
    stage = json.loads((source.weights / "stage.json").read_text())
    (source.weights / "stage.json").write_text(json.dumps(stage | {"objectives": {"a": {"objective": "causal_lm"}}}))
    with pytest.raises(ValueError, match="no head of classification here"):
        export(source, "eurobert-classifier", output)
    assert not output.exists()


def test_folder_in_use_is_left_alone(make_source: MakeSource, tmp_path: Path):
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported" / "notes.txt").write_text("mine")

    with pytest.raises(ValueError, match="is not empty"):
        export(make_source(), "llama", tmp_path / "exported")


def test_extra_tables_stay_behind(make_source: MakeSource, tmp_path: Path):
    source = make_source()
    export(source, "llama", tmp_path / "exported")

    ours = load_file(source.weights / "model.safetensors").keys()
    assert ours - load_file(tmp_path / "exported" / "model.safetensors").keys() == {"segments.weight"}
