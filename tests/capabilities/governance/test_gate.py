"""The gate: each rule bent alone, every outcome, salami-slicing, the same bytes everywhere."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.capabilities.governance import gate_case
from tests.capabilities.governance.gate_case import chain, figure, judge, sensor
from tests.core import plan_case as case

from goldenbatch.capabilities.governance._gate_permitted import RULES as PERMITTED
from goldenbatch.capabilities.governance._gate_shown import RULES as SHOWN
from goldenbatch.capabilities.governance.gate import explain, gate
from goldenbatch.capabilities.governance.gate_evidence import (
    GateEvidence,
    Link,
    ParameterMove,
    Travel,
)
from goldenbatch.core.gate_records import GateJudged, GateOutcome, RuleVerdict, outcome_of
from goldenbatch.core.model_card import ContextOfUse, DataRange

SNAPSHOT = Path(__file__).parent / "gate_explained.txt"
PASS, FAIL = GateOutcome.PASS, GateOutcome.FAIL
OUT, MISSING = GateOutcome.OUT_OF_PLAN, GateOutcome.EVIDENCE_MISSING


def new(**changes):
    return case.version(3, **changes)


def with_data(**changes):
    return new(trained=case.trained(3, data=case.data(3, **changes)))


def with_settings(**changes):
    return new(trained=case.trained(3, settings=case.SETTINGS | changes))


def named(modification):
    return {"draft": {"modification": modification}}


def threshold(value=1.1, **trained):
    old = case.version(2)
    values = {"settings": case.SETTINGS | {"spe_limit": value}, "data": old.trained.data} | trained
    return new(trained=case.trained(3, **values), **named("limit"))


def moved(value, old=1.0, original=1.0):
    return (ParameterMove(name="spe_limit", original=original, old=old, new=value),)


NEAR = Travel(rms=0.01, largest=0.02, n_rows=50)
FAR_RANGE = (DataRange(what="glucose", digest="0" * 64, n=3, start=case.NOW - 3000 * case.DAY),)
TIMELESS = (DataRange(what="glucose", digest="0" * 64, n=3),)
HALF_TIMED = (*TIMELESS, DataRange(what="a/b", digest="0" * 64, n=2, start=case.NOW))
TIMED = (*TIMELESS, DataRange(what="a/b", digest="0" * 64, n=3, start=case.NOW))
OTHER_USE = case.intended(context=ContextOfUse(products=("ethanol", "butanol"),
                                               places=(case.UNIT,), site="site"))  # fmt: skip

BENT = {
    # ---- out of plan
    "plan expired": (OUT, "plan in force", {"plan_state": "expired at 2028-06-30"}),
    "plan not approved": (OUT, "plan in force", {"plan_state": "proposed, not approved"}),
    "plan withdrawn": (OUT, "plan in force", {"plan_state": "withdrawn: late"}),
    "other plan version": (OUT, "plan of the draft",
                           {"new": new(draft={"plan": "glucose-updates@2"})}),
    "no plan": (OUT, "plan of the draft", {"new": new(draft={"plan": "", "modification": ""})}),
    "unknown modification": (OUT, "modification", {"new": new(**named("rewrite"))}),
    "follows another": (OUT, "version that it follows", {"active": 1}),
    "link missing": (OUT, "chain", {"chain": (chain(2)[-1],)}),
    "link skipped": (OUT, "chain", {"chain": (*chain(3)[:1], chain(3)[2])}),
    "chain too short": (OUT, "chain", {"chain": chain(2)[:1]}),
    "no chain": (OUT, "chain", {"chain": ()}),
    "original not validated": (OUT, "chain", {"chain": chain(2, basis="in_plan")}),
    "link that failed": (OUT, "chain", {"chain": (chain(2)[0].model_copy(
        update={"judged": "in_plan_fail"}), chain(2)[1])}),
    "link by change control": (OUT, "chain", {"chain": (chain(2)[0].model_copy(
        update={"basis": "change_control"}), chain(2)[1])}),
    "link of another plan": (OUT, "chain", {"chain": (chain(2)[0].model_copy(
        update={"plan": "wider@1"}), chain(2)[1])}),
    "chain in a circle": (OUT, "chain", {"chain": (
        Link(version=2, follows=2, basis="in_plan", plan="glucose-updates@1",
             judged="in_plan_pass"), Link(version=1, follows=0, basis="first"))}),
    "another use": (OUT, "intended use", {"new": new(intended=OTHER_USE)}),
    "use never stated": (OUT, "intended use", {"new": new(intended=None),
                                               "old": case.version(2, intended=None)}),
    "other criteria": (OUT, "criteria of the use",
                       {"new": new(criteria=case.CRITERIA.model_copy(update={"n_least": 2}))}),
    "new product": (OUT, "product", {"products": ("ethanol", "butanol")}),
    "new place": (OUT, "place", {"new": with_data(places=("site/other/reactor",))}),
    "new tag": (OUT, "tag", {"tags": ("site/x/ph",)}),
    "new input": (OUT, "inputs of the model", {"new_inputs": ("428", "429", "ph")}),
    "inputs in another order": (OUT, "inputs of the model", {"new_inputs": ("429", "428")}),
    "other method": (OUT, "method", {"new": new(draft={"method": "random forest"})}),
    "other type": (OUT, "type of artefact",
                   {"new": new(trained=case.trained(3, media_type="application/onnx"))}),
    "outside the box": (OUT, "setting n_components", {"new": with_settings(n_components=7)}),
    "box of another type": (OUT, "setting n_components", {"new": with_settings(n_components="4")}),
    "true is no number": (OUT, "setting n_components", {"new": with_settings(n_components=True)}),
    "unboxed setting": (OUT, "setting treat.window",
                        {"new": with_settings(treat={"window": 17})}),
    "added setting": (OUT, "setting boost", {"new": with_settings(boost=1)}),
    "left-out setting": (OUT, "setting spe_limit",
                         {"new": new(trained=case.trained(3, settings={"n_components": 4, "treat":
                                                          {"window": 15}}))}),
    "old data": (OUT, "data window", {"new": with_data(ranges=FAR_RANGE)}),
    "few batches": (OUT, "training batches", {"new": with_data(batches=("B1", "B1", "B2"))}),
    "few samples": (OUT, "training samples", {"new": with_data(samples=("S1",))}),
    "sensor nobody asked for": (OUT, "sensor", {"sensor": sensor()}),
    "sensor of another type": (OUT, "sensor", {"new": new(**named("probe")),
                                               "sensor": sensor(type="Raman probe")}),
    "sensor of another input": (OUT, "sensor", {"new": new(**named("probe")),
                                                "sensor": sensor(inputs=("ph",))}),
    "long step": (OUT, "step, root mean square",
                  {"to_active": Travel(rms=2.1, largest=3.0, n_rows=50)}),
    "step at one row": (OUT, "step, largest",
                        {"to_active": Travel(rms=1.0, largest=6.1, n_rows=50)}),
    "far from the original": (OUT, "from the original, root mean square",
                              {"to_original": Travel(rms=4.01, largest=5.0, n_rows=50)}),
    "far at one row": (OUT, "from the original, largest",
                       {"to_original": Travel(rms=3.0, largest=12.1, n_rows=50)}),
    "threshold far": (OUT, "spe_limit, from the original", {"parameters": moved(1.51, 1.5)}),
    "threshold beyond its range": (OUT, "threshold spe_limit", {
        "new": threshold(2.1), "parameters": moved(2.1, 2.0, 1.8), "to_active": NEAR}),
    "threshold step": (OUT, "threshold spe_limit, one step", {
        "new": threshold(1.3), "parameters": moved(1.3), "to_active": NEAR}),
    "threshold with other data": (OUT, "training data", {
        "new": threshold(data=case.data(3)), "parameters": moved(1.1), "to_active": NEAR}),
    "threshold with another setting": (OUT, "setting n_components", {
        "new": threshold(settings=case.SETTINGS | {"n_components": 5}),
        "parameters": moved(1.1), "to_active": NEAR}),
    "loss beyond the bound": (OUT, "rmse lost against the original", {
        "comparisons": (figure(), figure("original", difference=2.1, upper=2.9))}),
    "test set worn out": (OUT, "test set", {"n_openings": 5}),
    # ---- evidence missing
    "products unknown": (MISSING, "product", {"products": None}),
    "data without time": (MISSING, "data window", {"new": with_data(ranges=TIMELESS)}),
    "more without time than with": (MISSING, "data window", {"new": with_data(ranges=HALF_TIMED)}),
    "inputs unknown": (MISSING, "inputs of the model", {"new_inputs": None}),
    "tags unknown": (MISSING, "tag", {"tags": None}),
    "sensor not on record": (MISSING, "sensor", {"new": new(**named("probe"))}),
    "step not measured": (MISSING, "step, root mean square", {"to_active": None}),
    "original not measured": (MISSING, "from the original, root mean square",
                              {"to_original": None}),
    "other reference set": (MISSING, "reference set", {"reference": "0" * 64}),
    "number unknown": (MISSING, "spe_limit, from the original", {"parameters": ()}),
    "threshold unknown": (MISSING, "threshold spe_limit", {
        "new": threshold(), "parameters": (), "to_active": NEAR}),
    "openings unknown": (MISSING, "test set", {"n_openings": None}),
    "not trained": (MISSING, "training", {"new": new(trained=None, tested=None)}),
    "not tested": (MISSING, "test", {"new": new(tested=None)}),
    "another artefact tested": (MISSING, "test", {"new": new(tested=case.tested(2))}),
    "few rows": (MISSING, "test rows", {"n_test_rows": 23}),
    "few groups": (MISSING, "independent batch groups", {"n_test_groups": 7}),
    "not compared with the active": (MISSING, "A2: against the active",
                                     {"comparisons": (figure("original"),)}),
    "not compared with the original": (MISSING, "A2: against the original",
                                       {"comparisons": (figure(),)}),
    "compared at less": (MISSING, "A2: against the active",
                         {"comparisons": (figure(confidence=0.9), figure("original"))}),
    "compared in few groups": (MISSING, "A2: against the active",
                               {"comparisons": (figure(n_groups=6), figure("original"))}),
    "no bound of the test": (MISSING, "A1: limit", {"new": new(tested=case.tested(
        3, (case.measured(criterion=case.RMSE.model_copy(update={"confidence": 0.0})),)))}),
    "short shadow": (MISSING, "days in shadow", {"shadow": {"days": 13.9, "n_batches": 3}}),
    "shadow of one batch": (MISSING, "batches in shadow", {"shadow": {"days": 20, "n_batches": 1}}),
    "no shadow": (MISSING, "days in shadow", {"shadow": None}),
    "something wanting": (MISSING, "evidence", {"missing": ("the report cannot be read",)}),
    # ---- in plan, and it failed
    "test failed": (FAIL, "criteria of the use, test",
                    {"new": new(tested=case.tested(3, (case.measured(11.5, 12.5),)))}),
    "limit missed": (FAIL, "A1: limit",
                     {"new": new(tested=case.tested(3, (case.measured(11.5, 12.5),)))}),
    "worse than the active": (FAIL, "A2: against the active",
                              {"comparisons": (figure(upper=1.5), figure("original"))}),
    "worse than the original": (FAIL, "A2: against the original",
                                {"comparisons": (figure(), figure("original", upper=1.6))}),
    "groups cannot tell": (FAIL, "A2: against the active",
                           {"comparisons": (figure(upper=None), figure("original"))}),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BENT))
def test_one_bent_rule_decides_and_is_named(name):
    wanted, rule, changes = BENT[name]
    found = judge(**changes)
    assert found.outcome is wanted, [one for one in found.lines if one.verdict != "holds"]
    assert rule in {one.rule for one in found.reasons}
    for one in found.lines:
        assert one.asked and one.found and one.clause


def test_every_rule_can_refuse():
    """A rule that no case bends would be one that nobody knows to work."""
    bent = {rule for _, rule, _ in BENT.values()}
    lines = judge().lines + judge(new=threshold(), parameters=moved(1.1), to_active=NEAR).lines
    lines += judge(new=new(**named("probe")), sensor=sensor()).lines
    never = {one.rule for one in lines} - bent
    assert never <= {"settings", "number of updates", "training lots"}, never
    assert len(PERMITTED) + len(SHOWN) == 22


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"new": with_settings(n_components=6)},
        {"new": new(**named("probe")), "sensor": sensor()},
        {"new": threshold(), "parameters": moved(1.1), "to_active": NEAR},
        # 0.8 - 0.6 is 0.20000000000000007 in binary, and 0.2 as it is written.
        {"new": threshold(0.8), "parameters": moved(0.8, 0.6), "to_active": NEAR},
        {"n_openings": 4},
        {"new": with_data(ranges=TIMED)},
        {"to_original": Travel(rms=4.0, largest=12.0, n_rows=9)},
        {"shadow": {"days": 14.0, "n_batches": 2}},
    ],
)
def test_what_the_plan_permits_passes(changes):
    found = judge(**changes)
    assert found.outcome is PASS, found.reasons
    assert found.reasons == found.lines


def test_the_first_update_follows_the_original_itself():
    found = gate(case.version(1), case.version(2), gate_case.PLAN, gate_case.evidence(1))
    assert found.outcome is PASS, found.reasons


def test_outcomes_rank_out_of_plan_before_missing_before_failed():
    failed = {"comparisons": (figure(upper=5.0), figure("original"))}
    assert judge(**failed).outcome is FAIL
    assert judge(**failed, shadow=None).outcome is MISSING
    assert judge(**failed, shadow=None, plan_state="expired").outcome is OUT


def test_a_criterion_of_another_modification_is_not_asked():
    """A third criterion, of `probe` alone: a re-training passes without its comparison."""
    text = """
