from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    DeniedError,
    IntegrityError,
    NotFoundError,
    VersionConflictError,
)
from goldenbatch.core.records import Body, HomeKind, NewEvent
from goldenbatch.core.site import HomeInfo
from goldenbatch.stores.ledger import (
    Ledger,
    Proof,
    ProofError,
    StorageError,
    StorageFullError,
    tree,
    verify_proof,
)
from goldenbatch.stores.ledger.canonical import canonical


def broken(problems):
    return [problem for problem in problems if not problem.is_note]


def test_what_is_appended_is_read_back_equal(kit, tmp_path):
    with kit.open_ledger(tmp_path) as ledger:
        done = ledger.append(
            [
                kit.weighed("a", 0, score=0.1, performed_at=5, owner="client"),
                kit.moved("a", 1),
                kit.weighed("b", 0, note="ä\u2028\U0001f600"),
            ]
        )
        assert [event.seq for event in done] == [1, 2, 3]
        assert [event.envelope.version for event in done] == [1, 2, 1]
        assert list(ledger.events()) == list(done)
        assert ledger.stream("thing/a") == done[:2]
        assert ledger.stream("thing/a", after=1) == done[1:2]
        assert (ledger.head(), ledger.version("thing/a"), ledger.version("no/ne")) == (3, 2, 0)
        assert done[1].envelope.previous == done[0].leaf
        assert done[0].envelope.performed_at == 5 and done[0].envelope.owner == "client"
        assert ledger.append([]) == ()
    with kit.open_ledger(tmp_path) as again:
        assert list(again.events()) == list(done)
        assert again.append([kit.moved("a", 2)])[0].seq == 4


def test_events_are_selected_by_seq_kind_and_prefix_across_pages(kit, ledger):
    n = 1_203
    ledger.append([kit.weighed(f"x_{i % 3}", i // 3) for i in range(n)])
    ledger.append([kit.moved("x_0", 401), kit.moved("y%", 0)])
    assert [e.seq for e in ledger.events()] == list(range(1, n + 3))
    assert [e.seq for e in ledger.events(after=490, upto=1_010)] == list(range(491, 1_011))
    assert [e.seq for e in ledger.events(kinds={"LedgerThingMoved"})] == [n + 1, n + 2]
    assert len(list(ledger.events(stream_prefix="thing/x_1"))) == 401
    assert [e.seq for e in ledger.events(stream_prefix="thing/y%")] == [n + 2]
    assert list(ledger.events(stream_prefix="thing/x%")) == []
    assert ledger.stream("thing/x_2", after=399)[0].envelope.version == 400


def test_all_or_nothing_at_the_expected_version(kit, ledger):
    ledger.append([kit.weighed("a", 0)])
    with pytest.raises(VersionConflictError, match="at version 1, not 0") as caught:
        ledger.append([kit.weighed("b", 0), kit.weighed("a", 0)])
    assert (caught.value.stream, caught.value.actual) == ("thing/a", 1)
    assert ledger.head() == 1 and ledger.version("thing/b") == 0
    assert ledger.select("thing", {"thing": "b"}) == []
    with pytest.raises(VersionConflictError, match="at version 0, not 5"):
        ledger.append([kit.weighed("c", 5)])
    assert broken(ledger.verify()) == []


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(-1, 1)), min_size=1, max_size=4),
        max_size=12,
    )
)
def test_versions_are_contiguous_and_refused_appends_leave_nothing(kit, tmp_path_factory, calls):
    folder, model = tmp_path_factory.mktemp("home"), []
    with kit.open_ledger(folder) as ledger:
        for call in calls:
            events, wanted, is_right = [], list(model), True
            for name, offset in call:
                expected = max(0, wanted.count(name) + offset)
                is_right = is_right and expected == wanted.count(name)
                events.append(kit.weighed(name, expected))
                wanted.append(name)
            try:
                ledger.append(events)
                assert is_right
                model = wanted
            except VersionConflictError:
                assert not is_right
        assert [e.stream[-1] for e in ledger.events()] == model
        for name in "abc":
            versions = [e.envelope.version for e in ledger.stream(f"thing/{name}")]
            assert versions == list(range(1, model.count(name) + 1))
        counts = {row["thing"]: row["n_weighed"] for row in ledger.select("thing")}
        assert counts == {name: model.count(name) for name in set(model)}
        assert broken(ledger.verify()) == []


