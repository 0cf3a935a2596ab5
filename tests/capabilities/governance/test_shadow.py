"""A candidate beside the version that serves: logged, never acted upon, compared honestly."""

import random

import numpy as np
import pytest
from tests.capabilities.governance import plan_home as plan
from tests.capabilities.governance import sealed_case as case
from tests.capabilities.governance import watch_home as home

from goldenbatch.capabilities.governance._reading import version_of
from goldenbatch.capabilities.governance.comparisons import predictor_of
from goldenbatch.capabilities.governance.judging import judge
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.gate_records import RuleVerdict
from goldenbatch.core.shadow_records import ShadowStarted, ShadowVerdict, shadow_periods
from goldenbatch.core.site import Actor

START = {"use": case.USE, "version": 2, "maximum": 3.0}
VALUE = f"{case.PLACE}/assay_shadow_2_value"


def candidate(site, under="", **settings):
    """Version 2, trained and no more."""
    at = {"use": case.USE, "version": 2}
    more = {"plan": f"{plan.PLAN_ID}@1", "modification": "retrain"} if under else {}
    case.act(site, "draft", "dev", **at, follows=1, trigger="new batches", **more)
    case.act(site, "bind", "qa", **at, test_set="T1")
    case.train(site, at, settings=settings)
    return at


def adopt(site, **settings):
    site.adopt("shadow", "governance.shadow", {"max_age_s": 0, "wait_s": 7200, **settings})


def start(site, **more):
    return case.act(site, "shadow-start", "dev", **{**START, "reason": "is it better?", **more})


def run(site, first, n, favours, spread=0.3, wake=True):
    """Batches whose late results follow what one version says, with an error of their own."""
    predictor, rng = predictor_of(site, version_of(site, case.USE, favours)), random.Random(first)
    for number in range(first, first + n):
        batch, at, rows = f"B{number}", case.START + number * case.DAY, home.rows_of(number)
        home.take(site, batch, at, rows)
        said = predictor.predict(np.array(rows)).value[:, 0]
        for k, value in enumerate(said):
            home.report(site, batch, k, float(value) + rng.gauss(0, spread))
    if wake:
        site.wake()


def comparison(site):
    assert not [one.body for one in site.ledger.events(kinds={"AnalystFailed"})]
    return home.findings(site, "shadow")[f"2/shadow/{period(site).number}"]


def period(site):
    return shadow_periods(site.ledger.stream(f"model/{case.USE}/2"))[-1]


def numbers(finding):
    return {one.name: one.value for one in finding.measures}


def test_a_better_candidate_shows_it_and_nothing_follows_by_itself(original):
    site = original
    candidate(site, ridge=0.5)
    adopt(site)
    home.adopt(site)
    site.wake()
    start(site)
    run(site, 24, 12, favours=2)
    run(site, 36, 22, favours=2)
    state, found = comparison(site)
    assert state == "open"
    assert found.title.endswith(": better"), found.statement
    assert "at most 0.05 each, however often somebody looks" in found.statement
    told = numbers(found)
    assert told["batches in shadow"] == told["batches compared"] == 34
    assert told["results paired"] == 3 * 34
    assert told["mean difference of losses"] < -0.2
    assert told["interval of it, lower end"] < told["mean difference of losses"]
    # Logged under its own name, and nothing else: no activation, no finding of the use.
    series = site.historian.read([VALUE], (0, 2**61))
    assert len(series) == 3 * 34
    assert site.ledger.select("model_line", {"use": case.USE})[0]["active"] == 1
    assert {row["analyst"] for row in site.ledger.select("finding")} <= {"shadow", "watch"}
    assert site.replay("as-seen").is_equal
    case.act(site, "shadow-end", "dev", use=case.USE, version=2, reason="shown")
    ended = period(site).ended
    assert ended.verdict is ShadowVerdict.BETTER
    assert (ended.n_batches, ended.n_rows, ended.n_groups) == (34, 102, 34)
    assert ended.mean == pytest.approx(told["mean difference of losses"])
    site.wake()
    assert comparison(site)[0] == "closed"
    run(site, 60, 2, favours=2)
    assert len(site.historian.read([VALUE], (0, 2**61))) == 3 * 34


