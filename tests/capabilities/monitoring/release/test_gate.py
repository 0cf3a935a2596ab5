"""The gate: each rule alone refuses, and names itself; release asks for more than monitoring."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenbatch.capabilities.monitoring.release.gate import (
    AcceptedFor,
    GateCriteria,
    accepted,
    judge,
)
from goldenbatch.science.forward import (
    ErrorRatio,
    ForwardEvaluation,
    Leak,
    LeakKind,
    Specification,
)

NONE, MONITORING, RELEASE = AcceptedFor.NONE, AcceptedFor.MONITORING, AcceptedFor.RELEASE


def ratio(value, upper):
    return ErrorRatio(value, 0.8 * value, upper, 0.95, 400, 80, 0)


GOOD = ForwardEvaluation(
    attribute="assay", unit="%", n=400, n_codes=5, n_lots=80, n_periods=18, limit=None,
    n_uncensored=400, uncensored_share=1.0, rmse=0.5, rmse_uncensored=0.5,
    baselines={"mean of the code": 1.0}, best_baseline="mean of the code",
    ratio_by_lots=ratio(0.5, 0.6), ratio_by_periods=ratio(0.5, 0.65),
    ratio_uncensored=ratio(0.5, 0.6), ratio_held_out=ratio(0.6, 0.8), r2=0.9, within_code_r2=0.75,
    within_code_r2_uncensored=0.75, nominal=0.9, n_intervals=400, coverage=0.9,
    coverage_p_value=1.0, worst_code_p_value=0.5, mean_width=1.6, mean_interval_score=2.0,
    domain_share=0.95, coverage_in_domain=0.91, specification=Specification(90.0, 110.0),
    n_outside=3, n_outside_missed=0, width_in_room=0.2,
)  # fmt: skip

BREAKS = {
    "columns that know": ({"leaks": (Leak("x", LeakKind.STAGE, 1.0, "late"),)}, NONE),
    "batches predicted": ({"n": 99}, NONE),
    "above the reporting limit": ({"n_uncensored": 49}, NONE),
    "error over that of the best baseline: ": (
        {"ratio_by_lots": ratio(0.91, 0.95), "ratio_by_periods": ratio(0.91, 0.95)},
        NONE,
    ),
    "paired interval": ({"ratio_by_periods": ratio(0.5, 1.01)}, NONE),
    "coverage of the interval": ({"coverage": 0.8, "coverage_p_value": 0.001}, NONE),
    "batches and periods": ({"n_periods": 11}, MONITORING),
    "for release": (
        {"ratio_by_lots": ratio(0.8, 0.9), "ratio_by_periods": ratio(0.8, 0.9)},
        MONITORING,
    ),
    "lot held out": ({"ratio_held_out": None}, MONITORING),
    "within products": ({"within_code_r2": 0.3}, MONITORING),
    "measured results": ({"uncensored_share": 0.4}, MONITORING),
    "each product": ({"worst_code_p_value": 0.001}, MONITORING),
    "domain": ({"domain_share": 0.5}, MONITORING),
    "specification: ": (
        {"specification": Specification(), "width_in_room": None},
        MONITORING,
    ),
    "half width": ({"width_in_room": 0.9}, MONITORING),
    "would have been released": ({"n_outside_missed": 1}, MONITORING),
}


def test_what_holds_in_all_is_accepted_for_release():
    verdict = judge(GOOD)
    assert verdict.accepted_for is RELEASE
    assert all(line.is_met for line in verdict.lines)
    assert len(verdict.reasons) == len(verdict.lines)
    assert accepted({"assay": verdict}, RELEASE) == ("assay",)


@pytest.mark.parametrize("words", BREAKS, ids=str.strip)
def test_each_rule_alone_refuses_and_says_why(words):
    changes, left = BREAKS[words]
    verdict = judge(replace(GOOD, **changes))
    assert verdict.accepted_for is left
    assert any(words in reason for reason in verdict.reasons)
    assert verdict.refusals(RELEASE)
    assert bool(verdict.refusals(MONITORING)) == (left is NONE)


def test_every_line_is_shown_able_to_refuse():
    refused = set()
    for changes, _ in BREAKS.values():
        refused |= {line.rule for line in judge(replace(GOOD, **changes)).lines if not line.is_met}
    assert refused == {line.rule for line in judge(GOOD).lines}


def test_what_cannot_be_said_does_not_hold():
    blank = {one.name: None for one in fields(GOOD) if "None" in str(one.type)}
    verdict = judge(replace(GOOD, **blank | {"limit": None}))
    assert verdict.accepted_for is NONE
    assert any("no intervals" in reason for reason in verdict.reasons)


@given(st.lists(st.sampled_from(sorted(BREAKS)), max_size=6))
def test_one_more_fault_never_helps(words):
    order, found, last = [NONE, MONITORING, RELEASE], GOOD, RELEASE
    for word in words:
        found = replace(found, **BREAKS[word][0])
    both = judge(found).accepted_for
    last = min((BREAKS[word][1] for word in words), key=order.index, default=RELEASE)
    # A later change of the same figure may undo an earlier one, never more than that.
    single = {key for word in words for key in BREAKS[word][0]}
    if sum(len(BREAKS[word][0]) for word in set(words)) == len(single):
        assert order.index(both) <= order.index(last)


def test_stricter_criteria_refuse_more():
    assert judge(GOOD, GateCriteria(ratio_release=0.4)).accepted_for is MONITORING
    assert judge(GOOD, GateCriteria(ratio_monitoring=0.4)).accepted_for is NONE
    with pytest.raises(ValidationError):
        GateCriteria(ratio_monitoring=1.2)


def test_a_verdict_is_plain():
    found = judge(replace(GOOD, n=10)).to_json()
    assert found["accepted_for"] == "none"
    assert {line["needed_for"] for line in found["lines"]} == {"monitoring", "release"}
