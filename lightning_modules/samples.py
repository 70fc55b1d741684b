"""A few texts that show what the weights of a stage write: continuations, and hidden tokens filled in.

The same weights give the same texts: prompts are held-out documents at fixed places, and the most probable token is
taken. Shapes: B = 1 rows, T positions, M hidden tokens.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from data.packing import Ints, Windows
from data.shards import Shards
from data.tokenizer import Tokenizer
from data.views import ViewContext
from data.views.masked_lm import MaskedLMView, MaskedLMViewConfig
from data.vocabulary import SPECIALS
from lightning_modules.checkpoint import load_trunk
from lightning_modules.generation import DecodingConfig, decode
from lightning_modules.networks import Trunk
from lightning_modules.stage import StageConfig

TEXTS = 3
POSITIONS = 48
"""Of a text with its bos. Of a continuation the first half is shown, and as much is written as is left."""
HIDDEN = "[…]"


def text_samples(weights: Path, tokenizer: Tokenizer, held_out: Shards, stage: StageConfig) -> list[dict[str, str]]:
    """Returns rows of `objective` (its name in the stage), `shown`, `written` and `original`.

    Args:
        weights: folder of the finished stage.
        tokenizer: of the weights.
        held_out: documents that were not trained on; long ones at even distances are taken.
        stage: whose causal and masked objectives are shown; others write nothing.
    """
    trunk = load_trunk(weights)
    length = min(stage.sequence_length, POSITIONS) - 1
    long = np.flatnonzero(np.diff(held_out.offsets) >= length)
    chosen = np.unique(long[np.linspace(0, len(long) - 1, TEXTS).astype(int)]) if len(long) else long
    texts = [held_out.document(document)[:length] for document in chosen.tolist()]
    rows: list[dict[str, str]] = []
    for name, use in stage.objectives.items():
        settings = use.model_extra or {}
        if use.writes:
            rows += [{"objective": name} | row for row in _continued(trunk, tokenizer, texts)]
        elif use.objective == "masked_lm":
            view = MaskedLMViewConfig(rate=settings["rate"], mask_fraction=1.0, random_fraction=0.0)
            rows += [{"objective": name} | _filled_in(trunk, tokenizer, text, view) for text in texts]
    return rows


def _continued(trunk: Trunk, tokenizer: Tokenizer, texts: list[Ints]) -> list[dict[str, str]]:
    if not texts:
        return []
    half = len(texts[0]) // 2
    prompts = [[SPECIALS.bos, *text[:half].tolist()] for text in texts]
    answers = decode(trunk, prompts, DecodingConfig(max_new_tokens=len(texts[0]) - half), mode="causal")
    return [
        {
            "shown": tokenizer.decode(prompt),
            "written": tokenizer.decode(answer),
            "original": tokenizer.decode(text[half:]),
        }
        for prompt, answer, text in zip(prompts, answers, texts, strict=True)
    ]


@torch.inference_mode()
def _filled_in(trunk: Trunk, tokenizer: Tokenizer, text: Ints, config: MaskedLMViewConfig) -> dict[str, str]:
    ids_BT = np.append(SPECIALS.bos, text)[None]
    view = MaskedLMView(config, ViewContext(tokenizer.vocabulary, ids_BT.size, trunk.config.alignment))
    batch = view(Windows(ids_BT, np.arange(ids_BT.size)[None], None), np.zeros(1, np.uint64)).batch
    assert batch.predict_M is not None
    written_T = batch.input_ids_BT[0].clone()
    hidden_T = written_T == SPECIALS.mask
    written_T[hidden_T] = trunk.project(trunk.hidden(batch)[0, batch.predict_M]).argmax(-1)
    runs = [(hidden, list(run)) for hidden, run in groupby(batch.input_ids_BT[0].tolist(), SPECIALS.mask.__eq__)]
    return {
        "shown": "".join(HIDDEN * len(run) if hidden else tokenizer.decode(run) for hidden, run in runs),
        "written": tokenizer.decode(written_T.tolist()),
        "original": tokenizer.decode(text),
    }
