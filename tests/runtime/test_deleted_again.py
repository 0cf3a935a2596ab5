"""Deletions that a crash cuts short, and backups that must not bring back what was deleted."""

from __future__ import annotations

import shutil

import pytest
from gbx_bench import Bench, Clock
from gbx_ceremony import PASSWORD
from gbx_retention import DAY, YEAR, approve, faults, imported, made, notes, propose, signed, user

from goldenbatch.core.deletion import DataDeleted, Deleted, DeletionApproved, DeletionProposed
from goldenbatch.core.errors import ConflictError, DeniedError, NotFoundError
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime import _sealed
from goldenbatch.runtime.backup import backup, drill, restore
from goldenbatch.runtime.signing import Asked
from goldenbatch.runtime.verify import verify
from goldenbatch.stores.ledger import Erasure


@pytest.mark.parametrize("broken", ["ledger.erase_all", "registry.delete", "historian.delete"])
def test_a_deletion_that_was_cut_short_is_finished(bench, old, monkeypatch, broken):
    digest = imported(bench, old)
    bench.clock.now += 6 * YEAR
    propose(old, [])
    signed(old, old.retention.asked_approval("D-1", "checked"), "bob")
    store, name = broken.split(".")

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(getattr(old, store), name, killed)
        with pytest.raises(KeyboardInterrupt):
            old.retention.finish("D-1")
    assert old.retention.unfinished() == ["D-1"]
    assert any("but it is there" in one for one in faults(old))
    old.retention.finish("D-1")
    assert old.retention.unfinished() == []
    assert faults(old) == []
    assert digest not in old.registry.digests()
    number = sum(1 for one in old.ledger.stream("deletion/D-1") if one.kind == "DataDeleted")
    assert number == 1


def test_a_hold_stops_what_a_crash_has_left(bench, old, monkeypatch):
    bench.clock.now += 6 * YEAR
    propose(old, [])
    signed(old, old.retention.asked_approval("D-1", "checked"), "bob")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(old.ledger, "erase_all", killed)
        with pytest.raises(KeyboardInterrupt):
            old.retention.finish("D-1")
    old.retention.place_hold(user(old, "ann"), "H-1", {"batches": ["B7"]}, "x", "order")
    said = old.retention.reapply()
    assert len(said) == 2
    assert all("is still there, since hold H-1 covers it" in one for one in said)
    assert old.ledger.select("batch", {"batch": "B7"})
    assert "held by H-1" in notes(old)
    signed(old, old.retention.asked_lift("H-1", "settled"), "bob")
    assert "batch/B7" in old.retention.reapply()[0]
    assert faults(old) == []


PASSPHRASE = "a sentence to remember"


@pytest.fixture
def _cheap_keys(monkeypatch):
    """Scrypt with little memory: the strength is not what is tested here."""
    monkeypatch.setattr(_sealed, "_N", 2**4)


@pytest.mark.usefixtures("_cheap_keys")
def test_a_restored_backup_does_not_bring_back_what_was_deleted_later(bench, old, tmp_path):
    digest = imported(bench, old)
    vault = tmp_path / "backups"
    first = backup(old, vault, passphrase=PASSPHRASE)["snapshot"]
    bench.clock.now += 6 * YEAR
    propose(old, [])
    done = approve(old)
    assert len(done.things) == 3
    old.retention.place_hold(user(old, "ann"), "H-1", {"batches": ["B8"]}, "x", "order")
    second = backup(old, vault, passphrase=PASSPHRASE)["snapshot"]
    newest = restore(vault, tmp_path / "newest", name=second, passphrase=PASSPHRASE)
    assert newest.problems == ()
    assert newest.notes == ()
    earlier = restore(vault, tmp_path / "earlier", name=first, passphrase=PASSPHRASE)
    assert earlier.problems == ()
    assert "deletion D-1" in earlier.notes[0]
    assert "deleted again" in earlier.notes[0]
    assert earlier.notes[1] == "hold H-1 was placed after this backup: place it again."
    with Bench(tmp_path / "earlier", Clock(bench.clock.now)).open(read_only=True) as again:
        assert again.ledger.select("batch", {"batch": "B7"}) == []
        assert again.historian.tags() == {}
        assert digest not in again.registry.digests()
        (event,) = again.ledger.stream("deletion/D-1")
        leaves = [one.leaf for one in old.ledger.stream("deletion/D-1")]
        assert event.body["repeats"] == leaves[-1]
    assert verify(tmp_path / "earlier").is_ok
    with Bench(tmp_path / "newest", Clock(bench.clock.now)).open(read_only=True) as again:
        assert [one.hold for one in again.retention.holds()] == ["H-1"]


