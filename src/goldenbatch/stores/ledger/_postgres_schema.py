"""The tables of the ledger on PostgreSQL, who may do what with them, and how they are made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from goldenbatch.core.errors import BadInputError

FORM = 2
FACTS = (
    "server_version", "server_version_num", "fsync", "full_page_writes", "synchronous_commit",
    "server_encoding",
)  # fmt: skip
_NAME = re.compile(r"^[a-z_][a-z0-9_]{0,40}$")
_C = 'TEXT COLLATE "C"'

_TABLES = (
    f"""CREATE TABLE event(seq BIGINT PRIMARY KEY, stream {_C} NOT NULL,
 version BIGINT NOT NULL, kind {_C} NOT NULL, actor {_C} NOT NULL, role {_C},
 performed_at BIGINT, recorded_at BIGINT NOT NULL, body_digest BYTEA NOT NULL,
 prev_in_stream BYTEA NOT NULL, envelope BYTEA NOT NULL, UNIQUE(stream, version))""",
    "CREATE TABLE payload(seq BIGINT PRIMARY KEY, digest BYTEA NOT NULL, salt BYTEA NOT NULL,"
    " bytes BYTEA)",
    """CREATE TABLE node(level BIGINT NOT NULL, idx BIGINT NOT NULL, h BYTEA NOT NULL,
 PRIMARY KEY(level, idx))""",
    f"""CREATE TABLE checkpoint(size BIGINT NOT NULL, root BYTEA NOT NULL, note {_C} NOT NULL,
 rowid BIGINT GENERATED ALWAYS AS IDENTITY, UNIQUE(size, note))""",
    f"CREATE TABLE projection(name {_C} PRIMARY KEY, version BIGINT NOT NULL,"
    f" definition {_C} NOT NULL)",
    "CREATE TABLE ledger_form(form BIGINT NOT NULL)",
    f"INSERT INTO ledger_form VALUES ({FORM})",  # noqa: S608
)
# The role may make tables in this schema, so that nothing here looks a name up in it.
_FUNCTIONS = {
    "ledger_refuse()": """RETURNS trigger LANGUAGE plpgsql
 SET search_path = pg_catalog, pg_temp AS $$
BEGIN RAISE EXCEPTION 'the ledger only adds: % of % refused', TG_OP, TG_TABLE_NAME; END $$""",
    "ledger_erase_only()": """RETURNS trigger LANGUAGE plpgsql
 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
 IF NEW.seq = OLD.seq AND NEW.digest = OLD.digest AND NEW.bytes IS NULL AND NEW.salt = ''::bytea
 THEN RETURN NEW; END IF;
 RAISE EXCEPTION 'the ledger only adds: UPDATE of payload refused';
END $$""",
    # Only what an event of its own has named can be erased, whoever calls it.
    "ledger_erase(erased BIGINT, by_event BIGINT)": """RETURNS BIGINT
 LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE n BIGINT;
BEGIN
 IF NOT EXISTS (SELECT 1 FROM "{schema}".event e JOIN "{schema}".payload p ON p.seq = e.seq
  WHERE e.seq = by_event AND e.kind = 'PayloadErased'
  AND (convert_from(p.bytes, 'UTF8')::jsonb ->> 'seq')::bigint = erased)
 THEN RAISE EXCEPTION 'event % does not erase the payload of event %', by_event, erased; END IF;
 UPDATE "{schema}".payload SET bytes = NULL, salt = ''::bytea WHERE seq = erased;
 GET DIAGNOSTICS n = ROW_COUNT; RETURN n;
