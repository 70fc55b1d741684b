import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from data.sources import Row, SourceError
from data.sources.database import DatabaseConfig

QUERY = "SELECT title, body FROM articles ORDER BY id"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "library.db")) as connection:
        connection.execute("CREATE TABLE articles (id INTEGER, title TEXT, body TEXT, changed INTEGER)")
        rows = [(3, "Three", "third", 1), (1, None, "first", 1), (2, "二", "第二", 1), (4, "Four", None, 1)]
        connection.executemany("INSERT INTO articles VALUES (?, ?, ?, ?)", rows)
        connection.commit()
        yield connection


@pytest.mark.usefixtures("library")
def test_rows_are_documents_in_the_order_of_the_query(read: Callable[..., list[Row]]) -> None:
    found = read(database="sqlite:///library.db", query=QUERY, text="body", title="title")

    assert [(row.title, row.text, row.defect) for row in found] == [
        (None, "first", None),
        ("二", "第二", None),
        ("Three", "third", None),
        (None, "", "no_text"),
    ]
    assert found[0].origin == "sqlite:/library.db:1"


def test_key_follows_the_rows_or_the_declared_query(
    identify: Callable[..., dict[str, Any]], library: sqlite3.Connection
) -> None:
    by_rows = {"database": "sqlite:///library.db", "query": QUERY}
    by_version = by_rows | {"version_query": "SELECT max(changed) FROM articles"}
    first, declared = identify(**by_rows), identify(**by_version)
    assert identify(**by_rows) == first

    library.execute("UPDATE articles SET body = 'other' WHERE id = 1")
    library.commit()
    assert identify(**by_rows) != first
    assert identify(**by_version) == declared
    library.execute("UPDATE articles SET changed = 2 WHERE id = 1")
    library.commit()
    assert identify(**by_version) != declared


@pytest.mark.usefixtures("library")
def test_passwords_stand_in_no_key_and_no_message(
    read: Callable[..., list[Row]], identify: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"database": "sqlite:///library.db", "query": QUERY, "password_variable": "LIBRARY_PASSWORD"}
    with pytest.raises(SourceError, match="set the environment variable LIBRARY_PASSWORD to the password"):
        read(**settings)
    monkeypatch.setenv("LIBRARY_PASSWORD", "hunter2")
    monkeypatch.setattr("sqlalchemy.create_engine", _refusing)
    with pytest.raises(SourceError, match=r"access denied for :\*\*\*@") as caught:
        identify(**settings)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "hunter2" not in json.dumps(DatabaseConfig(**settings).model_dump())


def _refusing(url: Any, **_: Any) -> Any:
    from sqlalchemy.exc import OperationalError

    class Engine:
        def connect(self) -> None:
            raise OperationalError(None, None, Exception(f"access denied for :{url.password}@"))

        def dispose(self) -> None:
            pass

    return Engine()


@pytest.mark.usefixtures("library")
def test_what_is_not_there_is_named_and_nothing_is_made(read: Callable[..., list[Row]], tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"sqlite:/none\.db: no such file"):
        read(database="sqlite:///none.db", query=QUERY)
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(SourceError, match=r"no column 'text' \(setting 'text'\); it has: title, body"):
        read(database="sqlite:///library.db", query=QUERY)
    with pytest.raises(SourceError, match="no such table: books"):
        read(database="sqlite:///library.db", query="SELECT body FROM books ORDER BY id", text="body")
    with pytest.raises(SourceError, match="not one document in it"):
        read(database="sqlite:///library.db", query="SELECT body FROM articles WHERE id > 9 ORDER BY id", text="body")
    with pytest.raises(SourceError, match="install the driver that the URL names"):
        read(database="firebird://host/db", query=QUERY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"database": "postgresql://me:hunter2@host/db"}, "the URL holds a password"),
        ({"database": "postgresql://host/db?password=hunter2"}, "the URL holds a password"),
        ({"database": "hunter2"}, "not a URL of the form"),
        ({"query": "SELECT body FROM articles"}, "it needs ORDER BY"),
        ({"query": "DELETE FROM articles"}, "it must begin with SELECT or WITH"),
        ({"version_query": "DROP TABLE articles"}, "version_query: it must begin with SELECT"),
    ],
)
def test_what_would_be_kept_or_would_not_repeat_is_refused(change: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DatabaseConfig(**{"database": "sqlite:///a.db", "query": QUERY} | change)