def test_a_worse_one_is_called_so_and_alike_ones_are_not_told_apart(original):
    site = original
    candidate(site, ridge=0.5)
    adopt(site)
    site.wake()
    start(site, maximum=1.5)
    run(site, 24, 34, favours=1)
    assert comparison(site)[1].title.endswith(": worse")
    case.act(site, "shadow-end", "dev", use=case.USE, version=2, reason="worse")
    case.train(site, {"use": case.USE, "version": 2}, settings={"ridge": 0.001})
    start(site, margin=0.5, maximum=1.5)
    run(site, 58, 30, favours=1, spread=0.6)
    _, found = comparison(site)
    assert found.title.endswith(": not shown")
    assert "worse by less than 0.5 was shown" in found.statement


def test_the_comparison_goes_on_only_beside_the_version_it_was_begun_with(original):
    site = original
    candidate(site, ridge=0.5)
    adopt(site)
    site.wake()
    start(site)
    run(site, 24, 3, favours=1)
    before = numbers(comparison(site)[1])["rows in shadow"]
    case.act(site, "suspend", "sme", use=case.USE, reason="the probe broke")
    run(site, 27, 3, favours=1)
    _, found = comparison(site)
    assert "does not serve now" in found.statement
    assert numbers(found)["rows in shadow"] == before
    assert numbers(found)["results paired"] == 9
    assert site.replay("as-seen").is_equal


def test_what_is_no_candidate_is_refused(original):
    site = original
    with pytest.raises(ConflictError, match="no candidate"):
        start(site, version=1)
    candidate(site)
    with pytest.raises(ConflictError, match="no analyst"):
        start(site)
    adopt(site, uses=["another"])
    with pytest.raises(ConflictError, match="no analyst"):
        start(site)
    adopt(site)
    for wrong in ({"maximum": 0}, {"margin": 5.0}, {"measure": "vote"}, {"confidence": 0.5}):
        with pytest.raises(BadInputError):
            start(site, **wrong)
    with pytest.raises(BadInputError, match="reason"):
        start(site, reason="")
    with pytest.raises(ConflictError, match="does not run"):
        case.act(site, "shadow-end", "dev", use=case.USE, version=2, reason="x")
    start(site)
    with pytest.raises(ConflictError, match="already"):
        start(site)
    case.act(site, "draft", "dev", use=case.USE, version=3, follows=1, trigger="more")
    with pytest.raises(ConflictError, match="nothing is trained"):
        start(site, version=3)
    # Ended before anything ran: it shows nothing, and says so.
    case.act(site, "shadow-end", "dev", use=case.USE, version=2, reason="by mistake")
    assert period(site).ended.verdict is ShadowVerdict.NOT_SHOWN
    assert period(site).ended.mean is None


def test_the_gate_asks_for_the_shadow_that_the_plan_demands(original):
    site = original
    text = plan.plan_text(**{"shadow_batches = 0": "shadow_batches = 3"})
    plan.propose(site, text=text, reference=plan.reference_csv())
    site.sign(plan.STREAM, "approved", "qa", case.PASSWORD, reason="bounded")
    at = candidate(site, under="plan", ridge=0.001)
    adopt(site)
    site.wake()
    start(site, reason="")
    assert period(site).started.clause == f"{plan.PLAN_ID}@1#update"
    case.unseal(site, at)
    case.act(site, "test", "tess", **at)

    def rule():
        body = judge(site, Actor(case.uid(site, "qa"), frozenset({"quality_reviewer"})), at).body
        return next(one for one in body.lines if one.rule == "batches in shadow")

    assert rule().verdict is RuleVerdict.MISSING
    run(site, 24, 4, favours=2)
    assert rule().verdict is RuleVerdict.MISSING  # it runs still: what it shows is not on record
    case.act(site, "shadow-end", "dev", **at, reason="as long as asked")
    assert rule().verdict is RuleVerdict.HOLDS
    assert rule().found == "4"


def test_a_margin_that_shows_nothing_cannot_be_stated():
    entries = {
        "use": "a", "version": 2, "digest": "0" * 64, "against": 1, "against_digest": "1" * 64,
        "reason": "x", "maximum": 2.0, "measure": "mse",
    }  # fmt: skip
    assert ShadowStarted(**entries, margin=3.9).largest_loss == 4.0
    for wrong in ({"margin": 4.0}, {"against": 2}):
        with pytest.raises(ValueError, match=r"margin|beside"):
            ShadowStarted(**{**entries, **wrong})
