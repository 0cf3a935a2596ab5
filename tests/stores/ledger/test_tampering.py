"""One byte of anything is changed by someone who owns the file; verification says which."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3

import pytest

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.stores.ledger import notes

N_RUNS = int(os.environ.get("GOLDENBATCH_TAMPERINGS", "6"))

COLUMNS = {
    "event": (
        "seq stream version kind actor role performed_at recorded_at body_digest"
        " prev_in_stream envelope"
    ).split(),
    "payload": ["digest", "salt", "bytes"],
    "node": ["level", "idx", "h"],
    "checkpoint": ["size", "root", "note"],
    "projection": ["name", "version", "definition"],
    "p_thing": ["thing", "n_weighed", "amount", "score", "place", "changed_at"],
    "p_trail": ["seq", "kind", "actor"],
}
CASES = [(table, column) for table, columns in COLUMNS.items() for column in columns]


@pytest.fixture(scope="module")
def original(kit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("original")
    with kit.open_ledger(folder) as ledger:
        for _ in range(2):
            kit_versions = ledger.head()
            names = [f"s{kit_versions + i}" for i in range(3)]
            ledger.append([kit.weighed(name, 0, score=0.3, performed_at=9) for name in names])
            ledger.append([kit.moved(name, 1) for name in names])
            ledger.append([kit.weighed(names[0], 2)])
            ledger.checkpoint()
        ledger.append([kit.weighed("tail", 0), kit.weighed("tail", 1), kit.moved("tail", 2)])
        assert ledger.verify() == []
    return folder


@pytest.fixture
def copy(original, tmp_path):
    folder = tmp_path / "home"
    shutil.copytree(original, folder)
    return folder


def problems(kit, folder, anchors=()):
    with kit.open_ledger(folder, read_only=True) as ledger:
        return [p for p in ledger.verify(anchors=anchors) if not p.is_note]


def flipped(value, draw):
    """The value with one bit changed."""
    if value is None:
        return "x"
    if isinstance(value, int):
        return value ^ (1 << draw.randrange(8))
    if isinstance(value, float):
        return value + draw.choice((0.5, -3.0))
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    if not raw:
        return b"\x01"
    raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
    if isinstance(value, str):
        return raw.decode("utf-8", "surrogateescape")
    return bytes(raw)


def change(connection, table, column, draw):
    """Flip a bit of a column in a random row; gives the row as it was."""
    connection.row_factory = sqlite3.Row
    key = {"node": "level, idx"}.get(table, "rowid AS place")
    rows = connection.execute(f"SELECT {key}, * FROM {table}").fetchall()
    row = dict(draw.choice(rows))
    new = flipped(row[column], draw)
    if isinstance(new, str) and not new.isascii():
        new = new.encode("utf-8", "surrogateescape")
        mark = "CAST(? AS TEXT)"
    else:
        mark = "?"
    if table == "node":
        where, parameters = "level = ? AND idx = ?", [row["level"], row["idx"]]
    else:
        where, parameters = "rowid = ?", [row["place"]]
    connection.execute(f"UPDATE {table} SET {column} = {mark} WHERE {where}", [new, *parameters])
    return row


def expected_places(table, row, seq_of):
    """Where a problem must point to."""
    if table == "event":
        return {f"event seq={row['seq']}"}
    if table == "payload":
        return {f"payload of event seq={seq_of[row['digest']]}"}
    if table == "node":
        return {f"node level={row['level']} idx={row['idx']}", f"event seq={row['idx'] + 1}"}
    if table == "checkpoint":
        return {f"checkpoint size={row['size']}"}
    if table == "projection":
        return {f"projection name={row['name']}"}
    key = "thing" if table == "p_thing" else "seq"
    return {f"{table} {key}={row[key]}"}


@pytest.mark.parametrize(("table", "column"), CASES)
def test_a_changed_byte_in_any_column_is_named(kit, original, copy, table, column):
    path = copy / "ledger.sqlite"
    for run in range(N_RUNS):
        draw = random.Random(f"{table}.{column}.{run}")
        shutil.copy(original / "ledger.sqlite", path)
        connection = kit.raw(copy)
        seq_of = dict(connection.execute("SELECT body_digest, seq FROM event").fetchall())
        while True:
            try:
                row = change(connection, table, column, draw)
                break
            except sqlite3.IntegrityError:
                continue  # the bit made the key of another row
        kit.restore_triggers(connection)
        connection.close()
        found = problems(kit, copy)
        where = expected_places(table, row, seq_of)
        if table == "checkpoint" and column == "size":
            where = {"checkpoint size"}
        assert any(p.where.startswith(tuple(where)) for p in found), (row, list(map(str, found)))
        assert len(found) <= 12, list(map(str, found))
        if table == "node":
            assert all(
                p.where.startswith(("node", "event", "checkpoint", "projection")) for p in found
            )


def test_a_changed_byte_anywhere_in_the_file_is_seen_or_changes_nothing(kit, original, copy):
    path, whole = copy / "ledger.sqlite", (original / "ledger.sqlite").read_bytes()
    before, n_seen = kit.snapshot(original), 0
    for run in range(25 * N_RUNS):
        draw = random.Random(f"file {run}")
        data = bytearray(whole)
        place = draw.randrange(len(data))
        data[place] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        try:
            found = problems(kit, copy)
        except GoldenbatchError as error:
            found = [error]
        n_seen += bool(found)
        if not found:
            assert kit.snapshot(copy) == before, f"run {run}: byte {place} changed unseen"
    assert n_seen > 5 * N_RUNS


def tampered(kit, folder, *statements):
    connection = kit.raw(folder)
    for statement in statements:
        connection.execute(statement)
    kit.restore_triggers(connection)
    connection.close()
    return problems(kit, folder)


def wheres(found):
    return {problem.where for problem in found}


def test_swapped_events(kit, copy):
    found = tampered(
        kit,
        copy,
        "UPDATE event SET seq = 1000 WHERE seq = 2",
        "UPDATE event SET seq = 2 WHERE seq = 3",
        "UPDATE event SET seq = 3 WHERE seq = 1000",
    )
    assert {"event seq=2", "event seq=3"} <= wheres(found)


@pytest.mark.parametrize("n_cut", [1, 2, 3, 5])
def test_a_deleted_tail(kit, copy, n_cut):
    last = 17 - n_cut
    found = tampered(kit, copy, f"DELETE FROM event WHERE seq > {last}")
    assert any(p.where == f"event seq={last + 1}" and "cut off" in p.message for p in found)


def consistent_cut(kit, folder, last):
    """Cut the tail as cleverly as can be: events, payloads, nodes and projections agree."""
    connection = kit.raw(folder)
    connection.execute("DELETE FROM event WHERE seq > ?", (last,))
    connection.execute("DELETE FROM payload WHERE digest NOT IN (SELECT body_digest FROM event)")
    connection.execute("DELETE FROM node WHERE ((idx + 1) << level) > ?", (last,))
    for table in ("projection", "p_thing", "p_trail"):
        connection.execute(f"DELETE FROM {table}")
    kit.restore_triggers(connection)
    connection.close()
    with kit.open_ledger(folder):
        pass  # opening rebuilds the projections


def test_a_tail_cut_in_all_tables_is_caught_by_the_checkpoint(kit, copy):
    consistent_cut(kit, copy, 12)
    found = problems(kit, copy)
    assert wheres(found) == {"checkpoint size=14"}
    assert "signs 14 events, the ledger has 12" in found[0].message


def test_a_tail_cut_with_its_checkpoint_is_caught_by_the_anchor_elsewhere(kit, copy):
    with kit.open_ledger(copy, read_only=True) as ledger:
        anchor = ledger.checkpoints()[-1].note
    connection = kit.raw(copy)
    connection.execute("DELETE FROM checkpoint WHERE size > 7")
    kit.restore_triggers(connection)
    connection.close()
    consistent_cut(kit, copy, 12)
    assert problems(kit, copy) == []
    found = problems(kit, copy, anchors=[anchor])
    assert [p.where for p in found] == ["anchor 1"] and "tail from event 13" in found[0].message


def test_an_event_deleted_in_the_middle(kit, copy):
    found = tampered(kit, copy, "DELETE FROM event WHERE seq = 5")
    assert any(p.where == "event seq=5" and "missing" in p.message for p in found)


def test_a_replaced_payload(kit, copy):
    found = tampered(
        kit,
        copy,
        "UPDATE payload SET salt = (SELECT salt FROM payload WHERE rowid = 2),"
        " bytes = (SELECT bytes FROM payload WHERE rowid = 2) WHERE rowid = 4",
    )
    assert "payload of event seq=4" in wheres(found)


def test_a_payload_missing_or_too_much(kit, copy):
    found = tampered(
        kit,
        copy,
        "DELETE FROM payload WHERE rowid = 3",
        "INSERT INTO payload VALUES (99, x'AB', x'00', 'stray')",
    )
    assert "payload of event seq=3" in wheres(found) and "payload digest=ab" in wheres(found)


def test_a_rewritten_history_is_caught_by_the_checkpoint(kit, copy, tmp_path):
    """The whole ledger made anew with one other value, the old checkpoints put in."""
    forged = tmp_path / "forged"
    shutil.copytree(copy / "keys", forged / "keys")
    with kit.open_ledger(copy) as ledger, kit.open_ledger(forged) as forgery:
        for event in ledger.events():
            body = event.decode()
            if event.seq == 3:
                body = body.model_copy(update={"amount": "9.99 g"})
            version = event.envelope.version - 1
            new = kit.NewEvent(event.stream, body, version, event.envelope.actor)
            forgery.append([new])
        rows = [(c.size, c.root, c.note) for c in ledger.checkpoints()]
    connection = kit.raw(forged, is_guarded=True)
    connection.executemany("INSERT INTO checkpoint VALUES (?,?,?)", rows)
    connection.close()
    found = problems(kit, forged)
    assert wheres(found) == {"checkpoint size=7", "checkpoint size=14"}
    assert all("not those whose root was signed" in p.message for p in found)


def test_an_edited_checkpoint(kit, copy):
    found = tampered(
        kit,
        copy,
        "UPDATE checkpoint SET note ="
        " replace(note, char(10)||'7'||char(10), char(10)||'6'||char(10))",
    )
    assert wheres(found) == {"checkpoint size=7"} and "does not fit" in found[0].message


def test_a_forged_signature(kit, copy, tmp_path):
    """Another key under the same name signs another root."""
    forger = notes.Signer.create(tmp_path / "forger.pem", kit.ORIGIN)
    made = notes.checkpoint_note(kit.ORIGIN, 14, bytes(32), [forger])
    connection = kit.raw(copy)
    connection.execute("DELETE FROM checkpoint WHERE size = 14")
    connection.execute("INSERT INTO checkpoint VALUES (?,?,?)", (14, made.root, made.note))
    kit.restore_triggers(connection)
    connection.close()
    found = problems(kit, copy)
    assert wheres(found) == {"checkpoint size=14"} and "no known key" in found[0].message


def test_without_a_key_the_checkpoints_are_not_taken_on_trust(kit, copy):
    with kit.open_ledger(copy, read_only=True, keys=notes.Keyring()) as ledger:
        found = ledger.verify()
    assert len(found) == 2 and "no verifier key is known" in found[0].message


def test_a_torn_tree_is_not_written_on(kit, copy):
    tampered(kit, copy, "DELETE FROM node WHERE level = 0 AND idx = 16")
    with pytest.raises(GoldenbatchError, match="has 17 events, its tree 16 leaves"):
        kit.open_ledger(copy)


def test_progress_is_told(kit, copy):
    told = []
    with kit.open_ledger(copy, read_only=True) as ledger:
        ledger.verify(progress=lambda done, n: told.append((done, n)))
    assert told[-1] == (17, 17)
