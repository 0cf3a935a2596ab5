"""Is the data of a batch complete? Holes are found, explained by recorded gaps, and proved."""

from __future__ import annotations

import itertools

import pytest
from gbx_bench import PLANT, START, TANK, TEMP, Bench, Clock
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.acquisition import Gap, GapCause
from goldenbatch.core.batches import PhaseEnded, PhaseStarted
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.sources import GapBackfilled, GapFound, source_stream
from goldenbatch.runtime.completeness import assess, record
from goldenbatch.runtime.home import HomeSettings, create_home

S = 1_000_000
QUIET = (
    PLANT.replace('unit = "Cel"', 'unit = "Cel"\ncadence_s = 1.0')
    + f"""
[[tags]]
name = "{TANK}/door"
kind = "text"
unit = ""
[[tags]]
name = "{TANK}/ph"
unit = "[pH]"
cadence_s = 10.0
"""
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("home") / "home"
    create_home(path, HomeSettings("T", "site", QUIET), clock=Clock(START))
    return path


@pytest.fixture
def site(made, tmp_path):
    import shutil

    shutil.copytree(made, tmp_path / "home")
    with Bench(tmp_path / "home", Clock(START + 10**12)).open() as opened:
        yield opened


def fill(site, seconds, tag=TEMP, key="k"):
    from gbx_bench import frame

    site.historian.write(frame([(START + s * S, float(s)) for s in seconds], key, tag))


def batch(site, end=100):
    Bench(site.path, site.clock).batch(site, "B", START, START + end * S)


def put(site, *bodies):
    for body in bodies:
        stream = source_stream(body.source)
        site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), actor="node")])


def of(found, tag=TEMP):
    (one,) = [one for one in found.tags if one.tag == tag]
    return one


def test_a_batch_that_is_whole(site):
    batch(site)
    fill(site, range(100))
    fill(site, range(0, 100, 10), f"{TANK}/ph", "p")
    found = assess(site, "B")
    assert found.is_complete
    assert (of(found).state, of(found).n_readings, of(found).n_expected) == ("complete", 100, 100)
    assert of(found).digest == site.historian.digest(TEMP, (START, START + 100 * S))[0]


def test_holes_with_and_without_a_cause(site):
    batch(site)
    fill(site, [*range(20), *range(40, 60), *range(70, 95)])
    fill(site, range(0, 100, 10), f"{TANK}/ph", "p")
    put(
        site,
        GapFound.of("opc", Gap((START + 21 * S, START + 38 * S), GapCause.LINK_DOWN)),
        GapBackfilled(source="opc", start=START + 20 * S, end=START + 40 * S, n_readings=0),
        GapFound.of("opc", Gap((START + 60 * S, START + 61 * S), GapCause.OVERRUN, ("other",))),
    )
    found = assess(site, "B")
    holes = of(found).holes
    assert [(one.start - START, one.end - START) for one in holes] == [
        (19 * S, 40 * S), (59 * S, 70 * S), (94 * S, 100 * S),
    ]  # fmt: skip
    assert [one.cause for one in holes] == [
        GapCause.LINK_DOWN, GapCause.UNKNOWN, GapCause.UNKNOWN,
    ]  # fmt: skip
    assert [one.is_asked_again for one in holes] == [True, False, False]
    assert holes[0].gaps and not holes[1].gaps
    assert not found.is_complete
    assert of(found).share == pytest.approx(1 - 38 / 100)


def test_a_tag_without_cadence_is_not_judged_and_one_without_readings_is_missing(site):
    batch(site)
    fill(site, range(100))
    found = assess(site, "B")
    assert {one.tag.rpartition("/")[2]: one.state for one in found.tags} == {
        "temp": "complete", "ph": "no readings",
    }  # fmt: skip
    assert not found.is_complete


def test_phases_bound_what_is_expected(site):
    batch(site, end=50)
    at = {"batch": "B", "place": TANK, "phase": "heat"}
    for body in (PhaseStarted(**at, at=START + 500 * S), PhaseEnded(**at, at=START + 550 * S)):
        version = site.ledger.version("batch/B")
        site.ledger.append([NewEvent("batch/B", body, version, actor="u")])
    fill(site, [*range(50), *range(500, 550)])
    for n, seconds in enumerate((range(0, 50, 10), range(500, 550, 10))):
        fill(site, seconds, f"{TANK}/ph", f"p{n}")
    found = assess(site, "B")
    assert [one.state for one in found.tags] == ["complete"] * 4
    assert [one.n_readings for one in found.tags if one.tag == TEMP] == [50, 50]


def test_the_answer_is_on_the_record_and_is_proved(site):
    batch(site)
    fill(site, range(50))
    event = record(site, assess(site, "B"))
    (row,) = site.ledger.select("completeness", {"batch": "B"})
    assert (row["is_complete"], row["n_incomplete"], row["seq"]) == (0, 2, event.seq)
    site.ledger.checkpoint()
    assert site.ledger.proof_bundle([event.seq])["events"][0]["seq"] == event.seq
    assert event.decode() == assess(site, "B")


def test_no_batch_no_answer(site):
    with pytest.raises(NotFoundError):
        assess(site, "none")


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 199), min_size=1))
def test_the_holes_are_those_of_a_plain_search(seconds):
    import numpy as np

    from goldenbatch.core.plant import Tag
    from goldenbatch.runtime.completeness import _holes

    tag = Tag(name=TEMP, unit="Cel", cadence_s=1.0)
    times = sorted(START + one * S for one in seconds)
    window = (START, START + 200 * S)
    points = [window[0], *times, window[1]]
    expected = [(a, b) for a, b in itertools.pairwise(points) if b - a > 2.5 * S]
    assert _holes(np.array(times), window, tag, 2.5) == expected


