"""Erasure of payloads: recorded by two people, provable afterwards, on both databases."""

from __future__ import annotations

import pytest

from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.stores.ledger import Erasure, verify_proof


def erasure(seq, reason="consent was withdrawn", by="u-1", agreed="u-2"):
    return Erasure(seq, reason, by, agreed)


def broken(ledger):
    return [problem for problem in ledger.verify() if not problem.is_note]


def test_an_erased_payload_is_gone_and_everything_still_holds(kit, place):
    with place.open() as ledger:
        kit.fill(ledger)
        before = ledger.checkpoint()
        erased = ledger.stream("thing/t2")[0]
        event = ledger.erase(erasure(erased.seq))
        assert event.stream == f"erasure/{erased.seq}" and event.envelope.actor == "u-1"
        assert event.body["digest"] == erased.envelope.body_digest
        now = ledger.stream("thing/t2")[0]
        assert now.body is None and now.envelope == erased.envelope and now.leaf == erased.leaf
        assert ledger.root(before.size) == before.root and ledger.consistency(before.size)
        assert verify_proof(ledger.proof(now.seq), now.envelope, ledger.keys.known()[0])
        notes = [problem for problem in ledger.verify() if "erased" in problem.message]
        assert [(p.seq, p.is_note) for p in notes] == [(erased.seq, True)]
        assert f"by event {event.seq}: consent was withdrawn" in notes[0].message
        assert broken(ledger) == []
    with place.open() as ledger:
        assert ledger.check_projections() == [] and broken(ledger) == []
        ledger.append([kit.weighed("t2", ledger.version("thing/t2"))])


def test_what_was_folded_from_an_erased_payload_goes_too(kit, place):
    with place.open() as ledger:
        secret = ledger.append([kit.weighed("patient-4711", 0)])[0]
        assert ledger.select("thing", {"thing": "patient-4711"})
        ledger.erase(erasure(secret.seq))
        assert ledger.select("thing", {"thing": "patient-4711"}) == []
        assert ledger.check_projections() == []


def test_the_erased_bytes_are_no_longer_in_the_file(kit, tmp_path):
    with kit.open_ledger(tmp_path) as ledger:
        secret = ledger.append([kit.weighed("a", 0, note="SECRET-NAME-OF-A-PATIENT")])[0]
        kit.fill(ledger, 5)
        ledger.erase(erasure(secret.seq))
    found = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"SECRET-NAME-OF-A-PATIENT" not in found and b"LedgerThingWeighed" in found


def test_what_cannot_be_erased(kit, place):
    with place.open() as ledger:
        kit.fill(ledger, 3)
        for wrong in (erasure(2, reason=""), erasure(2, agreed="u-1"), erasure(2, agreed="")):
            with pytest.raises(BadInputError, match="erasure of event 2"):
                ledger.erase(wrong)
        with pytest.raises(NotFoundError, match="no event 9"):
            ledger.erase(erasure(9))
        assert ledger.head() == 3
        by = ledger.erase(erasure(2))
        with pytest.raises(ConflictError, match="erased before"):
            ledger.erase(erasure(2))
        with pytest.raises(ConflictError, match="records an erasure"):
            ledger.erase(erasure(by.seq))
        assert ledger.head() == 4
    with place.open(read_only=True) as ledger, pytest.raises(DeniedError):
        ledger.erase(erasure(1))


def test_an_erasure_cut_short_is_named_and_finished(kit, place, monkeypatch):
    from goldenbatch.stores.ledger import _erasure

    with place.open() as ledger:
        kit.fill(ledger, 3)
        with monkeypatch.context() as patch:
            patch.setattr(_erasure, "carry_out", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                ledger.erase(erasure(2))
        assert ["says that the payload was erased" in p.message for p in broken(ledger)] == [True]
        assert ledger.erase(erasure(2)).seq == 4
        assert broken(ledger) == [] and ledger.head() == 4


def test_many_payloads_go_together_or_not_at_all(kit, place):
    with place.open() as ledger:
        kit.fill(ledger, 6)
        events = ledger.erase_all([erasure(2), erasure(4)])
        assert [event.body["seq"] for event in events] == [2, 4]
        assert [event.seq for event in ledger.events(0, 6) if event.body is None] == [2, 4]
        head = ledger.head()
        with pytest.raises(ConflictError, match="event 4 was erased before"):
            ledger.erase_all([erasure(3), erasure(4)])
        assert ledger.head() == head and next(ledger.events(2, 3)).body is not None
        assert ledger.erase_all([]) == []
        assert broken(ledger) == [] and ledger.check_projections() == []


def test_many_erasures_do_not_hide_what_is_wrong(kit, tmp_path, monkeypatch):
    from goldenbatch.stores.ledger import _verify

    monkeypatch.setattr(_verify, "_MAX_PROBLEMS", 3)
    with kit.open_ledger(tmp_path) as ledger:
        kit.fill(ledger, 9)
        ledger.erase_all([erasure(seq) for seq in range(1, 7)])
        found = ledger.verify()
        assert [one.message for one in found][-1] == "there are more notes, not listed here."
        assert broken(ledger) == []
        assert len(found) == 4