def test_of_concurrent_writers_one_wins_and_each_is_told(kit, ledger):
    outcomes, n_writers, n_rounds = [], 12, 15

    def write(number):
        for version in range(n_rounds):
            try:
                ledger.append([kit.weighed("shared", version), kit.moved(f"own{number}", version)])
                outcomes.append((version, number))
            except VersionConflictError as error:
                assert error.stream == "thing/shared"
                # Its own stream lags behind whenever it lost.
            else:
                continue
            break

    threads = [threading.Thread(target=write, args=(i,)) for i in range(n_writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [version for version, _ in outcomes]
    assert sorted(won) == list(range(len(won))) and ledger.head() == 2 * len(won)
    assert broken(ledger.verify()) == []


def test_a_bad_event_fails_alone_though_committed_in_a_group(kit, ledger):
    gate, errors, n_good = threading.Event(), [], 20

    def hold(connection, head):
        gate.wait(10)

    holder = threading.Thread(target=lambda: ledger._writer.do(hold))
    holder.start()

    def good(number):
        ledger.append([kit.weighed(f"g{number}", 0)])

    def bad(number):
        try:
            ledger.append([NewEvent("bad name", kit.weighed("x", 0).body, 0, "u")])
        except BadInputError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=good, args=(i,)) for i in range(n_good)]
    threads += [threading.Thread(target=bad, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in [holder, *threads]:
        thread.join()
    assert ledger.head() == n_good
    assert len(errors) == 3 and "'bad name': stream" in errors[0]


def test_an_unregistered_body_is_refused(ledger):
    class Stray(Body):
        x: str = ""

    with pytest.raises(BadInputError, match="Stray is no registered kind"):
        ledger.append([NewEvent("a/b", Stray(), 0, "u")])


def test_a_clock_set_back_never_takes_recorded_at_back(kit, tmp_path):
    times = iter([1_000, 5_000, 2_000, 2_500, 9_000])
    with kit.open_ledger(tmp_path, clock=lambda: next(times)) as ledger:
        at = [ledger.append([kit.weighed("a", i)])[0].envelope.recorded_at for i in range(4)]
        assert at == [1_000, 5_000, 5_000, 5_000]
        assert ledger.clock_behind_us == 3_000
    with kit.open_ledger(tmp_path, clock=lambda: 7) as ledger:
        assert ledger.append([kit.weighed("a", 4)])[0].envelope.recorded_at == 5_000
        assert ledger.clock_behind_us == 4_993 and broken(ledger.verify()) == []


def test_a_full_disk_is_said_and_nothing_is_half_appended(kit, tmp_path):
    with kit.open_ledger(tmp_path) as ledger:
        ledger.append([kit.weighed("a", 0)])
        pages = ledger._writer.do(lambda c, _: c.execute("PRAGMA page_count").fetchone()[0])
        ledger._writer.do(lambda c, _: c.execute(f"PRAGMA max_page_count={pages + 3}").fetchone())
        with pytest.raises(StorageFullError, match="no space is left") as caught:
            ledger.append([kit.weighed("a", i, note="x" * 500) for i in range(1, 200)])
        assert "Free space" in caught.value.hint
        assert ledger.head() == 1 and len(ledger.stream("thing/a")) == 1
        ledger.append([kit.weighed("a", 1)])
        ledger._writer.do(lambda c, _: c.execute("PRAGMA max_page_count=1000000").fetchone())
        ledger.append([kit.weighed("a", i, note="x" * 500) for i in range(2, 200)])
        assert ledger.version("thing/a") == 200 and broken(ledger.verify()) == []


def test_the_tables_refuse_change_by_anyone(kit, tmp_path):
    with kit.open_ledger(tmp_path) as ledger:
        kit.fill(ledger)
        ledger.checkpoint()
    raw = kit.raw(tmp_path, is_guarded=True)
    columns = {"event": "actor", "node": "h", "checkpoint": "note", "payload": "bytes"}
    for table, column in columns.items():
        with pytest.raises(sqlite3.IntegrityError, match=f"UPDATE of {table} refused"):
            raw.execute(f"UPDATE {table} SET {column} = 'x'")
        with pytest.raises(sqlite3.IntegrityError, match=f"DELETE of {table} refused"):
            raw.execute(f"DELETE FROM {table}")
    with pytest.raises(sqlite3.IntegrityError, match="refused"):
        raw.execute("UPDATE payload SET bytes = NULL")  # the salt must go along
    raw.execute("UPDATE payload SET bytes = NULL, salt = x'' WHERE rowid = 1")
    with pytest.raises(sqlite3.IntegrityError, match="refused"):
        raw.execute("UPDATE payload SET bytes = 'again' WHERE rowid = 1")
    raw.close()
    with kit.open_ledger(tmp_path, projections=[]) as ledger:
        found = [problem for problem in ledger.verify() if problem.where.startswith("payload")]
        assert [(p.seq, p.is_note) for p in found] == [(1, False)]
        assert "no event says so" in found[0].message
        assert next(ledger.events()).body is None and ledger.proof(1)


def test_checkpoints_and_proofs(kit, tmp_path):
    with kit.open_ledger(tmp_path) as ledger:
        key = str(ledger.keys.known()[0])
        kit.fill(ledger, 11)
        first = ledger.checkpoint()
        assert first.size == 11 and ledger.checkpoint() == first == ledger.checkpoints()[0]
        ledger.append([kit.weighed("z", 0), kit.weighed("z", 1)])
        second = ledger.checkpoint()
        hashes = ledger.consistency(11)
        assert tree.verify_consistency(11, 13, hashes, first.root, second.root)
        assert ledger.root(11) == first.root and ledger.root() == second.root
        for event in ledger.events():
            proof = Proof.from_json(ledger.proof(event.seq).to_json())
            assert verify_proof(proof, event.envelope, key).size == 13
            assert verify_proof(proof, canonical(event.envelope.as_json()), key)
            other = event.envelope.model_copy(update={"actor": "u-9"})
            with pytest.raises(ProofError, match="not the one"):
                verify_proof(proof, other, key)
        later = ledger.append([kit.weighed("z", 2)])[0]
        assert ledger.proof(later.seq).size == 14  # makes the checkpoint that it needs
        with pytest.raises(NotFoundError, match="no event 15"):
            ledger.proof(15)
        with pytest.raises(NotFoundError, match="no event 0"):
            ledger.consistency(0)


def test_a_proof_changed_in_any_part_is_refused(kit, ledger):
    kit.fill(ledger, 9)
    proof, envelope = ledger.proof(4), ledger.stream("thing/t3")[0].envelope
    key = ledger.keys.known()[0]
    assert verify_proof(proof, envelope, key)
    parts = vars(proof)
    changes = {
        "leaf": bytes(32),
        "index": 4,
        "size": 8,
        "hashes": proof.hashes[:-1],
        "checkpoint": proof.checkpoint.replace("\n9\n", "\n8\n"),
    }
    for name, value in changes.items():
        with pytest.raises(ProofError):
            verify_proof(Proof(**{**parts, name: value}), envelope, key)
    for text in ("", "{}", proof.to_json().replace("proof/1", "proof/2")):
        with pytest.raises(ProofError, match="no proof"):
            Proof.from_json(text)


def test_reading_only(kit, tmp_path):
    with pytest.raises(NotFoundError, match="there is no ledger"):
        kit.open_ledger(tmp_path, read_only=True)
    with kit.open_ledger(tmp_path) as writer:
        kit.fill(writer, 5)
        with kit.open_ledger(tmp_path, read_only=True) as reader:
            assert reader.head() == 5 and len(reader.select("thing")) == 5
            writer.append([kit.weighed("new", 0)])
            assert reader.head() == 6
            for act in (lambda: reader.append([kit.weighed("b", 0)]), reader.checkpoint):
                with pytest.raises(DeniedError):
                    act()
            with pytest.raises(NotFoundError, match="no checkpoint covers event 2"):
                reader.proof(2)


def test_a_closed_ledger_says_so(kit, tmp_path):
    ledger = kit.open_ledger(tmp_path)
    ledger.close()
    ledger.close()
    for act in (lambda: ledger.append([kit.weighed("a", 0)]), ledger.head):
        with pytest.raises(StorageError, match="closed"):
            act()


def test_other_files_and_other_homes_are_refused(kit, tmp_path):
    with kit.open_ledger(tmp_path) as ledger:
        kit.fill(ledger, 2)
    other = HomeInfo("h-2", "Other", HomeKind.DEVELOPMENT, "alpha", "UTC")
    with pytest.raises(IntegrityError, match="belongs to home h-1, not h-2"):
        Ledger.open(tmp_path / "ledger.sqlite", other, lambda: 0)
    text = tmp_path / "text.sqlite"
    text.write_text("This is no database, it is a text of some length. " * 100)
    with pytest.raises(IntegrityError, match="damaged"):
        Ledger.open(text, kit.HOME, lambda: 0)
    foreign = tmp_path / "foreign.sqlite"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE x(y)")
    connection.close()
    with pytest.raises(IntegrityError, match="is no ledger of form"):
        Ledger.open(foreign, kit.HOME, lambda: 0)
    with pytest.raises(ConflictError, match="one name"):
        kit.open_ledger(tmp_path, projections=[kit.TRAIL, kit.TRAIL])


def test_nobody_acts_on_an_event_that_is_not_what_was_recorded(kit, tmp_path):
    with kit.open_ledger(tmp_path, projections=[]) as ledger:
        kit.fill(ledger, 4)
        raw = kit.raw(tmp_path)
        raw.execute("UPDATE payload SET bytes = replace(bytes, '1.50', '9.50') WHERE rowid = 2")
        raw.close()
        with pytest.raises(IntegrityError, match="payload of event 2 "):
            list(ledger.events())
        assert ledger.stream("thing/t0")


def test_importing_the_room_is_light():
    code = (
        "import sys, goldenbatch.stores.ledger as room; "
        "heavy = [m for m in ('cryptography', 'sqlite3', 'pydantic') if m in sys.modules]; "
        "assert not heavy, heavy; [getattr(room, name) for name in room.__all__]; "
        "assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
