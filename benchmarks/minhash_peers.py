"""Near duplicates by others' MinHash: rensa and datasketch, each in its fastest complete form.

    python -m benchmarks.minhash_peers DOCUMENTS.jsonl

It runs in the peers' environment and imports nothing of ours. For every name on its input it searches the documents
once and prints one line of JSON: seconds of shingling, of signatures and of the search, and the numbers of the
documents that resemble an earlier one. Shingles are runs of five words, split at white space; 128 permutations in 16
bands; whatever shares a band is compared by its signatures, as our own search does.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rensa import RMinHash, RMinHashDeduplicator, RMinHashLSH

PERMUTATIONS, BANDS, THRESHOLD, WORDS = 128, 16, 0.8, 5
SEED = 42
Shingles = Sequence[Sequence[str]]


def shingled(texts: Sequence[str]) -> list[list[str]]:
    """Runs of words of each text, in lower case."""
    found = []
    for text in texts:
        words = text.lower().split()
        found.append([" ".join(words[place : place + WORDS]) for place in range(max(1, len(words) - WORDS + 1))])
    return found


def rensa(shingles: Shingles) -> tuple[set[int], float]:
    """Rows that resemble an earlier one, and seconds of the signatures: a matrix, then one by one what it flags."""
    began = time.perf_counter()
    matrix = RMinHash.digest_matrix_from_token_sets(shingles, PERMUTATIONS, SEED)
    signed = time.perf_counter() - began
    flags = RMinHashLSH(THRESHOLD, PERMUTATIONS, BANDS).query_duplicate_flags_matrix_one_shot(matrix)
    flagged = [row for row, flag in enumerate(flags) if flag]
    judge = RMinHashDeduplicator(THRESHOLD, PERMUTATIONS, True, BANDS, SEED)
    signatures = RMinHash.from_token_sets([shingles[row] for row in flagged], PERMUTATIONS, SEED)
    found = {row for row, signature in zip(flagged, signatures, strict=True) if not judge.add(str(row), signature)}
    return found, signed


def datasketch(shingles: Shingles) -> tuple[set[int], float]:
    """Rows that resemble an earlier one, and seconds of the signatures."""
    from datasketch import MinHash, MinHashLSH

    began = time.perf_counter()
    encoded = [[shingle.encode() for shingle in of_text] for of_text in shingles]
    signatures = MinHash.bulk(encoded, num_perm=PERMUTATIONS, seed=SEED)
    signed = time.perf_counter() - began
    index, found = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, PERMUTATIONS // BANDS)), set()
    for row, signature in enumerate(signatures):
        if any(signatures[other].jaccard(signature) >= THRESHOLD for other in index.query(signature)):
            found.add(row)
        else:
            index.insert(row, signature)
    return found, signed


PEERS: dict[str, Callable[[Shingles], tuple[set[int], float]]] = {"rensa": rensa, "datasketch": datasketch}


def main() -> None:
    """Searches once for every line read."""
    with Path(sys.argv[1]).open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    for line in sys.stdin:
        began = time.perf_counter()
        shingles = shingled(texts)
        cut = time.perf_counter()
        found, signed = PEERS[line.strip()](shingles)
        ended = time.perf_counter()
        steps = {"shingles": cut - began, "signatures": signed, "search": ended - cut - signed}
        print(json.dumps({"seconds": ended - began, "steps": steps, "found": sorted(found)}), flush=True)


if __name__ == "__main__":
    main()
