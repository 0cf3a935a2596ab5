"""A release test from any events: after a failure nothing passes, and only quality ends it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenbatch.core.people import Meaning
from goldenbatch.core.release_life import (
    ReleaseState,
    in_force,
    registration_standings,
    release_test_state,
)
from goldenbatch.core.release_pages import (
    ReleaseEvidenceApproved,
    ReleaseEvidenceKept,
    ReleaseEvidenceReviewed,
    page_state,
    page_stream,
)
from goldenbatch.core.release_parts import is_sterility, sterility_fault
from goldenbatch.core.release_records import registration_id
from goldenbatch.core.release_rows import PAGE_ROWS, REGISTRATION_ROWS, TEST_ROWS
from tests.core import releases as made
from tests.core.log import Log

S = ReleaseState
KINDS = (
    "passes", "fails", "trends", "none", "within", "outside", "opened", "called",
    "concluded", "unsigned", "by_runner", "stale", "reviewed", "node",
)  # fmt: skip


def take(log, kind):
    """Append one event of a kind, lawful or not, as anybody could."""
    stream = made.STREAM
    state = release_test_state(log.stream(stream))
    last = state.opened if state else 0
    plain = {
        "passes": made.tested, "fails": lambda: made.tested("fails"),
        "trends": lambda: made.tested("trends_to_failure"),
        "none": lambda: made.tested("no_valid_prediction"), "within": made.linked,
        "outside": lambda: made.linked(within=False), "called": made.called,
        "opened": lambda: made.opened(len(log.stream(stream)) + 1),
    }  # fmt: skip
    if kind in plain:
        log.add(stream, plain[kind](), "runner")
    elif kind == "node":
        log.add(stream, made.tested(), "node")
    elif not log.stream(stream) or not last:
        return
    elif kind == "unsigned":
        log.add(stream, made.concluded(last), "qa")
    elif kind == "reviewed":
        made.sign(log, stream, made.concluded(last), "qa", Meaning.REVIEWED)
    else:
        who = "runner" if kind == "by_runner" else "qa"
        number = max(1, last - 1) if kind == "stale" else last
        made.sign(log, stream, made.concluded(number), who)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(KINDS), max_size=9))
def test_after_a_failure_only_a_signed_conclusion_ends_it_and_nothing_passes(kinds):
    log, has_failed = Log(), False
    before = None
    for kind in kinds:
        take(log, kind)
        found = release_test_state(log.stream(made.STREAM))
        state = found.state if found else None
        has_failed |= kind in ("fails", "trends", "opened") or (
            kind == "outside" and before is not None
        )
        if has_failed:
            assert state in (S.INVESTIGATION, S.CONCLUDED)
            assert not found.is_passed
        if before is S.INVESTIGATION and state is not S.INVESTIGATION:
            assert kind == "concluded" and state is S.CONCLUDED
        before = state
    row = log.table(TEST_ROWS)
    if found_rows := list(row.values()):
        # The row knows no more of signatures than that they came; it is never kinder than the fold.
        assert not has_failed or found_rows[0]["state"] != S.PASSES.value


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        (["passes"], S.PASSES),
        (["passes", "none"], S.CONTINGENCY),
        (["none", "passes"], S.CONTINGENCY),
        (["none", "called", "within"], S.LABORATORY),
        (["none", "called", "within", "passes"], S.LABORATORY),
        (["none", "outside"], S.INVESTIGATION),
        (["passes", "outside"], S.INVESTIGATION),
        (["fails", "opened", "within", "passes"], S.INVESTIGATION),
        (["fails", "opened", "concluded"], S.CONCLUDED),
        (["fails", "opened", "concluded", "passes", "within"], S.CONCLUDED),
        (["fails", "opened", "concluded", "fails"], S.INVESTIGATION),
        # A failure without an opening of its own is not ended by what concluded an older one.
        (["fails", "opened", "concluded", "fails", "concluded"], S.INVESTIGATION),
        (["within"], None),
        (["node"], None),
    ],
)
def test_steps_lead_where_the_table_says(kinds, state):
    log = Log()
    for kind in kinds:
        take(log, kind)
    found = release_test_state(log.stream(made.STREAM))
    assert (found.state if found else None) is state
    rows = log.table(TEST_ROWS)
    if state is not None and "node" not in kinds:
        assert next(iter(rows.values()))["state"] == state.value or len(kinds) == 5


def test_an_event_of_another_batch_counts_for_nothing():
    log = Log()
    log.add("release-test/B2/EU/assay", made.tested(), "runner")
    found = release_test_state(log.stream("release-test/B2/EU/assay"))
    assert found.state is None and "another batch" in found.faults[0]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"upper": "105.06"}, "upper end"),
        ({"lower": ""}, "lower end"),
        ({"inputs": ()}, "an input has a fault"),
        ({"input_digest": ""}, "needs a prediction"),
        ({"model": None}, "needs a prediction"),
        ({"prediction": None}, "needs a prediction"),
        ({"confidence": 0.95}, "confidence"),
        ({"trend": ("above the action limit",)}, "trends"),
    ],
)
def test_what_is_no_pass_cannot_be_recorded_as_one(changes, why):
    with pytest.raises(ValidationError, match=why):
        made.tested(**changes)


def test_ends_are_rounded_to_the_digits_of_the_limit():
    assert made.tested(upper="105.04").outcome == "passes"


def test_no_pass_of_sterility_can_be_recorded():
    with pytest.raises(ValidationError, match="never predicted"):
        made.tested(attribute="Sterility", manufacture="aseptic")


def test_no_pass_with_an_input_that_has_a_fault():
    bad = made.read("", fault="missing_input", why="no reading")
    with pytest.raises(ValidationError, match="an input has a fault"):
        made.tested(inputs=(bad,))


# ---- registrations ----------------------------------------------------------------------------


def standing(log, now=10):
    return in_force(registration_standings(log.stream(made.REGISTERED)), now)


def test_a_registration_counts_once_another_person_signed_it():
    log = Log()
    first = log.add(made.REGISTERED, made.proposed(), "dev")
    assert standing(log) is None
    made.sign(log, made.REGISTERED, made.approves(first), "dev")
    assert standing(log) is None  # who entered it approves nothing of it
    log.add(made.REGISTERED, made.approves(first), "qa")
    assert standing(log) is None  # unsigned
    made.sign(log, made.REGISTERED, made.approves(first), "qa")
    assert standing(log).version == 1
    row = log.table(REGISTRATION_ROWS)[registration_id(**made.OF),]
    assert (row["approved"], row["approved_by"]) == (1, "qa")


def test_a_withdrawal_takes_all_earlier_versions_with_it():
    log = Log()
    for version in (1, 2):
        event = log.add(made.REGISTERED, made.proposed(version), "dev")
        made.sign(log, made.REGISTERED, made.approves(event, version), "qa")
    assert standing(log).version == 2
    log.add(made.REGISTERED, made.withdrawn(2), "qa")
    assert standing(log) is None
    event = log.add(made.REGISTERED, made.proposed(3), "dev")
    assert standing(log) is None
    made.sign(log, made.REGISTERED, made.approves(event, 3), "qa")
    assert standing(log).version == 3


def test_a_version_that_begins_later_leaves_the_one_before_in_force():
    log = Log()
    for version, begins in ((1, 0), (2, 100)):
        event = log.add(made.REGISTERED, made.proposed(version, effective_from=begins), "dev")
        made.sign(log, made.REGISTERED, made.approves(event, version), "qa")
    assert [standing(log, now).version for now in (10, 100)] == [1, 2]


def test_nothing_is_in_force_from_before_it_was_signed():
    log = Log()
    event = log.add(made.REGISTERED, made.proposed(effective_from=-50), "dev")
    made.sign(log, made.REGISTERED, made.approves(event), "qa")
    assert standing(log, -10) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"bound": "upper"}, "does not answer"),
        ({"limit": {**made.LIMIT, "kind": "alert"}}, "kind release"),
        ({"limit": {"kind": "release", "allowed": ["complies"]}}, "with bounds"),
        ({"inputs": []}, "at least 1"),
        ({"inputs": [{"name": "x", "kind": "batch", "of": "a"}] * 2}, "twice"),
        ({"inputs": [{"name": "x", "kind": "lot", "of": "a"}]}, "names a material"),
        ({"trend": {}}, "neither an action limit"),
        ({"trend": {"rules": ["nelson-2"]}}, "centre and sigma"),
        ({"confidence": 0.5}, "greater than or equal to 0.8"),
        ({"dossier": ""}, "at least 3"),
        ({"market": "EU "}, "pattern"),
        ({"market": "\u00a0EU"}, "pattern"),
        ({"market": "E\nU"}, "pattern"),
        ({"inputs": [{"name": "x", "kind": "result", "of": "assay"}]}, "is the answer"),
        ({"inputs": [{"name": "x", "kind": "batch", "of": "Assay"}]}, "is the answer"),
    ],
)
def test_an_impossible_registration_is_refused(changes, why):
    with pytest.raises(ValidationError, match=why):
        made.registration(**changes)


# ---- sterility --------------------------------------------------------------------------------

STERILE = (
    "Ph.Eur.2.6.1", "Ph. Eur. 2.6.1.", "text 20601", "USP General Chapter 71", "absence of growth",
    "st\u0435rility", "steriiliys", "freedom from micro-organisms",
    "sterility", "Sterility test", "STERILE", "Sterilität", "stérilité", "sterilnost",
    "esterilidad", "sterylność", "st\u200berility", "стерильность", "無菌試験", "Ph. Eur. 2.6.1",
    "USP <71>", "absence of viable microorganisms", "no growth", "aseptic assurance",
    "ｓｔｅｒｉｌｉｔｙ", "SAL 10⁻⁶",
)  # fmt: skip


@pytest.mark.parametrize("name", STERILE)
def test_sterility_is_seen_in_whatever_words(name):
    assert is_sterility(name)
    assert "never predicted" in sterility_fault("aseptic", "", "assay", name)
    assert "alone" in sterility_fault("non_sterile", "", name)
    assert not sterility_fault("terminally_sterilised", "terminally_sterilised", name)
    assert "master data" in sterility_fault("terminally_sterilised", "", name)


@pytest.mark.parametrize("name", ["assay", "total impurities", "Ph. Eur. 2.6.12", "stearate", "pH"])
def test_other_attributes_are_none(name):
    assert not is_sterility(name)
    assert not sterility_fault("aseptic", "aseptic", name)


def test_two_sources_that_disagree_refuse_everything():
    assert "which is it" in sterility_fault("terminally_sterilised", "aseptic", "assay")


# ---- pages ------------------------------------------------------------------------------------


def kept():
    return ReleaseEvidenceKept(
        batch="B1", market="EU", tests={made.STREAM: 1}, files={"html": made.ONE}, written_at=0
    )


def test_a_page_is_signed_by_others_than_wrote_it_and_a_new_one_is_unsigned():
    log, stream = Log(), page_stream("B1", "EU")
    log.add(stream, kept(), "writer")
    said = {"batch": "B1", "market": "EU", "page": 1, "reason": "looked at"}
    made.sign(log, stream, ReleaseEvidenceReviewed(**said), "writer", Meaning.REVIEWED)
    assert page_state(log.stream(stream)).reviewed == ()
    made.sign(log, stream, ReleaseEvidenceReviewed(**said), "rev", Meaning.REVIEWED)
    made.sign(log, stream, ReleaseEvidenceApproved(**said), "qa")
    found = page_state(log.stream(stream))
    assert [who for who, _ in found.reviewed] == ["rev"]
    assert [who for who, _ in found.approved] == ["qa"]
    row = log.table(PAGE_ROWS)["B1/EU",]
    assert (row["kept_by"], row["reviewed_by"], row["approved_by"]) == ("writer", "rev", "qa")
    log.add(stream, kept(), "writer")
    found = page_state(log.stream(stream))
    assert (found.at, found.reviewed, found.approved) == (8, (), ())
    assert log.table(PAGE_ROWS)["B1/EU",]["approved_by"] == ""
