"""`stagelm generate`, with a model that says what it was asked."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from lightning_modules.predictor import Predictor, PredictorConfig


class Echo:
    """Answers a conversation with its length and its last turn."""

    def __init__(self, template: str) -> None:
        self.config = PredictorConfig(answers="text", template=template, sequence_length=32)

    def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        turns = [json.loads(text) if text.startswith("[") else [text] for text in texts]
        return [{"text": f"{len(said)}: {said[-1]}"} for said in turns]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("flows.tracking.registry.model_folder", lambda settings, model: None)

    def ask(*words: str, template: str = "chat", typed: str = ""):
        monkeypatch.setattr(Predictor, "load", lambda folder: Echo(template))
        return CliRunner().invoke(app, ["generate", *words], input=typed)

    return ask


def test_a_prompt_is_answered_once(asked):
    assert asked("你好").output == "1: 你好\n"


def test_a_chat_keeps_what_was_said_and_skips_empty_lines(asked):
    assert asked("你好", "--chat", typed="Who are you?\n\n再见\n").output == "1: 你好\n3: Who are you?\n5: 再见\n"


def test_a_model_that_was_not_taught_to_talk_is_refused(asked):
    answer = asked("Hi", "--chat", template="pair")

    assert isinstance(answer.exception, ValueError)
    assert "is no chat model; name one that a task 'dialogue'" in str(answer.exception)
