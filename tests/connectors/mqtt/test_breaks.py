"""What breaks again and again is said as one gap, with its cause, and outlives a death."""

from __future__ import annotations

import pytest
from tests.connectors.mqtt.test_host import T0, Plant, bd, double, rows, values

from goldenbatch.connectors.mqtt._breaks import ALIKE, DUPLICATE, Breaks, left_open
from goldenbatch.connectors.mqtt._node import Address
from goldenbatch.connectors.mqtt._values import BAD_NO_COMMUNICATION
from goldenbatch.core.acquisition import Gap, GapCause

S = 1_000_000


@pytest.fixture
def plant():
    return Plant()


def a_gap(at: int, cause: GapCause = GapCause.LINK_DOWN, n_lost: int = -1) -> Gap:
    return Gap((at * S, (at + 1) * S), cause, (f"t{at}",), f"break at {at}", n_lost)


def test_few_breaks_are_said_one_by_one():
    breaks = Breaks()
    assert [breaks.add("n", a_gap(at), at * S) for at in (0, 5, 10)] == [
        [a_gap(0)], [a_gap(5)], [a_gap(10)],
    ]  # fmt: skip
    assert breaks.due(1000 * S) == [] and breaks.as_text() == ""


def test_many_breaks_are_one_gap_when_it_is_quiet_again():
    breaks = Breaks()
    said = [one for at in range(20) for one in breaks.add("n", a_gap(at, n_lost=2), at * S)]
    assert len(said) == 3
    assert breaks.due(30 * S) == []
    (gap,) = breaks.due(80 * S)
    assert gap.window == (3 * S, 20 * S) and gap.n_lost == 34
    assert gap.tags == tuple(f"t{at}" for at in range(3, 20))
    assert ALIKE in gap.note and "17 breaks" in gap.note


