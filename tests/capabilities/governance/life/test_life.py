"""The life of a version by its acts: who may take which step, and what each rests on."""

import pytest
from tests.capabilities.governance import team
from tests.capabilities.governance.team import USE, act, to
from tests.core import lives

from goldenbatch.capabilities.governance._capability import CAPABILITY
from goldenbatch.capabilities.governance._reading import line_of, version_of
from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    DeniedError,
    IntegrityError,
    NotFoundError,
)
from goldenbatch.core.model_life import Stage
from goldenbatch.testing.conformance import checks


@pytest.mark.parametrize("check", checks(CAPABILITY), ids=str)
def test_conformance(check):
    check.run()


def test_from_the_draft_to_work(governed):
    to(governed, "activate")
    state, line = version_of(governed, USE, 1), line_of(governed, USE)
    assert (state.stage, line.stage(state), state.faults) == (Stage.APPROVED, Stage.ACTIVE, ())
    uids = {login: governed.people.find(login).uid for login in team.PEOPLE}
    takers = state.people
    assert takers["ModelTrained"] == {uids["dana"]}
    assert takers["IntendedUseStated"] == takers["CriteriaFixed"] == {uids["sam"]}
    assert takers["ModelApproved"] == {uids["quinn"]}
    assert [one.side for one in state.validated.evidence] == ["verification", "validation"]
    (row,) = governed.ledger.select("model_version", {"use": USE})
    assert (row["stage"], row["criticality"]) == ("approved", "critical")
    (row,) = governed.ledger.select("model_line", {"use": USE})
    assert (row["active"], row["digest"]) == (1, state.trained.digest)
    assert governed.verify().is_ok


def test_four_people_are_enough_and_three_are_not(governed):
    to(governed, "test")
    evidence = {"evidence": [team.verification(governed)], "statement": "fit"}
    act(governed, "validate", "sam", **evidence)  # who stated the use may judge the evidence
    with pytest.raises(DeniedError, match="those who did the work"):
        act(governed, "approve", "tess", reason="fit")  # who tested approves nothing
    act(governed, "approve", "vera", reason="fit")
    assert version_of(governed, USE, 1).stage is Stage.APPROVED


@pytest.mark.parametrize(
    ("step", "name", "login", "values", "why"),
    [
        ("draft", "intend", "dana", {"intended": team.INTENDED}, "among those who did the work"),
        ("draft", "intend", "otto", {"intended": team.INTENDED}, "needs role"),
        ("draft", "intend", "root", {"intended": team.INTENDED}, "no GMP meaning"),
        ("criteria", "bind", "dana", {"test_set": "T1"}, "among those who did the work"),
        ("validate", "approve", "dana", {"reason": "mine"}, "among those who did the work"),
        ("validate", "approve", "vera", {"reason": "mine"}, "those who verified it"),
        ("validate", "approve", "sam", {"reason": "no"}, "needs role"),
        ("approve", "activate", "dana", {"reason": "mine"}, "among those who did the work"),
        ("approve", "activate", "otto", {"reason": "now"}, "needs role"),
        ("activate", "retire", "sam", {"reason": "old"}, "needs role"),
    ],
)
def test_who_may_not(governed, step, name, login, values, why):
    to(governed, step)
    head = governed.ledger.head()
    with pytest.raises(DeniedError, match=why):
        act(governed, name, login, **values)
    assert governed.ledger.head() == head


def test_who_judged_does_no_work(governed):
    to(governed, "bind")
    with pytest.raises(DeniedError, match="who signed a judgement of it"):
        team.train(governed, "sam")
    team.train(governed)
    with pytest.raises(DeniedError, match="who signed a judgement of it"):
        team.test(governed, "sam")


@pytest.mark.parametrize(
    ("step", "name", "values", "why"),
    [
        ("draft", "criteria", {"criteria": team.CRITERIA, "n_least": 5, "reason": "r"}, "drafted"),
        ("draft", "bind", {"test_set": "T1"}, "is drafted"),
        ("intend", "bind", {"test_set": "T1"}, "intended use signed"),
        ("train", "criteria", {"criteria": team.CRITERIA, "n_least": 5, "reason": "r"}, "trained"),
        ("train", "intend", {"intended": team.INTENDED}, "is trained"),
        ("train", "bind", {"test_set": "T1"}, "is trained"),
        ("train", "validate", {"statement": "s"}, "is trained"),
        ("test", "approve", {"reason": "r"}, "is tested"),
        ("test", "activate", {"reason": "r"}, "only an approved version serves"),
    ],
)
def test_no_step_before_its_time(governed, step, name, values, why):
    to(governed, step)
    head = governed.ledger.head()
    with pytest.raises(ConflictError, match=why):
        act(governed, name, "quinn" if name == "approve" else "sam", **values)
    assert governed.ledger.head() == head


