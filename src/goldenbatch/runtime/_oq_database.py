"""Scratch homes in PostgreSQL: a home there is qualified on what it runs on, not on a file.

Each scratch home gets a schema of its own in a database for trials; all are removed afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from goldenbatch.core.config import LedgerSettings, load_settings, save_settings
from goldenbatch.core.errors import DeniedError, GoldenbatchError
from goldenbatch.runtime.home import Layout

if TYPE_CHECKING:
    from goldenbatch.core.config import Settings

_TABLES: Final = ("event", "payload", "node", "checkpoint")
FORBIDDEN: Final = (
    "UPDATE event SET stream = 'x/y'",
    "DELETE FROM event",
    "TRUNCATE event",
    "ALTER TABLE event DISABLE TRIGGER ALL",
    "DROP TABLE event",
)
"""What neither the application nor, but for the last two, the owner may do."""


@dataclass
class Scratch:
    """A database for trials.

    Attributes:
        admin: URL of somebody who may make schemas in it.
        role: Of the application, as in the home under validation.
    """

    admin: str
    role: str
    schemas: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, admin: str, settings: Settings) -> Scratch | None:
        """For a home, if an administrator's URL is given and its ledger lies in PostgreSQL."""
        if not admin or not settings.ledger.url:
            return None
        return cls(admin, urlsplit(settings.ledger.url).username or "")

    def carry(self, path: Path) -> None:
        """Put the ledger of a scratch home into a schema of its own."""
        from goldenbatch.stores.ledger import install_postgres, transfer_ledger

        schema = f"gb_oq_{uuid.uuid4().hex[:16]}"
        self.schemas.append(schema)
        install_postgres(self._url(self.admin, schema), self.role)
        url = self._url(self._as_role(), schema)
        settings, file = load_settings(path), Layout(path).ledger
        transfer_ledger(settings.ledger.url or file, url)
        save_settings(path, settings.model_copy(update={"ledger": LedgerSettings(url=url)}))
        file.unlink(missing_ok=True)

    @contextmanager
    def unguarded(self, path: Path) -> Iterator[Any]:
        """The tables past their own triggers, as their owner has them."""
        with self._owner(path) as connection:
            for table in _TABLES:
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield connection
            for table in _TABLES:
                connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    def refusals(self, path: Path) -> list[str]:
        """Words with which the application, and the owner, are refused what changes records."""
        from goldenbatch.stores.ledger import database

        words = []
        with database(load_settings(path).ledger.url) as application:
            words += [_refused(application, sql, DeniedError) for sql in FORBIDDEN]
        with self._owner(path) as owner:
            words += [_refused(owner, sql, GoldenbatchError) for sql in FORBIDDEN[:3]]
        return [one for one in words if one]

    def close(self) -> None:
        """Remove all schemas that were made."""
        from goldenbatch.stores.ledger import database

        with database(self.admin) as connection:
            for schema in self.schemas:
                connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        self.schemas.clear()

    @contextmanager
    def _owner(self, path: Path) -> Iterator[Any]:
        from goldenbatch.stores.ledger import database

        query = dict(parse_qsl(urlsplit(load_settings(path).ledger.url).query))
        with database(self._url(self.admin, query["schema"])) as connection:
            yield connection

    def _as_role(self) -> str:
        parts = urlsplit(self.admin)
        return urlunsplit(parts._replace(netloc=f"{self.role}@{parts.netloc.rpartition('@')[2]}"))

    @staticmethod
    def _url(url: str, schema: str) -> str:
        parts = urlsplit(url)
        query = {**dict(parse_qsl(parts.query)), "schema": schema}
        return urlunsplit(parts._replace(query=urlencode(query, safe="/")))


def _refused(connection: Any, sql: str, kind: type[GoldenbatchError]) -> str:
    try:
        connection.execute(sql)
    except kind as error:
        return f"{sql}: {error.message}"
    return ""