[[protocol.acceptance]]
id = "A3"
kind = "non_inferiority"
measure = "mae"
against = ["active"]
margin = 0.5
confidence = 0.9
modifications = ["probe"]

[update]"""
    plan = case.plan(**{"[update]": text})
    assert judge(plan, reference=plan.bound.reference).outcome is PASS
    found = judge(plan, new=new(**named("probe")), sensor=sensor())
    assert found.outcome is MISSING
    assert [one.rule for one in found.reasons] == ["A3: against the active"]


def test_updates_are_counted():
    plan = case.plan(**{"n_updates = 8": "n_updates = 3"})
    for number, wanted in ((4, PASS), (5, OUT)):
        found = gate(
            case.version(number - 1), case.version(number), plan, gate_case.evidence(number - 1)
        )
        assert found.outcome is wanted, found.reasons
    assert found.reasons[0].rule == "number of updates"
    assert (found.reasons[0].asked, found.reasons[0].found) == ("at most 3", "4")


def test_a_way_back_counts_only_where_the_plan_says_so():
    far = {"path_rms": 9.0, "to_original": Travel(rms=0.1, largest=0.2, n_rows=50)}
    assert judge(**far).outcome is PASS
    plan = case.plan(**{"counts_path = false": "counts_path = true"})
    found = judge(plan, **far)
    assert (found.outcome, found.reasons[0].rule) == (OUT, "way from the original, all steps")
    assert judge(plan, path_rms=None).outcome is MISSING


# ---- salami-slicing -------------------------------------------------------------------------


def travel(one, other):
    gaps = [abs(a - b) for a, b in zip(one, other, strict=True)]
    rms = math.sqrt(sum(gap**2 for gap in gaps) / len(gaps))
    return Travel(rms=rms, largest=max(gaps), n_rows=len(gaps))


def walk(steps, plan, n_rows=5):
    """Updates one after the other; each that passes becomes the version that serves."""
    places, outcomes, path = [[0.0] * n_rows], [], 0.0
    for step in steps:
        number = len(places)  # version that serves
        offered = [a + b for a, b in zip(places[-1], step, strict=True)]
        to_active = travel(places[-1], offered)
        found = gate(
            case.version(number), case.version(number + 1), plan,
            gate_case.evidence(number, to_active=to_active, to_original=travel(places[0], offered),
                               path_rms=path + to_active.rms),
        )  # fmt: skip
        outcomes.append(found.outcome)
        if found.outcome is PASS:
            places.append(offered)
            path += to_active.rms
    return places, outcomes, path


def test_twenty_steps_within_the_limit_are_stopped_at_the_bound():
    """Each step is 0.5 of a permitted 2.0, all the same way; in all 4.0 are permitted."""
    plan = case.plan(**{"n_updates = 8": "n_updates = 100"})
    places, outcomes, _ = walk([[0.5] * 5] * 20, plan)
    assert outcomes == [PASS] * 8 + [OUT] * 12
    assert travel(places[0], places[-1]).rms == 4.0


def test_drifting_back_is_measured_from_the_original():
    plan = case.plan(**{"n_updates = 8": "n_updates = 100"})
    steps = ([[0.5] * 5] * 8 + [[-0.5] * 5] * 8) * 2
    places, outcomes, path = walk(steps, plan)
    assert outcomes == [PASS] * 32 and travel(places[0], places[-1]).rms == 0 and path == 16
    counting = case.plan(**{"n_updates = 8": "n_updates = 100",
                            "counts_path = false": "counts_path = true"})  # fmt: skip
    assert walk(steps, counting)[1] == [PASS] * 8 + [OUT] * 24


STEP = st.lists(st.floats(-7.0, 7.0), min_size=5, max_size=5)


@settings(max_examples=50, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=25), st.booleans(), st.floats(0.01, 1.0))
def test_no_walk_ever_passes_beyond_the_bound(steps, counts_path, scale):
    changes = {"n_updates = 8": "n_updates = 20"}
    if counts_path:
        changes["counts_path = false"] = "counts_path = true"
    plan = case.plan(**changes)
    scaled = [[scale * one for one in step] for step in steps]
    places, outcomes, path = walk(scaled, plan)
    assert len(places) <= 21
    for before, after in itertools.pairwise(places):
        assert travel(before, after).rms <= 2.0 and travel(before, after).largest <= 6.0
        assert travel(places[0], after).rms <= 4.0 and travel(places[0], after).largest <= 12.0
    assert not counts_path or path <= 4.0
    assert PASS in outcomes or all(
        travel([0.0] * 5, step).rms > 2.0 or travel([0.0] * 5, step).largest > 6.0
        for step in scaled
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=15))
def test_no_walk_of_a_threshold_passes_beyond_its_bound(steps):
    value, number = 1.0, 2
    plan = case.plan(**{"n_updates = 8": "n_updates = 20"})
    for step in steps:
        offered = value + step
        old = case.version(number)
        update = case.version(number + 1, trained=case.trained(
            number + 1, data=old.trained.data, settings=case.SETTINGS | {"spe_limit": offered}),
            **named("limit"))  # fmt: skip
        old_settings = case.SETTINGS | {"spe_limit": value}
        old = case.version(number, trained=case.trained(number, settings=old_settings))
        found = gate(old, update, plan, gate_case.evidence(
            number, parameters=moved(offered, value), to_active=NEAR))  # fmt: skip
        if found.outcome is PASS:
            value, number = offered, number + 1
        else:
            slack = 1e-12  # of the sum, whose last digits are none that anybody typed
            assert abs(offered - 1.0) > 0.5 - slack or abs(step) > 0.2 - slack or number > 20
    assert abs(value - 1.0) <= 0.5 + 1e-12


# ---- the same everywhere --------------------------------------------------------------------

CODE = """
import sys
from goldenbatch.capabilities.governance.gate import explain
from tests.capabilities.governance import gate_case
from tests.core import plan_case as case
found = gate_case.judge(comparisons=(gate_case.figure(upper=1.7), gate_case.figure("original")))
sys.stdout.write(explain(found, case.version(3), gate_case.PLAN, case.NOW))
sys.stdout.write(gate_case.evidence().digest() + chr(10))
"""


def test_every_process_explains_the_same_bytes():
    told = {
        subprocess.run(
            [sys.executable, "-c", CODE], capture_output=True, check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("0", "1", "4711")
    }  # fmt: skip
    assert len(told) == 1
    assert told.pop().decode() == SNAPSHOT.read_text("utf-8")


def test_the_text_names_all_and_ends_with_what_comes_next():
    for wanted, rule, changes in BENT.values():
        found = judge(**changes)
        text = explain(found, changes.get("new") or case.version(3), gate_case.PLAN, case.NOW)
        assert f"Outcome: {wanted.value}" in text and rule in text
        n_named = 0 if wanted is PASS else len(found.reasons)
        assert text.count("asked: ") == len(found.lines) + n_named


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(sorted(BENT)), min_size=1, max_size=3, unique=True))
def test_bends_only_ever_make_it_worse(names):
    order = [PASS, FAIL, MISSING, OUT]
    changes, worst = {}, PASS
    for name in names:
        wanted, _, more = BENT[name]
        if not changes.keys() & more.keys():
            changes |= more
            worst = max(worst, wanted, key=order.index)
    found = judge(**changes).outcome
    assert order.index(found) >= order.index(worst)


def test_a_record_that_says_otherwise_than_its_lines_is_refused():
    found = judge(shadow=None)
    values = {
        "use": "glucose", "version": 3, "plan": "glucose-updates", "plan_version": "1",
        "plan_digest": "0" * 64, "follows": 2, "digest": "1" * 64, "lines": found.lines,
        "evidence": "2" * 64, "explanation": "3" * 64,
    }  # fmt: skip
    assert GateJudged(**values, outcome=MISSING).outcome is outcome_of(found.lines)
    for lie in (PASS, FAIL, OUT):
        with pytest.raises(ValidationError, match="otherwise than the outcome"):
            GateJudged(**values, outcome=lie)
    assert outcome_of(()) is MISSING
    assert RuleVerdict.OUTSIDE == "outside"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_evidence_that_is_no_number_is_refused(value):
    with pytest.raises(ValidationError):
        Travel(rms=value, largest=1.0, n_rows=3)
    with pytest.raises(ValidationError):
        figure(difference=value)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1e6), st.integers(1, 50))
def test_evidence_survives_its_bytes(rms, n):
    one = gate_case.evidence(to_active=Travel(rms=rms, largest=rms, n_rows=n))
    again = GateEvidence.model_validate_json(one.to_bytes())
    assert again == one and again.digest() == one.digest()