def test_an_episode_that_does_not_end_is_said_every_ten_minutes():
    breaks, said = Breaks(), []
    for at in range(3600):
        said += breaks.add("n", a_gap(at), at * S) + breaks.due(at * S)
    said += breaks.due(3600 * S, is_end=True)
    assert 7 <= len(said) <= 10
    covered = {second for gap in said for second in range(gap.window[0] // S, gap.window[1] // S)}
    assert covered == set(range(3600))


def test_causes_and_nodes_are_kept_apart():
    breaks = Breaks()
    for at in range(10):
        breaks.add("a", a_gap(at), at * S)
        breaks.add("a", a_gap(at, GapCause.OVERRUN), at * S)
        breaks.add("b", a_gap(at), at * S)
    assert [gap.cause for gap in breaks.due(0, is_end=True)] == [
        GapCause.LINK_DOWN, GapCause.OVERRUN, GapCause.LINK_DOWN,
    ]  # fmt: skip


def test_an_episode_outlives_a_death_in_the_positions():
    breaks = Breaks()
    for at in range(10):
        breaks.suspect("n", at * S)
        breaks.add("n", a_gap(at), at * S)
    (gap,) = left_open(breaks.as_text())
    assert gap.window == (3 * S, 10 * S) and DUPLICATE in gap.note
    assert left_open("") == []


def two_nodes_with_one_name(plant, seconds):
    """Both publish twice a second under one name, each with its own numbers; the gaps said."""
    plant.birth(bd_seq=0, at=plant.now // 1000)
    gaps, seqs = [], [1, 100]
    for step in range(2 * seconds):
        for which in (0, 1):
            plant.wait(0.25)
            seq = seqs[which] % 256
            seqs[which] += 1
            out = plant.say("NDATA", seq, [double(alias=1, value=step)], at=plant.now // 1000)
            gaps += out.gaps
            plant.host.tick()
            gaps += plant.host.drain().gaps
    return gaps


def test_two_nodes_with_one_name_are_said_once_and_with_the_cause(plant):
    gaps = two_nodes_with_one_name(plant, 300)
    assert len(gaps) <= 4
    assert plant.host.suspected == [f"G/E1: {DUPLICATE}"]
    assert plant.host.doubtful
    plant.host.end()
    (rest,) = plant.host.drain().gaps
    assert rest.cause is GapCause.LINK_DOWN and rest.note.startswith(DUPLICATE)
    assert rest.window[1] - rest.window[0] > 200 * S


def test_nothing_is_suspected_of_a_node_that_loses_messages(plant):
    plant.birth()
    for seq in range(1, 200):
        plant.wait(1)
        if seq % 7:
            plant.say("NDATA", seq, [double(alias=1, value=seq)], at=T0 + 1000 * seq)
        plant.host.tick()
    assert plant.host.suspected == []


def test_births_of_two_sessions_by_turns_are_one_name_for_two(plant):
    for bd_seq in (0, 7, 0, 7):
        plant.wait(20)
        plant.birth(bd_seq=bd_seq)
    assert plant.host.suspected == [f"G/E1: {DUPLICATE}"] or "duplicate" in str(
        plant.host.suspected
    )


def test_a_node_that_was_restarted_may_count_from_nought(plant):
    for bd_seq in (0, 1, 0):
        plant.birth(bd_seq=bd_seq)
        plant.say("NDEATH", None, [{"name": "bdSeq", "datatype": 4, "long_value": bd_seq}])
    assert plant.host.suspected == []


# ---- devices that are not born again -----------------------------------------------------------


def test_a_device_that_is_not_born_after_its_node_is_stale(plant):
    plant.birth()
    assert values(plant.device_birth()) == {"site/E1/D1/force": 5.0}
    plant.wait(5)
    born_at = plant.now
    plant.birth(at=born_at // 1000)
    plant.wait(9)
    plant.host.tick()
    assert rows(plant.host.drain()) == []  # it may still come
    plant.wait(2)
    plant.host.tick()
    (row,) = rows(plant.host.drain())
    assert row[0] == "site/E1/D1/force" and row[2:] == (None, BAD_NO_COMMUNICATION)
    assert row[1] == born_at + 1  # after the newest reading of its node
    plant.wait(30)
    (gap,) = plant.device_birth(at=plant.now // 1000).gaps
    assert gap.cause is GapCause.SOURCE_OFF and gap.tags == ("site/E1/D1/force",)
    assert gap.window == (born_at + 1, plant.now)


def test_a_device_that_was_not_born_again_is_stale_when_its_node_dies(plant):
    plant.birth()
    plant.device_birth()
    plant.birth(bd_seq=0)
    out = plant.say("NDEATH", None, [{"name": "bdSeq", "datatype": 4, "long_value": 0}])
    assert {tag for tag, *_ in rows(out)} == {"site/E1/temp", "site/E1/D1/force"}


# ---- bounds ------------------------------------------------------------------------------------


def test_nodes_are_bounded_and_the_rest_is_said():
    plant = Plant(n_nodes=3)
    for edge in ("A", "B", "C"):
        plant.birth(edge=edge)
    out = plant.birth(edge="D")
    assert Address("G", "D") not in plant.host.nodes and plant.host.n_nodes_refused == 1
    assert out.gaps[0].cause is GapCause.REJECTED and "and no more" in out.gaps[0].note


def test_names_that_were_never_born_make_room():
    plant = Plant(n_nodes=3)
    plant.birth(edge="A")
    for number in range(50):
        plant.say("NDEATH", None, [], edge=f"X{number}")
    plant.birth(edge="B")
    assert {Address("G", "A"), Address("G", "B")} <= plant.host.nodes.keys()
    assert len(plant.host.nodes) == 3


def test_metrics_of_all_births_are_bounded_and_the_rest_is_said():
    plant = Plant(n_metrics=10)
    metrics = [double(f"m{n}", 1.0) for n in range(6)]
    assert len(values(plant.birth(edge="A", metrics=metrics))) == 6
    out = plant.birth(edge="B", metrics=metrics)
    assert values(out) == {} and "no more can be" in out.gaps[0].note
    for _ in range(5):  # births again take no more room
        assert len(values(plant.birth(edge="A", metrics=metrics))) == 6
    assert plant.host.n_definitions == 8


def test_a_metric_that_a_rebirth_names_no_more_is_stale_until_it_comes_back(plant):
    both = [double("temp", 20.0), double("ph", 7.0)]
    plant.birth(metrics=both)
    plant.wait(5)
    found = rows(plant.birth(metrics=both[:1], at=T0 + 5000))
    assert [row[0] for row in found if row[2] is None] == ["site/E1/ph"]
    (stale,) = [row for row in found if row[0] == "site/E1/ph"]
    assert stale[1] == (T0 + 5000) * 1000 and stale[3] == BAD_NO_COMMUNICATION
    assert [row[0] for row in rows(plant.birth(metrics=both[:1], at=T0 + 6000))] == ["site/E1/temp"]
    assert values(plant.birth(metrics=both, at=T0 + 7000)) == {
        "site/E1/temp": 20.0,
        "site/E1/ph": 7.0,
    }


def test_a_metric_that_a_device_names_no_more_is_stale(plant):
    plant.birth()
    force, speed = double("force", 5.0, alias=7), double("speed", 9.0, alias=8)
    plant.say("DBIRTH", 1, [force, speed], device="D1")
    found = values(plant.say("DBIRTH", 2, [force], device="D1", at=T0 + 1000))
    assert found == {"site/E1/D1/force": 5.0, "site/E1/D1/speed": None}
    plant.say("DBIRTH", 3, [force, speed], device="D1", at=T0 + 2000)
    plant.birth(at=T0 + 3000)  # the device is to be born anew
    found = values(plant.say("DBIRTH", 1, [force], device="D1", at=T0 + 4000))
    assert found == {"site/E1/D1/force": 5.0, "site/E1/D1/speed": None}


def test_a_gap_of_more_tags_than_it_names_is_of_all_of_the_source():
    plant = Plant()
    metrics = [double(f"m{n}", 1.0) for n in range(2001)]
    plant.birth(metrics=metrics)
    plant.say("NDEATH", None, [bd(0)])
    plant.wait(10)
    (gap,) = plant.birth(bd_seq=1, at=T0 + 20_000, metrics=metrics).gaps
    assert gap.tags == ()


def test_messages_that_wait_are_bounded_over_all_nodes(monkeypatch):
    monkeypatch.setattr("goldenbatch.connectors.mqtt._desk.MAX_KEPT_BYTES", 2000)
    plant, gaps = Plant(), []
    for number in range(200):
        gaps += plant.say("NDATA", 5, [double("x", 1.0)], edge=f"E{number % 7}").gaps
    n_kept = sum(len(one.waiting) for one in plant.host.nodes.values())
    n_bytes = sum(m.n_bytes for one in plant.host.nodes.values() for m in one.waiting)
    assert 0 < n_bytes <= 2000 and n_kept < 200
    plant.host.end()
    gaps += plant.host.drain().gaps
    assert sum(gap.n_lost for gap in gaps if gap.cause is GapCause.OVERRUN) == 200 - n_kept
