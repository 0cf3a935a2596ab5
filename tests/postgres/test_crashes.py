"""Clients, sessions and the server die while several processes append; the campaign does many."""

from __future__ import annotations

import os
import threading
import time
from types import SimpleNamespace

import pytest

from goldenbatch.core.errors import VersionConflictError
from goldenbatch.stores.ledger import Erasure, StorageError, UnknownOutcomeError, _postgres
from tests.campaign.postgres import KINDS, postgres_crashes
from tests.postgres.kit import Schemas
from tests.postgres.server import Server
from tests.stores.ledger.conftest import Place, fill, moved, open_ledger, weighed
from tests.stores.ledger.test_postgres import Proxy

N_CRASHES = int(os.environ.get("GOLDENBATCH_CRASHES", "4"))


@pytest.mark.slow()
@pytest.mark.timeout(120 + 30 * N_CRASHES)
def test_whatever_dies_every_word_that_was_said_is_true():
    parts = postgres_crashes(N_CRASHES, "test")
    assert [part.failures for part in parts] == [[]] * len(parts)
    assert sum(part.n for part in parts) == N_CRASHES
    assert len(parts) == min(N_CRASHES, len(KINDS))
    assert any("kept" in line for part in parts for line in part.details)


@pytest.fixture(scope="module")
def own():
    """A server that may be stopped."""
    server = Server()
    yield server
    server.close()


@pytest.fixture
def down(own, tmp_path):
    """A ledger on that server behind a proxy which can lose the answer to a commit."""
    from tests.stores.ledger import postgres_kit

    admin, url, name = postgres_kit.new_schema(own.url)
    place = Place(tmp_path, url, admin)
    proxy = Proxy(place)
    yield SimpleNamespace(server=own, proxy=proxy, folder=tmp_path, url=url)
    proxy.listener.close()
    postgres_kit.drop_schema(own.url, name)


def test_a_server_that_dies_with_the_commit_is_asked_when_it_is_back(down):
    with open_ledger(down.folder, url=down.proxy.url) as ledger:
        ledger.append([weighed("a", 0)])
        down.proxy.lose = "answer"
        back = threading.Timer(1.0, down.server.start)
        stopped = threading.Thread(target=_stop_once_lost, args=(down, back))
        stopped.start()
        done = ledger.append([weighed("a", 1)])
        stopped.join()
        back.join()
        assert [event.seq for event in done] == [2]
        assert [event.leaf for event in ledger.events()][1] == done[0].leaf
        assert ledger.append([weighed("a", 2)])[0].seq == 3
        assert ledger.verify() == []


def _stop_once_lost(down, back):
    while down.proxy.lose is not None:
        time.sleep(0.001)
    down.server.stop("immediate")
    back.start()


def test_an_outcome_that_nobody_can_tell_is_said_to_be_unknown(down, monkeypatch):
    monkeypatch.setattr(_postgres, "_RESOLVE_S", 0.3)
    with open_ledger(down.folder, url=down.proxy.url) as ledger:
        ledger.append([weighed("a", 0)])
        down.proxy.lose = "answer"
        down.proxy.is_down = True
        with pytest.raises(UnknownOutcomeError, match="whether the transaction was kept"):
            ledger.append([weighed("a", 1)])
        down.proxy.is_down = False
        with pytest.raises(VersionConflictError):
            ledger.append([weighed("a", 1)])  # it was kept: not doubled, and told
        assert ledger.version("thing/a") == 2 and ledger.verify() == []


def test_appends_that_were_committed_together_are_all_said_to_be_unknown(down, monkeypatch):
    monkeypatch.setattr(_postgres, "_RESOLVE_S", 0.3)
    with open_ledger(down.folder, url=down.proxy.url) as ledger:
        ledger.append([weighed("a", 0)])
        down.proxy.is_down = True
        down.proxy.lose = "answer"
        told: list[type] = []

        def append(name):
            try:
                ledger.append([weighed(name, 0)])
            except StorageError as error:
                told.append(type(error))

        threads = [threading.Thread(target=append, args=(f"t{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        down.proxy.is_down = False
        kept = sum(ledger.version(f"thing/t{n}") for n in range(8))
        assert len(told) == 8 and kept <= told.count(UnknownOutcomeError)
        assert kept >= 1 and ledger.verify() == []


def test_a_job_whose_answer_is_lost_is_unknown_too(down):
    with open_ledger(down.folder, url=down.proxy.url) as ledger:
        fill(ledger, 3)
        down.proxy.lose = "answer"
        with pytest.raises(UnknownOutcomeError):
            ledger.checkpoint()
        assert ledger.checkpoint().size == 3
        assert len(ledger.checkpoints()) == 1
        ledger.append([moved("t1", ledger.version("thing/t1"))])
        event = ledger.erase(Erasure(2, "it was asked for", "u-1", "u-2"))
        assert event.seq == 5 and [p for p in ledger.verify() if not p.is_note] == []


def test_a_writer_that_hangs_does_not_keep_the_others_waiting(postgres, tmp_path):
    schemas = Schemas(postgres)
    url = schemas.new()
    with open_ledger(tmp_path, url=url) as one, open_ledger(tmp_path, url=url) as two:
        hanging = one._engine.writer
        hanging.execute("SET idle_in_transaction_session_timeout = '300ms'")
        hanging.begin_write()  # and then nothing, as a process that was stopped
        began = time.monotonic()
        assert two.append([weighed("a", 0)])[0].seq == 1
        assert 0.1 < time.monotonic() - began < 10
        assert one.append([weighed("b", 0)])[0].seq == 2
        assert hanging.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("1min",)
    schemas.drop()
