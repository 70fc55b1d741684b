"""Source `database`: the answer to a query, through SQLAlchemy, a document a row.

The password is no setting: it is read from the environment when the database is asked, and stands in no key, no message
and no record.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from data.sources.source import Part, Row, Source, SourceError, SourceFields, part_key, row_of

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, CursorResult

ROWS_AT_A_TIME = 1_000
_SECRET = re.compile(r"passw|secret|token", re.IGNORECASE)


class DatabaseConfig(SourceFields):
    """Settings of `database`; `text` and `title` are columns of the answer."""

    database: str
    """URL as SQLAlchemy has them, without a password: 'postgresql+psycopg://reader@host/library', 'sqlite:///my.db'. A
    relative path of SQLite starts at the project."""
    password_variable: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Environment variable that holds the password."""
    query: str
    """One SELECT; with ORDER BY, or the documents would come in another order every time."""
    version_query: str | None = None
    """A cheap SELECT whose answer changes when the rows do, such as 'SELECT count(*), max(changed) FROM articles'.
    Without it all rows are read to see whether one has changed."""

    @model_validator(mode="after")
    def holds_no_secret_and_is_ordered(self) -> Self:
        """Refuses what must not be kept with every run, and what would not be the same twice."""
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(self.database)
        except (ArgumentError, ValueError):
            raise ValueError("database: not a URL of the form dialect+driver://user@host/name") from None
        if url.password or any(_SECRET.search(name) for name in url.query):
            raise ValueError(
                "database: the URL holds a password, which would be kept with every run; put it into an environment "
                "variable and name that in password_variable"
            )
        for name, query in (("query", self.query), ("version_query", self.version_query)):
            if query is not None and not re.match(r"\s*(select|with)\b", query, re.IGNORECASE):
                raise ValueError(f"{name}: it must begin with SELECT or WITH: a source is only read")
        if not re.search(r"\border\s+by\b", self.query, re.IGNORECASE):
            raise ValueError("query: it needs ORDER BY, or the documents would come in another order every time")
        return self


class DatabaseSource(Source[DatabaseConfig]):
    """Streams the answer, a thousand rows at a time where the driver can."""

    name: ClassVar[str] = "database"
    Config: ClassVar[type[SourceFields]] = DatabaseConfig

    def key(self) -> dict[str, Any]:
        """Place, query, and the sha256 of the rows or of the answer to `version_query`."""
        with self._answer(self.config.version_query or self.config.query) as answer:
            content = hashlib.sha256()
            for row in answer:
                content.update(json.dumps(list(row), default=str).encode() + b"\n")
        place = hashlib.sha256(f"{self.config.database}\n{self.config.query}".encode()).hexdigest()
        return {"database": self._place, "query": place, "sha256": content.hexdigest()}

    def parts(self) -> Iterator[Part]:
        """All rows."""
        yield Part(part_key(self.key(), self.config), self._rows)

    def _rows(self) -> Iterator[Row]:
        config = self.config
        with self._answer(config.query) as answer:
            columns = list(answer.keys())
            for setting, column in (("text", config.text), ("title", config.title)):
                if column is not None and column not in columns:
                    there = ", ".join(columns)
                    raise SourceError(f"{self._place}: no column {column!r} (setting {setting!r}); it has: {there}")
            for number, record in enumerate(answer.mappings(), 1):
                yield row_of(record, f"{self._place}:{number}", config)

    @property
    def _place(self) -> str:
        """How origins and messages name the database."""
        from sqlalchemy import make_url

        url = make_url(self.config.database)
        return f"{url.get_backend_name()}:{url.host or ''}/{url.database or ''}"

    def _url(self) -> "URL":
        """The whole URL, password included.

        Raises:
            SourceError: the password's variable is not set, or SQLite's file is not there (it would make an empty one).
        """
        from sqlalchemy import make_url

        url, variable = make_url(self.config.database), self.config.password_variable
        if url.get_backend_name() == "sqlite" and url.database:
            path = self.root / Path(url.database).expanduser()
            if not path.is_file():
                raise SourceError(f"{self._place}: no such file; mend the path, which starts at {self.root}")
            url = url.set(database=str(path))
        if variable is None:
            return url
        if variable not in os.environ:
            raise SourceError(f"{self._place}: set the environment variable {variable} to the password")
        return url.set(password=os.environ[variable])

    @contextmanager
    def _answer(self, query: str) -> Iterator["CursorResult[Any]"]:
        from sqlalchemy import create_engine, text
        from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError
        from sqlalchemy.pool import NullPool

        try:
            engine = create_engine(self._url(), poolclass=NullPool, hide_parameters=True)
        except (ImportError, NoSuchModuleError) as error:
            raise SourceError(f"{self._place}: {error}; install the driver that the URL names") from error
        try:
            with engine.connect() as connection:
                streaming: Connection = connection.execution_options(yield_per=ROWS_AT_A_TIME)
                yield streaming.execute(text(query))  # the transaction is rolled back at the end
        except SQLAlchemyError as error:
            raise SourceError(f"{self._place}: {self._without_password(str(error))}") from None
        finally:
            engine.dispose()

    def _without_password(self, message: str) -> str:
        """Drivers quote what they were given."""
        password = os.environ.get(self.config.password_variable or "", "")
        return message.replace(password, "***") if password else message
