"""Columns as arrays: what the server takes apart is what was given."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError
from goldenbatch.stores.ledger import _postgres

COLUMNS = "bulk(number, whole, real, text, raw)"
KINDS = ("INTEGER", "INTEGER", "REAL", "TEXT", "TEXT")
WHOLE = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
ROWS = st.lists(
    st.tuples(
        st.none() | WHOLE,
        st.none() | st.floats(allow_nan=False),
        st.none() | TEXT,
        TEXT,
    ),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module")
def connection(postgres):
    opened = _postgres.Connection(postgres)
    opened.execute(
        "CREATE TEMP TABLE bulk(number BIGINT PRIMARY KEY, whole BIGINT,"
        ' real DOUBLE PRECISION, text TEXT COLLATE "C", raw TEXT)'
    )
    yield opened
    opened.close()


@settings(max_examples=40)
@given(ROWS)
def test_rows_come_back_as_they_were(connection, rows):
    rows = [(number, *row) for number, row in enumerate(rows)]
    connection.execute("DELETE FROM bulk")
    connection.insert_rows(COLUMNS, rows, "", KINDS)
    assert connection.execute("SELECT * FROM bulk ORDER BY number").fetchall() == rows


def test_a_row_that_is_there_is_replaced(connection):
    more = "ON CONFLICT(number) DO UPDATE SET text = excluded.text"
    connection.execute("DELETE FROM bulk")
    connection.insert_rows(COLUMNS, [(1, 1, 1.0, "a", "x"), (2, 2, 2.0, "b", "x")], more, KINDS)
    connection.insert_rows(COLUMNS, [(2, 9, 9.0, "c", "y"), (3, 3, 3.0, "d", "y")], more, KINDS)
    found = connection.execute("SELECT number, whole, text FROM bulk ORDER BY 1").fetchall()
    assert found == [(1, 1, "a"), (2, 2, "c"), (3, 3, "d")]


@pytest.mark.parametrize("row", [(2**63, 0, 0.0, "", ""), (0, 0, 0.0, "\ud800", "")])
def test_what_has_no_place_in_a_column_is_refused(connection, row):
    with pytest.raises(BadInputError, match="cannot hold a value"):
        connection.insert_rows(COLUMNS, [row], "", KINDS)


def test_what_the_server_refuses_is_told_at_the_commit_and_nothing_is_kept(schema):
    """The answers to inserts are only waited for at the end; none may be lost on the way."""
    with schema.open():
        pass
    into, kinds = "projection(name, version, definition)", ("TEXT", "INTEGER", "TEXT")
    with closing(_postgres.Connection(schema.url)) as writer:
        writer.begin_write()
        writer.insert_rows(into, [("a", 1, "")], "", kinds)
        with pytest.raises(_postgres.StorageError, match="duplicate key"):
            # A quick server's answer is seen by whichever of these comes after it.
            _go_on_after(writer, "a", into, kinds)
        writer.roll_back()
        writer.begin_write()
        left = writer.execute("SELECT name FROM projection WHERE name IN ('a', 'b')").fetchall()
        assert left == []
        writer.insert_rows(into, [("b", 1, "")], "", kinds)
        writer.commit()
        assert writer.execute("SELECT 1 FROM projection WHERE name = 'b'").fetchall() == [(1,)]


@pytest.mark.parametrize("n_rows", [1, 2_000])
def test_an_answer_seen_while_more_is_sent_leaves_nothing_behind(schema, n_rows):
    """The server may answer at once or at the end: the connection is as good after either."""
    with schema.open():
        pass
    into, kinds = "projection(name, version, definition)", ("TEXT", "INTEGER", "TEXT")
    with closing(_postgres.Connection(schema.url)) as writer:
        writer.begin_write()
        writer.insert_rows(into, [("a", 1, "")], "", kinds)
        with pytest.raises(_postgres.StorageError, match="duplicate key"):
            for _ in range(20):
                rows = [("a", 2, ""), *((f"b{row}", 1, "x" * 500) for row in range(n_rows))]
                writer.insert_rows(into, rows, "", kinds)
                time.sleep(0.005)
            writer.commit()
        writer.roll_back()
        writer.begin_write()
        assert writer.execute("SELECT 1 FROM projection WHERE name = 'a'").fetchall() == []
        writer.insert_rows(into, [("a", 1, "")], "", kinds)
        writer.commit()


def _go_on_after(writer, name, into, kinds):
    writer.insert_rows(into, [(name, 2, "")], "", kinds)
    writer.insert_rows(into, [("b", 1, "")], "", kinds)
    writer.commit()