def test_what_could_not_be_judged_is_not_complete(made, tmp_path):
    path = tmp_path / "quiet"
    create_home(path, HomeSettings("T", "site", PLANT), clock=Clock(START))
    with Bench(path, Clock(START + 10**12)).open() as site:
        batch(site)
        fill(site, range(100))
        found = assess(site, "B")
        assert of(found).state == "no cadence" and not found.is_complete


def test_readings_that_say_there_is_none_fill_no_hole(site):
    from gbx_bench import Frame, frame

    batch(site)
    fill(site, range(0, 100, 10), f"{TANK}/ph", "p")
    fill(site, range(50))
    made = frame([(START + s * S, 0.0) for s in range(50, 100)], "bad")
    table = made.readings.set_column(3, made.readings.schema.field(3), [[0x80310000] * 50])
    site.historian.write(Frame(made.source, made.key, made.kind, table, START))
    found = assess(site, "B")
    assert (of(found).state, of(found).n_readings, of(found).n_bad) == ("incomplete", 100, 50)
    assert [(one.start - START, one.end - START) for one in of(found).holes] == [(49 * S, 100 * S)]


def filled(site, tag="door"):
    """A batch with all of its readings; a tag of it that has no cadence."""
    batch(site)
    fill(site, range(100))
    fill(site, range(0, 100, 10), f"{TANK}/ph", "p")
    return f"{TANK}/{tag}"


def gap_of(cause, start, end, tag, n_lost=-1):
    return GapFound.of("opc", Gap((START + start * S, START + end * S), cause, (tag,), "", n_lost))


def test_a_counted_loss_is_missing_however_short(site):
    filled(site)
    put(site, gap_of(GapCause.OVERRUN, 20, 21, TEMP, 500))
    found = assess(site, "B")
    assert (of(found).state, found.is_complete) == ("incomplete", False)
    (hole,) = of(found).holes
    assert (hole.start - START, hole.end - START, hole.cause) == (20 * S, 21 * S, GapCause.OVERRUN)
    put(site, GapBackfilled(source="opc", start=START, end=START + 30 * S, n_readings=499))
    assert not assess(site, "B").is_complete
    put(site, GapBackfilled(source="opc", start=START, end=START + 30 * S, n_readings=500))
    assert assess(site, "B").is_complete


def test_a_gap_of_a_tag_without_cadence_is_missing_until_all_of_it_is_filled(site):
    door = filled(site)
    put(site, gap_of(GapCause.LINK_DOWN, 20, 90, door))
    assert of(assess(site, "B"), door).holes
    assert not assess(site, "B").is_complete
    put(site, GapBackfilled(source="opc", start=START + 50 * S, end=START + 90 * S, n_readings=0))
    put(site, GapBackfilled(source="opc", start=START, end=START + 40 * S, n_readings=0))
    assert not assess(site, "B").is_complete
    put(site, GapBackfilled(source="opc", start=START + 19 * S, end=START + 60 * S, n_readings=0))
    assert assess(site, "B").is_complete
    put(site, gap_of(GapCause.LINK_DOWN, 200, 300, door))
    assert assess(site, "B").is_complete


@pytest.mark.parametrize("nothing", [float("nan"), None])
def test_a_good_reading_without_a_value_fills_no_hole(site, nothing):
    from gbx_bench import frame

    batch(site)
    fill(site, range(0, 100, 10), f"{TANK}/ph", "p")
    fill(site, range(50))
    site.historian.write(frame([(START + s * S, nothing) for s in range(50, 100)], "none"))
    found = assess(site, "B")
    assert [(one.start - START, one.end - START) for one in of(found).holes] == [(49 * S, 100 * S)]


def test_a_batch_that_runs_is_not_complete_yet(site):
    from gbx_bench import frame

    bench, now = Bench(site.path, site.clock), site.clock()
    bench.batch(site, "B", now - 20 * S)
    for tag in (TEMP, f"{TANK}/ph"):
        site.historian.write(frame([(now + s * S, 1.0) for s in range(-20, 20)], tag, tag))
    found = assess(site, "B")
    assert {one.state for one in found.tags} == {"complete"}
    assert (found.is_ended, found.is_complete) == (False, False)


def test_a_phase_that_was_open_when_its_batch_was_aborted_ends_with_it(site):
    from goldenbatch.core.batches import BatchEnded

    bench = Bench(site.path, site.clock)
    bench.batch(site, "B", START)
    end = BatchEnded(batch="B", ended_at=START + 100 * S, outcome="aborted")
    bench.record(site, "batch/B", end)
    fill(site, range(100))
    fill(site, range(0, 100, 10), f"{TANK}/ph", "p")
    found = assess(site, "B")
    assert found.is_complete
    assert {one.end for one in found.tags} == {START + 100 * S}


def test_a_phase_of_a_clock_that_is_ahead_is_no_error(site):
    bench = Bench(site.path, site.clock)
    bench.batch(site, "B", site.clock() + 60 * S)
    found = assess(site, "B")
    assert {one.state for one in found.tags} == {"no readings"}
    assert not found.is_complete
