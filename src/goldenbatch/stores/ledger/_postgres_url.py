"""Where a PostgreSQL ledger is, the driver that reaches it, and what its errors mean here."""

from __future__ import annotations

import struct
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from goldenbatch.core.errors import (
    BadInputError,
    DeniedError,
    GoldenbatchError,
    IntegrityError,
    NotFoundError,
)
from goldenbatch.stores.ledger import _postgres_schema
from goldenbatch.stores.ledger.errors import StorageError, StorageFullError


def driver() -> Any:
    """The module psycopg.

    Raises:
        NotFoundError: It is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise NotFoundError(
            "PostgreSQL needs the package psycopg.",
            hint="Install it with `pip install 'goldenbatch[postgres]'`.",
        ) from error
    return psycopg


def split_url(url: str) -> tuple[str, str]:
    """A URL without its `schema`, and the schema; `goldenbatch` by default."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    schema = query.pop("schema", "goldenbatch")
    _postgres_schema.check_name(schema)
    return urlunsplit(parts._replace(query=urlencode(query))), schema


def shown(url: str) -> str:
    """A URL as it may be shown: without a password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")
    user = host[0].partition(":")[0]
    query = [one for one in parse_qsl(parts.query) if "password" not in one[0]]
    netloc = f"{user}@{host[2]}" if user else host[2]
    return urlunsplit(parts._replace(netloc=netloc, query=urlencode(query, safe="/")))


def translated(error: Exception, place: str) -> GoldenbatchError:
    """The ledger's error for one of the driver."""
    psycopg = driver()
    first = (str(error).splitlines() or [type(error).__name__])[0]
    if isinstance(error, UnicodeError | struct.error | psycopg.DataError):
        return BadInputError(
            f"{place} cannot hold a value: {first}.", hint="Correct the event and append it again."
        )
    if isinstance(error, psycopg.errors.DiskFull):
        return StorageFullError(
            f"no space is left for {place}; nothing of the append was kept.",
            hint="Free space on the server's disk and append again.",
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return DeniedError(f"{place}: {first}.", hint="Ask the administrator of the database.")
    if isinstance(error, psycopg.errors.DataCorrupted | psycopg.errors.IndexCorrupted):
        return IntegrityError(
            f"{place} is damaged: {first}.", hint="Restore the database from its backup."
        )
    return StorageError(
        f"{place}: {first}; nothing of the append was kept.",
        hint="See to the server and the network, and append again.",
    )
