"""Which class a network prefers after a prompt: the scores of all classes' words, normalised and calibrated.

Shapes: N questions, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from scipy.special import log_softmax, logsumexp

from data.packing import Ints
from data.vocabulary import SPECIALS
from lightning_modules.exams.base import Reading
from lightning_modules.exams.prompts import Prompts, Question
from lightning_modules.hardware import Hardware
from lightning_modules.networks import Trunk
from lightning_modules.scoring.candidates import candidate_nll
from lightning_modules.scoring.token_likelihood import Cloze, Floats, cloze_nll

Normalisation = Literal["tokens", "unconditional", "none"]
Progress = Callable[[int, int], None]


def label_scores(
    trunk: Trunk,
    questions: Sequence[Question],
    prompts: Prompts,
    scoring: Reading,
    normalisation: Normalisation,
    hardware: Hardware,
    progress: Progress = lambda done, total: None,
) -> Floats:
    """Returns (N, K): the score of each class's words after each question; the highest is the answer."""
    labels = list(prompts.labels.values())
    bare = prompts.questions([""]) if normalisation == "unconditional" else []
    asked = [*questions, *bare]
    ask = _causal if scoring == "causal" else _masked
    logp_NK = -ask(trunk, asked, labels, hardware, progress)
    if normalisation == "unconditional":
        return logp_NK[:-1] - logp_NK[-1]
    return logp_NK / [len(ids) for ids in labels] if normalisation == "tokens" else logp_NK


def calibrated(scores_NK: Floats, content_free_CK: Floats) -> Floats:
    """Returns the scores without what the network prefers whatever the input says; without C inputs as they are.

    Scores become probabilities over the classes, and are divided by their mean over the inputs without content
    (Zhao et al. 2021, section 5: W = diag(p_cf)^-1, b = 0).
    """
    if not len(content_free_CK):
        return scores_NK
    prior_K = logsumexp(log_softmax(content_free_CK, axis=1), axis=0) - np.log(len(content_free_CK))
    found: Floats = log_softmax(scores_NK, axis=1) - prior_K
    return found


def _causal(
    trunk: Trunk, questions: Sequence[Question], labels: Sequence[Ints], hardware: Hardware, progress: Progress
) -> Floats:
    contexts = [question.before for question in questions]
    found = candidate_nll(trunk, contexts, [labels] * len(contexts), hardware, progress)
    return np.array([[nll.sum() for nll in own] for own in found])


def _masked(
    trunk: Trunk, questions: Sequence[Question], labels: Sequence[Ints], hardware: Hardware, progress: Progress
) -> Floats:
    """Fills the place of the label; of several tokens each is asked for with those after it hidden too."""
    clozes = [cloze for question in questions for ids in labels for cloze in _clozes(question, ids)]
    sizes = [len(ids) for _ in questions for ids in labels]
    nll = np.add.reduceat(cloze_nll(trunk, clozes, hardware, progress), np.cumsum([0, *sizes[:-1]]))
    return nll.reshape(len(questions), len(labels))


def _clozes(question: Question, label: Ints) -> list[Cloze]:
    sample = np.concatenate([[SPECIALS.bos], question.before, label, question.after, [SPECIALS.eos]]).astype(np.int64)
    places = 1 + len(question.before) + np.arange(len(label))
    return [Cloze(sample, places[index:], int(place)) for index, place in enumerate(places)]
