import sys
from collections.abc import Callable, Iterator

import pytest

from data.extraction.child import main
from data.extraction.pool import Extraction, ExtractionPool

PRELUDE = """
import os, signal
from data.extraction import child

def extract(content, hint):
    match content:
        case b"slow":
            while True:
                pass
        case b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"raise":
            raise RuntimeError("no such page")
        case b"deep":
            return extract(content, hint)
        case b"surrogate":
            return chr(0xD800)
        case b"missing":
            import no_such_library
    print("a library says something")
    return content.decode() + hint

child.EXTRACTORS["html"] = extract
child.CPU_SECONDS = 0.2
child.main()
"""


@pytest.fixture
def pool() -> Iterator[Callable[[bytes], Extraction]]:
    made = ExtractionPool(1, [sys.executable, "-c", PRELUDE])
    yield lambda content: made.submit("html", content, "!").result()
    made.close()


def test_text_comes_back_whatever_libraries_print(pool: Callable[[bytes], Extraction]) -> None:
    assert pool("文 text".encode()) == Extraction("文 text!")
    assert pool(b"two\nlines\x00") == Extraction("two\nlines\0!")


@pytest.mark.parametrize(
    ("content", "defect"),
    [
        (b"slow", "extraction_too_slow"),
        (b"crash", "extraction_failed"),
        (b"raise", "extraction_failed"),
        (b"deep", "extraction_failed"),
        (b"surrogate", "extraction_failed"),
    ],
)
def test_what_is_too_much_for_a_process_is_a_defect_and_the_next_document_is_read(
    pool: Callable[[bytes], Extraction], content: bytes, defect: str
) -> None:
    assert [pool(b"before"), pool(content), pool(b"after")] == [
        Extraction("before!"), Extraction(defect=defect), Extraction("after!"),
    ]  # fmt: skip


def test_a_missing_library_is_no_fault_of_the_document(pool: Callable[[bytes], Extraction]) -> None:
    with pytest.raises(RuntimeError, match="the process that extracts html ended with status 1"):
        pool(b"missing")


def test_the_entry_point_is_what_the_pool_starts() -> None:
    assert main.__module__ == "data.extraction.child"