def test_a_failed_version_goes_no_further(governed):
    to(governed, "train")
    team.test(governed, is_passed=False)
    for name, values in (("validate", {"statement": "s"}), ("approve", {"reason": "r"}),
                         ("activate", {"reason": "r"})):  # fmt: skip
        with pytest.raises(ConflictError, match="test failed"):
            act(governed, name, "quinn", **values)


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("draft", {"title": "t", "owner": "o"}, "method: Field required"),
        ("draft", {**team.CARD, "colour": "red"}, "colour: no such value"),
        ("draft", {**team.CARD, "version": 7}, "the next version of sucrose is 1"),
        ("draft", {**team.CARD, "use": "Wrong Name"}, "use: "),
        ("intend", {"intended": {**team.INTENDED, "contingency": ""}}, "contingency"),
        ("intend", {"intended": "a sensor"}, "is no table"),
        ("criteria", {"criteria": [], "n_least": 5, "reason": "r"}, "criteria: "),
        ("criteria", {"criteria": team.CRITERIA, "n_least": 1, "reason": "r"}, "n_least: "),
        ("criteria", {"criteria": [{**team.CRITERIA[0], "subgroup": "wet"}], "n_least": 5,
                      "reason": "r"}, "names no subgroup 'wet'"),
    ],
)  # fmt: skip
def test_input_that_cannot_be_taken(governed, name, values, why):
    if name != "draft":
        to(governed, "draft")
    if name == "criteria":
        act(governed, "intend", "sam", intended=team.INTENDED)
    with pytest.raises(BadInputError, match=why):
        act(governed, name, "dana" if name == "draft" else "sam", **values)


def test_versions_and_sets_that_are_not_there(governed):
    with pytest.raises(NotFoundError, match="no version 1 of 'sucrose'"):
        act(governed, "intend", "sam", intended=team.INTENDED)
    to(governed, "criteria")
    with pytest.raises(NotFoundError, match="no test set 'T9'"):
        act(governed, "bind", "sam", test_set="T9")
    team.seal(governed, test_set="T2", use="other")
    with pytest.raises((BadInputError, ConflictError), match="was selected for"):
        act(governed, "bind", "sam", test_set="T2")


def test_evidence_is_what_is_there(governed):
    to(governed, "test")
    wrong = {"side": "verification", "what": "recomputed", "digest": "f" * 64}
    with pytest.raises(NotFoundError, match="recomputed: the registry holds nothing"):
        act(governed, "validate", "vera", evidence=[wrong], statement="s")
    record = {**wrong, "record": f"model/{USE}/1@1"}
    with pytest.raises(BadInputError, match="no record with the leaf"):
        act(governed, "validate", "vera", evidence=[record], statement="s")
    leaf = governed.ledger.stream(f"model/{USE}/1")[0].leaf
    act(governed, "validate", "vera", evidence=[{**record, "digest": leaf}], statement="s")
    assert version_of(governed, USE, 1).stage is Stage.VALIDATED


def test_evidence_of_one_side_alone_is_not_enough(governed):
    to(governed, "test")
    with pytest.raises(BadInputError, match="no evidence of verification"):
        act(governed, "validate", "vera", statement="s")


# ---- updates --------------------------------------------------------------------------------


def test_an_update_takes_over_and_needs_change_control_without_a_plan(governed):
    to(governed, "activate")
    act(governed, "draft", "dana", follows=1)
    state = version_of(governed, USE, 2)
    assert (state.draft.title, state.stage) == (team.CARD["title"], Stage.CRITERIA)
    act(governed, "bind", "sam", version=2, test_set="T1")
    team.train(governed, version=2)
    team.test(governed, version=2)
    act(governed, "validate", "vera", version=2, statement="fit",
        evidence=[team.verification(governed)])  # fmt: skip
    with pytest.raises(ConflictError, match="an update without a plan"):
        act(governed, "approve", "quinn", version=2, reason="fit")
    act(governed, "approve", "quinn", version=2, reason="fit", change="CC-2026-7")
    act(governed, "activate", "sam", version=2, reason="better")
    assert line_of(governed, USE).active == 2


def test_what_an_update_may_follow(governed):
    to(governed, "test")
    with pytest.raises(ConflictError, match="an update follows an approved version"):
        act(governed, "draft", "dana", follows=1)
    with pytest.raises(NotFoundError, match="no version 9"):
        act(governed, "draft", "dana", follows=9)
    with pytest.raises(NotFoundError, match="change plan 'P' was never proposed"):
        act(governed, "draft", "dana", **team.CARD, plan="P@1", modification="m")


