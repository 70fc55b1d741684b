"""The process that extracts: documents on its input, texts on its output, one after another.

A document is a line of JSON (kind, hint, size) and that many bytes; its answer is a line of JSON with a text or a
defect. What takes too much processor time ends the process by a signal, also within C code; the other side sees it.
Processor time, unlike time on the clock, does not depend on what else the machine does.
"""

import contextlib
import json
import logging
import os
import resource
import signal
import sys

from data.extraction import EXTRACTORS

CPU_SECONDS = 30.0
"""A page of ordinary size takes some hundredths."""
MEMORY_BYTES = 4 * 2**30


def main() -> None:
    """Answers until the input ends, as it does when the reader of the corpus is killed."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other side, which then closes the input
    logging.disable()
    with contextlib.suppress(ValueError, OSError):  # not every system has this limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    while line := sys.stdin.buffer.readline():
        task = json.loads(line)
        answer = _answer(task["kind"], task["hint"], sys.stdin.buffer.read(task["size"]))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answer(kind: str, hint: str, content: bytes) -> dict[str, str]:
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        text = EXTRACTORS[kind](content, hint)
        text.encode()
    except ImportError:  # the same for every document: not one of them is at fault
        raise
    except Exception:  # whatever a parser does with what nobody has meant to be parsed
        return {"defect": "extraction_failed"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
    return {"text": text} if text.strip() else {"defect": "no_main_text"}


if __name__ == "__main__":
    main()
