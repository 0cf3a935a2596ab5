"""The quick way over pages of events accepts nothing that the way event by event names."""

from __future__ import annotations

import random
import shutil
import sqlite3

import pytest
from tests.stores.ledger.test_tampering import CASES, N_RUNS, change

from goldenbatch.stores.ledger import Erasure, _verify, _verify_pages, _verify_tree
from goldenbatch.stores.ledger._verify_form import Forms
from goldenbatch.stores.ledger.errors import StorageError

COLUMNS = [case for case in CASES if case[0] in ("event", "payload", "node")]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(_verify_pages, "_PAGE", 4)
    monkeypatch.setattr(_verify_tree, "_PAGE", 4)


@pytest.fixture
def filled(kit, tmp_path):
    """Streams that end in each part, go over a border, and begin after one; one erased."""
    with kit.open_ledger(tmp_path) as ledger:
        for place in range(3):
            names = [f"s{place}-{n}" for n in range(3)]
            ledger.append([kit.weighed(name, 0, score=0.3, performed_at=9) for name in names])
            ledger.append([kit.weighed("long", place), *(kit.moved(name, 1) for name in names)])
        ledger.erase(Erasure(5, "consent was withdrawn", "u-1", "u-2"))
        ledger.checkpoint()
    return tmp_path


def parts(connection, home, n_events):
    """What the quick way says of two parts, and of the whole."""
    middle = n_events // 2
    borders = ((0, middle), (middle, n_events), (0, n_events))
    return [_verify_pages.check_part(connection, home, *two, Forms()) for two in borders]


def is_sound(ledger):
    """Whether the quick way has no doubt, and all else that it relies on none either."""
    with ledger._engine.reading() as connection:
        connection.begin_read()
        one, two, whole = parts(connection, ledger.home.uid, ledger.head())
        assert (one is not None and two is not None) == (whole is not None)
        check = _verify.Check(ledger.home, ledger.origin, ledger.keys.known(), None)
        check.file_alone(connection, list(ledger._tables.values()))
        check.tree_alone(connection, ())
        if whole is None or _verify_pages.has_strays(connection):
            return False
        check.take([one, two], [])
        return all(one.is_note for one in check.problems)


def test_sound_events_are_accepted_with_what_was_erased(kit, filled):
    with kit.open_ledger(filled, read_only=True) as ledger:
        assert is_sound(ledger)
        with ledger._engine.reading() as connection:
            one, two, whole = parts(connection, ledger.home.uid, ledger.head())
    assert {**one.erased, **two.erased} == whole.erased and list(whole.erased) == [5]
    assert [seq for seq, _ in whole.erasures] == [22] and two.erasures == whole.erasures


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_changed_byte_in_any_column_is_doubted(kit, filled, tmp_path_factory, table, column):
    for run in range(N_RUNS):
        folder = tmp_path_factory.mktemp("tampered") / "home"
        shutil.copytree(filled, folder)
        connection = kit.raw(folder)
        try:
            change(connection, table, column, random.Random(f"{table}.{column}.{run}"))
        except sqlite3.IntegrityError:
            continue  # the value belongs to another row: the database does not take it
        finally:
            kit.restore_triggers(connection)
            connection.close()
        with kit.open_ledger(folder, read_only=True) as ledger:
            assert any(not one.is_note for one in ledger.verify())
            assert not is_sound(ledger)


def test_two_events_of_one_version_are_seen(kit, filled):
    raw = kit.raw(filled)
    assert not _verify_pages.has_strays(raw)
    raw.execute("CREATE TABLE copy AS SELECT * FROM event")
    raw.execute("DROP TABLE event")
    raw.execute("ALTER TABLE copy RENAME TO event")
    raw.execute("INSERT INTO event SELECT * FROM event WHERE seq = 3")
    assert _verify_pages.has_strays(raw)
    raw.close()


def test_what_cannot_be_read_is_doubted():
    class Broken:
        def stream(self, sql, parameters):
            raise StorageError("gone")

    assert _verify_pages.check_part(Broken(), "home", 0, 5, Forms()) is None


@pytest.mark.parametrize("has_projections", [True, False])
def test_projections_are_left_out_on_request_only(kit, filled, has_projections):
    raw = kit.raw(filled)
    raw.execute("UPDATE p_thing SET amount = 'x' WHERE thing = 's0-1'")
    kit.restore_triggers(raw)
    raw.close()
    with kit.open_ledger(filled, read_only=True) as ledger:
        found = [one.where for one in ledger.verify(has_projections=has_projections)]
    assert ("p_thing thing=s0-1" in found) == has_projections


def test_events_of_a_stream_by_their_versions(kit, filled):
    with kit.open_ledger(filled, read_only=True) as ledger:
        stream = ledger.stream("thing/long")
        assert ledger.at("thing/long", (3, 1, 3, 99)) == [stream[0], stream[2]]
        assert ledger.at("thing/none", (1,)) == []
