"""Scores language models and the unigram baseline on the test documents of a `tokens` artifact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.document import iter_texts
from data.language import split_words
from data.packing import Ints
from data.shards import Shards
from data.tokenizer import Tokenizer
from data.vocabulary import SPECIALS
from lightning_modules.baselines.unigram import unigram_nll
from lightning_modules.generation import DecodingConfig, decode
from lightning_modules.metrics import METRICS, Outputs
from lightning_modules.metrics.base import Floats
from lightning_modules.networks import Trunk
from lightning_modules.scoring.language_model import chosen_documents, document_nll, open_test
from lightning_modules.scoring.results import Comparison, TestSet
from lightning_modules.scoring.spec import EvaluateSpec
from lightning_modules.scoring.systems import inference, open_system

SCORED = ("bits_per_byte", "perplexity", "word_perplexity")
"""Metrics of a language model on documents."""
SAMPLES = 5
_PROMPT_TOKENS = 32
_SAMPLING = DecodingConfig(max_new_tokens=48, temperature=0.8, top_p=0.95)


def score_documents(
    spec: EvaluateSpec, progress: Callable[[str, int, int], None]
) -> tuple[Comparison, list[dict[str, Any]]]:
    """Returns all systems' results, and a few document starts with what each network makes of them.

    Args:
        progress: is told the system, the windows done and their number.

    Raises:
        ValueError: there are no test documents, or the tokenizer is another one.
    """
    test, train = open_test(spec.data), Shards.open(spec.data, "train")
    documents_D = chosen_documents(test, spec.seed, spec.max_examples, spec.max_tokens)
    tokenizer = Tokenizer.load(spec.tokenizer)
    texts = [tokenizer.decode(test.document(document).tolist()) for document in documents_D]
    words_D = np.array([len(split_words(text)) for text in texts], dtype=np.float64)
    prompts = [test.document(document)[:_PROMPT_TOKENS] for document in documents_D[:SAMPLES]]
    trained, continuations = {}, {}
    for name, ref in spec.systems.items():
        trunk = open_system(ref, spec.hardware, test.tokenizer_sha256)

        def report(done: int, total: int, name: str = name) -> None:
            progress(name, done, total)

        length = spec.sequence_length or trunk.config.max_positions
        nll_D = document_nll(trunk, test, documents_D, length, spec.hardware, report, spec.stride)
        trained[name] = _outputs(nll_D, test, documents_D, words_D)
        with inference(spec.hardware):
            continuations[name] = _continuations(trunk, tokenizer, prompts, spec.seed)
    identities = _identities(spec.corpus, test.documents)
    ids, sources, languages = ([column[document] for document in documents_D] for column in identities)
    comparison = Comparison(
        test=TestSet(ids, sources, parts={"source": sources, "language": languages}),
        metrics=[METRICS[name]("") for name in SCORED],
        trained=trained,
        baselines={"unigram": _outputs(unigram_nll(train, test)[documents_D], test, documents_D, words_D)},
        resamples=spec.resamples,
        seed=spec.seed,
        reading=f"stride:{spec.stride or 'half a window'}",
    )
    samples = [
        {
            "example_id": comparison.test.ids[index],
            "input": tokenizer.decode(prompt.tolist()),
            "predictions": {name: texts[index] for name, texts in continuations.items()},
        }
        for index, prompt in enumerate(prompts)
    ]
    return comparison, samples


def _outputs(nll_D: Floats, test: Shards, documents_D: Ints, words_D: Floats) -> Outputs:
    return Outputs(
        nll_N=nll_D,
        tokens_N=np.diff(test.offsets)[documents_D] + 1.0,  # and eos
        bytes_N=test.document_bytes[documents_D].astype(np.float64),
        words_N=words_D,
    )


def _continuations(trunk: Trunk, tokenizer: Tokenizer, prompts: Sequence[Ints], seed: int) -> list[str]:
    """Draws one at a time, so that a sample does not depend on its neighbours."""
    return [
        tokenizer.decode(decode(trunk, [[SPECIALS.bos, *prompt.tolist()]], _SAMPLING, mode="causal", seed=seed)[0])
        for prompt in prompts
    ]


def _identities(corpus: Path | None, documents: int) -> tuple[list[str], list[str], list[str]]:
    """Returns each test document's id, source and language, in the order of the shards.

    Where there is no corpus they are numbered, and of one part.
    """
    if corpus is None:
        return [str(document) for document in range(documents)], [""] * documents, [""] * documents
    columns = ("id", "source", "language")
    batches = list(iter_texts(corpus, "test", columns))
    ids, sources, languages = (
        [value for batch in batches for value in batch.column(name).to_pylist()] for name in columns
    )
    if len(ids) != documents:
        raise ValueError(
            f"{corpus}: {len(ids)} test documents, but the tokens hold {documents}; they do not belong together"
        )
    return ids, sources, languages