def test_another_first_version_takes_change_control(governed):
    to(governed, "approve")
    team.seal(governed, test_set="T2")  # its criteria are newer than the opening of the first
    to(governed, "validate", 2, **team.CARD)
    with pytest.raises(ConflictError, match="not the first version"):
        act(governed, "approve", "quinn", version=2, reason="fit")


# ---- what serves ----------------------------------------------------------------------------


@pytest.fixture
def two(governed):
    """Version 1 served, version 2 does."""
    to(governed, "activate")
    act(governed, "draft", "dana", follows=1)
    act(governed, "bind", "sam", version=2, test_set="T1")
    team.train(governed, version=2)
    team.test(governed, version=2)
    act(governed, "validate", "vera", version=2, statement="fit",
        evidence=[team.verification(governed)])  # fmt: skip
    act(governed, "approve", "quinn", version=2, reason="fit", change="CC-1")
    act(governed, "activate", "sam", version=2, reason="better")
    return governed


def test_suspension_to_a_fallback_and_rolling_back(two):
    act(two, "suspend", "otto", fallback="previous", reason="drift")
    line = line_of(two, USE)
    assert (line.active, line.is_fallback, line.suspended) == (1, True, {2})
    with pytest.raises(ConflictError, match="that may serve again"):
        act(two, "suspend", "otto", fallback="previous", reason="worse")
    act(two, "suspend", "otto", reason="worse")  # for the contingency
    assert line_of(two, USE).active == 0
    with pytest.raises(ConflictError, match="no version is active"):
        act(two, "suspend", "otto", reason="worse")
    act(two, "activate", "sam", version=2, reason="sensor repaired")
    assert (line_of(two, USE).active, line_of(two, USE).suspended) == (2, {1})
    act(two, "activate", "sam", version=1, reason="rolled back")
    with pytest.raises(ConflictError, match="is active"):
        act(two, "activate", "sam", version=1, reason="again")
    act(two, "retire", "quinn", version=2, reason="replaced")
    with pytest.raises(ConflictError, match="retired"):
        act(two, "activate", "sam", version=2, reason="again")
    with pytest.raises(ConflictError, match="retired and cannot be the fallback"):
        act(two, "suspend", "otto", fallback=2, reason="drift")
    assert line_of(two, USE).faults == ()


def test_a_clause_must_be_in_force(two):
    with pytest.raises(NotFoundError, match="change plan 'P' was never proposed"):
        act(two, "suspend", "otto", reason="drift", clause="P@1#drift")


def test_an_artefact_that_is_not_the_approved_one_serves_nothing(governed):
    to(governed, "approve")
    digest = version_of(governed, USE, 1).trained.digest
    (path,) = [p for p in governed.layout.registry.rglob("*") if p.is_file()
               and p.read_bytes() == b'{"model": 1}']  # fmt: skip
    path.chmod(0o644)
    path.write_bytes(b'{"model": 9}')
    with pytest.raises(IntegrityError, match=digest[:12]):
        act(governed, "activate", "sam", reason="ready")
    path.unlink()
    with pytest.raises((NotFoundError, IntegrityError)):
        act(governed, "activate", "sam", reason="ready")
    assert line_of(governed, USE).active == 0


def test_what_somebody_appended_past_the_acts_counts_for_nothing(governed):
    from goldenbatch.core.records import NewEvent

    to(governed, "test")
    digest = team.artefact(governed)
    stream = f"model/{USE}/1"
    for body in (lives.validated(1, digest), lives.approved(1, digest)):
        version = governed.ledger.version(stream)
        governed.ledger.append([NewEvent(stream, body, version, actor="intruder")])
    state = version_of(governed, USE, 1)
    assert state.stage is Stage.TESTED
    assert len(state.faults) == 2
    with pytest.raises(ConflictError, match="only an approved version serves"):
        act(governed, "activate", "sam", reason="ready")


def test_verification_names_what_went_past_the_acts(governed):
    from goldenbatch.core.records import NewEvent

    to(governed, "validate")
    assert governed.verify().is_ok
    stream, digest = f"model/{USE}/1", version_of(governed, USE, 1).trained.digest
    version = governed.ledger.version(stream)
    approval = lives.approved(1, digest)
    governed.ledger.append([NewEvent(stream, approval, version, actor="intruder")])
    active = lives.activated(1, digest)
    governed.ledger.append([NewEvent(f"model/{USE}", active, 0, actor="intruder")])
    found = {one.where: one.message for one in governed.verify().problems if not one.is_note}
    assert found == {
        f"{stream}@{version + 1}": (
            "ModelApproved was not signed as approved by who made it: it counts for nothing."
        ),
        f"model/{USE}@1": "ModelActivated is of intruder, who is no person of this home.",
        f"model/{USE}": (
            "version 1 is active and must not serve: version 1 is validated, not approved."
        ),
    }
