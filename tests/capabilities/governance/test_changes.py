"""Findings on judgements: opened, updated, closed; the same however ticks are cut."""

from __future__ import annotations

import pytest
from tests.capabilities.governance import gate_case
from tests.core import plan_case as case

from goldenbatch.capabilities.governance._capability import CAPABILITY
from goldenbatch.capabilities.governance.changes import changes_analyst
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.gate_records import GateJudged
from goldenbatch.core.model_records import ModelApproved, version_stream
from goldenbatch.core.records import NewEvent
from goldenbatch.testing import AnalystCase, analyst_checks, seen_views

OUT = {"plan_state": "expired at 2028-06-30"}
FAILED = {"comparisons": (gate_case.figure(upper=1.7), gate_case.figure("original"))}
MISSING = {"shadow": None}


def judged(number, **changes):
    found = gate_case.judge(**changes)
    return GateJudged(
        use="glucose", version=number, plan="glucose-updates", plan_version="1",
        plan_digest=gate_case.PLAN.digest(), follows=number - 1,
        digest=case.digest(f"artefact {number}"), outcome=found.outcome, lines=found.lines,
        evidence="2" * 64, explanation="3" * 64,
    )  # fmt: skip


def by_change(number):
    return ModelApproved(
        use="glucose", version=number, digest=case.digest(f"artefact {number}"),
        basis="change_control", change="CC-1", reason="assessed",
    )  # fmt: skip


def append(site, body):
    stream = version_stream(body.use, body.version)
    site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), actor="u1")])


def rows(site):
    found = site.ledger.select("finding", None, ("opened_seq",))
    return [(row["title"], row["state"], row["severity"]) for row in found]


def test_each_outcome_asks_for_what_it_needs(bench):
    site = bench.site
    site.adopt("changes", "governance.changes", {"failed": "critical"})
    site.wake()
    append(site, judged(3, **OUT))
    append(site, judged(4, **FAILED))
    append(site, judged(5, **MISSING))
    append(site, judged(6))
    site.wake()
    assert rows(site) == [
        ("Update glucose@3 is out of plan", "open", "major"),
        ("Update glucose@4 failed within its plan", "open", "critical"),
    ]
    uid = site.ledger.select("finding", None, ("opened_seq",))[0]["uid"]
    opened = site.ledger.stream(f"finding/{uid}")[0].decode().finding
    assert "plan in force: expired at 2028-06-30 (asked: in force)" in opened.statement
    assert opened.evidence[0].stream == "model/glucose/3"
    assert opened.measures[0].value == 1


def test_it_goes_on_is_settled_and_opens_again(bench):
    site = bench.site
    site.adopt("changes", "governance.changes", {})
    site.wake()
    for body, state in (
        (judged(3, **OUT), "open"),
        (judged(3, **FAILED), "open"),
        (judged(3, **MISSING), "open"),
        (judged(3), "closed"),
    ):
        append(site, body)
        site.wake()
        assert {one for _, one, _ in rows(site)} == {state}
    append(site, judged(3, **OUT))
    site.wake()
    append(site, by_change(3))
    site.wake()
    assert [state for _, state, _ in rows(site)] == ["closed", "closed"]
    words = [
        site.ledger.stream(f"finding/{row['uid']}")[-1].decode().finding.statement
        for row in site.ledger.select("finding", None, ("opened_seq",))
    ]
    assert "Settled: a later judgement passed." in words[0]
    assert "Settled: approved by change control (CC-1)." in words[1]
    assert not site.replay("as_seen").differences


def test_no_failure_is_lost_between_two_ticks(bench):
    """Failed, passed, failed again and settled, all before anybody looked: two findings."""
    site = bench.site
    site.adopt("changes", "governance.changes", {})
    site.wake()
    for body in (judged(3, **FAILED), judged(3), judged(3, **OUT), by_change(3)):
        append(site, body)
    site.wake()
    assert [(title, state) for title, state, _ in rows(site)] == [
        ("Update glucose@3 failed within its plan", "closed"),
        ("Update glucose@3 is out of plan", "closed"),
    ]


def test_only_the_uses_that_it_was_told(bench):
    site = bench.site
    site.adopt("changes", "governance.changes", {"uses": ["other"]})
    site.wake()
    append(site, judged(3, **OUT))
    site.wake()
    assert rows(site) == []


@pytest.mark.parametrize(
    ("settings", "key"), [({"severity": "huge"}, "severity"), ({"colour": 1}, "colour")]
)
def test_settings_that_it_does_not_know_are_refused(settings, key):
    with pytest.raises(BadInputError) as caught:
        changes_analyst("changes", settings)
    assert caught.value.key == key and "analyst changes" in str(caught.value)


def test_it_conforms(bench):
    site, heads = bench.site, []
    site.adopt("conformance", "governance.changes", {})
    heads.append((0, site.ledger.head()))
    for body in (judged(3, **OUT), judged(4, **FAILED), judged(3), judged(4, **OUT), by_change(4)):
        append(site, body)
        heads.append((0, site.ledger.head()))
    views = lambda: seen_views(site, heads, at=site.clock())  # noqa: E731
    checks = list(analyst_checks(CAPABILITY, AnalystCase("changes", {}, views)))
    assert len(checks) >= 4
    for check in checks:
        check.run()
