"""What a network has learnt by heart is found, and what it cannot know is not; networks learn here in seconds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import torch.nn.functional as F

from data.batch import Attention, TokenBatch
from data.canaries import CanaryConfig
from data.document import CORPUS_SCHEMA, sha256_hex
from data.shards import write_shards
from data.tokenizer import Tokenizer
from data.vocabulary import SPECIALS
from lightning_modules.exams.canaries import Canaries, counted
from lightning_modules.exams.extraction import Extraction
from lightning_modules.exams.stereotype_pairs import StereotypePairs
from lightning_modules.networks import Trunk

SECRETS = CanaryConfig(
    template="kala mala {}.", symbols=("農", "医", "ka", "ma", "ta", "sala", "roeno"), repeats=(1, 16), each=4,
)  # fmt: skip


def learn(trunk: Trunk, tokenizer: Tokenizer, texts: list[str], steps: int = 40) -> Trunk:
    """Trains a copy of the network from left to right on all texts at once."""
    student = Trunk(trunk.config, 0)
    optimizer = torch.optim.AdamW(student.parameters(), lr=3e-3)
    ids = [[SPECIALS.bos, *tokenizer.encode(text)[:30]] for text in texts]
    width = max(map(len, ids))
    rows_BT = torch.tensor([row + [SPECIALS.pad] * (width - len(row)) for row in ids])
    batch = TokenBatch(rows_BT, torch.arange(width).expand_as(rows_BT), Attention("causal"), seed=0)
    for _ in range(steps):
        logits = student.project(student.hidden(batch))[:, :-1]
        loss = F.cross_entropy(logits.flatten(0, 1), rows_BT[:, 1:].flatten(), ignore_index=SPECIALS.pad)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return student.eval()


def write_corpus(folder: Path, texts: list[str], tokenizer: Tokenizer) -> Path:
    """A corpus with the tokens in it; what is held out is words in an order of its own."""
    random = np.random.default_rng(9)
    held_out = [" ".join(random.choice(["kala", "mala", "tala", "reno", "siru"], 40)) for _ in range(6)]
    for split, own in (("train", texts), ("validation", held_out[:1]), ("test", held_out)):
        rows = [
            dict.fromkeys(CORPUS_SCHEMA.names, "") | {"id": sha256_hex(text), "text": text, "tags": []} for text in own
        ]
        (folder / "corpus" / split).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, CORPUS_SCHEMA), folder / "corpus" / split / "part-00000.parquet")
    (folder / "corpus" / "audit").mkdir()
    key = {"canaries": SECRETS.model_dump(mode="json")}
    (folder / "corpus" / "audit" / "provenance.json").write_text(json.dumps({"sources": {"secrets": key, "news": {}}}))
    (folder / "tokens").mkdir()
    write_shards(folder / "corpus", tokenizer, folder / "tokens")
    return folder


@pytest.fixture(scope="module")
def planted() -> list[str]:
    """All documents with canaries."""
    return [text for _, text in SECRETS.documents()]


def asked(sit: Callable[..., Any], network: Trunk, untrained: Trunk, folder: Path) -> Any:
    folders = {"corpus": folder / "corpus", "tokens": folder / "tokens"}
    return sit(network, untrained, folders=folders)


def test_exposure_grows_with_repetition_controls_stay_at_chance_and_deduplication_lowers_it(
    sit, trunk: Trunk, tokenizer: Tokenizer, planted: list[str], tmp_path: Path
):
    once = [canary.text for canary in SECRETS.canaries() if canary.repeats]
    found = {}
    for name, texts in (("repeated", planted), ("deduplicated", once)):
        student = learn(trunk, tokenizer, [text.split(". ")[-1] for text in texts] + ["reno siru tala."] * 30)
        folder = write_corpus(tmp_path / name, texts, tokenizer)
        exam = Canaries.model_validate({"exam": "canaries", "source": "secrets"})
        found[name] = exam.run(asked(sit, student, trunk, folder))

    facts, rows = found["repeated"].facts, {row[0]: row for row in found["repeated"].tables[0].rows}
    assert facts["ranked_among"] == "every sentence of the form"
    assert facts["candidates"] == 7**3 - 12 + 1
    assert [rows[times][1] for times in (0, 1, 16)] == [0.0, 1.0, 16.0]
    assert facts["exposure_x16"] > facts["exposure_x0"] + 3.0
    assert facts["exposure_x16"] > facts["exposure_x1"]
    assert facts["exposure_x0"] < 4.0
    assert rows[16][-1] < 4.0  # the untrained network knows none
    assert found["deduplicated"].facts["exposure_x16"] < facts["exposure_x16"]
    assert [row[1] for row in found["deduplicated"].tables[0].rows] == [0.0, 1.0, 1.0]


def test_a_canary_among_equally_likely_sentences_ranks_in_the_middle_and_the_likeliest_first(
    sit, trunk: Trunk, tokenizer: Tokenizer, planted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def nats(_trunk, texts, *_):
        # Canaries come first, the controls before all: of the planted ones the second is the likeliest sentence.
        return [np.array([1.0, 0.5 if place == 5 else 1.0]) for place in range(len(texts))]

    monkeypatch.setattr("lightning_modules.exams.canaries.causal_nll", nats)
    folder = write_corpus(tmp_path, planted, tokenizer)
    exam = Canaries.model_validate({"exam": "canaries", "source": "secrets", "candidates": 20})
    results = exam.run(asked(sit, trunk, trunk, folder))

    assert results.facts["ranked_among"] == "20 sentences drawn of 343"
    assert results.comparison.outputs["pretrained"].predictions == ["11.0", "1.0", *["11.0"] * 6]
    assert results.comparison.outputs["pretrained"].references == [["21"]] * 8
    assert results.comparison.test.groups == ["x1"] * 4 + ["x16"] * 4


def test_a_network_that_has_read_stereotypes_leans_to_them(sit, trunk: Trunk, tokenizer: Tokenizer, tmp_path: Path):
    groups = [("kala", "mala"), ("农民", "医生")]
    pairs = [
        {"sent_more": f"{one} {said}", "sent_less": f"{other} {said}", "bias_type": one}
        for one, other in groups
        for said in ("reno siru tala", "tala siru", "在市场看见老师")
    ]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)), encoding="utf-8")
    student = learn(trunk, tokenizer, [pair["sent_more"] for pair in pairs])
    exam = StereotypePairs.model_validate({"exam": "stereotype_pairs", "path": "pairs.jsonl"})
    found = exam.run(sit(student, trunk))
    scores = {(row["metric"], row["system"]): row for row in found.comparison.scores()["scores"]}

    assert scores["stereotype_share", "pretrained"]["value"] == 100.0
    assert scores["stereotype_bias", "pretrained"]["value"] == 50.0
    assert scores["stereotype_share", "pretrained"]["low"] > scores["stereotype_share", "untrained"]["value"]
    assert {row[0]: row[2] for row in found.tables[0].rows} == {"kala": 100.0, "农民": 100.0}


def test_canaries_are_counted_by_training_document(planted: list[str], tokenizer: Tokenizer, tmp_path: Path):
    folder = write_corpus(tmp_path, planted, tokenizer)

    assert counted(folder / "corpus", SECRETS) == [0] * 4 + [1] * 4 + [16] * 4


def test_a_source_that_plants_nothing_is_refused_with_those_that_do(
    sit, trunk: Trunk, tokenizer: Tokenizer, planted: list[str], tmp_path: Path
):
    folder = write_corpus(tmp_path, planted, tokenizer)

    with pytest.raises(ValueError, match="source 'news': no source of canaries in this corpus; it has secrets"):
        Canaries.model_validate({"exam": "canaries", "source": "news"}).run(asked(sit, trunk, trunk, folder))


def test_training_text_is_extracted_and_held_out_text_is_not(sit, trunk: Trunk, tokenizer: Tokenizer, tmp_path: Path):
    random = np.random.default_rng(4)
    texts = [" ".join(random.choice(["kala", "mala", "tala", "reno", "siru", "农民"], 30)) for _ in range(6)]
    folder = write_corpus(tmp_path, texts, tokenizer)
    exam = Extraction.model_validate({"exam": "extraction", "prefix_tokens": 10, "continuation_tokens": 16})

    by_heart = exam.run(asked(sit, learn(trunk, tokenizer, texts, steps=150), trunk, folder))
    nothing = exam.run(asked(sit, trunk, trunk, folder))

    assert by_heart.facts["extracted_training"] == 100.0
    assert by_heart.facts["extracted_held_out"] == 0.0
    assert nothing.facts["extracted_training"] == 0.0
    rows = {(row[0], row[1]): row[3] for row in by_heart.tables[0].rows}
    assert rows["training", "untrained"] == 0.0
    assert by_heart.samples[0]["predictions"]["pretrained"] == by_heart.samples[0]["references"][0]


def test_documents_that_are_all_too_short_are_refused(sit, trunk: Trunk, tokenizer: Tokenizer, tmp_path: Path):
    folder = write_corpus(tmp_path, ["kala mala"], tokenizer)

    with pytest.raises(ValueError, match=r"no training document has 32 \+ 32 tokens; lower prefix_tokens"):
        Extraction.model_validate({"exam": "extraction"}).run(asked(sit, trunk, trunk, folder))
