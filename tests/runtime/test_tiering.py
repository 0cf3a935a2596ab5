"""Tiering in a real home: a policy of two people, moves as events, holds, proof, deletion."""

from __future__ import annotations

import pytest
from gbx_bench import TEMP
from gbx_ceremony import PASSWORD
from gbx_retention import DAY, YEAR, approve, faults, propose, user

from goldenbatch.core.errors import DeniedError, UnreachableError
from goldenbatch.core.tiering import first_tiering_text
from goldenbatch.runtime.backup import backup, restore
from goldenbatch.runtime.tiering import tag_classes
from goldenbatch.runtime.upkeep import compact
from goldenbatch.stores.historian import HistorianSettings


def in_force(site, path, **changes):
    text = first_tiering_text().replace("file:///mnt/archive/site1", f"file://{path}")
    for old, new in changes.items():
        text = text.replace(f"{old} = ", f"{old} = {new} # ")
    site.retention.tiering.adopt(user(site, "ann"), text, "first policy")
    site.sign("master/tiering", "approved", "bob", PASSWORD)


def soon(site):
    site.historian._settings = HistorianSettings(flush_readings=0, keep_superseded_s=0)


@pytest.fixture
def tiered(bench, old, tmp_path):
    """A home whose only day of readings is a year old and may go."""
    soon(old)
    bench.clock.now += YEAR + 2 * DAY
    in_force(old, tmp_path / "archive")
    return old


def window(site):
    return (site.windows("B7")[0][0] // DAY * DAY, site.windows("B7")[0][1])


def test_nothing_moves_until_another_person_has_approved(bench, old, tmp_path):
    soon(old)
    tiering = old.retention.tiering
    bench.clock.now += YEAR + 2 * DAY
    compact(old)
    assert tiering.plan()[0]["reasons"] == ["no policy of tiering is in force"]
    with pytest.raises(DeniedError):
        tiering.adopt(user(old, "eng"), first_tiering_text(), "own")
    text = first_tiering_text().replace("file:///mnt/archive", f"file://{tmp_path}")
    tiering.adopt(user(old, "ann"), text, "first")
    assert not tiering.show()["is_in_force"] and tiering.run().n_moved == 0
    with pytest.raises(DeniedError):
        old.sign("master/tiering", "approved", "ann", PASSWORD)
    assert tiering.run().n_moved == 0
    old.sign("master/tiering", "approved", "bob", PASSWORD)
    (policy,) = tiering.show()["policies"]
    assert policy["is_in_force"] and policy["approved_by"] == user(old, "bob").uid


def test_old_days_go_as_an_event_and_are_read_as_before(tiered, tmp_path):
    before = tiered.historian.read([TEMP], window(tiered)).values().tolist()
    assert before
    done = compact(tiered)
    assert (done.tiering.n_moved, done.tiering.n_settled) == (1, 1)
    (event,) = tiered.ledger.stream("tier/home")
    body = event.body
    assert (event.kind, body["tier"], body["step"]) == ("ReadingsMoved", "archive", 1)
    assert body["why"].startswith("policy 1 (") and body["why"].endswith("rule old-readings")
    assert len(list((tmp_path / "archive" / "number").rglob("*.parquet"))) == 1
    assert tiered.historian.read([TEMP], window(tiered)).values().tolist() == before
    (one,) = tiered.retention.tiering.plan()
    assert (one["tier"], one["digest"]) == ("archive", body["files"][0]["digest"])
    assert faults(tiered) == []
    assert compact(tiered).tiering.n_moved == 0


def test_a_hold_keeps_at_home_where_the_policy_says_so(bench, old, tmp_path):
    soon(old)
    bench.clock.now += YEAR + 2 * DAY
    in_force(old, tmp_path / "archive", hold_stops_moving="true")
    place = old.retention.place_hold
    place(user(old, "ann"), "H-1", {"batches": ["B7"]}, "complaint", "order")
    assert compact(old).tiering.n_moved == 0
    (one,) = old.retention.tiering.plan()
    assert one["reasons"] == ["hold H-1 covers it, and rule old-readings heeds it"]


def test_a_deletion_by_two_people_takes_what_lies_in_a_tier(bench, tiered, tmp_path):
    compact(tiered)
    bench.clock.now += 6 * YEAR
    place = tiered.retention.place_hold
    place(user(tiered, "ann"), "H-1", {"tags": [TEMP]}, "complaint", "order")
    with pytest.raises(DeniedError, match="hold H-1"):
        propose(tiered, ["hand-over/1"])
    from gbx_retention import signed

    signed(tiered, tiered.retention.asked_lift("H-1", "settled"), "bob")
    propose(tiered, ["hand-over/1"], "D-2")
    approve(tiered, "D-2")
    assert list((tmp_path / "archive" / "number").rglob("*00*.parquet")) == []
    kinds = [event.kind for event in tiered.ledger.stream("tier/home")]
    assert kinds == ["ReadingsMoved", "ReadingsTakenOut"]
    assert tiered.ledger.stream("tier/home")[1].body["why"] == "deletion D-2"
    assert faults(tiered) == []


def test_a_tier_that_is_away_is_told_and_keeps_nobody_from_working(bench, tiered, tmp_path):
    compact(tiered)
    (tmp_path / "archive").rename(tmp_path / "gone")
    done = compact(tiered).tiering
    assert done.n_moved == 0 and "tier 'archive'" in done.away[0]
    with pytest.raises(UnreachableError, match="lie in tier 'archive'"):
        tiered.historian.read([TEMP], window(tiered))
    assert any("cannot be reached" in one for one in faults(tiered))
    at = bench.clock()
    bench.write(tiered, [(at, 5.0)])
    tiered.flush()
    assert tiered.historian.read([TEMP], (at, at + 1)).values().tolist() == [5.0]
    (tmp_path / "gone").rename(tmp_path / "archive")
    assert faults(tiered) == []


def test_the_strictest_class_that_a_plant_ever_gave_a_tag_counts(bench, site):
    from goldenbatch.core.records import DataClass

    assert tag_classes(site.ledger)[TEMP] is DataClass.OPERATIONAL
    text = (bench.path / "plant.toml").read_text()
    version = 'version = "'
    number = text.partition(version)[2].partition('"')[0]
    text = text.replace(f'{version}{number}"', f'{version}{number}b"', 1)
    name = TEMP.rpartition("/")[2]
    assert f'"{name}"' in text or TEMP in text
    marked = text.replace(f'signal = "{name}"', f'signal = "{name}"\ndata_class = "personal"', 1)
    marked = marked.replace(f'name = "{TEMP}"', f'name = "{TEMP}"\ndata_class = "personal"', 1)
    site.adopt_plant(marked)
    site.adopt_plant(text.replace(f'{version}{number}b"', f'{version}{number}c"', 1))
    assert tag_classes(site.ledger)[TEMP] is DataClass.PERSONAL


def test_a_backup_pins_what_lies_in_a_tier(tiered, tmp_path):
    compact(tiered)
    before = tiered.historian.read([TEMP], window(tiered)).values().tolist()
    backup(tiered, tmp_path / "backups")
    done = restore(tmp_path / "backups", tmp_path / "again")
    assert done.problems == ()
    spoilt = next((tmp_path / "archive" / "number").rglob("*.parquet"))
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"!")
    done = restore(tmp_path / "backups", tmp_path / "other")
    assert any("changed" in one for one in done.problems), done
    assert before
