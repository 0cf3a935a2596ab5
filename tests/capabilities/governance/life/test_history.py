"""The history of a model: all that happened, in order, and what counts for nothing."""

import pytest
from tests.capabilities.governance import team
from tests.capabilities.governance.team import USE, act, to
from tests.core import lives

from goldenbatch.capabilities.governance import history_of, overview
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import NewEvent


def test_everything_in_order_and_each_step_with_its_signature(governed):
    to(governed, "activate")
    told = history_of(governed, USE, fault=governed.signing_rules.fault)
    assert [one.seq for one in told.lines] == sorted(one.seq for one in told.lines)
    kinds = [one.kind for one in told.lines]
    assert kinds == [
        "TestSetSelected", "TestSetSealed", "ModelDrafted", "IntendedUseStated", "CriteriaFixed",
        "TestDataBound", "ModelTrained", "UnsealingAsked", "UnsealingApproved", "TestSetRead",
        "ModelTested", "ModelValidated", "ModelApproved", "ModelActivated",
    ]  # fmt: skip
    by_kind = {one.kind: one for one in told.lines}
    assert by_kind["ModelApproved"].signed == (
        "signed as approved by Quinn (qualified_person), password+home-key"
    )
    assert by_kind["ModelActivated"].signed == ""
    assert by_kind["ModelTested"].who == "Tess"
    assert not any(one.fault for one in told.lines)
    assert (told.stages, told.active) == ({1: "active"}, 1)


def test_a_signature_of_its_own_is_a_line_of_its_own(governed):
    to(governed, "test")
    governed.sign(f"model/{USE}/1", "reviewed", "quinn", team.PASSWORD, reason="looked at")
    last = history_of(governed, USE).lines[-1]
    assert last.what == f"signed version 9 of model/{USE}/1 as reviewed: looked at"
    assert last.signed.startswith("signed as reviewed by Quinn")
    assert last.fault == ""


def test_what_counts_for_nothing_says_why(governed):
    to(governed, "bind")
    body, stream = lives.trained(), f"model/{USE}/1"
    governed.ledger.append([NewEvent(stream, body, governed.ledger.version(stream), "intruder")])
    line = lives.suspended(3)
    governed.ledger.append([NewEvent(f"model/{USE}", line, 0, "intruder")])
    told = history_of(governed, USE)
    *_, trained, suspended = told.lines
    assert trained.who == "intruder"
    assert trained.fault == "ModelTrained was not signed as performed by who made it"
    assert suspended.fault == "version 3 does not serve and cannot be suspended"
    assert told.stages == {1: "test data sealed"}


def test_evidence_that_does_not_hold_is_told(governed):
    to(governed, "intend")
    told = history_of(governed, USE, fault=lambda signature: "the key is not known here")
    line = next(one for one in told.lines if one.kind == "IntendedUseStated")
    assert line.signed.endswith("VOID: the key is not known here")
    assert line.fault
    assert told.stages == {1: "drafted"}


def test_one_version_with_what_it_rests_on(governed):
    to(governed, "activate")
    act(governed, "draft", "dana", follows=1)
    team.seal(governed, test_set="T2")
    both = {one.ref for one in history_of(governed, USE).lines}
    first = {one.ref for one in history_of(governed, USE, 1).lines}
    assert both - first == {f"model/{USE}/2@1", "test-set/T2@1", "test-set/T2@2"}
    assert [one["stage"] for one in overview(governed)] == ["active", "criteria fixed"]
    for use, version in (("nothing", 0), (USE, 7)):
        with pytest.raises(NotFoundError, match="model list"):
            history_of(governed, use, version)


def test_kinds_that_are_not_known_here_are_told_by_their_name(governed):
    import dataclasses

    from goldenbatch.capabilities.governance._sentences import sentence

    to(governed, "draft")
    event = governed.ledger.stream(f"model/{USE}/1")[0]
    other = event.envelope.model_copy(update={"kind": "ShadowWasWatched"})
    assert sentence(dataclasses.replace(event, envelope=other)).startswith("(shadow was watched;")
    assert "withheld" in sentence(dataclasses.replace(event, body=None))
