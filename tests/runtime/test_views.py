"""What a tick shows: bounded as seen, and over source time as known now."""

import pytest
from gbx_bench import TANK, TEMP, make_result

from goldenbatch.core.analyst import Tick
from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    BatchEnded,
    ConsumptionCorrected,
    LotRegistered,
    MaterialConsumed,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
    SampleTaken,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.results import ResultCorrected
from goldenbatch.runtime._corrections import corrected, source_time
from goldenbatch.runtime.known import EARLIEST, KnownViews
from goldenbatch.runtime.views import TICK_ZERO, SeenViews


class Ticks:
    """Ticks taken by hand, without analysts."""

    def __init__(self, site):
        self.site = site
        self.taken = []

    def take(self):
        site = self.site
        seqs = (site.historian.head(), site.ledger.head())
        self.taken.append(Tick(len(self.taken) + 1, *seqs, at=site.clock()))

    def seen(self, number):
        return SeenViews(self.site).at(*self.pair(number))

    def known(self, number):
        return KnownViews(self.site, self.taken).at(*self.pair(number))

    def pair(self, number):
        previous = self.taken[number - 2] if number > 1 else TICK_ZERO
        return self.taken[number - 1], previous


def points(series):
    return list(zip(series.times().tolist(), series.values().tolist(), strict=True))


@pytest.fixture
def ticks(site):
    return Ticks(site)


def test_as_seen_is_bounded_by_the_tick(bench, site, ticks):
    bench.write(site, [(10, 1.0), (20, 2.0)])
    bench.batch(site, "B1", 0)
    ticks.take()
    bench.write(site, [(10, 9.0)], reason="corrected")
    bench.write(site, [(5, 0.5), (30, 3.0)])
    bench.batch(site, "B2", 25)
    ticks.take()
    bench.write(site, [(1, 1.0)], tag=f"{TANK}/other")
    first, second = ticks.seen(1), ticks.seen(2)
    assert points(first.read([TEMP], (0, 100))) == [(10, 1.0), (20, 2.0)]
    assert points(second.read([TEMP], (0, 100))) == [(5, 0.5), (10, 9.0), (20, 2.0), (30, 3.0)]
    assert points(first.new_readings([TEMP])) == [(10, 1.0), (20, 2.0)]
    assert sorted(points(second.new_readings([TEMP]))) == [(5, 0.5), (10, 9.0), (30, 3.0)]
    assert [event.stream for event in second.new_events({"PhaseStarted"})] == ["batch/B2"]
    assert len(second.events({"PhaseStarted"})) == 2
    assert len(second.events({"PhaseStarted"}, "batch/B1")) == 1
    assert second.new_events(()) == ()
    assert first.batch_at(TANK, 50) == "B1"
    assert second.batch_at(TANK, 50) == "B2"
    # A tag that nobody has heard of yet is empty, now and on every later replay.
    assert len(second.new_readings([f"{TANK}/other"])) == 0
    assert len(second.read([TEMP, f"{TANK}/other"], (0, 100))) == 4
    assert second.plant.version == "1"


def test_tags_of_two_kinds_are_not_mixed(bench, site, ticks):
    import pyarrow as pa

    from goldenbatch.core.series import Frame, frame_schema

    schema = frame_schema("text")
    when = pa.array([1], pa.int64()).cast(schema.field("time").type)
    table = pa.Table.from_arrays([when, ["a/b"], ["on"], pa.array([0])], schema=schema)
    site.historian.write(Frame("test", "t", "text", table, received_at=1))
    bench.write(site, [(1, 1.0)])
    ticks.take()
    with pytest.raises(BadInputError, match="of several kinds: number, text"):
        ticks.seen(1).read([TEMP, "a/b"], (0, 10))


