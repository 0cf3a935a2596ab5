"""The head of the ledger is signed by itself: by number of events, by time, at close."""

from __future__ import annotations

from gbx_bench import START

from goldenbatch.core.config import CheckpointSettings
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.runtime.checkpoints import Checkpointer


def sizes(site):
    return [one.size for one in site.ledger.checkpoints()]


def watched(site, timer=lambda: 0.0, **values):
    return Checkpointer(site.ledger, CheckpointSettings(**values), timer=timer)


def test_every_n_events(site, bench):
    watched(site, n_events=3)
    first = site.ledger.head()
    bench.batch(site, "B1", START)  # two events
    assert sizes(site) == [first]
    bench.batch(site, "B2", START)
    assert sizes(site) == [first, first + 3]
    assert sizes(site)[-1] < site.ledger.head()


def test_after_a_time_of_waiting(site, bench):
    now = [0.0]
    kept = watched(site, timer=lambda: now[0], n_events=1000, interval_s=60)
    now[0] = 500.0  # nothing waits: an old checkpoint is none too many
    assert not kept.sign_if_due()
    bench.batch(site, "B1", START)
    now[0] += 59
    assert not kept.sign_if_due()
    now[0] += 1
    assert kept.sign_if_due()
    assert sizes(site)[-1] == site.ledger.head()
    assert not kept.sign_if_due()


def test_when_a_home_is_closed(bench):
    with bench.open() as site:
        n = len(sizes(site))
        bench.batch(site, "B1", START)
    with bench.open() as site:
        assert sizes(site)[-1] == site.ledger.head()
        assert len(sizes(site)) == n + 1
    with bench.open() as site:  # nothing was added: nothing more is signed
        assert len(sizes(site)) == n + 1


def test_an_append_never_fails_for_a_checkpoint(site, bench, caplog, monkeypatch):
    watched(site, n_events=1)

    def full(*_):
        raise GoldenbatchError("no space is left.")

    monkeypatch.setattr(type(site.ledger), "checkpoint", full)
    bench.batch(site, "B1", START)
    assert site.ledger.version("batch/B1") == 2
    assert "no space is left" in caplog.text
