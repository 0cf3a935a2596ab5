"""The policy as SQL gives the same lists on PostgreSQL as record by record, and as on SQLite."""

from __future__ import annotations

import os

import pytest

from goldenbatch.core.record_links import PROJECTIONS
from goldenbatch.stores.ledger import _postgres
from goldenbatch.stores.ledger._dialect import POSTGRES
from goldenbatch.stores.ledger._projections import Table
from tests.core import test_selection as on_sqlite

EACH = 1 if "GOLDENBATCH_EXAMPLES" in os.environ else 4
"""Each so many-th list is asked of the server too: all of them in the campaign."""


@pytest.fixture
def server_world(postgres, monkeypatch):
    """The same worlds, each of whose lists is asked of the server too; gives what was counted."""
    connection, counted = _postgres.Connection(postgres), {"asked": 0, "lists": 0, "streams": 0}

    class World(on_sqlite.World):
        def __init__(self, history):
            super().__init__(history)
            connection.roll_back()
            connection.execute("BEGIN")
            for projection in PROJECTIONS:
                table = Table(projection, dialect=POSTGRES)
                for statement in table.ddl():
                    made = statement.replace("CREATE TABLE", "CREATE TEMP TABLE")
                    connection.execute(made + (" ON COMMIT DROP" if made != statement else ""))
                for row in self.log.table(projection).values():
                    marks = ", ".join("?" for _ in table.columns)
                    into = f"INSERT INTO {table.name} VALUES ({marks})"
                    connection.execute(into, table.values(row))
            connection.execute('CREATE TEMP TABLE t(s TEXT COLLATE "C") ON COMMIT DROP')
            for stream in self.streams:
                connection.execute("INSERT INTO t VALUES (?)", (stream,))

        def chosen(self, clause):
            counted["asked"] += 1
            if counted["asked"] % EACH:
                return super().chosen(clause)
            where = clause.on("s")
            sql = f"SELECT s FROM t WHERE {where.sql} ORDER BY s"
            found = [row[0] for row in connection.execute(sql, where.parameters).fetchall()]
            assert found == super().chosen(clause), (where.sql, where.parameters)
            counted["lists"] += 1
            counted["streams"] += len(found)
            return found

    monkeypatch.setattr(on_sqlite, "World", World)
    yield counted
    connection.roll_back()
    connection.close()


def test_lists_and_records_are_decided_alike(server_world):
    on_sqlite.test_a_list_and_its_records_are_decided_alike()
    assert server_world["lists"] > 1_000 and server_world["streams"] > 50


def test_what_may_be_read_is_listed_by_class(server_world):
    on_sqlite.test_what_may_be_read_is_listed_by_class()
    assert server_world["streams"] > 5


def test_lists_are_not_all_empty_or_full(server_world):
    on_sqlite.test_lists_are_not_all_empty_or_full()
