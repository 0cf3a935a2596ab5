"""Homes on PostgreSQL: installed schemas, homes carried over to them, servers of one's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from goldenbatch.core.config import LedgerSettings, load_settings, save_settings
from goldenbatch.stores.ledger import transfer_ledger
from tests.stores.ledger import postgres_kit

ROLE = postgres_kit.ROLE


class Schemas:
    """Schemas of one server, each an empty ledger; removed at the end.

    Attributes:
        admin: URL of the server's administrator.
    """

    def __init__(self, admin: str) -> None:
        self.admin = admin
        self._names: list[str] = []

    def new(self) -> str:
        """Install an empty ledger; gives the URL of the application, as `home.toml` has it."""
        _, url, name = postgres_kit.new_schema(self.admin)
        self._names.append(name)
        return without_password(url)

    def drop(self) -> None:
        """Remove them all."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            for name in self._names:
                connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        self._names.clear()

    def carry(self, home: Path) -> str:
        """Put the ledger of a home into a new schema, as if it had always been there."""
        settings, file = load_settings(home), home / "ledger" / "ledger.sqlite"
        url, old = self.new(), settings.ledger.url
        transfer_ledger(old or file, url)
        if old:
            self._copy_projections(schema_of(old), schema_of(url))
        save_settings(home, settings.model_copy(update={"ledger": LedgerSettings(url=url)}))
        file.unlink(missing_ok=True)
        return url

    def carry_copy(self, home: Path) -> str:
        """Put a copy of a home's file into a new schema; the home stays as it is."""
        url = self.new()
        transfer_ledger(home / "ledger" / "ledger.sqlite", url)
        return url

    def _copy_projections(self, old: str, new: str) -> None:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            sql = (
                "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename LIKE 'p\\_%%'"
            )
            for (name,) in connection.execute(sql, (old,)).fetchall():
                connection.execute(f"CREATE TABLE {new}.{name} (LIKE {old}.{name} INCLUDING ALL)")
                connection.execute(f"INSERT INTO {new}.{name} SELECT * FROM {old}.{name}")
                connection.execute(f"ALTER TABLE {new}.{name} OWNER TO {ROLE}")
            connection.execute(f"INSERT INTO {new}.projection SELECT * FROM {old}.projection")

    @contextmanager
    def owner(self, url: str) -> Iterator[psycopg.Connection]:
        """A connection that owns the schema of a URL."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(f"SET search_path = {schema_of(url)}")
            yield connection


def schema_of(url: str) -> str:
    """Name of the schema in a URL."""
    return url.partition("schema=")[2].partition("&")[0]


def without_password(url: str) -> str:
    """The URL as settings may hold it; the password goes into the environment."""
    parts = urlsplit(url)
    user, host = parts.username, parts.netloc.rpartition("@")[2]
    os.environ["PGPASSWORD"] = parts.password or ""
    return urlunsplit(parts._replace(netloc=f"{user}@{host}"))
