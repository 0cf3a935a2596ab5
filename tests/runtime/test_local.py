"""The site of a home: windows, the plant in force, projections, hand-over."""

import pytest
from gbx_bench import PLANT, TANK

from goldenbatch.core.batches import BatchCreated, PhaseStarted
from goldenbatch.core.errors import BadInputError, IntegrityError, NotFoundError
from goldenbatch.core.findings import FindingOpened
from goldenbatch.core.people import UserDisabled
from goldenbatch.runtime.recorder import LedgerRecorder

NEXT = PLANT.replace('version = "1"', 'version = "2"') + (
    '[[tags]]\nname = "site/area/cell/tank/level"\nunit = "m"\n'
)


def test_windows(bench, site):
    bench.batch(site, "B1", 10, 20)
    assert site.windows("B1") == ((10, 20),)
    assert site.windows("B1", "make") == [(10, 20)]
    assert site.windows("B1", "other") == []
    bench.record(site, "batch/B2", BatchCreated(batch="B2", product="P", started_at=30))
    run = {"batch": "B2", "place": TANK, "phase": "make"}
    bench.record(site, "batch/B2", PhaseStarted(**run, run=2, at=50))
    bench.record(site, "batch/B2", PhaseStarted(**run, run=1, at=40))
    ((start, end),) = site.windows("B2")
    assert start == 30
    assert end > 10**15  # it still runs
    assert [one[0] for one in site.windows("B2", "make")] == [40, 50]
    bench.record(site, "batch/B3", BatchCreated(batch="B3", product="P"))
    assert site.windows("B3") == ()
    with pytest.raises(NotFoundError, match="no batch 'B9'"):
        site.windows("B9")


def test_a_plant_is_previewed_and_adopted(bench, site):
    preview = site.preview_plant(NEXT)
    assert [str(change) for change in preview.changes] == [
        "changed plant version: 1 -> 2",
        "added tags site/area/cell/tank/level",
    ]
    assert site.plant.version == "1"
    site.adopt_plant(NEXT, {"limits.csv": "tag,kind,lower,upper,unit\n"})
    assert site.plant.version == "2"
    assert (bench.path / "plant.toml").read_text() == NEXT
    assert site.verify().problems == ()
    head = site.ledger.head()
    site.adopt_plant(NEXT)
    assert site.ledger.head() == head


def test_a_plant_that_changed_needs_a_new_version(site):
    with pytest.raises(BadInputError, match="bears its number"):
        site.adopt_plant(NEXT.replace('version = "2"', 'version = "1"'))
    with pytest.raises(BadInputError, match=r"plant\.toml:1"):
        site.preview_plant("name = ")


def test_a_plant_of_tomorrow_is_not_in_force_today(bench, site):
    site.adopt_plant(NEXT, effective_from=site.clock() + 10**9)
    assert site.plant.version == "1"
    bench.clock.now += 10**9
    assert site.plant.version == "2"


def test_hand_over_is_recorded_in_the_ledger(bench, site):
    bench.write(site, [(10, 1.0)])
    flushed = site.flush()
    assert flushed.as_json()["n_readings"] == 1
    assert site.ledger.stream("chunk/test")[0].kind == "ChunkClosed"
    assert flushed.checkpoint_size == site.ledger.head()
    assert site.verify().is_ok


def test_the_recorder_records_once(site):
    recorder = LedgerRecorder(site.ledger)
    body = UserDisabled(uid="u1", reason="a")
    recorder.record("test/x", 1, body)
    recorder.record("test/x", 1, body)
    assert site.ledger.version("test/x") == 1
    with pytest.raises(IntegrityError, match="another content"):
        recorder.record("test/x", 1, UserDisabled(uid="u1", reason="b"))
    with pytest.raises(IntegrityError, match="the ledger has 1"):
        recorder.record("test/x", 3, body)


def test_all_kinds_of_core_are_registered(site):
    from goldenbatch.core.records import record_types

    assert {"BatchCreated", "AnalystFailed", FindingOpened.kind} <= set(record_types())
    assert site.broken == []
    assert site.ledger.select("finding") == []


def test_a_failed_opening_gives_the_lock_back(bench):
    (bench.path / "keys" / "home.pub").write_text("another")
    with pytest.raises(IntegrityError):
        bench.open()
    with pytest.raises(IntegrityError):
        bench.open()
