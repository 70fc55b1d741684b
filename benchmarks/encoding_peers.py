"""Other encoders of a sentencepiece model, from an environment of their own, for `encoding`."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from data.tokenizer import MODEL_FILE
from lightning_modules.export.targets import TARGETS
from lightning_modules.export.tokenizer import write_tokenizer

Encode = Callable[[], Any]
"""Encodes all texts and returns their ids, or what gives them."""
_SEPARATOR = b"\n\0\n"


class Named(NamedTuple):
    """An encoder with the texts it has to encode."""

    ready: Callable[[], Encode]
    """What is done before a turn."""


def peers(
    site_packages: Path | None, model: bytes, algorithm: str, texts: Sequence[str], folder: Path
) -> dict[str, Named]:
    """Returns those that are installed there, on one thread.

    Args:
        site_packages: of their environment; None: there is none.
        model: of sentencepiece.
        algorithm: unigram or bpe.
        texts: what is encoded.
        folder: an empty one for the files they open.
    """
    if site_packages is None:
        return {}
    os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    sys.path.append(str(site_packages))
    (folder / MODEL_FILE).write_bytes(model)
    (folder / "tokenizer.json").write_text(json.dumps({"algorithm": algorithm}))
    exported = folder / "exported"
    exported.mkdir()
    write_tokenizer(folder, exported, TARGETS["llama"], max_positions=1)
    opened = str(exported / "tokenizer.json")
    joined = folder / "texts"
    joined.write_bytes(_SEPARATOR.join(text.encode() for text in texts))
    given = list(texts)

    kitoken = importlib.import_module("kitoken").Kitoken.from_sentencepiece(model)
    tokie = importlib.import_module("tokie").Tokenizer.from_json(opened)
    tokenizers = importlib.import_module("tokenizers").Tokenizer.from_file(opened)
    tokenizers.encode_special_tokens = True

    def tokie_files() -> Callable[[], list[Any]]:
        ids, offsets = tokie.encode_files([str(joined)], _SEPARATOR, False)
        return lambda: [ids[first:last] for first, last in pairwise(offsets)]

    def hugging_face() -> Callable[[], list[Any]]:
        found = tokenizers.encode_batch_fast(given, add_special_tokens=False)
        return lambda: [encoding.ids for encoding in found]

    return {
        "kitoken": Named(lambda: lambda: kitoken.encode_all(given)),
        "tokie": Named(lambda: tokie_files),
        "tokenizers": Named(lambda: hugging_face),
    }
