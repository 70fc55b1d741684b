"""Answers as a person reads them, in samples and reports."""

from collections.abc import Mapping

from data.answers import read_classes, read_ranking, read_tags
from data.examples import Answers

_CANDIDATES = 3
_CANDIDATE_CHARACTERS = 100


def shown(kind: Answers, answer: str, text: str, candidates: Mapping[str, str]) -> str:
    """Returns an answer in words: names, the tagged words themselves, the beginnings of the first documents.

    Args:
        kind: of the answer.
        answer: as `data/answers.py` writes it; of a `ranking` also the id of a single candidate.
        text: the input.
        candidates: id -> text, of a `ranking`.
    """
    match kind:
        case "classes":
            return ", ".join(read_classes(answer)) or "(none)"
        case "tags":
            spans = read_tags(answer)
            return ", ".join(f"{text[span.start : span.end]} [{span.label}]" for span in spans) or "(none)"
        case "ranking":
            ids = [answer] if answer in candidates else read_ranking(answer)
            return " | ".join(candidates[key][:_CANDIDATE_CHARACTERS] for key in ids[:_CANDIDATES])
        case "span":
            return answer or "(no answer)"
        case _:
            return answer
