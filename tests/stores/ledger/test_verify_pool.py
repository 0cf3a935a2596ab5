"""Verification by several processes says the same as by one, on both databases."""

from __future__ import annotations

import pytest

from goldenbatch.stores.ledger import StorageError, _verify_pool


def said(ledger):
    return sorted(map(str, ledger.verify()))


@pytest.fixture
def in_two(monkeypatch):
    return lambda: monkeypatch.setattr(_verify_pool, "FROM_EVENTS", 1)


def test_a_sound_ledger(kit, place, in_two):
    with place.open() as ledger:
        kit.fill(ledger)
        ledger.checkpoint()
        in_two()
        steps = []
        assert ledger.verify(lambda done, n: steps.append((done, n))) == []
        assert steps[-1] == (23, 23)


CHANGES = {
    "an envelope": "UPDATE event SET envelope = replace(envelope, 'u-1', 'u-9') WHERE seq = 3",
    "a column": "UPDATE event SET actor = 'u-9' WHERE seq = 3",
    "a payload": "UPDATE payload SET bytes = replace(bytes, '50 g', '51 g') WHERE seq = 5",
    "no event": "DELETE FROM event WHERE seq = 5",
    "a node": "UPDATE node SET h = x'AB' WHERE level = 0 AND idx = 4",
    "an event before the first": "INSERT INTO event SELECT 0, 'thing/x', 1, kind, actor, role,"
    " performed_at, recorded_at, body_digest, prev_in_stream, envelope FROM event WHERE seq = 5",
    "a leaf without a number": "INSERT INTO node SELECT 0, 'x', h FROM node"
    " WHERE level = 0 AND idx = 0",
    "a level between": "INSERT INTO node SELECT 1.5, idx, h FROM node WHERE level = 0 AND idx = 0",
    "a row": "UPDATE p_thing SET amount = 'x' WHERE thing = 't1'",
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_same_is_said_of_every_tampering(kit, tmp_path, in_two, name):
    with kit.open_ledger(tmp_path) as ledger:
        kit.fill(ledger)
        ledger.checkpoint()
    raw = kit.raw(tmp_path)
    assert raw.execute(CHANGES[name]).rowcount != 0
    kit.restore_triggers(raw)
    raw.close()
    with kit.open_ledger(tmp_path, read_only=True) as ledger:
        alone = said(ledger)
        in_two()
        assert alone and alone == said(ledger)
        of_proof = [str(one) for one in ledger.verify(has_projections=False)]
        assert bool(of_proof) == (name != "a row")


def test_a_process_that_ends_without_an_answer_is_no_all_clear(kit, tmp_path, in_two, monkeypatch):
    with kit.open_ledger(tmp_path) as ledger:
        kit.fill(ledger, 3)
        in_two()
        monkeypatch.setattr(_verify_pool, "_MODULE", "goldenbatch.stores.ledger.none")
        with pytest.raises(StorageError, match="without an answer"):
            ledger.verify()
