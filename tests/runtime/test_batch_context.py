"""What sources say of batches: taken, corrected, disputed, late and out of order."""

from __future__ import annotations

import itertools

import pytest
from gbx_bench import PLANT, START, TANK, Bench, Clock
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.batch_context import Boundary, Statement
from goldenbatch.core.batch_state import batch_state
from goldenbatch.core.context_rules import Change, TagRule, load_rule, statements
from goldenbatch.core.errors import BadInputError
from goldenbatch.runtime.batch_context import take
from goldenbatch.runtime.context_rules import ContextRules
from goldenbatch.runtime.discovery import discover
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

S = 1_000_000
MINUTE = 60 * S
TAGS = f"""
[[tags]]
name = "{TANK}/batch"
kind = "text"
unit = ""
[[tags]]
name = "{TANK}/step"
unit = "1"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("home") / "home"
    create_home(path, HomeSettings("T", "site", PLANT + TAGS), clock=Clock(START))
    return path


@pytest.fixture
def site(made, tmp_path):
    import shutil

    shutil.copytree(made, tmp_path / "home")
    with LocalSite.open(
        tmp_path / "home", clock=Clock(START + 10**12), discovery=discover()
    ) as opened:
        yield opened


def say(what, minute, source="journal", phase="", batch="B1", **more):
    place = TANK if phase or what is Boundary.BATCH_STARTED else ""
    at = START + int(minute * MINUTE)
    return Statement(source, what, batch, at, place, phase, **more)


WHOLE = [
    say(Boundary.BATCH_STARTED, 0, head={"product": "P"}),
    say(Boundary.PHASE_STARTED, 1, phase="heat"),
    say(Boundary.PHASE_ENDED, 10, phase="heat"),
    say(Boundary.PHASE_STARTED, 10, phase="hold"),
    say(Boundary.PHASE_ENDED, 30, phase="hold"),
    say(Boundary.PHASE_STARTED, 31, phase="heat"),
    say(Boundary.PHASE_ENDED, 60, phase="heat"),
    say(Boundary.BATCH_ENDED, 61),
]


def state(site, batch="B1"):
    return batch_state(site.ledger.stream(f"batch/{batch}"))


def shape(found):
    runs = sorted((r.started_at, r.ended_at, r.phase, r.run) for r in found.phases.values())
    return (found.started_at, found.ended_at, found.outcome, runs)


def outcomes(found):
    return [one.outcome for one in found]


def test_a_batch_is_made_of_what_a_journal_says(site):
    assert set(outcomes(take(site, WHOLE))) == {"taken"}
    found = state(site)
    assert (found.started_at, found.ended_at) == (START, START + 61 * MINUTE)
    assert [(one[2], one[3]) for one in shape(found)[3]] == [("heat", 1), ("hold", 1), ("heat", 2)]
    assert site.windows("B1", "heat") == [
        (START + MINUTE, START + 10 * MINUTE), (START + 31 * MINUTE, START + 60 * MINUTE),
    ]  # fmt: skip


def test_the_same_again_does_nothing(site):
    take(site, WHOLE)
    head = site.ledger.head()
    assert take(site, WHOLE) == []
    assert site.ledger.head() == head


@settings(max_examples=12, deadline=None)
@given(st.permutations(range(len(WHOLE))))
def test_in_any_order_of_arrival_the_record_is_the_same(made, tmp_path_factory, order):
    import shutil

    folder = tmp_path_factory.mktemp("any") / "home"
    shutil.copytree(made, folder)
    numbered = [
        Statement(one.source, one.what, one.batch, one.at, one.place, one.phase,
                  {31: 2, 60: 2}.get((one.at - START) // MINUTE, 1) if one.phase else 0,
                  head=one.head)
        for one in WHOLE
    ]  # fmt: skip
    with Bench(folder, Clock(START + 10**12)).open() as site:
        for at in order:
            take(site, [numbered[at]])
        assert site.ledger.select("context", {"outcome": "waits"}) == []
        found = shape(state(site))
        assert found[:3] == (START, START + 61 * MINUTE, "completed")
        assert len(found[3]) == 3 and all(end is not None for _, end, *_ in found[3])


def test_a_source_may_correct_itself(site):
    take(site, WHOLE)
    later = say(Boundary.PHASE_ENDED, 12, phase="heat", reference="line 7")
    # The hold began at 10 by the same journal: two phases of one place may overlap.
    (made,) = take(site, [later])
    assert (made.outcome, made.run) == ("corrected", 1)
    assert site.windows("B1", "heat")[0] == (START + MINUTE, START + 12 * MINUTE)
    event = site.ledger.stream("batch/B1")[-1]
    assert event.kind == "PhaseCorrected" and "line 7" in event.decode().reason
    (row,) = site.ledger.select(
        "context", {"what": "phase ended", "phase": "heat", "run": 1, "source": "journal"}
    )
    assert row["outcome"] == "corrected"


def test_another_source_may_agree_or_be_heard(site):
    take(site, WHOLE)
    (same,) = take(site, [say(Boundary.PHASE_STARTED, 1.01, "tag", "heat")])
    assert same.outcome == "same"
    (other,) = take(site, [say(Boundary.PHASE_ENDED, 11, "tag", "heat")])
    assert other.outcome == "disagrees" and "journal says" in other.note
    assert state(site).phases[TANK, "heat", 1].ended_at == START + 10 * MINUTE  # stands as it was


def test_a_disagreement_is_a_finding_until_it_is_settled(site):
    site.adopt("context", "execution.context", {})
    take(site, WHOLE)
    take(site, [say(Boundary.PHASE_ENDED, 11, "tag", "heat")])
    (opened,) = site.wake()
    assert opened.step == "opened"
    assert opened.finding.subject.batch == "B1" and "60 s apart" in opened.finding.statement
    assert site.wake() == []
    take(site, [say(Boundary.PHASE_ENDED, 10, "tag", "heat")])
    (closed,) = site.wake()
    assert (closed.step, closed.uid) == ("closed", opened.uid)
    assert site.replay("as-seen").is_equal


def test_a_gap_is_a_finding_until_it_is_filled(site):
    from goldenbatch.core.acquisition import Gap, GapCause
    from goldenbatch.core.records import NewEvent
    from goldenbatch.core.sources import GapBackfilled, GapFound

    def put(body):
        version = site.ledger.version("source/opc")
        site.ledger.append([NewEvent("source/opc", body, version, actor="node")])

    site.adopt("context", "execution.context", {"gap_s": 30})
    put(GapFound.of("opc", Gap((START, START + 5 * S), GapCause.LINK_DOWN)))
    put(GapFound.of("opc", Gap((START, START + 90 * S), GapCause.LINK_DOWN, note="cable")))
    (opened,) = site.wake()
    assert "90 s from" in opened.finding.statement and "cable" in opened.finding.statement
    put(GapBackfilled(source="opc", start=START, end=START + 90 * S, n_readings=0))
    assert site.wake() == []
    put(GapBackfilled(source="opc", start=START - 1, end=START + 90 * S, n_readings=80))
    (closed,) = site.wake()
    assert closed.uid == opened.uid and "80 readings" in closed.finding.statement


def test_a_gap_is_filled_by_its_own_tags_and_by_all_that_was_lost(site):
    from goldenbatch.core.acquisition import Gap, GapCause
    from goldenbatch.core.records import NewEvent
    from goldenbatch.core.sources import GapBackfilled, GapFound

    def put(body):
        version = site.ledger.version("source/opc")
        site.ledger.append([NewEvent("source/opc", body, version, actor="node")])
        return site.wake()

    def found(tags, n_lost=-1):
        gap = Gap((START, START + 90 * S), GapCause.LINK_DOWN, tags, n_lost=n_lost)
        return put(GapFound.of("opc", gap))

    def filled(n, *tags):
        return put(
            GapBackfilled(source="opc", start=START, end=START + 90 * S, tags=tags, n_readings=n)
        )

    site.adopt("context", "execution.context", {"gap_s": 30})
    # Two devices that were lost at one moment are two gaps, and so is all of the source.
    assert [len(found(("a",))), len(found(("b", "c"))), len(found((), 100))] == [1, 1, 1]
    assert filled(80, "x") == []
    assert len(filled(5, "a", "b")) == 1  # that of a; c may still be missing
    assert len(filled(5, "c")) == 1
    assert filled(3) == []  # 93 of 100
    assert len(filled(7)) == 1
    assert filled(7) == []


# ---- rules over tags ---------------------------------------------------------------------------
RULE = f"""
place = "{TANK}"
batch_tag = "{TANK}/batch"
phase_tag = "{TANK}/step"
product = "P"
aborted = ["99"]
[phases]
1 = "heat"
2 = "hold"
"""


def write(site, tag, rows, key, kind="text"):
    from gbx_source import Frame, table

    data = table([(START + int(m * MINUTE), f"{TANK}/{tag}", v) for m, v in rows], kind)
    site.historian.write(Frame("plc", key, kind, data, START))


@pytest.fixture
def ruled(site):
    folder = site.path / "context"
    folder.mkdir(exist_ok=True)
    (folder / "tank.toml").write_text(RULE)
    site.context_rules = ContextRules(site, site.path)
    return site


def test_two_products_a_changeover_an_aborted_and_a_restarted_phase(ruled):
    """The campaign that the issue asks for: read off two tags of the tank."""
    site = ruled
    steps = [(0, 1.0), (10, 2.0), (30, 0.0), (40, 1.0), (45, 0.0), (47, 1.0), (55, 2.0), (60, 99.0)]
    write(site, "batch", [(0, "B1"), (30, ""), (40, "B2"), (61, "")], "b")
    write(site, "step", steps, "s", "number")
    site.wake()
    one, two = state(site, "B1"), state(site, "B2")
    assert shape(one)[:3] == (START, START + 30 * MINUTE, "completed")
    assert [(run[2], run[3]) for run in shape(one)[3]] == [("heat", 1), ("hold", 1)]
    assert two.outcome == "aborted"
    assert [(run[2], run[3]) for run in shape(two)[3]] == [("heat", 1), ("heat", 2), ("hold", 1)]
    idle = (START + 30 * MINUTE, START + 40 * MINUTE)
    for found in (one, two):
        for start, end, *_ in shape(found)[3]:
            assert end <= idle[0] or start >= idle[1]
    head = site.ledger.head()
    site.wake()
    assert site.ledger.select("context", {"outcome": "waits"}) == []
    assert site.ledger.head() == head


def test_a_late_reading_corrects_the_boundary(ruled):
    site = ruled
    write(site, "batch", [(0, "B1"), (30, "")], "b")
    write(site, "step", [(0, 1.0), (10, 2.0)], "s", "number")
    site.wake()
    assert site.windows("B1", "heat") == [(START, START + 10 * MINUTE)]
    write(site, "step", [(8, 2.0)], "late", "number")  # it had changed two minutes before
    site.wake()
    assert site.windows("B1", "heat") == [(START, START + 8 * MINUTE)]
    assert site.windows("B1", "hold") == [(START + 8 * MINUTE, START + 30 * MINUTE)]
    assert {one.kind for one in site.ledger.stream("batch/B1")} >= {"PhaseCorrected"}


def test_bad_readings_say_nothing(ruled):
    site = ruled
    from gbx_source import Frame, table

    write(site, "batch", [(0, "B1"), (30, "")], "b")
    data = table([(START + m * MINUTE, f"{TANK}/step", v) for m, v in ((0, 1.0), (5, 2.0))])
    data = data.set_column(3, data.schema.field(3), [[0, 0x80000000]])
    site.historian.write(Frame("plc", "s", "number", data, START))
    site.wake()
    assert [run[2] for run in shape(state(site))[3]] == ["heat"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["batch", "step"]),
                          st.sampled_from(["", "1", "2", "3"])), max_size=25))  # fmt: skip
def test_boundaries_of_a_rule_always_nest(drawn):
    rule = TagRule(
        name="r", place=TANK, batch_tag="batch", phase_tag="step", phases={"1": "a", "2": "b"}
    )
    ats = itertools.accumulate(gap + 1 for gap, *_ in drawn)
    changes = [Change(at, tag, value) for at, (_, tag, value) in zip(ats, drawn, strict=True)]
    batch = phase = ""
    for one in statements(rule, changes):
        if one.what is Boundary.BATCH_STARTED:
            assert batch == "" and phase == ""
            batch = one.batch
        elif one.what is Boundary.PHASE_STARTED:
            assert one.batch == batch and phase == ""
            phase = one.phase
        elif one.what is Boundary.PHASE_ENDED:
            assert (one.batch, one.phase) == (batch, phase)
            phase = ""
        else:
            assert one.batch == batch and phase == ""
            batch = ""


def test_a_flapping_tag_is_one_finding_and_no_boundaries(ruled):
    """An hour of flapping at 1 Hz: the batch stands, and the trail holds two words of it."""
    site = ruled
    site.adopt("context", "execution.context", {})
    write(site, "batch", [(0, "B1"), (70, "B1"), (90, "")], "b")
    steps = [(0, 1.0), (1, 1.0), *((5 + n / 60, 1.0 + n % 2) for n in range(3600)), (66, 2.0)]
    head = site.ledger.head()
    write(site, "step", [*steps, (90, 2.0)], "s", "number")
    (opened, closed) = site.wake()
    assert (opened.step, closed.step, opened.uid) == ("opened", "closed", closed.uid)
    assert "step took 1799 values in 3596 s" in closed.finding.statement
    assert [(run[2], run[0] - START) for run in shape(state(site))[3]] == [
        ("heat", 0), ("hold", 5 * MINUTE + 3599 * S),
    ]  # fmt: skip
    assert site.ledger.head() - head < 30
    assert site.replay("as-seen").is_equal
    n_flapped = len([*site.ledger.events(kinds=("TagFlapped",))])
    site.context_rules = ContextRules(site, site.path)  # as after a restart
    write(site, "step", [(89, 2.0)], "late", "number")
    site.wake()
    assert len([*site.ledger.events(kinds=("TagFlapped",))]) == n_flapped == 2


def test_a_value_that_waits_is_not_lost_with_a_restart(ruled):
    site = ruled
    folder = site.path / "context" / "tank.toml"
    folder.write_text("settle_s = 86400.0\n" + RULE)
    clock = site.clock
    site.context_rules = ContextRules(site, site.path)
    clock.now = START + 3 * MINUTE
    write(site, "batch", [(0, "B1")], "b")
    write(site, "step", [(1, 1.0)], "s", "number")
    site.wake()
    assert not state(site).exists
    site.context_rules = ContextRules(site, site.path)
    clock.now = START + 2 * 86_400 * S + 2 * MINUTE  # nothing new has come meanwhile
    site.wake()
    assert [(run[2], run[0] - START) for run in shape(state(site))[3]] == [("heat", MINUTE)]


def test_product_and_batch_of_one_moment_belong_together():
    rule = TagRule(name="r", place=TANK, batch_tag="batch", phase_tag="step", product_tag="code",
                   phases={"1": "a", "2": "b"})  # fmt: skip
    # fmt: off
    changes = [Change(5, "batch", "B1"), Change(5, "step", "1"), Change(5, "code", "P"),
               Change(9, "step", "2"), Change(9, "batch", "B2"), Change(9, "code", "Q")]
    said = [(one.what.value, one.batch, one.phase, one.head.get("product", "")) for one in
            statements(rule, changes)]
    # fmt: on
    assert said == [
        ("batch started", "B1", "", "P"),
        ("phase started", "B1", "a", ""),
        ("phase ended", "B1", "a", ""),
        ("batch ended", "B1", "", ""),
        ("batch started", "B2", "", "Q"),
        ("phase started", "B2", "b", ""),
    ]  # fmt: skip


# ---- ranks ---------------------------------------------------------------------------------------
def rank(site, *sources):
    folder = site.path / "context"
    folder.mkdir(exist_ok=True)
    (folder / "source-ranks.toml").write_text(f"sources = {list(sources)!r}\n")


def test_the_source_that_ranks_first_is_taken_and_the_difference_is_still_a_finding(site):
    rank(site, "mes", "tag")
    site.adopt("context", "execution.context", {})
    take(site, [*WHOLE[:2], say(Boundary.PHASE_ENDED, 10, "tag", "heat")])
    site.wake()
    (made,) = take(site, [say(Boundary.PHASE_ENDED, 11, "mes", "heat")])
    assert (made.outcome, made.against) == ("prevails", "tag")
    assert state(site).phases[TANK, "heat", 1].ended_at == START + 11 * MINUTE
    assert site.ledger.stream("batch/B1")[-1].decode().reason == "mes ranks before tag"
    (opened,) = site.wake()
    assert opened.step == "opened" and "That of mes is taken" in opened.finding.statement
    # The lower one cannot take it back; it may come to agree.
    (again,) = take(site, [say(Boundary.PHASE_ENDED, 10.5, "tag", "heat")])
    assert again.outcome == "disagrees"
    assert [one.step for one in site.wake()] == ["updated"]
    take(site, [say(Boundary.PHASE_ENDED, 11, "tag", "heat")])
    assert [one.step for one in site.wake()] == ["closed"]


def test_a_persons_correction_ranks_before_all(site):
    from goldenbatch.core.batches import PhaseCorrected
    from goldenbatch.core.records import NewEvent

    rank(site, "mes", "journal")
    take(site, WHOLE[:3])
    body = PhaseCorrected(
        batch="B1", place=TANK, phase="heat", run=1, field="ended_at",
        old=START + 10 * MINUTE, new=START + 9 * MINUTE, reason="seen",
    )  # fmt: skip
    version = site.ledger.version("batch/B1")
    site.ledger.append([NewEvent("batch/B1", body, version, actor="ana")])
    (made,) = take(site, [say(Boundary.PHASE_ENDED, 12, "mes", "heat")])
    assert made.outcome == "disagrees"
    assert state(site).phases[TANK, "heat", 1].ended_at == START + 9 * MINUTE


@settings(max_examples=12, deadline=None)
@given(st.permutations([("mes", 11), ("tag", 10), ("hand", 12)]))
def test_in_any_order_the_best_source_is_the_record(made, tmp_path_factory, order):
    import shutil

    folder = tmp_path_factory.mktemp("ranks") / "home"
    shutil.copytree(made, folder)
    with Bench(folder, Clock(START + 10**12)).open() as site:
        rank(site, "mes", "tag")
        take(site, WHOLE[:2])
        for source, minute in order:
            take(site, [say(Boundary.PHASE_ENDED, minute, source, "heat")])
        assert state(site).phases[TANK, "heat", 1].ended_at == START + 11 * MINUTE
        rows = site.ledger.select("context", {"what": "phase ended"})
        assert {row["outcome"] for row in rows} <= {"taken", "prevails", "disagrees"}
        assert sum(row["outcome"] != "taken" for row in rows) >= 1


def test_bad_ranks_are_named(site):
    rank(site, "mes", "mes")
    with pytest.raises(BadInputError, match=r"source-ranks\.toml.*stands twice"):
        take(site, WHOLE[:1])


# ---- entries by hand -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"what": Boundary.PHASE_STARTED, "place": TANK}, "no phase is named"),
        ({"what": Boundary.PHASE_ENDED, "phase": "heat"}, "no place is named"),
        ({"what": Boundary.BATCH_STARTED, "phase": "heat"}, "of the whole batch"),
        ({"what": Boundary.BATCH_STARTED, "place": "site/moon"}, "no place 'site/moon'"),
        ({"what": Boundary.BATCH_ENDED, "at": 2**61}, "has not come"),
        ({"what": Boundary.BATCH_ENDED, "at": START + 2 * 10**12}, "has not come"),
        ({"what": Boundary.BATCH_ENDED, "at": -1}, "before 1970"),
        ({"what": Boundary.BATCH_STARTED, "batch": "  "}, "no name of a batch"),
    ],
)
def test_what_a_person_cannot_mean_is_refused_by_name(site, more, words):
    from goldenbatch.runtime.batch_context import say as enter

    head = site.ledger.head()
    with pytest.raises(BadInputError, match=words):
        enter(site, None, Statement("person", **{"batch": "B1", "at": START, **more}))
    assert site.ledger.head() == head


def test_a_person_names_a_product_that_the_plant_has(tmp_path):
    from goldenbatch.runtime.batch_context import say as enter

    home = tmp_path / "home"
    plant = PLANT + '[[products]]\ncode = "G7"\n'
    create_home(home, HomeSettings("T", "site", plant), clock=Clock(START))
    said = Statement("person", Boundary.BATCH_STARTED, "B1", START, TANK, head={"product": "G8"})
    with LocalSite.open(home, clock=Clock(START + 10**12), discovery=discover()) as opened:
        with pytest.raises(BadInputError, match=r"no product 'G8'. It has G7"):
            enter(opened, None, said)


def test_a_bad_rule_is_named(tmp_path):
    path = tmp_path / "tank.toml"
    path.write_text(f'place = "{TANK}"\nbatch_tags = "x"\n')
    with pytest.raises(BadInputError, match=r"tank\.toml"):
        load_rule(path)


def test_an_analyst_may_have_the_name_of_the_rules(ruled):
    site = ruled
    site.adopt("context", "execution.context", {})
    former = site.path / "state" / "context.json"
    former.write_text('{"tank": 0}')  # as homes had it
    site.context_rules = ContextRules(site, site.path)
    assert not former.exists()
    write(site, "batch", [(0, "B1"), (30, "")], "b")
    site.wake()
    site.wake()
    assert site.replay("as-seen").is_equal and state(site).outcome == "completed"
