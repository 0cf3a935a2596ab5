"""Findings: one uid on every replay, and one row with the newest decision."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenbatch.core.findings import (
    FINDING_BATCHES,
    FINDINGS,
    DecisionMade,
    Evidence,
    Finding,
    FindingClosed,
    FindingOpened,
    FindingUpdated,
    Severity,
    Subject,
    Verdict,
    finding_uid,
)
from tests.core.log import Log

texts = st.text(max_size=12)
subjects = st.builds(Subject, batch=texts, place=texts, tag=texts, attribute=texts, key=texts)


def finding(**more):
    entries = {
        "subject": Subject(batch="7", attribute="glucose"),
        "title": "Glucose is low",
        "statement": "Glucose fell to 1.2 g/L, below 2.0 g/L.",
        "severity": Severity.MAJOR,
        "start": 100,
        "evidence": (Evidence(kind="record", digest="0" * 64, stream="sample/1", version=1),),
        "analyst": "monitoring.charts",
        "analyst_version": "1",
    }
    return Finding(**{**entries, **more})


def stream(*steps, uid="f1"):
    log = Log()
    for tick, (cls, more) in enumerate(steps, start=1):
        log.add(f"finding/{uid}", cls(uid=uid, tick=tick, finding=finding(**more)), actor="node")
    return log


def test_a_uid_is_the_hash_of_a_text_that_never_changes():
    text = (
        '["a","2",{"attribute":"","batch":"","key":"r1","place":"\\u017e/\\u010d","tag":""},'
        "1000000000]"
    )
    expected = hashlib.sha256(text.encode("ascii")).hexdigest()[:32]
    assert finding_uid("a", "2", Subject(place="ž/č", key="r1"), 10**9) == expected


@given(texts, texts, subjects, st.integers(0, 2**53), texts, texts, subjects, st.integers(0, 2**53))
def test_uids_are_equal_exactly_for_the_same_opening(a, b, c, d, e, f, g, h):
    assert finding_uid(a, b, c, d) == finding_uid(a, b, c.model_copy(), d)
    assert (finding_uid(a, b, c, d) == finding_uid(e, f, g, h)) == ((a, b, c, d) == (e, f, g, h))


@given(st.sampled_from(list(Subject.model_fields)), texts.filter(bool), subjects)
def test_every_field_of_the_subject_counts(name, value, subject):
    other = subject.model_copy(update={name: getattr(subject, name) + value})
    assert finding_uid("a", "1", subject, 1) != finding_uid("a", "1", other, 1)


def test_a_finding_needs_evidence_and_words():
    for change in ({"evidence": ()}, {"statement": ""}, {"title": ""}, {"confidence": 1.1}):
        with pytest.raises(ValidationError):
            finding(**change)
    with pytest.raises(ValidationError):
        Evidence(kind="record", digest="abc")


def test_one_row_follows_the_life_of_a_finding():
    log = stream((FindingOpened, {}), (FindingUpdated, {"severity": Severity.CRITICAL}))
    row = log.table(FINDINGS)[("f1",)]
    assert (row["state"], row["severity"], row["stream_version"]) == ("open", "critical", 2)
    assert row["opened_seq"] == 1
    decision = DecisionMade(
        uid="f1", finding_version=2, verdict=Verdict.NEEDS_LABORATORY, comment="Take a sample."
    )
    log.add("finding/f1", decision, actor="u1", at=50)
    row = log.table(FINDINGS)[("f1",)]
    assert (row["verdict"], row["decided_by"], row["decided_at"]) == ("needs_laboratory", "u1", 50)
    log.add("finding/f1", FindingClosed(uid="f1", tick=9, finding=finding(end=200)), actor="node")
    row = log.table(FINDINGS)[("f1",)]
    assert (row["state"], row["ended_at"], row["opened_seq"]) == ("closed", 200, 1)
    assert row["stream_version"] == 4


def test_a_finding_that_changed_after_its_decision_waits_for_another():
    log = stream((FindingOpened, {}))
    decision = DecisionMade(uid="f1", finding_version=1, verdict=Verdict.CONFIRMED, comment="c")
    log.add("finding/f1", decision, actor="u1", at=50)
    log.add("finding/f1", FindingUpdated(uid="f1", tick=3, finding=finding()), actor="node")
    row = log.table(FINDINGS)[("f1",)]
    assert (row["verdict"], row["decided_by"], row["decided_at"]) == ("", "", None)


def test_the_newest_decision_stands():
    log = stream((FindingOpened, {}))
    for verdict in (Verdict.CONFIRMED, Verdict.DISMISSED):
        body = DecisionMade(uid="f1", finding_version=1, verdict=verdict, comment="c")
        log.add("finding/f1", body, actor="u1")
    assert log.table(FINDINGS)[("f1",)]["verdict"] == "dismissed"


def test_a_decision_on_nothing_makes_no_row():
    log = Log()
    body = DecisionMade(uid="f9", finding_version=1, verdict=Verdict.CONFIRMED, comment="c")
    log.add("finding/f9", body)
    assert log.table(FINDINGS) == {}
    with pytest.raises(ValidationError):
        DecisionMade(uid="f9", finding_version=1, verdict=Verdict.CONFIRMED, comment="")


def test_a_finding_touches_all_its_batches_once():
    log = stream((FindingOpened, {"batches": ("8", "7")}), (FindingUpdated, {"batches": ("9",)}))
    assert set(log.table(FINDING_BATCHES)) == {("7", "f1"), ("8", "f1"), ("9", "f1")}


def test_a_finding_survives_its_json():
    body = FindingOpened(uid="f1", tick=1, finding=finding(end=300, confidence=0.5))
    again = FindingOpened.model_validate(json.loads(json.dumps(body.as_json())))
    assert again == body
