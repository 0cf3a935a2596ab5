"""The home suspends by itself under a signed clause, once, and never without one."""

import pytest
from tests.capabilities.conftest import Clock
from tests.capabilities.governance import plan_home as plan
from tests.capabilities.governance import sealed_case as case
from tests.capabilities.governance import watch_home as home

from goldenbatch.core.findings import Evidence as Proof
from goldenbatch.core.findings import Finding, FindingOpened, Severity, Subject
from goldenbatch.core.model_line import line_state
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime.local import LocalSite

LINE = f"model/{case.USE}"
QUICK = {"arl0": 60, "n_reference": 8}


def suspensions(site):
    return [one for one in site.ledger.stream(LINE) if one.kind == "ModelSuspended"]


def active(site):
    return line_state(case.USE, site.ledger.stream(LINE)).active


def alarm(site, first=24, wake=True):
    """Late results that all say that the model errs."""
    home.adopt(site, **QUICK)
    home.run(site, first, 9, bias=2.4, wake=False)
    if wake:
        site.wake()


def second(site):
    """Version 2, an update within its plan, at work; version 1 served before."""
    at = plan.update(site, 2, 1, settings={"ridge": 0.001})
    plan.judge(site, at)
    plan.validated(site, at)
    case.act(site, "approve", "qa", **at, reason="the gate let it pass")
    case.act(site, "activate", "sme", **at, reason="ready")


def test_under_a_signed_clause_the_contingency_takes_over_once(planned):
    site = planned
    alarm(site)
    found = suspensions(site)
    assert len(found) == 1
    body, envelope = found[0].decode(), found[0].envelope
    assert envelope.actor == "node"
    assert body.clause == f"{plan.PLAN_ID}@1#S1"
    assert (
        site.ledger.stream(f"finding/{body.watch}")[0]
        .decode()
        .finding.title.endswith("residual drift")
    )
    assert (body.version, body.fallback) == (1, 0)  # nothing served before
    assert active(site) == 0
    for _ in range(3):
        site.wake()
    assert len(suspensions(site)) == 1
    # The watch sees that it serves no more, and says so.
    assert home.findings(site)["1/residual drift"][0] == "closed"
    assert site.replay("as-seen").is_equal
    # A person may bring it back; the same finding does not take it away again.
    case.act(site, "activate", "sme", use=case.USE, version=1, reason="wrong standard")
    site.wake()
    assert active(site) == 1


def test_the_version_before_takes_over_where_the_clause_says_so(planned):
    site = planned
    second(site)
    alarm(site)
    body = suspensions(site)[0].decode()
    assert (body.version, body.fallback) == (2, 1)
    assert active(site) == 1
    assert site.verify().is_ok
    assert site.models.active(case.USE).ref.version == 1
    site.wake()
    assert len(suspensions(site)) == 1


@pytest.mark.parametrize("how", ["retired", "damaged"])
def test_a_fallback_that_may_not_serve_leaves_the_contingency(planned, how):
    site = planned
    second(site)
    if how == "retired":
        case.act(site, "retire", "qa", use=case.USE, version=1, reason="superseded")
    else:
        digest = site.ledger.select("model_version", {"use": case.USE, "version": 1})[0]["digest"]
        path = next(site.path.glob(f"registry/**/*{digest[8:]}"))
        path.chmod(0o600)
        path.write_bytes(b"{}")
    alarm(site)
    body = suspensions(site)[0].decode()
    assert (body.version, body.fallback) == (2, 0)
    assert active(site) == 0


def test_without_a_clause_there_is_a_finding_that_asks_a_person(original):
    site = original
    alarm(site)
    state, found = home.findings(site)["1/residual drift"]
    assert state == "open"
    assert "model suspend" in found.suggested_action
    assert suspensions(site) == []
    # A plan that was only proposed is no clause; once signed it is one.
    plan.propose(site, reference=plan.reference_csv())
    site.wake()
    assert suspensions(site) == []
    site.sign(plan.STREAM, "approved", "qa", case.PASSWORD, reason="bounded")
    site.wake()
    assert [one.decode().clause for one in suspensions(site)] == [f"{plan.PLAN_ID}@1#S1"]


def test_a_withdrawn_plan_is_no_clause(planned):
    site = planned
    case.act(site, "plan-withdraw", "qa", plan=plan.PLAN_ID, version="1", reason="too wide")
    alarm(site)
    assert home.findings(site)["1/residual drift"][0] == "open"
    assert suspensions(site) == []


class DiedError(Exception):
    """The process ended here."""


@pytest.mark.parametrize("step", ["to suspend", "suspended"])
def test_a_crash_about_the_append_leaves_one_suspension(planned, step):
    path = planned.path
    alarm(planned, wake=False)
    planned.close()

    def die(found):
        if found == step:
            raise DiedError

    with LocalSite.open(path, clock=Clock(), on_step=die) as site, pytest.raises(DiedError):
        site.wake()
    with LocalSite.open(path, clock=Clock()) as site:
        assert active(site) == (1 if step == "to suspend" else 0)
        site.wake()
        site.wake()
        assert len(suspensions(site)) == 1
        assert active(site) == 0


def test_a_finding_in_another_name_suspends_nothing(planned):
    site = planned
    home.adopt(site, **QUICK)
    finding = Finding(
        subject=Subject(attribute=case.USE, key="1/residual drift"), title="forged",
        statement="it errs", severity=Severity.MAJOR, start=1,
        evidence=(Proof(kind="artefact", digest="0" * 64),), analyst="watch", analyst_version="1",
    )  # fmt: skip
    uid = "f" * 32
    body = FindingOpened(uid=uid, tick=1, finding=finding)
    site.ledger.append([NewEvent(f"finding/{uid}", body, 0, actor="dev")])
    other = finding.model_copy(update={"analyst": "nobody"})
    body = FindingOpened(uid="e" * 32, tick=1, finding=other)
    site.ledger.append([NewEvent(f"finding/{'e' * 32}", body, 0, actor="analyst:nobody")])
    site.wake()
    assert suspensions(site) == []
