"""Tasks whose answers are written, from an `examples` artifact to scores; the networks are untrained."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import torch.nn.functional as F

from data.batch import Attention, TokenBatch
from data.tasks.build import SCHEMA
from data.tokenizer import Tokenizer
from data.vocabulary import SPECIALS
from lightning_modules.checkpoint import load_trunk
from lightning_modules.evaluate import evaluate
from lightning_modules.metrics import METRICS
from lightning_modules.predictor import Predictor, PredictorConfig
from lightning_modules.scoring.results import read_outputs

CHAT = {
    "messages": [
        {"role": "user", "content": "kala."},
        {"role": "assistant", "content": "mala."},
        {"role": "user", "content": "tala."},
    ]
}
PROGRAM = {"tests": "assert f() == 1", "before": ""}
TABLES = {"schema": "CREATE TABLE t (a)", "rows": "INSERT INTO t VALUES (1)"}
ASKED = {"constraints": {"keywords": ["kala"], "max_words": 3, "sentiment": "good"}}


@pytest.fixture
def artifact(tmp_path: Path) -> Callable[..., Path]:
    """Writes five equal examples for each split."""

    def write(name: str, text: str, target: str, details: dict[str, Any]) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for split in ("train", "validation", "test"):
            rows = [
                {"id": f"{split}{n}", "group": str(n), "input": f"{text} {n}", "target": target, "others": []}
                | {"details": json.dumps(details), "label": None}
                for n in range(5)
            ]
            pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / f"{split}.parquet")
        task = {"answers": "text", "labels": [], "language": "en", "target_language": "en"}
        (folder / "task.json").write_text(json.dumps(task))
        return folder

    return write


def results(spec) -> tuple[dict[tuple[str, str], float], list[dict], dict]:
    evaluate(spec)
    scores = json.loads((spec.output / "scores.json").read_text())
    values = {(row["metric"], row["system"]): row["value"] for row in scores["scores"]}
    return values, pq.read_table(spec.output / "examples.parquet").to_pylist(), scores


def recomputed(spec, system: str, metric: str) -> float:
    """The metric of a system, from nothing but examples.parquet."""
    _, outputs = read_outputs(spec.output, system)
    found = METRICS[metric]("en")
    return float(found.value(found.statistics(outputs).sum(0)))


def test_the_likelihood_of_a_reply_is_given_all_turns_before_it(make_spec, folders: Path, artifact):
    spec = make_spec(task="dialogue", data=artifact("chat", "shown", "pala.", CHAT))
    values, rows, scores = results(spec)
    tokenizer, trunk = Tokenizer.load(folders / "tokenizer"), load_trunk(folders / "pretrained")
    user, reply, again, target = (tokenizer.encode(text) for text in ("kala.", "mala.", "tala.", "pala."))
    prompt = [
        SPECIALS.bos, SPECIALS.user, *user, SPECIALS.end_of_turn, SPECIALS.assistant, *reply, SPECIALS.eos,
        SPECIALS.user, *again, SPECIALS.end_of_turn, SPECIALS.assistant,
    ]  # fmt: skip
    ids = torch.tensor([[*prompt, *target, SPECIALS.eos]])
    batch = TokenBatch(ids, torch.arange(ids.numel())[None], Attention("causal"), seed=0)
    with torch.no_grad():
        logits = trunk.project(trunk.hidden(batch))[0]
    nll = F.cross_entropy(logits[len(prompt) - 1 : -1], ids[0, len(prompt) :], reduction="sum")

    own = [row for row in rows if row["system"] == "pretrained"]
    assert [row["nll"] for row in own] == pytest.approx([float(nll)] * 5, rel=1e-5)
    assert own[0]["tokens"] == len(target) + 1
    assert values["perplexity", "pretrained"] == pytest.approx(math.exp(float(nll) / (len(target) + 1)), rel=1e-5)
    assert values["chrf", "nearest"] == values["chrf", "majority"] == pytest.approx(100)
    assert scores["samples"][0]["input"].startswith("shown"), "samples are for people to read"


def test_several_answers_are_drawn_and_kept_for_pass_at_k(make_spec, artifact):
    data = artifact("code", "Write f.", "f = lambda: 1", PROGRAM)
    spec = make_spec(task="code", data=data, decoding={"max_new_tokens": 4, "samples": 5, "temperature": 1.0})
    values, rows, _ = results(spec)
    own = next(row for row in rows if row["system"] == "pretrained")

    assert len(own["samples"]) == 5
    assert len(set(own["samples"])) > 1
    assert own["prediction"] == own["samples"][0]
    assert values["pass_at_1", "nearest"] == values["pass_at_5", "nearest"] == 100
    for system in ("pretrained", "nearest"):
        assert recomputed(spec, system, "pass_at_5") == pytest.approx(values["pass_at_5", system])


def test_queries_are_run(make_spec, artifact):
    spec = make_spec(task="text_to_sql", data=artifact("sql", "?", "SELECT a FROM t", TABLES))
    values, _, _ = results(spec)

    assert values["execution_accuracy", "nearest"] == 100
    assert values["execution_accuracy", "pretrained"] == recomputed(spec, "pretrained", "execution_accuracy") == 0


def test_what_is_asked_for_is_forced_chosen_and_judged(make_spec, folders: Path, artifact):
    data = artifact("guided", "opening", "kala mala.", ASKED)
    judge = {"weights": folders / "pretrained", "labels": ["bad", "good"], "sequence_length": 32}
    decoding = {"max_new_tokens": 12, "samples": 3, "temperature": 1.0, "choose": "constraints", "keywords": "forced"}
    spec = make_spec(task="guided_story", data=data, judge=judge, decoding=decoding)
    values, rows, _ = results(spec)

    assert values["keywords_kept", "pretrained"] == 100
    assert {row["judged"] for row in rows} <= {"bad", "good"}
    for metric in ("keywords_kept", "length_kept", "sentiment_kept", "constraints_kept"):
        assert recomputed(spec, "pretrained", metric) == pytest.approx(values[metric, "pretrained"])


def test_what_no_example_asks_for_is_left_out_of_the_scores(make_spec, artifact):
    values, _, _ = results(make_spec(task="guided_story", data=artifact("free", "x", "kala.", {"constraints": {}})))

    assert {metric for metric, _ in values} == {"chrf", "perplexity"}


@pytest.mark.parametrize(
    ("task", "details"), [("instruction", CHAT), ("arithmetic", {}), ("story", {}), ("generative_qa", {})]
)
def test_drawn_answers_give_equal_bytes_twice_and_in_batches_of_any_size(
    make_spec, artifact, task: str, details: dict[str, Any]
):
    data, drawn = artifact("data", "What?", "kala 3", details), {"max_new_tokens": 4, "temperature": 1.0}
    specs = [make_spec(name, task=task, data=data, decoding=drawn) for name in ("one", "two")]
    for spec in specs:
        evaluate(spec)
    small = specs[0].hardware.model_copy(update={"micro_batch_tokens": 8})
    alone = make_spec("alone", task=task, data=data, decoding=drawn, hardware=small)
    evaluate(alone)

    for file in ("scores.json", "examples.parquet"):
        assert (specs[0].output / file).read_bytes() == (specs[1].output / file).read_bytes()
    one, other = (pq.read_table(spec.output / "examples.parquet")["prediction"] for spec in (specs[0], alone))
    assert one == other


def predictor(folders: Path, **settings: Any) -> Predictor:
    given = {"answers": "text", "template": "chat", "sequence_length": 32, "decoding": {"max_new_tokens": 6}}
    config = PredictorConfig.model_validate(given | settings)
    trunk = load_trunk(folders / "pretrained")
    with torch.no_grad():
        for parameter in trunk.model.parameters():  # until it has opinions
            parameter.mul_(4.0 if parameter.dim() > 1 else 1.0)
    return Predictor(config, trunk, Tokenizer.load(folders / "tokenizer"))


def test_a_chat_model_answers_texts_and_conversations(folders: Path):
    model = predictor(folders)
    conversation = json.dumps(["kala.", "mala.", "tala."])
    together = model.predict(["tala.", conversation, json.dumps(["tala."])])
    histories = [json.dumps([word, "mala.", "tala."]) for word in ("kala", "peno", "sosta iru", "gunde", "tosta ala")]

    assert together[0] == together[2], "a text is a turn of the user"
    assert together[1] == model.predict([conversation])[0]
    assert len({row["text"] for row in model.predict(histories)}) > 1, "what was said before matters"
    with pytest.raises(ValueError, match="ends with a turn of the user"):
        model.predict([json.dumps(["kala.", "mala."])])


def test_a_long_conversation_loses_its_oldest_turns_only(folders: Path):
    model, last = predictor(folders), "tala."
    long = json.dumps([*["kala mala. " * 9, "pala."] * 2, last])

    assert model.predict([long]) == model.predict([json.dumps([last])])


def test_a_drawn_answer_is_the_same_wherever_a_text_stands(folders: Path):
    model = predictor(folders, decoding={"max_new_tokens": 6, "temperature": 1.0})
    one, two = model.predict(["tala.", "tala."])

    assert one == two == model.predict(["tala."])[0]