def test_occupancy_nearest_place_first_and_corrections(bench, site, ticks):
    run = {"place": TANK, "phase": "make"}
    bench.record(
        site, "batch/B1", BatchCreated(batch="B1", product="P", place="site", started_at=0)
    )
    bench.record(site, "batch/B1", PhaseStarted(batch="B1", **run, at=10))
    bench.record(site, "batch/B1", PhaseEnded(batch="B1", **run, at=20))
    bench.record(site, "batch/B2", BatchCreated(batch="B2", product="P"))
    bench.record(site, "batch/B2", PhaseStarted(batch="B2", **run, at=12))
    bench.record(site, "batch/B2", BatchEnded(batch="B2", ended_at=15, outcome="aborted"))
    ticks.take()
    view = ticks.seen(1)
    places = [view.batch_at(f"{TANK}/heater", time) for time in (5, 11, 13, 15, 25)]
    assert places == ["B1", "B1", "B2", "B1", "B1"]
    assert view.batch_at("other", 11) == ""
    bench.record(
        site,
        "batch/B2",
        PhaseCorrected(batch="B2", **run, field="started_at", old=12, new=14, reason="r"),
    )
    bench.record(
        site,
        "batch/B1",
        BatchCorrected(batch="B1", field="place", old="site", new="site/x", reason="r"),
    )
    ticks.take()
    view = ticks.seen(2)
    assert [view.batch_at(TANK, time) for time in (5, 13, 14, 25)] == ["", "B1", "B2", ""]
    assert view.batch_at("site/x/y", 25) == "B1"
    assert ticks.seen(1).batch_at(TANK, 13) == "B2"


def test_as_known_places_late_and_corrected_readings(bench, site, ticks):
    bench.write(site, [(10, 1.0), (20, 2.0)])
    ticks.take()
    bench.write(site, [(30, 3.0), (40, 4.0)])
    ticks.take()
    bench.write(site, [(15, 1.5), (35, 3.5)])
    bench.write(site, [(20, 2.2)], reason="corrected")
    bench.write(site, [(50, 5.0)])
    ticks.take()
    bench.write(site, [(45, 4.5)])  # after the last tick: known now
    assert points(ticks.known(1).new_readings([TEMP])) == [(10, 1.0), (15, 1.5), (20, 2.2)]
    assert points(ticks.known(2).new_readings([TEMP])) == [(30, 3.0), (35, 3.5), (40, 4.0)]
    assert points(ticks.known(3).new_readings([TEMP])) == [(45, 4.5), (50, 5.0)]
    assert points(ticks.known(2).read([TEMP], (16, 100)))[-1] == (40, 4.0)
    assert len(ticks.known(1).read([TEMP], (100, 200))) == 0


def test_as_known_takes_every_reading_and_event_once(bench, site, ticks):
    for number in range(6):
        bench.write(site, [(number * 10, 1.0), (60 - number * 7, 2.0)])
        bench.batch(site, f"B{number}", 30 - number * 5)
        ticks.take()
    views = KnownViews(site, ticks.taken)
    shown, times = [], []
    for number in range(1, 7):
        view = views.at(*ticks.pair(number))
        shown += [event.seq for event in view.new_events({"BatchCreated", "PhaseStarted"})]
        times += view.new_readings([TEMP]).times().tolist()
        assert all(source_time(event) is None or source_time(event) <= view.upto
                   for event in view.events({"PhaseStarted"}))  # fmt: skip
    assert times == sorted(times)
    assert len(times) == len(set(times)) == len(site.historian.read([TEMP], (0, 1000)))
    assert len(shown) == len(set(shown)) == 12


def test_a_time_of_the_future_does_not_move_the_clock(bench, site, ticks):
    bench.write(site, [(10, 1.0)])
    bench.write(site, [(site.clock() + 10**12, 7.0)])
    ticks.take()
    bench.write(site, [(20, 2.0)])
    ticks.take()
    assert points(ticks.known(1).new_readings([TEMP])) == [(10, 1.0)]
    assert points(ticks.known(2).new_readings([TEMP])) == [(20, 2.0)]


