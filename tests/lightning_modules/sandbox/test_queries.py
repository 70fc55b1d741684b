import pytest

from lightning_modules.sandbox import QueryError, same_answer
from lightning_modules.sandbox.queries import asks_for_order

SCHEMA = "CREATE TABLE film (title TEXT, year INTEGER, score REAL)"
ROWS = "INSERT INTO film VALUES ('活着', 1994, 9.3), ('Alien', 1979, 8.5), ('Solaris', 1972, 8.0)"


def same(query: str, right: str) -> bool:
    return same_answer(query, right, SCHEMA, ROWS)


@pytest.mark.parametrize(
    ("query", "right", "expected"),
    [
        ("SELECT title FROM film WHERE year < 1980", "SELECT title FROM film WHERE score < 9", True),
        ("SELECT title FROM film", "SELECT title FROM film WHERE year < 1980", False),
        ("SELECT title FROM film ORDER BY year", "SELECT title FROM film", True),
        ("SELECT title FROM film ORDER BY year", "SELECT title FROM film ORDER BY year DESC", False),
        ("SELECT title FROM film ORDER BY score DESC", "SELECT title FROM film ORDER BY year DESC", True),
        ("SELECT year, title FROM film", "SELECT title, year FROM film", False),
        ("SELECT title AS t FROM film WHERE title = '活着'", "SELECT title FROM film WHERE year = 1994", True),
        ("SELECT avg(score) FROM film", "SELECT (9.3 + 8.5 + 8.0) / 3", True),
        ("SELECT 1.0", "SELECT 1", True),
        ("SELECT title FROM film UNION ALL SELECT title FROM film", "SELECT title FROM film", False),
        ("SELEC title", "SELECT title FROM film", False),
        ("", "SELECT title FROM film", False),
        ("SELECT title FROM film; SELECT 1", "SELECT title FROM film", False),
        ("SELECT title FROM nowhere", "SELECT title FROM film", False),
        ("SELECT title\0 FROM film", "SELECT title FROM film", False),
    ],
)
def test_two_queries_are_the_same_by_their_rows(query: str, right: str, expected: bool):
    assert same(query, right) is expected


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM film",
        "INSERT INTO film VALUES ('x', 1, 1) RETURNING title",
        "DROP TABLE film",
        "CREATE TABLE more (a)",
        "ATTACH '/tmp/left_behind.db' AS other",
        "PRAGMA writable_schema = 1",
        "VACUUM INTO '/tmp/left_behind.db'",
        "SELECT load_extension('x')",
        "SELECT random()",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 20000",
        "SELECT hex(zeroblob(100000000))",
        "SELECT replace(hex(zeroblob(400000)), '00', 'xxxxxxxx')",
    ],
)
def test_what_writes_or_takes_too_much_is_wrong(attack: str):
    assert not same(attack, "SELECT title FROM film")


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("select a from t order\n by a limit 3", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 3)", False),
        ("SELECT 'order by' FROM t", False),
        ("SELECT a FROM t -- order by a", False),
    ],
)
def test_an_order_counts_where_the_whole_query_asks_for_it(query: str, order: bool):
    assert asks_for_order(query) is order


def test_a_broken_example_is_an_error_and_not_a_wrong_answer():
    with pytest.raises(QueryError, match="the tables cannot be made"):
        same_answer("SELECT 1", "SELECT 1", "CREATE TABEL t (a)", "")
    with pytest.raises(QueryError, match="the right query 'SELECT b FROM t' cannot be run"):
        same_answer("SELECT 1", "SELECT b FROM t", "CREATE TABLE t (a)", "")
    with pytest.raises(QueryError, match="not authorized"):
        same_answer("SELECT 1", "SELECT 1", "ATTACH '/tmp/x.db' AS x", "")
