"""What only PostgreSQL has: rights, triggers, sessions that are lost, other processes."""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from goldenbatch.core.errors import BadInputError, DeniedError, IntegrityError, NotFoundError
from goldenbatch.stores.ledger import (
    Erasure,
    Ledger,
    StorageError,
    StorageFullError,
    install_postgres,
)
from goldenbatch.stores.ledger._postgres_url import shown, split_url


def broken(problems):
    return [problem for problem in problems if not problem.is_note]


def administrator(place):
    """A connection that owns the schema."""
    url, name = split_url(place.admin)
    connection = psycopg.connect(url, autocommit=True)
    connection.execute(f"SET search_path = {name}")
    return connection


def application(place):
    """A connection as the application has it, without the application."""
    url, name = split_url(place.url)
    connection = psycopg.connect(url, autocommit=True)
    connection.execute(f"SET search_path = {name}")
    return connection


def test_the_applications_role_only_adds(kit, schema):
    with schema.open() as ledger:
        kit.fill(ledger, 4)
        ledger.checkpoint()
    with application(schema) as app:
        for table in ("event", "payload", "node", "checkpoint"):
            for act in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"DROP TABLE {table}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    app.execute(act)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for act in ("event SET actor = 'x'", "payload SET bytes = NULL", "node SET h = ''"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(f"UPDATE {act}")
        with pytest.raises(psycopg.errors.RaiseException, match="does not erase"):
            app.execute("SELECT ledger_erase(1, 2)")


def test_the_owner_runs_into_the_triggers(kit, schema):
    with schema.open() as ledger:
        kit.fill(ledger, 4)
        ledger.checkpoint()
    columns = {"event": "actor = 'x'", "node": "h = ''", "checkpoint": "note = 'x'"}
    columns["payload"] = "bytes = NULL"  # without the salt
    with administrator(schema) as owner:
        for table, change in columns.items():
            acts = (f"UPDATE {table} SET {change}", f"DELETE FROM {table}", f"TRUNCATE {table}")
            for act in acts:
                with pytest.raises(psycopg.errors.RaiseException, match=f"of {table} refused"):
                    owner.execute(act)


@pytest.mark.parametrize(
    ("change", "where", "message"),
    [
        ("ALTER TABLE event DISABLE TRIGGER event_no_change", "trigger event_no_change", "off"),
        ("DROP TRIGGER node_no_change ON node", "trigger node_no_change", "missing"),
        ("ALTER TABLE event ADD COLUMN x TEXT", "table event", "another way"),
        ("INSERT INTO payload VALUES (99, '\\xab', '', '')", "payload digest=ab", "no event"),
        ("UPDATE event SET actor = 'u-9' WHERE seq = 3", "event seq=3", "column actor"),
        ("UPDATE event SET envelope = '\\x7b7d' WHERE seq = 2", "event seq=2", "envelope"),
        ("UPDATE payload SET bytes = '\\x7b7d' WHERE seq = 4", "payload of event seq=4", "not"),
        ("DELETE FROM payload WHERE seq = 4", "payload of event seq=4", "missing"),
        ("UPDATE node SET h = '\\xff' WHERE level = 1", "node level=1 idx=0", "two below"),
        ("DELETE FROM event WHERE seq = 7", "event seq=7", "cut off"),
        ("UPDATE p_thing SET amount = 'x' WHERE thing = 't1'", "p_thing thing=t1", "amount"),
        ("UPDATE checkpoint SET size = 5", "checkpoint size=5", "signed note says 7"),
    ],
)
def test_each_tampering_by_the_owner_is_named(kit, schema, change, where, message):
    with schema.open() as ledger:
        kit.fill(ledger, 7)
        ledger.checkpoint()
    with administrator(schema) as owner:
        if change.startswith(("UPDATE", "DELETE")):
            owner.execute("SET session_replication_role = replica")  # no trigger fires
        owner.execute(change)
    with schema.open(read_only=True) as ledger:
        found = [p for p in broken(ledger.verify()) if p.where == where and message in p.message]
        assert found, list(map(str, ledger.verify()))


def test_a_role_that_may_do_more_is_noted(kit, schema):
    with schema.open() as ledger:
        assert ledger.verify() == []
    with Ledger.open(schema.admin, kit.HOME, kit.ticking(), read_only=True) as ledger:
        notes = [p.where for p in ledger.verify() if "may change it" in p.message and p.is_note]
        assert notes == ["table event", "table payload", "table node", "table checkpoint"]


