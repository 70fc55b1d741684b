"""Main text out of markup. To add a markup: its file, and its line in `EXTRACTORS`.

Markup is whatever somebody has put on the web, and its parsers are large. So it is read in processes of its own
(`pool.py`), with bounds on time and memory that end the process and not the run.
"""

from collections.abc import Callable

from data.extraction.page import main_text
from data.extraction.wikitext import plain_text

__all__ = ["EXTRACTORS"]

EXTRACTORS: dict[str, Callable[[bytes, str], str]] = {"html": main_text, "wikitext": plain_text}
"""Kind of markup -> what gives the text of its bytes and a hint (see each function); '' where there is none."""