END $$""",
}
TRIGGERS = {
    "event_no_change": "BEFORE UPDATE OR DELETE OR TRUNCATE ON event FOR EACH STATEMENT"
    " EXECUTE FUNCTION ledger_refuse()",
    "node_no_change": "BEFORE UPDATE OR DELETE OR TRUNCATE ON node FOR EACH STATEMENT"
    " EXECUTE FUNCTION ledger_refuse()",
    "checkpoint_no_change": "BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoint FOR EACH STATEMENT"
    " EXECUTE FUNCTION ledger_refuse()",
    "payload_no_removal": "BEFORE DELETE OR TRUNCATE ON payload FOR EACH STATEMENT"
    " EXECUTE FUNCTION ledger_refuse()",
    "payload_no_change": "BEFORE UPDATE ON payload FOR EACH ROW"
    " EXECUTE FUNCTION ledger_erase_only()",
}
_GUARDED = ("event", "payload", "node", "checkpoint")


def install_statements(schema: str, role: str) -> Iterator[str]:
    """What an administrator runs once: tables, triggers, and rights of the application's role.

    The role adds and reads; nothing else is granted on the four tables. Projections are its
    own tables in the same schema, as they can be folded anew at any time.
    """
    check_name(schema)
    check_name(role)
    yield f'CREATE SCHEMA "{schema}"'
    yield f'SET LOCAL search_path = "{schema}"'
    yield from _TABLES
    yield from _functions(schema)
    for name, words in TRIGGERS.items():
        yield f"CREATE TRIGGER {name} {words}"
    yield from _rights(schema, role)


def renew_statements(schema: str, role: str) -> Iterator[str]:
    """What brings functions and rights of a ledger that is there to those of this version."""
    check_name(schema)
    check_name(role)
    yield f'SET LOCAL search_path = "{schema}"'
    yield from _functions(schema)
    yield from _rights(schema, role)


def _functions(schema: str) -> Iterator[str]:
    for name, words in _FUNCTIONS.items():
        yield f"CREATE OR REPLACE FUNCTION {name} {words}".replace("{schema}", schema)


def _rights(schema: str, role: str) -> Iterator[str]:
    yield f'GRANT USAGE, CREATE ON SCHEMA "{schema}" TO "{role}"'
    yield f'GRANT SELECT, INSERT ON {", ".join(_GUARDED)} TO "{role}"'
    yield f'GRANT SELECT ON ledger_form TO "{role}"'
    yield f'GRANT SELECT, INSERT, UPDATE, DELETE ON projection TO "{role}"'
    yield "REVOKE ALL ON FUNCTION ledger_erase(BIGINT, BIGINT) FROM PUBLIC"
    yield f'GRANT EXECUTE ON FUNCTION ledger_erase(BIGINT, BIGINT) TO "{role}"'


def check_name(name: str) -> None:
    """A name that can stand in a statement.

    Raises:
        BadInputError: It cannot.
    """
    if not _NAME.match(name):
        raise BadInputError(
            f"{name!r} is no good name of a schema or role.", hint="Use a-z, 0-9 and _."
        )


def faults(connection: Any) -> Iterator[tuple[str, str]]:
    """Triggers that are missing or switched off, and columns that are not as they were made."""
    sql = (
        "SELECT t.tgname, t.tgenabled::text, p.proname FROM pg_trigger t"
        " JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
    )
    found = {name: (enabled, does) for name, enabled, does in connection.execute(sql).fetchall()}
    for name, words in TRIGGERS.items():
        enabled, does = found.get(name, ("", ""))
        if not enabled:
            yield f"trigger {name}", "is missing from the database."
        elif enabled not in ("O", "A"):
            yield f"trigger {name}", "is switched off."
        elif f"FUNCTION {does}()" not in words:
            yield f"trigger {name}", "is defined in another way than it was made."
    for name in sorted(found.keys() - TRIGGERS.keys()):
        yield f"trigger {name}", "is not part of a ledger."
    yield from _function_faults(connection)
    yield from _columns(connection)
    orphans = "SELECT digest FROM payload WHERE seq NOT IN (SELECT seq FROM event)"
    for (digest,) in connection.execute(orphans).fetchall():
        yield f"payload digest={digest.hex()}", "no event has this payload."


def _function_faults(connection: Any) -> Iterator[tuple[str, str]]:
    """Functions behind the triggers that do something else than they were made to do."""
    sql = (
        "SELECT p.proname::text, p.prosrc, p.prosecdef, array_to_string(p.proconfig, ';'),"
        " current_schema()::text FROM pg_proc p"
        " WHERE p.pronamespace = current_schema()::regnamespace"
    )
    found = {row[0]: row[1:] for row in connection.execute(sql).fetchall()}
    for signature, words in _FUNCTIONS.items():
        name = signature.partition("(")[0]
        if name not in found:
            yield f"function {name}", "is missing from the database."
            continue
        source, is_definer, config, schema = found[name]
        wanted = words.partition("$$")[2].rpartition("$$")[0].replace("{schema}", schema)
        is_path_set = "search_path=pg_catalog, pg_temp" in (config or "")
        if source != wanted or is_definer != ("SECURITY DEFINER" in words) or not is_path_set:
            yield (
                f"function {name}",
                "is defined in another way than this version makes it; the administrator"
                " renews it with `goldenbatch ledger install`.",
            )
    names = {signature.partition("(")[0] for signature in _FUNCTIONS}
    for name in sorted(found.keys() - names):
        yield f"function {name}", "is not part of a ledger."


def _columns(connection: Any) -> Iterator[tuple[str, str]]:
    sql = (
        "SELECT table_name::text, column_name::text FROM information_schema.columns"
        " WHERE table_schema = current_schema() ORDER BY ordinal_position"
    )
    found: dict[str, list[str]] = {}
    for table, column in connection.execute(sql).fetchall():
        found.setdefault(table, []).append(column)
    for statement in _TABLES[:5]:
        table, body = re.match(r"CREATE TABLE (\w+)\((.*)\)$", statement, re.DOTALL).groups()  # type: ignore[union-attr]
        parts = [part.split()[0] for part in re.split(r",\s+(?![^(]*\))", body)]
        wanted = [name for name in parts if name.islower()]
        if table not in found:
            yield f"table {table}", "is missing from the database."
        elif found[table] != wanted:
            yield f"table {table}", "is defined in another way than it was made."


def notes(connection: Any) -> Iterator[tuple[str, str]]:
    """Rights that the role of this connection should not have."""
    for table in _GUARDED:
        sql = (
            "SELECT has_table_privilege(?, 'UPDATE'), has_table_privilege(?, 'DELETE'),"
            " has_table_privilege(?, 'TRUNCATE')"
        )
        rights = connection.execute(sql, (table, table, table)).fetchone()
        if any(rights):
            yield (
                f"table {table}",
                "the application's role may change it; use a role that adds only.",
            )
