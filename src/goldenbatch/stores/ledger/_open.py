"""Which database a ledger lies on."""

from __future__ import annotations

from pathlib import Path

from goldenbatch.stores.ledger._sql import Engine

SCHEMES = ("postgresql://", "postgres://")


def is_url(where: Path | str) -> bool:
    """Whether this names a PostgreSQL database, not a file."""
    return isinstance(where, str) and where.startswith(SCHEMES)


def shown_place(where: Path | str) -> str:
    """A place as it may be shown and recorded: a URL without its password."""
    if not is_url(where):
        return str(where)
    from goldenbatch.stores.ledger._postgres_url import shown

    return shown(str(where))


def open_engine(where: Path | str, *, read_only: bool) -> Engine:
    """The engine for a file or a URL.

    Raises:
        NotFoundError: There is no ledger.
        IntegrityError: It is damaged, or no ledger.
        StorageError: The database cannot be reached.
    """
    if is_url(where):
        from goldenbatch.stores.ledger import _postgres

        return _postgres.Engine(str(where), read_only=read_only)
    from goldenbatch.stores.ledger import _sqlite

    return _sqlite.Engine(Path(where), read_only=read_only)