def test_a_hold_of_later_keeps_what_a_restored_backup_brings_back(bench, old, tmp_path):
    vault = tmp_path / "backups"
    first = backup(old, vault)["snapshot"]
    bench.clock.now += 6 * YEAR
    propose(old, [])
    approve(old)
    old.retention.place_hold(user(old, "ann"), "H-1", {"batches": ["B7"]}, "x", "order")
    backup(old, vault)
    found = restore(vault, tmp_path / "earlier", name=first)
    assert any("batch/B7 is still there, since hold H-1 covers it" in one for one in found.notes)
    assert "place it again" in found.notes[-1]
    assert drill(old, vault).is_ok


def test_a_newer_backup_of_another_history_is_not_asked(bench, old, tmp_path):
    vault = tmp_path / "backups"
    backup(old, vault)
    old.close()
    shutil.copytree(bench.path, tmp_path / "other")
    with Bench(tmp_path / "other", Clock(bench.clock.now)).open() as other:
        made(bench, other, "B8")
        backup(other, vault)
    bench.clock.now += 60_000_000
    with bench.open() as again:
        made(bench, again, "B9")
        first = backup(again, vault)["snapshot"]
    with Bench(tmp_path / "other", Clock(bench.clock.now + DAY)).open() as other:
        for number in range(3):
            made(bench, other, f"C{number}")
        backup(other, vault)
    found = restore(vault, tmp_path / "restored", name=first)
    assert found.is_ok
    assert "is of another history" in found.notes[0]


def test_nothing_is_deleted_while_a_backup_is_made(bench, old, tmp_path):
    bench.clock.now += 6 * YEAR
    propose(old, [])
    signed(old, old.retention.asked_approval("D-1", "checked"), "bob")
    seen = []

    def step(name):
        if name == "registry":
            with pytest.raises(ConflictError, match="a backup is being made"):
                old.retention.finish("D-1")
            seen.append(name)

    backup(old, tmp_path / "backups", on_step=step)
    assert seen == ["registry"]
    assert old.retention.finish("D-1").deletion == "D-1"


@pytest.mark.parametrize("how", ["unsigned", "by one", "other things", "unproposed", "repeated"])
def test_what_two_people_did_not_sign_is_not_deleted(bench, old, how):
    """Whoever can append by hand deletes nothing so, and verification names what they wrote."""
    ann, bob = user(old, "ann").uid, user(old, "bob").uid
    thing = old.retention._things().thing("batch/B7")
    gone = Deleted(what="record", ref="batch/B7", seqs=thing.seqs, digest=thing.digest,
                   n=thing.n, rules=("x",), until=1)  # fmt: skip
    other = gone.model_copy(update={"ref": "batch/B8"})
    schedule = old.retention.schedule().digest()
    said = {"deletion": "F-1", "schedule": schedule}

    def put(body, actor="node"):
        stream = "deletion/F-1"
        old.ledger.append([NewEvent(stream, body, old.ledger.version(stream), actor=actor)])

    if how != "unproposed":
        put(DeletionProposed(**said, things=(other if how == "other things" else gone,),
                             reason="x"), ann)  # fmt: skip
    if how in ("by one", "other things"):
        old.sign("deletion/F-1", "performed", "ann", PASSWORD)
    if how == "other things":
        body = DeletionApproved(deletion="F-1", reason="x")
        asked = Asked("deletion/F-1", Meaning.APPROVED, "x", body=body)
        signed(old, asked, "bob")
    repeats = "ab" * 32 if how == "repeated" else ""
    put(DataDeleted(**said, things=(gone,), proposed_by=ann, approved_by=bob, repeats=repeats))
    with pytest.raises((DeniedError, NotFoundError)):
        old.retention.finish("F-1")
    (told,) = old.retention.reapply()
    assert "was not carried out" in told
    assert all(one.body is not None for one in old.ledger.stream("batch/B7"))
    assert any("F-1" in one for one in faults(old))


def test_an_erasure_outside_of_a_deletion_is_named(old):
    seq = old.retention._things().thing("batch/B7").seqs[0]
    old.ledger.erase(Erasure(seq, "because", "u-1", "u-2"))
    assert any(f"payload of event seq={seq}" in one and "two people" in one for one in faults(old))
