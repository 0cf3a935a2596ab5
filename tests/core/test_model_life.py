"""A version's life: no step is skipped, nothing unsigned counts, and one version serves."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import ConflictError
from goldenbatch.core.model_life import SIGNED_AS, Stage, version_state
from goldenbatch.core.model_line import LineState, Serving, line_state, serving_fault
from goldenbatch.core.model_records import (
    CriteriaFixed,
    IntendedUseStated,
    ModelApproved,
    ModelTested,
    ModelTrained,
    ModelValidated,
    TestDataBound,
)
from goldenbatch.core.model_rows import MODEL_LINES, MODEL_VERSIONS, line_of
from goldenbatch.core.people import Meaning
from tests.core import lives
from tests.core.lives import ONE, TWO, USE, step, version_events, whole
from tests.core.log import Log

ORDER = [
    Stage.DRAFTED, Stage.INTENDED, Stage.CRITERIA, Stage.SEALED, Stage.TRAINED, Stage.TESTED,
    Stage.VALIDATED, Stage.APPROVED,
]  # fmt: skip
STEPS = {
    "intended": lives.intended,
    "criteria": lives.criteria,
    "bound": lives.bound,
    "trained": lives.trained,
    "tested": lives.tested,
    "failed": lambda: lives.tested(is_passed=False),
    "validated": lives.validated,
    "approved": lives.approved,
    "retrained": lambda: lives.trained(digest=TWO),
    "tested otherwise": lambda: lives.tested(digest=TWO),
    "tested on another set": lambda: lives.tested(test_set="T2"),
    "tested on few": lambda: lives.tested(n_rows=4),
    "other criteria": lambda: lives.criteria(some=lives.CRITERIA[:1]),
    "tested against one": lambda: lives.tested(some=lives.CRITERIA[:1]),
    "another set": lambda: lives.bound(test_set="T2"),
    "of another version": lambda: lives.intended(version=2),
}
SIGNING = {
    "rightly": {},
    "not": {"meaning": ""},
    "as another meaning": {"meaning": "certified"},
    "by another": {"signer": "u9"},
    "recorded by another": {"recorder": "u9"},
    "over another text": {"proposal": "f" * 64},
}


def state_of(log, version=1):
    before = state_of(log, version - 1) if version > 1 else None
    return version_state(version_events(log, version), before)


def test_a_whole_life():
    log = Log()
    whole(log)
    step(log, lives.approved(), "quality")
    state = state_of(log)
    assert (state.stage, state.faults) == (Stage.APPROVED, ())
    assert state.intended == lives.INTENDED
    assert state.trainers == {"data"}
    assert state.people[ModelTested.kind] == {"tester"}
    assert state.ref(ModelApproved) == f"model/{USE}/1@13"
    assert state.head == 14


def test_all_steps_of_the_contract_have_a_meaning():
    assert SIGNED_AS == {
        IntendedUseStated: Meaning.REVIEWED,
        CriteriaFixed: Meaning.REVIEWED,
        ModelTrained: Meaning.PERFORMED,
        ModelTested: Meaning.PERFORMED,
        ModelValidated: Meaning.VERIFIED,
        ModelApproved: Meaning.APPROVED,
    }


@st.composite
def events(draw):
    """Any steps in any order, most of them signed rightly, so that lives get somewhere."""
    log, some = Log(), list(STEPS)
    step(log, lives.drafted())
    rightly = draw(st.integers(0, 8))
    names = some[:1] + some[1:5] + ["validated", "approved"]
    for name in names[:rightly]:
        step(log, STEPS[name](), draw(st.sampled_from(["u1", "u2"])))
    for _ in range(draw(st.integers(0, 10))):
        name = draw(st.sampled_from(some))
        how = draw(st.sampled_from(["rightly", *SIGNING]))
        step(log, STEPS[name](), draw(st.sampled_from(["u1", "u2"])), stream=f"model/{USE}/1",
             **SIGNING[how])  # fmt: skip
    return log


@settings(max_examples=60, deadline=None)
@given(events())
def test_no_sequence_skips_a_step(log):
    """Stages move by one step ahead, or back to an earlier one; nothing leads past a failure."""
    reached = [Stage.DRAFTED]
    for end in range(1, len(log.events) + 1):
        state = version_state(log.events[:end])
        if state.stage is reached[-1]:
            continue
        reached.append(state.stage)
        if state.stage is Stage.FAILED:
            assert reached[-2] is Stage.TRAINED
            continue
        assert reached[-2] is not Stage.FAILED
        assert ORDER.index(state.stage) <= ORDER.index(reached[-2]) + 1
    state = version_state(log.events)
    if state.stage in ORDER[4:]:  # whatever led there, all of it holds together
        assert state.intended is not None
        assert state.criteria is not None
        assert state.trained is not None
    if state.stage in (Stage.TESTED, Stage.VALIDATED, Stage.APPROVED):
        assert state.tested.digest == state.trained.digest
        assert state.tested.test_set == state.bound.test_set
        assert tuple(one.criterion for one in state.tested.outcomes) == state.criteria.criteria
        assert state.tested.n_rows >= state.criteria.n_least
        order = [
            state.steps[kind.kind]
            for kind in (IntendedUseStated, CriteriaFixed, ModelTrained, ModelTested)
        ]
        assert order == sorted(order)


@settings(max_examples=60, deadline=None)
@given(events())
def test_the_table_says_what_the_fold_says(log):
    for end in range(1, len(log.events) + 1):
        part = Log()
        part.events = log.events[:end]
        (row,) = part.table(MODEL_VERSIONS).values()
        state = version_state(part.events)
        assert row["stage"] == state.stage.value
        assert row["digest"] == (state.trained.digest if state.trained else "")
        assert row["test_set"] == (state.bound.test_set if state.bound else "")
        assert row["head"] == state.head
        assert row["purpose"] == (state.intended.purpose if state.intended else "")


@pytest.mark.parametrize("how", [one for one in SIGNING if one != "rightly"])
@pytest.mark.parametrize("name", ["intended", "criteria", "trained", "tested", "validated",
                                  "approved"])  # fmt: skip
def test_a_step_without_its_signature_never_counts(name, how):
    log = Log()
    step(log, lives.drafted())
    for one in ("intended", "criteria", "bound", "trained", "tested", "validated", "approved"):
        before = state_of(log).stage
        step(log, STEPS[one](), **(SIGNING[how] if one == name else {}))
        if one == name:
            state = state_of(log)
            assert state.stage is before
            assert len(state.faults) == 1
            assert "was not signed as" in state.faults[0]
            return


def test_evidence_that_does_not_hold_counts_for_nothing():
    log = Log()
    whole(log)
    step(log, lives.approved(), "quality")
    events_ = version_events(log)

    def fault(signature):
        return "forged" if signature.meaning is Meaning.PERFORMED else ""

    state = version_state(events_, fault=fault)
    assert state.stage is Stage.SEALED
    assert len(state.faults) == 4  # trained and tested, and with them all that rests on them


def test_what_the_signer_was_not_shown_is_not_signed():
    log = Log()
    step(log, lives.drafted())
    step(log, lives.intended(), "sme")
    step(log, lives.criteria(), "sme", shown=-2)  # they were shown the draft, not the statement
    assert state_of(log).stage is Stage.INTENDED


def test_training_anew_takes_all_that_was_shown_of_the_old_artefact():
    log = Log()
    step(log, lives.drafted())
    for one in ("intended", "criteria", "bound", "trained", "retrained"):
        step(log, STEPS[one]())
    state = state_of(log)
    assert (state.stage, state.trained.digest) == (Stage.TRAINED, TWO)
    step(log, lives.tested(digest=ONE))
    assert state_of(log).stage is Stage.TRAINED
    step(log, lives.tested(digest=TWO))
    step(log, lives.trained(digest=ONE))  # after the test nothing is trained any more
    state = state_of(log)
    assert (state.stage, state.trained.digest) == (Stage.TESTED, TWO)
    assert len(state.faults) == 2


def test_criteria_are_fixed_before_training_and_never_after():
    log = Log()
    step(log, lives.drafted())
    for one in ("intended", "criteria", "bound"):
        step(log, STEPS[one]())
    step(log, STEPS["other criteria"]())
    state = state_of(log)
    assert (state.stage, state.criteria.criteria) == (Stage.SEALED, lives.CRITERIA[:1])
    step(log, lives.trained())
    step(log, lives.criteria())
    state = state_of(log)
    assert state.criteria.criteria == lives.CRITERIA[:1]
    assert "cannot follow trained" in state.faults[0]
    with pytest.raises(ConflictError, match="is trained: CriteriaFixed cannot follow"):
        state.require(CriteriaFixed)
    state.require(ModelTested)


def test_a_failed_test_is_the_end_of_a_version():
    log = Log()
    step(log, lives.drafted())
    for one in ("intended", "criteria", "bound", "trained", "failed", "tested", "validated"):
        step(log, STEPS[one]())
    state = state_of(log)
    assert state.stage is Stage.FAILED
    assert len(state.faults) == 2
    for kind in (TestDataBound, ModelTrained, ModelTested, ModelValidated, ModelApproved):
        with pytest.raises(ConflictError):
            state.require(kind)


def test_a_stream_that_begins_with_anything_else_is_no_version():
    log = Log()
    step(log, lives.intended())
    assert version_state(log.events) is None
    other = Log()
    step(other, lives.drafted(2), stream=f"model/{USE}/1")
    assert version_state(other.events) is None
    assert other.table(MODEL_VERSIONS) == {}
    assert version_state([]) is None


# ---- updates ----------------------------------------------------------------------------------


def update(log, verdict="holds", **judged):
    whole(log)
    step(log, lives.approved(), "quality")
    whole(log, 2, TWO, follows=1, plan="P@1", modification="more batches")
    step(log, lives.judged(2, TWO, verdict, **judged), "sme")
    number = version_events(log, 2)[-1].envelope.version
    return f"model/{USE}/2@{number}"


def test_an_update_goes_on_from_the_criteria_of_what_it_follows():
    log = Log()
    whole(log)
    step(log, lives.drafted(2, follows=1), "data")
    assert state_of(log, 2).faults  # what it follows is not approved
    log = Log()
    ref = update(log)
    state = state_of(log, 2)
    assert (state.stage, state.faults) == (Stage.VALIDATED, ())
    assert state.intended == lives.INTENDED
    step(log, lives.approved(2, TWO, "in_plan", judgement=ref), "quality")
    assert state_of(log, 2).stage is Stage.APPROVED
    assert log.table(MODEL_VERSIONS)[USE, 2]["stage"] == "approved"
    assert log.table(MODEL_VERSIONS)[USE, 2]["purpose"] == lives.INTENDED.purpose


@pytest.mark.parametrize(
    ("judged", "basis", "why"),
    [
        ({"verdict": "fails"}, "in_plan", "the gate said in_plan_fail"),
        ({"verdict": "outside"}, "in_plan", "the gate said out_of_plan"),
        ({"verdict": "missing"}, "in_plan", "the gate said evidence_missing"),
        ({"follows": 7}, "in_plan", "newest judgement"),
        ({"plan": ("Q", "1")}, "in_plan", "newest judgement"),
        ({"plan": ("P", "2")}, "in_plan", "newest judgement"),
        ({}, "first", "an update is no first version"),
    ],
)
def test_an_approval_within_a_plan_rests_on_a_pass_of_the_gate(judged, basis, why):
    log = Log()
    ref = update(log, **judged)
    more = {"judgement": ref} if basis == "in_plan" else {}
    step(log, lives.approved(2, TWO, basis, **more), "quality")
    state = state_of(log, 2)
    assert state.stage is Stage.VALIDATED
    assert why in state.faults[-1]
    assert log.table(MODEL_VERSIONS)[USE, 2]["stage"] == "validated"


def test_a_later_judgement_takes_the_place_of_an_earlier_one():
    log = Log()
    ref = update(log)
    step(log, lives.judged(2, TWO, "fails"), "sme")
    step(log, lives.approved(2, TWO, "in_plan", judgement=ref), "quality")
    assert state_of(log, 2).stage is Stage.VALIDATED


def test_by_change_control_no_gate_is_asked():
    log = Log()
    whole(log)
    step(log, lives.approved(), "quality")
    whole(log, 2, TWO, follows=1)
    step(log, lives.approved(2, TWO, "change_control", change="CC-7"), "quality")
    assert state_of(log, 2).stage is Stage.APPROVED


# ---- which version serves -----------------------------------------------------------------------

LINE = {
    **{f"activate {n}": lives.activated(n) for n in (1, 2, 3)},
    **{f"suspend {n} for {m}": lives.suspended(n, m) for n in (1, 2, 3) for m in (0, 1, 2, 3)
       if n != m},
    **{f"retire {n}": lives.retired(n) for n in (1, 2, 3)},
    "of another use": lives.activated(1).model_copy(update={"use": "other"}),
}  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(sorted(LINE)), max_size=14))
def test_one_version_serves_and_none_only_after_an_event_that_says_so(names):
    log, state = Log(), LineState(USE)
    for name in names:
        before = state
        step(log, LINE[name], stream=f"model/{USE}")
        events_ = lives.line_events(log)
        state = line_state(USE, events_)
        word, *rest = name.split()
        is_fault = len(state.faults) > len(before.faults)
        if word == "activate":
            number = int(rest[0])
            assert (state.active == number) != is_fault
            assert is_fault == (number in before.retired)
        elif word == "suspend" and before.active == int(rest[0]):
            fallback = int(rest[-1])
            stopped = before.suspended | before.retired
            may = not fallback or fallback in set(before.activated) - stopped
            assert state.active == (fallback if may else 0)
            assert int(rest[0]) in state.suspended
        elif word == "retire" and before.active == int(rest[0]):
            assert state.active == 0
            assert int(rest[0]) in state.retired
        else:
            assert state.active == before.active
        assert state.active not in state.retired
        rows = log.table(MODEL_LINES)
        told = line_of(rows.get((USE,)), USE)
        assert dataclasses.replace(told, faults=state.faults, head=state.head) == state


def test_what_is_retired_or_suspended_is_no_fallback():
    log = Log()
    for name in ("activate 1", "activate 2", "suspend 2 for 1", "activate 3", "suspend 3 for 2"):
        step(log, LINE[name], stream=f"model/{USE}")
    state = line_state(USE, lives.line_events(log))
    assert (state.active, state.is_fallback, state.suspended) == (0, True, {2, 3})
    assert "version 2 cannot be the fallback" in state.faults[0]
    assert state.activated == (1, 2, 3)


def test_only_what_was_approved_may_serve():
    log = Log()
    whole(log)
    state = state_of(log)
    serving = Serving(1, ONE, lives.JSON, f"model/{USE}/1@13", 40)
    assert "is validated, not approved" in serving_fault(serving, state)
    step(log, lives.approved(), "quality")
    state = state_of(log)
    assert serving_fault(serving, state) == ""
    assert "another digest than" in serving_fault(dataclasses.replace(serving, digest=TWO), state)
    other = dataclasses.replace(serving, approval="model/x/1@2", media_type="text/plain")
    assert "another approval and media_type" in serving_fault(other, state)
    assert "never drafted" in serving_fault(serving, None)
    assert "no version is active" in serving_fault(Serving(0), state)
    assert LineState(USE, serving).stage(state) is Stage.ACTIVE
