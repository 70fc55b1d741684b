"""Rows of retrieval: a query, the documents that answer it, and some that do not though they look alike."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from data.document import sha256_hex
from data.tasks.base import Example

_ID_CHARACTERS = 16


@dataclass
class _Query:
    group: str
    positives: dict[str, None] = field(default_factory=dict)
    negatives: dict[str, None] = field(default_factory=dict)


def query_examples(
    rows: Iterable[tuple[str, str, Iterable[str], Iterable[str]]], candidates: Mapping[str, str] | None
) -> Iterator[Example]:
    """Yields one example a query; rows of the same query are put together.

    Args:
        rows: query, group, right documents, wrong documents.
        candidates: id -> text, where the rows name documents by their ids. None: the rows hold the texts, and a
            document's id is a digest of its text.

    `target` and `others` are the ids of the right documents. `details` has the ids of the wrong ones, and of documents
    that the rows hold their texts.

    Raises:
        ValueError: a document is not among the candidates.
    """
    queries: dict[str, _Query] = {}
    documents: dict[str, str] = {}
    for text, group, right, wrong in rows:
        query = queries.setdefault(text, _Query(group))
        for found, given in ((query.positives, right), (query.negatives, wrong)):
            for document in given:
                key = document
                if candidates is None:
                    key = sha256_hex(document.encode(errors="replace").decode())[:_ID_CHARACTERS]
                    documents[key] = document
                elif document not in candidates:
                    raise ValueError(
                        f"query {text!r} names document {document!r}, which data.searched does not have; add it there"
                    )
                found[key] = None
    for text, query in queries.items():
        answer, *others = query.positives or [""]
        wrong_ids = [key for key in query.negatives if key not in query.positives]
        own = {key: documents[key] for key in (*query.positives, *wrong_ids) if key in documents}
        yield Example(
            text, answer, query.group, others=tuple(others), details={"negatives": wrong_ids, "documents": own}
        )
