"""Sealed test sets: two people open one, each access counts, nothing unsigned has an effect."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenbatch.core.errors import ConflictError
from goldenbatch.core.model_card import DataRange, DataUsed
from goldenbatch.core.signatures import proposal_digest, statement_for
from goldenbatch.core.test_set_records import (
    Cut,
    LabelCheck,
    TestSetRead,
    TestSetRetired,
    TestSetSealed,
    TestSetSelected,
    UnsealingApproved,
    UnsealingAsked,
    sealed_set_stream,
)
from goldenbatch.core.test_sets import SetStage, require_fixed_before, sealed_set_state
from tests.core.log import Log

HASH, ART, OTHER = "0" * 64, "a" * 64, "b" * 64
STREAM = sealed_set_stream("T1")
TIME = Cut(split="time", at=0)


def selected(cut=TIME, digest=HASH):
    return TestSetSelected(
        test_set="T1",
        use="assay",
        title="Autumn batches",
        cut=cut,
        why="the newest batches of both lines",
        labels=LabelCheck(by="QC", how="HPLC, second analyst"),
        source="home",
        data=DataUsed(ranges=(DataRange(what="a/nir", digest=HASH, n=3),)),
        n_rows=3,
        n_independent=3,
        digest=digest,
        media_type="application/vnd.goldenbatch.sealed-rows",
        key="k1",
        inputs=("x",),
        output="assay",
    )


def sealed(**more):
    return TestSetSealed(test_set="T1", digest=more.pop("digest", HASH), **more)


def asked(artefact=ART, version=1):
    return UnsealingAsked(
        test_set="T1", use="assay", version=version, artefact=artefact, reason="first test"
    )


def approved(at, artefact=ART, version=1):
    return UnsealingApproved(
        test_set="T1", use="assay", version=version, artefact=artefact, asked=f"{STREAM}@{at}"
    )


def read(opening, version=1, digest=HASH):
    return TestSetRead(
        test_set="T1", use="assay", version=version, opening=f"{STREAM}@{opening}",
        digest=digest, purpose="test",
    )  # fmt: skip


def step(log, body, by, meaning=None, acting_for=""):
    """Append a body, with the signature that its type asks for unless another is given."""
    before = log.stream(STREAM)[-1] if log.stream(STREAM) else None
    event = log.add(STREAM, body, actor=by, acting_for=acting_for)
    wanted = body.signed_as if meaning is None else meaning
    if wanted and before is not None:
        records = [e for e in log.stream(STREAM)[:-1] if e.kind != "SignatureApplied"]
        statement = statement_for(
            records[-1], HASH, meaning=wanted, signer=by, printed_name=by, role="x", at=0,
            proposal=proposal_digest(body.kind, body.as_json()),
        )  # fmt: skip
        log.add(STREAM, statement.signed("password+home-key"), actor=by)
    return event


def opened():
    log = Log()
    step(log, selected(), "sel")
    step(log, sealed(), "sel")
    ask = step(log, asked(), "tess")
    step(log, approved(ask.envelope.version), "quinn")
    return log


def state(log):
    return sealed_set_state(log.stream(STREAM))


def test_a_set_is_opened_by_two_and_read_by_the_tester():
    log = opened()
    now = state(log)
    assert (now.stage, now.n_openings, now.faults) == (SetStage.SEALED, 1, ())
    opening = now.opening("assay", 1, ART)
    assert (opening.asked_by, opening.approved_by) == ({"tess"}, {"quinn"})
    assert now.opening("assay", 1, OTHER) is None  # trained again: it must be opened again
    step(log, read(opening.approved_at), "tess")
    now = state(log)
    assert [one.is_lawful for one in now.accesses] == [True]
    assert now.people_with_access == {"sel", "tess", "quinn"}
    assert now.seal == f"{STREAM}@2"


def test_who_selected_may_train_only_where_four_eyes_are_declared():
    log = Log()
    step(log, selected(), "sel")
    assert "sel" in state(log).people_with_access
    step(log, sealed(four_eyes="two developers; Quinn trains beside her"), "sel")
    assert state(log).people_with_access == frozenset()


@pytest.mark.parametrize(
    ("body", "by", "meaning", "why"),
    [
        (sealed(), "sel", "", "not signed as performed"),
        (sealed(), "sel", "verified", "not signed as performed"),
        (sealed(digest=OTHER), "sel", None, "other rows than were selected"),
        (sealed(), "another", None, "somebody who did not select"),
        (asked(), "tess", None, "before the seal"),
        (read(1), "tess", None, "before the seal"),
        (selected(), "sel", None, "selected once"),
    ],
)
def test_what_is_unsigned_or_illegal_has_no_effect(body, by, meaning, why):
    log = Log()
    step(log, selected(), "sel")
    step(log, body, by, meaning)
    now = state(log)
    assert (now.sealed, now.pending, now.n_openings) == (None, None, 0)
    assert why in now.faults[0]


def test_a_random_split_needs_a_signed_reason():
    log = Log()
    step(log, selected(Cut(split="random", share=0.3, seed=1)), "sel")
    step(log, sealed(), "sel")
    assert "random split" in state(log).faults[0]
    step(log, sealed(random_reason="one campaign, one lot, no drift seen"), "sel")
    assert state(log).stage is SetStage.SEALED
    with pytest.raises(ValidationError, match="says `share` and `seed`"):
        Cut(split="random", share=0.3)
    with pytest.raises(ValidationError, match="says `lots`"):
        Cut(split="lot")


def test_rows_that_a_model_made_cannot_be_recorded_at_all():
    values = selected().model_dump() | {"origin": "generated"}
    with pytest.raises(ValidationError, match="measured"):
        TestSetSelected.model_validate(values)


@pytest.mark.parametrize(
    ("second", "acting_for", "why"),
    [
        ("tess", "", "tess asked for it and approved it"),
        ("quinn", "tess", "tess asked for it and approved it"),
    ],
)
def test_an_opening_takes_two_people_however_they_call_themselves(second, acting_for, why):
    log = Log()
    step(log, selected(), "sel")
    step(log, sealed(), "sel")
    ask = step(log, asked(), "tess")
    step(log, approved(ask.envelope.version), second, acting_for=acting_for)
    now = state(log)
    assert now.n_openings == 0
    assert why in now.faults[0]


def test_who_asks_in_anothers_place_cannot_be_approved_by_them():
    log = Log()
    step(log, selected(), "sel")
    step(log, sealed(), "sel")
    ask = step(log, asked(), "tess", acting_for="quinn")
    step(log, approved(ask.envelope.version), "quinn")
    assert state(log).n_openings == 0


def test_an_access_without_an_opening_is_a_fault_and_counts_against_the_reader():
    log = opened()
    opening = state(log).openings[0].approved_at
    for by, body in (
        ("thief", read(opening)),
        ("tess", read(opening, version=2)),
        ("tess", read(1)),
        ("tess", read(opening, digest=OTHER)),
    ):
        step(log, body, by)
    now = state(log)
    assert [one.is_lawful for one in now.accesses] == [False] * 4
    assert len(now.faults) == 4
    assert "thief" in now.people_with_access


def test_a_retired_set_stays_shut():
    log = opened()
    step(log, TestSetRetired(test_set="T1", reason="opened often enough"), "quinn")
    step(log, asked(version=2), "tess")
    now = state(log)
    assert (now.stage, now.pending) == (SetStage.RETIRED, None)
    with pytest.raises(ConflictError, match="is retired"):
        now.require_sealed()


def test_criteria_that_were_fixed_after_an_opening_count_for_nothing():
    now = state(opened())
    seq = now.openings[0].seq
    require_fixed_before(now, seq - 1)
    with pytest.raises(ConflictError, match="criteria were fixed after"):
        require_fixed_before(now, seq + 1)


PEOPLE = ("sel", "tess", "quinn", "thief")
BODIES = {
    "seal": lambda n: sealed(),
    "ask": lambda n: asked(),
    "approve": approved,
    "read": read,
    "retire": lambda n: TestSetRetired(test_set="T1", reason="old"),
}
STEP = st.tuples(
    st.sampled_from(sorted(BODIES)),
    st.sampled_from(PEOPLE),
    st.integers(1, 8),
    st.sampled_from([None, None, None, "", "verified"]),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(STEP, max_size=9))
def test_whatever_is_appended_no_lawful_access_lacks_two_people(steps):
    log = Log()
    step(log, selected(), "sel")
    for kind, by, number, meaning in steps:
        step(log, BODIES[kind](number), by, meaning)
    now = state(log)
    for opening in now.openings:
        assert opening.asked_by
        assert opening.approved_by
        assert not opening.asked_by & opening.approved_by
        assert now.sealed_at < opening.asked_at < opening.approved_at
    for access in now.accesses:
        if access.is_lawful:
            before = [o for o in now.openings if o.approved_at < access.at]
            assert any(access.people <= one.asked_by for one in before)
        else:
            assert access.people <= now.people_with_access
    n_bodies = sum(1 for e in log.stream(STREAM)[1:] if e.kind != "SignatureApplied")
    counted = n_bodies - len(now.faults)
    assert counted >= now.n_openings * 2 + (now.sealed is not None) + bool(now.retired)
    # Folding is by prefix: what was lawful once stays so, whatever follows.
    for cut in itertools.islice(range(1, len(log.stream(STREAM))), 6):
        early = sealed_set_state(log.stream(STREAM)[:cut])
        assert now.openings[: early.n_openings] == early.openings