def test_as_known_applies_corrections_and_places_late_events(bench, site, ticks):
    bench.write(site, [(100, 1.0)])
    ticks.take()
    bench.write(site, [(200, 1.0)])
    bench.result(site, "S2", "B1", "20.0", 150)
    ticks.take()
    bench.write(site, [(300, 1.0)])
    bench.result(site, "S1", "B1", "10.0", 90)  # late: belongs to the first tick
    bench.record(
        site,
        "sample/S2",
        ResultCorrected(
            sample="S2",
            test="assay",
            old=make_result("20.0", 150),
            new=make_result("22.0", 150),
            reason="dilution",
        ),
    )
    ticks.take()
    kinds = {"ResultsReported", "ResultCorrected"}
    seen = [[event.kind for event in ticks.seen(n).new_events(kinds)] for n in (1, 2, 3)]
    assert seen == [[], ["ResultsReported"], ["ResultsReported", "ResultCorrected"]]
    first, second, third = (ticks.known(n).new_events(kinds) for n in (1, 2, 3))
    assert [event.decode().sample for event in first] == ["S1"]
    assert [event.decode().results[0].value for event in second] == ["22.0"]
    assert list(third) == []
    # The original is as it was recorded: its leaf is that of the ledger.
    assert second[0].leaf == site.ledger.stream("sample/S2")[1].leaf


def test_a_sample_without_a_time_comes_with_its_result(bench, site, ticks):
    bench.write(site, [(100, 1.0)])
    ticks.take()
    bench.write(site, [(200, 1.0)])
    bench.record(site, "sample/S9", SampleTaken(sample="S9", batch="B1"))
    bench.record(site, "lot/sugar/L1", LotRegistered(material="sugar", lot="L1"))
    from goldenbatch.core.results import ResultsReported

    late = ResultsReported(sample="S9", results=(make_result("1.0", 50),))
    bench.record(site, "sample/S9", late)
    ticks.take()
    kinds = {"SampleTaken", "ResultsReported", "LotRegistered"}
    assert [e.kind for e in ticks.known(1).new_events(kinds)] == ["SampleTaken", "ResultsReported"]
    assert [e.kind for e in ticks.known(2).new_events(kinds)] == ["LotRegistered"]


def test_corrections_of_batches_and_materials(bench, site):
    created = BatchCreated(batch="B", product="P", started_at=10, attributes={"colour": "red"})
    bench.record(site, "batch/B", created)
    run = {"batch": "B", "place": TANK, "phase": "make"}
    bench.record(site, "batch/B", PhaseStarted(**run, at=20))
    bench.record(site, "batch/B", PhaseEnded(**run, at=30))
    wrong = bench.record(site, "batch/B", MaterialConsumed(batch="B", material="M", lot="L1"))
    never = bench.record(site, "batch/B", MaterialConsumed(batch="B", material="M", lot="L2"))
    reason = {"batch": "B", "reason": "typed wrongly"}
    for body in (
        BatchCorrected(**reason, field="attributes.colour", old="red", new="blue"),
        BatchCorrected(
            **reason, field="started_at", old="1970-01-01T00:00:00.000010Z",
            new="1970-01-01T00:00:00.000015Z",
        ),
        PhaseCorrected(**{**run, **reason}, field="ended_at", old=30, new=40),
        ConsumptionCorrected(
            **reason, entry=wrong.envelope.version, old=("M", "L1", ""), new=("M", "L3", "5 kg")
        ),
        ConsumptionCorrected(
            **reason, entry=never.envelope.version, old=("M", "L2", ""), new=None
        ),
    ):  # fmt: skip
        bench.record(site, "batch/B", body)
    now = [event.decode() for event in corrected(site.ledger.stream("batch/B"))]
    assert [type(body).__name__ for body in now] == [
        "BatchCreated",
        "PhaseStarted",
        "PhaseEnded",
        "MaterialConsumed",
    ]
    assert now[0].attributes == {"colour": "blue"}
    assert now[0].started_at == 15
    assert (now[1].at, now[2].at) == (20, 40)
    assert (now[3].lot, now[3].quantity) == ("L3", "5 kg")


def test_nothing_at_all(site, ticks):
    ticks.take()
    view = ticks.known(1)
    assert view.upto == EARLIEST
    assert len(view.new_readings([TEMP])) == 0
    assert [event.kind for event in view.new_events({"HomeCreated"})] == ["HomeCreated"]