def test_a_full_disk_of_the_server_is_said_and_nothing_is_kept(kit, schema):
    with schema.open() as ledger:
        ledger.append([kit.weighed("a", 0)])
        with administrator(schema) as owner:
            owner.execute(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
            )
            owner.execute(
                "CREATE TRIGGER full_disk BEFORE INSERT ON node"
                " FOR EACH STATEMENT EXECUTE FUNCTION full_disk()"
            )
            with pytest.raises(StorageFullError, match="no space is left"):
                ledger.append([kit.weighed("a", 1)])
            owner.execute("DROP FUNCTION full_disk() CASCADE")
        assert ledger.head() == 1
        assert ledger.append([kit.weighed("a", 1)])[0].seq == 2
        assert broken(ledger.verify()) == []


def test_text_that_the_server_cannot_hold_is_refused_alone(kit, schema):
    with schema.open() as ledger:
        with pytest.raises(BadInputError, match="cannot hold"):
            ledger.append([kit.weighed("a", 0, amount="\x00")])
        assert ledger.append([kit.weighed("a", 0)])[0].seq == 1


def test_a_session_that_the_server_ended_is_made_anew(kit, schema):
    with schema.open() as ledger:
        ledger.append([kit.weighed("a", 0)])
        end_sessions(schema)
        assert ledger.append([kit.weighed("a", 1)])[0].seq == 2
        end_sessions(schema)
        assert ledger.head() == 2 and broken(ledger.verify()) == []


def end_sessions(place):
    with administrator(place) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s",
            (urlsplit(place.url).username,),
        )


class Proxy:
    """Between application and server; loses the commit, or only the answer to it."""

    def __init__(self, place):
        url, _ = split_url(place.admin)
        with psycopg.connect(url) as connection:
            self.host, self.port = connection.info.host, connection.info.port
        self.lose = None
        self.is_down = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()
        parts = urlsplit(place.url)
        netloc = f"{parts.username}:{parts.password}@127.0.0.1:{self.listener.getsockname()[1]}"
        schema = f"sslmode=disable&gssencmode=disable&schema={split_url(place.url)[1]}"
        self.url = urlunsplit(parts._replace(netloc=netloc, query=schema))

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def connect(self):
        if self.is_down:
            raise ConnectionRefusedError
        if self.host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(f"{self.host}/.s.PGSQL.{self.port}")
            except OSError:
                server.close()
                raise
            return server
        return socket.create_connection((self.host, self.port))

    def serve(self, client):
        try:
            server = self.connect()
        except OSError:
            client.close()
            return
        threading.Thread(target=self.answers, args=(server, client), daemon=True).start()
        try:
            while data := client.recv(1 << 16):
                lose = self.lose if b"COMMIT" in data else None
                if lose == "commit":
                    self.lose = None
                    break
                if lose == "answer":
                    self.lose = "next answer"
                server.sendall(data)
        except OSError:
            pass
        self.end(client, server)

    def answers(self, server, client):
        try:
            while data := server.recv(1 << 16):
                if self.lose == "next answer":
                    self.lose = None
                    break
                client.sendall(data)
        except OSError:
            pass
        self.end(client, server)

    @staticmethod
    def end(*sockets):
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()


@pytest.fixture
def proxy(schema):
    made = Proxy(schema)
    yield made
    made.listener.close()


def test_when_the_answer_to_a_commit_is_lost_the_append_is_found_and_not_doubled(
    kit, schema, proxy
):
    with kit.open_ledger(schema.folder, url=proxy.url) as ledger:
        ledger.append([kit.weighed("a", 0)])
        proxy.lose = "answer"
        done = ledger.append([kit.weighed("a", 1), kit.weighed("b", 0)])
        assert proxy.lose is None
        assert [event.seq for event in done] == [2, 3]
        assert ledger.append([kit.weighed("a", 2)])[0].seq == 4
        assert [e.seq for e in ledger.events()] == [1, 2, 3, 4] and broken(ledger.verify()) == []


def test_when_the_commit_is_lost_nothing_is_kept_and_it_is_said(kit, schema, proxy):
    with kit.open_ledger(schema.folder, url=proxy.url) as ledger:
        ledger.append([kit.weighed("a", 0)])
        proxy.lose = "commit"
        with pytest.raises(StorageError, match="nothing of the append was kept"):
            ledger.append([kit.weighed("a", 1)])
        assert proxy.lose is None and ledger.head() == 1
        assert ledger.append([kit.weighed("a", 1)])[0].seq == 2
        assert broken(ledger.verify()) == []


