"""The language of a text: py3langid's model over a whole column at once.

Naive Bayes on byte n-grams that an automaton finds (Lui and Baldwin 2012, "langid.py"); the automaton, the weights and
the calibration are the library's, only its loop over bytes is compiled here. Shapes: R texts, K candidate languages.
"""

import unicodedata
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from py3langid.langid import MODEL_FILE
from py3langid.langid import LanguageIdentifier as Model

from data.text.column import TextColumn
from data.text.kernel import kernel


class LanguageIdentifier:
    """The model with the languages among which it chooses."""

    def __init__(self, model: Model) -> None:
        self._moves = np.frombuffer(model.tk_nextmove, dtype=model.tk_nextmove.typecode).reshape(-1, 256)
        self._states = np.stack([model.tk_row, model.tk_output], axis=1).astype(np.int32)
        """For each state of the automaton its row of `_moves`, and the feature that ends there, or -1."""
        self._weights = np.ascontiguousarray(model.nb_ptc, dtype=np.float32)
        self._priors = np.asarray(model.nb_pc, dtype=np.float64)
        labels = list(dict.fromkeys(model.nb_classes))
        self._labels = np.array(labels, dtype=object)
        self._columns = np.array([labels.index(name) for name in model.nb_classes])
        """(K,) the language of each column of weights: scripts of one language have several."""

    def classify(
        self, texts: TextColumn, rows: NDArray[np.int64], max_characters: int
    ) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
        """Codes (R,) and confidences (R,) between 0 and 1.

        Args:
            texts: the column.
            rows: (R,) of its texts.
            max_characters: only the beginning of a text is read.
        """
        heads = []
        for row in rows.tolist():
            start, end = texts.offsets[row], texts.offsets[row + 1]
            head = texts.data[start : min(end, start + 4 * max_characters)].tobytes().decode(errors="ignore")
            head = head[:max_characters]
            heads.append(unicodedata.normalize("NFC", head.lower() if head.isupper() else head))
        return self._classify(TextColumn(heads))

    def _classify(self, heads: TextColumn) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
        scores = np.zeros((len(heads), len(self._priors)), dtype=np.float64)
        _score(heads.data, heads.offsets, self._moves, self._states, self._weights, self._priors, scores)
        scores /= np.sqrt(np.maximum(np.diff(heads.offsets), 1))[:, None]  # the library's calibration by length
        odds = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
        odds /= odds.sum(axis=1, keepdims=True)
        shares = np.zeros((len(heads), len(self._labels)))
        for column, label in enumerate(self._columns):
            shares[:, label] += odds[:, column]
        best = shares.argmax(axis=1)
        return self._labels[best], shares[np.arange(len(heads)), best]


@lru_cache(maxsize=1)
def language_identifier(languages: tuple[str, ...]) -> LanguageIdentifier:
    """The model, loaded once per process.

    Raises:
        ValueError: the model does not know one of the languages.
    """
    model = Model.from_model_file(MODEL_FILE, norm_probs=True)
    known = set(model.labels)
    unknown = [language for language in languages if language not in known]
    if unknown:
        raise ValueError(
            f"language {', '.join(unknown)}: not known to the language identification; known: "
            f"{', '.join(sorted(known))}. Give the sources a fixed `language` and switch the rule off"
        )
    model.set_languages(languages)
    return LanguageIdentifier(model)


@kernel
def _score(data: Any, offsets: Any, moves: Any, states: Any, weights: Any, priors: Any, scores: Any) -> None:
    """Log posteriors; a text without any feature keeps zeros, which say nothing."""
    counts = np.zeros(len(weights), dtype=np.int32)
    seen = np.zeros(len(weights), dtype=np.int32)
    sums = np.zeros(len(priors), dtype=np.float64)
    for text in range(len(scores)):
        state = np.uint32(0)
        found = 0
        for at in range(offsets[text], offsets[text + 1]):
            state = moves[states[state, 0], data[at]]
            feature = states[state, 1]
            if feature >= 0:
                if counts[feature] == 0:
                    seen[found] = feature
                    found += 1
                counts[feature] += 1
        if found:
            sums[:] = priors
            for place in range(found):
                feature = seen[place]
                factor = np.log1p(np.float64(counts[feature]))
                counts[feature] = 0
                row = weights[feature]
                for language in range(len(sums)):
                    sums[language] += factor * row[language]
            scores[text] = sums
