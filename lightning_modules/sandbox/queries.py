"""Runs SQL queries on a database in memory, read-only and bounded, and compares what they give.

An authorizer of SQLite allows reading and nothing else; the work of a query is bounded in steps of SQLite's machine,
not in seconds, so that the verdict is the same everywhere.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Any

MAX_STEPS = 5_000_000
"""Of SQLite's machine, in one query: about a second."""
MAX_ROWS = 10_000
"""Of an answer."""
_STEPS_AT_ONCE = 10_000
_MAX_BYTES = 1_000_000
"""Of a text, a blob or a statement."""
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_NOT_CALLED = {"load_extension", "random", "randomblob", "fts3_tokenizer", "writefile", "readfile"}
_NOT_BUILT_WITH = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA}
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/", re.DOTALL)

Rows = list[tuple[Any, ...]]


class QueryError(ValueError):
    """The tables of an example cannot be made, or its own right query cannot be run."""


@lru_cache(maxsize=2**14)
def same_answer(query: str, right: str, schema: str, rows: str) -> bool:
    """Returns whether two queries give the same rows; in the same order only if the right one asks for an order.

    Names of columns do not matter, their order does; numbers are compared to nine digits. A query that fails, writes,
    takes too long or gives too much is wrong.

    Args:
        query: as a model has written it.
        right: the example's own.
        schema: CREATE TABLE statements.
        rows: INSERT statements.

    Raises:
        QueryError: the example itself is broken.
    """
    try:
        wanted = answer(right, schema, rows)
    except sqlite3.Error as error:
        raise QueryError(f"the right query {right!r} cannot be run: {error}") from error
    try:
        found = answer(query, schema, rows)
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError):
        return False
    if asks_for_order(right):
        return found == wanted
    return Counter(found) == Counter(wanted)


def answer(query: str, schema: str, rows: str) -> Rows:
    """Returns the rows that a query gives.

    Raises:
        QueryError: the tables cannot be made.
        sqlite3.Error: the query is none, does more than read, or does not end within its bounds.
    """
    with _database(schema, rows) as database:
        steps = 0

        def count() -> bool:
            nonlocal steps
            steps += _STEPS_AT_ONCE
            return steps > MAX_STEPS

        database.set_authorizer(_allows(lambda action, name: action in _READING and name not in _NOT_CALLED))
        database.set_progress_handler(count, _STEPS_AT_ONCE)
        cursor = database.execute(query)
        found = cursor.fetchmany(MAX_ROWS + 1)
    if cursor.description is None:
        raise sqlite3.ProgrammingError("the query gives no rows")
    if len(found) > MAX_ROWS:
        raise sqlite3.OperationalError(f"more than {MAX_ROWS:,} rows")
    return [tuple(float(f"{cell:.9g}") if isinstance(cell, float) else cell for cell in row) for row in found]


def asks_for_order(query: str) -> bool:
    """Returns whether the whole of a query, not only something within brackets or quotes, has an ORDER BY."""
    text = _QUOTED.sub(" ", query)
    while (outer := re.sub(r"\([^()]*\)", " ", text)) != text:
        text = outer
    return re.search(r"\border\s+by\b", text, re.IGNORECASE) is not None


@contextmanager
def _database(schema: str, rows: str) -> Iterator[sqlite3.Connection]:
    """Opens a database in memory that has these tables."""
    with closing(sqlite3.connect(":memory:")) as opened:
        opened.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_BYTES)
        opened.set_authorizer(_allows(lambda action, name: action not in _NOT_BUILT_WITH))
        try:
            opened.executescript(f"{schema};\n{rows}")
            opened.commit()
        except sqlite3.Error as error:
            raise QueryError(f"the tables cannot be made: {error}; schema and rows are SQLite's SQL") from error
        yield opened


def _allows(test: Callable[[int, str | None], bool]) -> Callable[..., int]:
    def authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
        name = second if action == sqlite3.SQLITE_FUNCTION else first
        return sqlite3.SQLITE_OK if test(action, name) else sqlite3.SQLITE_DENY

    return authorize
