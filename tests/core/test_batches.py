"""Batches: events, projections, the fold of a stream and what may come next."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenbatch.core import batches as b
from goldenbatch.core.batch_checks import check_next
from goldenbatch.core.batch_state import LATE_AFTER_US, BatchState, batch_state
from goldenbatch.core.equipment import (
    TRANSITIONS,
    EquipmentState,
    EquipmentStatus,
    check_status,
    equipment_state,
)
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.findings import DecisionMade, Verdict
from goldenbatch.core.records import to_iso
from tests.core.log import Log

S = "batch/7"


def started(at=10, run=1, phase="blending", place="site/cell/u1"):
    return b.PhaseStarted(batch="7", place=place, phase=phase, run=run, at=at)


def ended(at=20, run=1, phase="blending", place="site/cell/u1"):
    return b.PhaseEnded(batch="7", place=place, phase=phase, run=run, at=at)


def log_of(*bodies, stream=S):
    log = Log()
    for body in bodies:
        log.add(stream, body)
    return log


def created(**more):
    return b.BatchCreated(**{"batch": "7", "product": "P", **more})


def fold(*bodies):
    return batch_state(log_of(*bodies).stream(S))


@pytest.mark.parametrize("size", ["240000 {tbl}", "", "1.50 kg", "-3", "1e3 m2", "90 %"])
def test_size_is_a_number_with_unit(size):
    assert created(size=size).size == size


@pytest.mark.parametrize("size", ["kg", "1,5 kg", " 3", "3 ", "3  kg ", "about 3", "nan"])
def test_size_that_is_no_quantity_is_refused(size):
    with pytest.raises(ValidationError):
        created(size=size)


def test_times_are_text_in_json_and_micros_in_python():
    body = created(started_at=1_541_000_000_000_001)
    text = body.as_json()
    assert text["started_at"] == "2018-10-31T15:33:20.000001Z"
    assert b.BatchCreated.model_validate(text) == body


def test_projections_of_a_batch_with_corrections():
    log = log_of(
        created(size="100 kg", attributes={"strength": "5 mg", "line": "A"}, pinned={"r": "1@x"}),
        started(at=10),
        b.MaterialConsumed(batch="7", material="api", lot="L1", quantity="3.10 kg"),
        b.MaterialConsumed(batch="7", material="api", lot="L2", quantity="1 kg"),
        ended(at=25),
        b.PhaseCorrected(
            batch="7",
            place="site/cell/u1",
            phase="blending",
            field="ended_at",
            old=25,
            new=20,
            reason="clock",
        ),
        b.BatchCorrected(
            batch="7", field="attributes.strength", old="5 mg", new="10 mg", reason="typing"
        ),
        b.ConsumptionCorrected(
            batch="7",
            entry=3,
            old=("api", "L1", "3.10 kg"),
            new=("api", "L9", "3.10 kg"),
            reason="scan",
        ),
        b.ConsumptionCorrected(
            batch="7", entry=4, old=("api", "L2", "1 kg"), new=None, reason="not used"
        ),
        b.BatchEnded(batch="7", ended_at=40, outcome="completed"),
        b.BatchCorrected(batch="7", field="ended_at", old=to_iso(40), new=to_iso(41), reason="r"),
    )
    batch = log.table(b.BATCHES)[("7",)]
    assert json.loads(batch["attributes"]) == {"line": "A", "strength": "10 mg"}
    assert json.loads(batch["pinned"]) == {"r": "1@x"}
    assert (batch["ended_at"], batch["outcome"], batch["stream_version"]) == (41, "completed", 11)
    (phase,) = log.table(b.PHASES).values()
    assert (phase["started_at"], phase["ended_at"], phase["stream_version"]) == (10, 20, 6)
    rows = log.table(b.GENEALOGY)
    assert (rows["7", 3]["lot"], rows["7", 3]["status"]) == ("L9", "consumed")
    assert (rows["7", 4]["lot"], rows["7", 4]["status"]) == ("L2", "withdrawn")
    state = batch_state(log.stream(S))
    assert state.window == (10, 41)
    assert state.n_corrections == 5
    assert [one.lot for one in state.consumed if not one.is_withdrawn] == ["L9"]
    assert state.entries["attributes.strength"] == "10 mg"


def test_lots_samples_and_equipment_have_rows():
    log = Log()
    log.add("lot/api/L1", b.LotRegistered(material="api", lot="L1", attributes={"pH": "7.1"}))
    log.add(
        "lot/api/L1",
        b.LotCorrected(material="api", lot="L1", field="supplier", old="", new="S", reason="r"),
    )
    log.add("sample/s1", b.SampleTaken(sample="s1", batch="7", point="end"))
    log.add(
        "sample/s1",
        b.SampleCorrected(sample="s1", field="taken_at", old="", new=to_iso(5), reason="r"),
    )
    log.add(
        "equipment/u1",
        b.EquipmentStatusChanged(place="u1", status="clean", at=3, expires_at=9),
    )
    assert log.table(b.LOTS)["api", "L1"]["supplier"] == "S"
    assert log.table(b.SAMPLES)[("s1",)]["taken_at"] == 5
    row = log.table(b.EQUIPMENT)[("u1",)]
    assert (row["status"], row["expires_at"]) == ("clean", 9)


def test_projections_name_their_keys_first_and_know_their_kinds():
    from goldenbatch.core.records import record_types

    for projection in b.PROJECTIONS:
        assert tuple(projection.columns)[: len(projection.key)] == projection.key
        assert projection.kinds <= record_types().keys()
        for index in projection.indexes:
            assert set(index) <= set(projection.columns)


def test_windows_and_open_phases():
    state = fold(
        created(), started(10), ended(20), started(30, run=2), started(12, phase="milling")
    )
    assert state.phase_windows("blending") == ((10, 20), (30, None))
    assert [run.phase for run in state.open_phases] == ["milling", "blending"]
    assert state.window == (10, None)
    state = fold(
        created(started_at=5), started(10), b.BatchEnded(batch="7", ended_at=40, outcome="aborted")
    )
    assert state.phase_windows("blending") == ((10, 40),)
    assert state.window == (5, 40)
    assert state.phase_windows("blending", "elsewhere") == ()


def test_late_entries_are_seen_and_not_refused():
    log = Log()
    log.add(S, created(), at=0)
    log.add(S, started(10), at=LATE_AFTER_US + 10, performed_at=10)
    log.add(S, ended(20), at=LATE_AFTER_US + 21, performed_at=20)
    (late,) = batch_state(log.stream(S)).late_entries
    assert (late.version, late.kind, late.delay_us) == (3, "PhaseEnded", LATE_AFTER_US + 1)


def test_events_of_other_kinds_are_kept_raw():
    decision = DecisionMade(uid="f", finding_version=1, verdict=Verdict.CONFIRMED, comment="c")
    log = log_of(created(), decision)
    log.add(S, started(), kind="SomethingFromTheFuture")
    state = batch_state(log.stream(S))
    assert state.raw_kinds == ("DecisionMade", "SomethingFromTheFuture")
    assert state.version == 3


END = b.BatchEnded(batch="7", ended_at=40, outcome="completed")


@pytest.mark.parametrize(
    ("bodies", "body", "words"),
    [
        ([], started(), "does not exist"),
        ([created()], created(), "exists already"),
        ([created()], b.BatchEnded(batch="8", ended_at=1, outcome="aborted"), "does not belong"),
        ([created(started_at=50)], END, "before its start"),
        ([created(), started(10)], END, "still running"),
        ([created(), END], END, "has ended already"),
        ([created(), started()], started(11), "has started already"),
        ([created(), started()], started(11, run=2), "while run 1 goes on"),
        ([created(started_at=50)], started(10), "before the batch"),
        ([created(), END], started(41), "after the batch ended"),
        ([created()], ended(), "has not started"),
        ([created(), started(10)], ended(9), "before its start"),
        ([created(), started(10), ended(20)], ended(21), "has ended already"),
        (
            [created()],
            b.BatchCorrected(batch="7", field="product", old="Q", new="R", reason="r"),
            "recorded as 'P', not 'Q'",
        ),
        (
            [created(), started(10)],
            b.BatchCorrected(batch="7", field="started_at", old="", new=to_iso(11), reason="r"),
            "would start .* before the batch",
        ),
        (
            [created(started_at=3)],
            b.BatchCorrected(batch="7", field="started_at", old="", new=to_iso(1), reason="r"),
            "started_at is recorded as",
        ),
        (
            [
                created(),
                started(10),
                ended(20),
                b.BatchEnded(batch="7", ended_at=30, outcome="aborted"),
            ],
            b.BatchCorrected(
                batch="7", field="ended_at", old=to_iso(30), new=to_iso(19), reason="r"
            ),
            "would end .* after the batch ended",
        ),
        (
            [created()],
            b.BatchCorrected(batch="7", field="outcome", old="", new="aborted", reason="r"),
            "has not ended",
        ),
        (
            [created(), END],
            b.BatchCorrected(batch="7", field="started_at", old="", new=to_iso(41), reason="r"),
            "before its start",
        ),
        (
            [created()],
            b.ConsumptionCorrected(batch="7", entry=1, old=("a", "b", ""), new=None, reason="r"),
            "no consumption",
        ),
    ],
)
def test_impossible_events_are_refused(bodies, body, words):
    state = fold(*bodies)
    with pytest.raises((BadInputError, ConflictError), match=words):
        check_next(state, body)


def test_a_correction_names_the_value_that_is_recorded():
    state = fold(created(), started(10), ended(20))
    good = b.PhaseCorrected(
        batch="7",
        place="site/cell/u1",
        phase="blending",
        field="started_at",
        old=10,
        new=5,
        reason="r",
    )
    check_next(state, good)
    for change in ({"old": 11}, {"new": 21}, {"run": 2}):
        with pytest.raises((BadInputError, ConflictError)):
            check_next(state, good.model_copy(update=change))


def test_every_entry_of_the_head_can_be_corrected():
    log, state = Log(), BatchState()
    for body in (
        created(place="a", started_at=5),
        started(10),
        END.model_copy(update={"outcome": "aborted"}),
    ):
        state = state.after(log.add(S, body))
    for field, old, new in (
        ("outcome", "aborted", "completed"),
        ("place", "a", "b"),
        ("started_at", "1970-01-01T01:00:00.000005+01:00", to_iso(4)),
        ("started_at", to_iso(4), ""),
        ("attributes.line", "", "A"),
    ):
        body = b.BatchCorrected(batch="7", field=field, old=old, new=new, reason="r")
        check_next(state, body)
        state = state.after(log.add(S, body))
    assert (state.outcome, state.started_at, state.n_corrections) == ("completed", None, 5)
    assert (state.entries["place"], state.entries["attributes.line"]) == ("b", "A")
    row = log.table(b.BATCHES)[("7",)]
    assert (row["outcome"], row["started_at"], row["place"]) == ("completed", None, "b")
    assert json.loads(row["attributes"]) == {"line": "A"}


@pytest.mark.parametrize(
    ("field", "new"),
    [
        ("outcome", "lost"),
        ("outcome", ""),
        ("product", ""),
        ("ended_at", ""),
        ("started_at", "noon"),
        ("started_at", "2018-10-31T15:33:20"),
        ("size", "about 3"),
        ("batch", "8"),
    ],
)
def test_a_correction_reads_as_an_entry_would(field, new):
    with pytest.raises(ValidationError):
        b.BatchCorrected(batch="7", field=field, old="x", new=new, reason="r")
    with pytest.raises(ValidationError):
        b.SampleCorrected(sample="s", field="taken_at", old="", new="noon", reason="r")
    with pytest.raises(ValidationError):
        b.BatchCorrected(batch="7", field="recipe", old="", new="R", reason="")


def test_a_withdrawn_consumption_cannot_be_corrected_again():
    body = b.MaterialConsumed(batch="7", material="api", lot="L1", quantity="1 kg")
    gone = b.ConsumptionCorrected(
        batch="7", entry=2, old=("api", "L1", "1 kg"), new=None, reason="r"
    )
    state = fold(created(), body)
    check_next(state, gone)
    with pytest.raises(ConflictError, match="consumption 2 is recorded as"):
        check_next(state, gone.model_copy(update={"old": ("api", "L1", "2 kg")}))
    with pytest.raises(BadInputError, match="no consumption that stands"):
        check_next(fold(created(), body, gone), gone)


def test_projections_pass_over_what_they_have_no_row_for():
    end = b.BatchEnded(batch="7", ended_at=4, outcome="aborted")
    log = log_of(end, ended(20), b.ConsumptionCorrected(
        batch="7", entry=1, old=("a", "b", ""), new=None, reason="r"))  # fmt: skip
    log.add(
        "lot/a/b",
        b.LotCorrected(material="a", lot="b", field="supplier", old="", new="s", reason="r"),
    )
    log.add("sample/s", b.SampleCorrected(sample="s", field="point", old="", new="p", reason="r"))
    for projection in (b.BATCHES, b.GENEALOGY, b.LOTS, b.SAMPLES):
        assert log.table(projection) == {}
    (row,) = log.table(b.PHASES).values()
    assert (row["started_at"], row["ended_at"]) == (None, 20)
    assert batch_state(log.stream(S)).phase_windows("blending") == ((20, 20),)


def test_a_late_entry_after_the_end_is_taken():
    state = fold(created(), END)
    check_next(state, started(10))
    check_next(state, b.MaterialConsumed(batch="7", material="api", lot="L1"))


bodies = st.one_of(
    st.builds(created, started_at=st.none() | st.integers(0, 9)),
    st.builds(started, st.integers(0, 50), st.integers(1, 2), st.sampled_from(["a", "b"])),
    st.builds(ended, st.integers(0, 50), st.integers(1, 2), st.sampled_from(["a", "b"])),
    st.builds(
        b.BatchEnded,
        batch=st.just("7"),
        ended_at=st.integers(0, 60),
        outcome=st.sampled_from(["completed", "aborted"]),
    ),
)


@given(st.lists(bodies, max_size=25))
def test_what_passes_the_check_never_contradicts_itself(candidates):
    log, state = Log(), BatchState()
    for body in [created(), *candidates]:
        try:
            check_next(state, body)
        except (BadInputError, ConflictError):
            continue
        state = state.after(log.add(S, body))
        for run in state.phases.values():
            assert run.ended_at is None or run.ended_at >= run.started_at
            assert state.started_at is None or run.started_at >= state.started_at
        if state.outcome == "completed":
            assert all(run.started_at <= state.ended_at for run in state.open_phases)
        start, end = state.window
        assert start is None or end is None or start <= end
    assert state == batch_state(log.stream(S))
    table = log.table(b.PHASES)
    assert {key[1:]: row["started_at"] for key, row in table.items()} == {
        key: run.started_at for key, run in state.phases.items()
    }


def test_dirty_equipment_is_cleaned_before_use():
    status = EquipmentStatus
    assert status.IN_USE not in TRANSITIONS[status.TO_BE_CLEANED]
    assert TRANSITIONS.keys() == set(status)
    state = EquipmentState("u1", status.TO_BE_CLEANED, since=5)
    with pytest.raises(BadInputError, match="'to be cleaned' cannot become 'in use'"):
        check_status(state, b.EquipmentStatusChanged(place="u1", status="in use", at=6))
    check_status(state, b.EquipmentStatusChanged(place="u1", status="clean", at=6, expires_at=9))


def test_clean_expires():
    body = b.EquipmentStatusChanged(place="u1", status="clean", at=6, expires_at=9)
    state = equipment_state(log_of(body, stream="equipment/u1").events)
    assert state.status_at(8) is EquipmentStatus.CLEAN
    assert state.status_at(9) is EquipmentStatus.TO_BE_CLEANED
    use = b.EquipmentStatusChanged(place="u1", status="in use", at=8)
    check_status(state, use)
    with pytest.raises(BadInputError, match="cannot become"):
        check_status(state, use.model_copy(update={"at": 9}))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"status": "idle", "at": 4}, "before its last change"),
        ({"status": "idle", "at": 6, "expires_at": 9}, "only status 'clean'"),
        ({"status": "clean", "at": 6, "expires_at": 6}, "after it began"),
        ({"status": "hold", "at": 6}, "needs a reason"),
    ],
)
def test_impossible_changes_of_status_are_refused(body, words):
    state = EquipmentState("u1", EquipmentStatus.SET_UP, since=5)
    with pytest.raises(BadInputError, match=words):
        check_status(state, b.EquipmentStatusChanged(place="u1", **body))


statuses = st.sampled_from(list(EquipmentStatus))


@given(st.lists(statuses, max_size=30))
def test_no_path_leads_from_dirty_to_use_without_cleaning(path):
    state, is_dirty = EquipmentState("u1", EquipmentStatus.TO_BE_CLEANED, since=0), True
    for at, status in enumerate(path, start=1):
        body = b.EquipmentStatusChanged(place="u1", status=status, at=at, reason="r")
        try:
            check_status(state, body)
        except BadInputError:
            continue
        state = state.after(body)
        is_dirty = is_dirty and status is not EquipmentStatus.CLEAN
        assert not (is_dirty and status in (EquipmentStatus.IN_USE, EquipmentStatus.SET_UP))