def test_what_is_no_ledger_is_said(kit, schema):
    elsewhere = schema.url.replace("schema=", "schema=no_")
    with pytest.raises(NotFoundError, match="goldenbatch ledger install"):
        Ledger.open(elsewhere, kit.HOME, lambda: 0)
    with administrator(schema) as owner:
        owner.execute("UPDATE ledger_form SET form = 99")
    with pytest.raises(IntegrityError, match="no ledger of form 2"):
        schema.open()
    with pytest.raises(StorageError) as caught:
        Ledger.open("postgresql://u:secret@127.0.0.1:1/x", kit.HOME, lambda: 0)
    assert "secret" not in str(caught.value)
    with pytest.raises(BadInputError, match="no good name"):
        Ledger.open("postgresql://u@h/x?schema=a-b", kit.HOME, lambda: 0)
    assert shown("postgresql://u:p@h:1/x") == "postgresql://u@h:1/x"


def test_a_new_projection_of_a_reader_is_not_made(kit, schema):
    with schema.open(projections=[]) as ledger:
        kit.fill(ledger, 3)
    with schema.open(read_only=True) as ledger:
        with pytest.raises(IntegrityError, match="not stored in its version"):
            ledger.select("thing")
        with pytest.raises(DeniedError):
            ledger.append([kit.weighed("x", 0)])


def test_the_role_cannot_become_the_owner_through_a_function(kit, schema):
    """One of the role's own that fits better than the server's is never called: CVE-2018-1058."""
    with schema.open() as ledger:
        kit.fill(ledger, 4)
        by = ledger.erase(Erasure(2, "it was asked for", "u-1", "u-2")).seq
    with application(schema) as app:
        app.execute(
            "CREATE FUNCTION convert_from(bytea, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
            " UPDATE payload SET bytes = NULL, salt = ''::bytea; RETURN '{\"seq\": 1}'; END $$"
        )
        with pytest.raises(psycopg.errors.RaiseException, match="does not erase"):
            app.execute("SELECT ledger_erase(1, %s)", (by,))
    with schema.open(read_only=True) as ledger:
        assert [event.seq for event in ledger.events() if event.body is None] == [2]
        found = [p.where for p in broken(ledger.verify())]
        assert found == ["function convert_from"]


@pytest.mark.parametrize(
    "act",
    [
        "DROP TRIGGER event_no_change ON event",
        "DROP FUNCTION ledger_refuse() CASCADE",
        "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NEW; END'",
        "SET session_replication_role = replica",
        "ALTER TABLE event OWNER TO CURRENT_USER",
        "GRANT UPDATE ON event TO CURRENT_USER",
        "CREATE TRIGGER mine BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
        "CREATE RULE mine AS ON INSERT TO event DO INSTEAD NOTHING",
        "ALTER TABLE node ADD COLUMN x TEXT",
        "ALTER FUNCTION ledger_erase(BIGINT, BIGINT) RESET ALL",
        "CREATE POLICY mine ON event USING (false)",
        "DROP SCHEMA {schema} CASCADE",
        "BEGIN; LOCK TABLE event IN ACCESS EXCLUSIVE MODE",
        "UPDATE ledger_form SET form = 3",
        "INSERT INTO event SELECT * FROM event ON CONFLICT (seq) DO UPDATE SET actor = 'x'",
    ],
)
def test_the_role_changes_nothing_of_what_guards_the_ledger(kit, schema, act):
    with schema.open() as ledger:
        kit.fill(ledger, 2)
    with application(schema) as app:
        refused = (psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException)
        with pytest.raises(refused):
            app.execute(act.replace("{schema}", split_url(schema.url)[1]))
            app.execute("UPDATE event SET actor = 'x'")  # where granting was only warned of
    with schema.open(read_only=True) as ledger:
        assert broken(ledger.verify()) == []


def test_a_guard_that_was_hollowed_out_is_named_and_renewed(kit, schema):
    with schema.open() as ledger:
        kit.fill(ledger, 2)
    with administrator(schema) as owner:
        owner.execute(
            "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RETURN NULL; END'"
        )
        owner.execute("DROP FUNCTION ledger_erase(BIGINT, BIGINT)")
    with schema.open(read_only=True) as ledger:
        found = [p.where for p in broken(ledger.verify())]
    assert found == ["function ledger_refuse", "function ledger_erase"]
    install_postgres(schema.admin, kit.load_postgres_kit().ROLE)
    with schema.open() as ledger:
        assert broken(ledger.verify()) == [] and ledger.head() == 2
