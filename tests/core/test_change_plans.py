"""Change plans: what is refused and where, who approves, and what is in force."""

from __future__ import annotations

import tomllib

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core import change_plans
from goldenbatch.core.change_plan_limits import check_against
from goldenbatch.core.change_plans import (
    ChangePlanWithdrawn,
    load_change_plan,
    plan_standings,
    plans_in_force,
)
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import from_iso
from goldenbatch.core.schemas import schema_texts
from tests.core import plan_case as case
from tests.core.log import Log

STREAM = "change-plan/glucose-updates"
STEP = 'prediction_rms = 2.0\nprediction_max = 6.0\n\n[[modifications]]\nname = "probe"'
TRACE_U1 = '[[impact.trace]]\nmodification = "limit"\nstep = "U1"\nmitigation = "M3"\n'


def test_the_example_is_a_plan_that_its_original_bears():
    plan = load_change_plan(case.TEXT, "glucose.toml")
    check_against(plan, case.original(), case.TEXT, "glucose.toml")
    assert [one.kind for one in plan.modifications] == ["retrain", "sensor", "threshold"]
    assert plan.bound.expires == from_iso("2028-06-30T00:00:00+00:00")
    assert plan.modification("retrain").settings[0].allows(6)
    assert plan.modification("none") is None
    assert (plan.suspends_on("residual drift").clause, plan.suspends_on("noise")) == ("S1", None)


def test_the_example_fits_the_settings_of_the_sensor_that_it_is_for():
    from goldenbatch.capabilities.monitoring.pat.calibration import CalibrationSettings

    path = case.EXAMPLE.parents[1] / "analysts" / "glucose.toml"
    given = tomllib.loads(path.read_text("utf-8"))["settings"]["calibration"]
    own = CalibrationSettings(**given).model_dump(mode="json", exclude={"samples", "tag"})
    numbers = {name: float(one) for name, one in own.items() if isinstance(one, int | float)}
    original = case.Original.of(case.version(1), own, numbers)
    check_against(load_change_plan(case.SHIPPED), original, case.SHIPPED)


def test_it_fits_the_committed_schema():
    import json

    plan = load_change_plan(case.TEXT)
    schema = json.loads(schema_texts()["ChangePlan.json"])
    jsonschema.validate(json.loads(plan.model_dump_json(by_alias=True)), schema)
    assert schema["$id"] == "goldenbatch/change-plan/1"


def test_comments_and_layout_change_no_digest_and_anything_else_does():
    plain = load_change_plan(case.TEXT).digest()
    lines = [line for line in case.TEXT.splitlines() if not line.startswith("#")]
    assert load_change_plan("\n".join(lines)).digest() == plain
    assert case.plan(**{"margin = 1.5": "margin = 1.6"}).digest() != plain
    assert case.plan(**{"margin = 1.5": "margin = 1.50"}).digest() == plain
    # Entries at their defaults, said or left out: a later version may bring more of them.
    assert case.plan(**{"counts_path = false\n": ""}).digest() == plain


# ---- refused in itself --------------------------------------------------------------------------

REFUSED = {
    "no schema": ({'schema = "goldenbatch/change-plan/1"': ""}, "schema", "Field required"),
    "another schema": ({"change-plan/1": "change-plan/9"}, "schema", "goldenbatch/change-plan/1"),
    "unknown key": ({"owner =": 'anything_goes = true\nowner ='}, "anything_goes", "Extra"),
    "unknown key deep": ({"margin = 1.5": "margin = 1.5\nfudge = 1"}, "fudge", "Extra"),
    "no modification": (None, "modifications", "Field required"),
    "no bound": (None, "bound", "Field required"),
    "infinite bound": ({"prediction_rms = 4.0": "prediction_rms = inf"}, "bound.prediction_rms",
                       "finite"),
    "no bound on distance": ({"prediction_rms = 4.0\n": ""}, "bound.prediction_rms", "required"),
    "no end": ({"expires = 2028-06-30T00:00:00Z\n": ""}, "bound.expires", "required"),
    "an end without zone": ({"2028-06-30T00:00:00Z": "2028-06-30T00:00:00"}, "expires", "offset"),
    "endless updates": ({"n_updates = 8": "n_updates = 100000"}, "n_updates", "100"),
    "no confidence": ({"confidence = 0.95": "confidence = 0.4"}, "confidence", "0.5"),
    "certainty": ({"confidence = 0.95": "confidence = 1.0"}, "confidence", "less than 1"),
    "infinite margin": ({"margin = 1.5": "margin = inf"}, "margin", "finite"),
    "negative margin": ({"margin = 1.5": "margin = -1.5"}, "margin", "greater than 0"),
    "infinite limit": ({"limit = 12.0": "limit = inf"}, "limit", "finite"),
    "infinite box": ({"upper = 6": "upper = inf"}, "upper", "finite"),
    "half a box": ({"lower = 2\n": ""}, "settings", "lower and upper, or choices"),
    "no active": ({'["active", "original"]': '["original"]'}, "acceptance", "active version"),
    "no original": ({'["active", "original"]': '["active"]'}, "acceptance", "original version"),
    "a modification without a limit": ({"limit = 12.0": 'limit = 12.0\nmodifications = ["probe"]'},
                                       "acceptance", "no absolute limit over all rows is asked "
                                       "for of 'retrain'"),
    "a modification not compared": ({"margin = 1.5": 'margin = 1.5\nmodifications = ["retrain"]'},
                                    "acceptance", "no comparison of 'probe'"),
    "criterion of nothing": ({"margin = 1.5": 'margin = 1.5\nmodifications = ["redo"]'},
                             "acceptance.1.modifications", "no modification 'redo'"),
    "no window": ({"window_days = 1826\n": ""}, "modifications.0.data", "no beginning"),
    "no data": ({"least_batches = 3\n": ""}, "modifications.0.data", "least_batches"),
    "too few groups": ({"least_groups = 8": "least_groups = 2"}, "least_groups", "4"),
    "step beyond bound": ({"prediction_max = 6.0": "prediction_max = 60.0"},
                          "modifications.0.step.prediction_max", "beyond the cumulative bound"),
    "rms above largest": ({"prediction_max = 12.0": "prediction_max = 3.0"}, "bound",
                          "no root mean square"),
    "threshold unbounded": ({'name = "spe_limit"\nmost = 0.5': 'name = "other"\nmost = 0.5'},
                            "modifications.2.threshold", "no cumulative bound"),
    "threshold step": ({"step = 0.2": "step = 0.9"}, "threshold.step", "beyond the cumulative"),
    "fresh re-used": ({'test_set = "reuse"': 'test_set = "fresh"'}, "data", "opened once"),
    "twice": ({'id = "R1"\npart': 'id = "D1"\npart'}, "protocol.steps.1", "twice"),
    "risk alone": ({'risks = ["K2", "K3"]': 'risks = ["K2"]'}, "impact.risks.2", "no mitigation"),
    "unknown risk": ({'risks = ["K2", "K3"]': 'risks = ["K3", "K9"]'}, "mitigations.2", "K9"),
    "hole": ({TRACE_U1: ""}, "impact.trace", "no step of part 'update' for 'limit'"),
    "unknown step": ({'step = "U1"\nmitigation': 'step = "U9"\nmitigation'}, "trace", "U9"),
    "measure not compared": ({'[[bound.performance]]\nmeasure = "rmse"':
                              '[[bound.performance]]\nmeasure = "mae"'}, "performance.0", "mae"),
    "kind and part": ({'kind = "threshold"': 'kind = "retrain"'}, "modifications.2", "threshold"),
    "two clauses for one alarm": ({'alarm = "share out of domain"': 'alarm = "residual drift"'},
                                  "suspension.1", "twice"),
    "an alarm that nobody raises": ({'alarm = "share out of domain"': 'alarm = "bad mood"'},
                                    "suspension.1.alarm", "input drift"),
    "no reference": ({'reference = "3c6e': 'reference = "xyz'}, "bound.reference", "pattern"),
}  # fmt: skip


def _cut(name: str) -> str:
    start = case.TEXT.index("[bound]") if name == "no bound" else 0
    if name == "no bound":
        return case.TEXT[:start] + case.TEXT[case.TEXT.index("[[suspension]]") :]
    start, end = case.TEXT.index("[[modifications]]"), case.TEXT.index("[protocol.data]")
    return case.TEXT[:start] + case.TEXT[end:]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_plan_that_permits_everything_is_refused_with_its_place(name):
    changes, key, words = REFUSED[name]
    text = _cut(name) if changes is None else case.changed(case.TEXT, changes)
    with pytest.raises(BadInputError) as caught:
        load_change_plan(text, "plan.toml")
    error = caught.value
    assert words in str(error) and key in error.key, str(error)
    assert error.file == "plan.toml"
    if "required" not in words:  # of what is missing, the table around it is named
        line = text.splitlines()[error.line - 1]
        last = [part for part in error.key.split(".") if not part.isdigit()][-1]
        assert last in line or line.startswith("["), (error.line, line)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_without_any_one_line_it_is_whole_or_refused_and_never_breaks(data):
    lines = case.TEXT.splitlines()
    kept = [n for n, line in enumerate(lines) if line and not line.startswith("#")]
    gone = data.draw(st.sampled_from(kept))
    text = "\n".join(line for n, line in enumerate(lines) if n != gone)
    try:
        tomllib.loads(text)
        load_change_plan(text, "plan.toml")
    except (BadInputError, tomllib.TOMLDecodeError):
        pass


# ---- refused against the original ---------------------------------------------------------------

AGAINST = {
    "new product": ({'reach = "local"': 'reach = "local"\nproducts = ["ethanol", "butanol"]'}, {},
                    "products", "new context of use"),
    "new place": ({'reach = "local"': 'reach = "local"\nplaces = ["site2/reactor"]'}, {},
                  "places", "new context of use"),
    "local everywhere": ({}, {"intended": case.intended(context={
        "products": ["ethanol"], "places": [case.UNIT, "site/fermentation/second"],
        "site": "site"})}, "modifications.0.reach", "name it in `places`"),
    "other method": ({'["PLS on treated spectra"]': '["PLS on treated spectra", "forest"]'}, {},
                     "methods", "it stays fixed"),
    "other type": ({'media_types = ["application/vnd': 'media_types = ["application/onnx", '
                    '"application/vnd'}, {}, "media_types", "it stays fixed"),
    "unknown setting": ({'name = "n_components"': 'name = "n_trees"'}, {}, "settings.0.name",
                        "no setting 'n_trees'"),
    "box beside": ({"lower = 2\nupper = 6": "lower = 5\nupper = 6"}, {}, "settings.0",
                   "leaves out the original's own 4"),
    "threshold beside": ({"lower = 0.5": "lower = 1.5"}, {}, "threshold.lower", "own 1"),
    "unit": ({'unit = "g/L"': 'unit = "mg/L"'}, {}, "bound.unit", "g/L"),
    "unknown input": ({'inputs = ["ir_spectrum"]': 'inputs = ["nir"]'}, {}, "sensor.inputs", "nir"),
    "looser limit": ({"limit = 12.0": "limit = 13.0"}, {}, "acceptance.0.limit", "looser than 12"),
    "less confident": ({"confidence = 0.95": "confidence = 0.9"}, {}, "acceptance.0.confidence",
                       "fixed for the use, 0.95"),
    "margin for a baseline": ({"margin = 1.5": "margin = 11.0"}, {}, "acceptance.1.margin",
                              "lets the naive baseline pass"),
    "far": ({"prediction_rms = 4.0": "prediction_rms = 18.8",
             "prediction_max = 12.0": "prediction_max = 30.0"}, {}, "bound.prediction_rms",
            "as far as the naive baseline errs"),
    "loss beyond the use": ({"most = 2.0": "most = 4.5"}, {}, "performance.0.most",
                            "beyond 12, which was fixed"),
    "subgroup": ({'measure = "rmse"\nrelation': 'measure = "rmse"\nsubgroup = "wet"\nrelation',
                  "[update]": '[[protocol.acceptance]]\nid = "A9"\nkind = "absolute"\n'
                  'measure = "rmse"\nlimit = 12.0\nconfidence = 0.95\n\n[update]'}, {},
                 "acceptance.0.subgroup", "no subgroup 'wet'"),
    "subgroup left out": ({}, {"intended": case.intended(subgroups=("wet season",))}, "acceptance",
                          "no criterion of 'retrain' is of the subgroup 'wet season'"),
    "automatic": ({'execution = "manual"': 'execution = "automatic"'},
                  {"intended": case.intended(criticality="critical")}, "execution", "critical"),
    "good baseline": ({}, {"tested": case.tested(outcomes=(case.measured(baseline=9.0),))},
                      "acceptance.0.limit", "lets the naive baseline pass"),
    "no baseline": ({}, {"tested": case.tested(outcomes=(case.measured(baseline=None),))},
                    "acceptance", "nothing shows that a baseline would fail"),
    "unknown number": ({'name = "spe_limit"\nmost = 0.5': 'name = "spe_limit"\nmost = 0.5\n\n'
                        '[[bound.parameters]]\nname = "slope"\nmost = 1.0'}, {},
                       "bound.parameters.1.name", "no number 'slope'"),
    "not measured": ({"[update]": '[[protocol.acceptance]]\nid = "A9"\nkind = "absolute"\n'
                      'measure = "coverage"\nlimit = 0.9\nrelation = "at_least"\n'
                      "confidence = 0.95\n\n[update]"}, {}, "acceptance.2.measure",
                     "no criterion of the use"),
    "more confident": ({"confidence = 0.95": "confidence = 0.99"}, {}, "acceptance.0.confidence",
                       "0.95"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(AGAINST))
def test_a_plan_wider_than_its_use_is_refused_with_its_place(name):
    changes, of_original, key, words = AGAINST[name]
    text = case.changed(case.TEXT, changes)
    plan = load_change_plan(text, "plan.toml")
    with pytest.raises(BadInputError) as caught:
        check_against(plan, case.original(**of_original), text, "plan.toml")
    error = caught.value
    assert words in str(error) and key in error.key, str(error)
    line = text.splitlines()[error.line - 1]
    last = [part for part in error.key.split(".") if not part.isdigit()][-1]
    assert error.file == "plan.toml" and (last in line or line.startswith("["))


def test_no_plan_starts_from_a_link_of_a_chain():
    """Re-basing on the newest update would reset the cumulative bound: the largest salami."""
    link = case.version(1).approved.model_copy(update={"basis": "in_plan", "judgement": "x@1"})
    with pytest.raises(ConflictError, match="approved within a plan"):
        case.original(approved=link)
    with pytest.raises(ConflictError, match="validated in full"):
        case.original(approved=None)


# ---- approval -----------------------------------------------------------------------------------


def state(log, now=case.NOW, fault=lambda _: ""):
    found = plan_standings(log.events, fault)
    assert plans_in_force(log.events, fault, now) == tuple(
        one for one in found if one.state(now) == "in force"
    )
    return [one.state(now) for one in found]


def test_a_plan_counts_once_another_person_has_signed_it():
    log = Log()
    event = log.add(STREAM, case.proposed(), actor="p1")
    assert state(log) == ["proposed, not approved"]
    case.approve(log, event)
    assert state(log) == ["in force"]
    (one,) = plans_in_force(log.events, now=case.NOW)
    assert (one.ref, one.proposed_by, one.approval.signer) == (f"{STREAM}@1", {"p1"}, "q1")
    assert state(log, now=one.plan.bound.expires)[0].startswith("expired at 2028-06-30")
    log.add(STREAM, ChangePlanWithdrawn(plan="glucose-updates", version="1", reason="late"))
    assert state(log) == ["withdrawn: late"]
    case.approve(log, event, signer="q2")
    assert state(log) == ["withdrawn: late"]


def test_approvals_that_are_none():
    for signer, meaning, more in (
        ("p1", Meaning.APPROVED, {}),  # the proposer's own
        ("q1", Meaning.REVIEWED, {}),
        ("q1", Meaning.APPROVED, {"acting_for": "p1"}),  # in the proposer's place
    ):
        log = Log()
        event = log.add(STREAM, case.proposed(), actor="p1")
        case.approve(log, event, signer, meaning, **more)
        assert state(log) == ["proposed, not approved"], (signer, meaning)
    log = Log()
    event = log.add(STREAM, case.proposed(), actor="p1")
    case.approve(log, event)
    assert state(log, fault=lambda _: "forged") == ["proposed, not approved"]


def test_a_later_version_takes_over_when_it_is_approved_and_no_earlier():
    log = Log()
    case.approve(log, log.add(STREAM, case.proposed(), actor="p1"))
    second = case.changed(case.TEXT, {'version = "1"': 'version = "2"', "n_updates = 8":
                                      "n_updates = 6"})  # fmt: skip
    event = log.add(STREAM, case.proposed(second), actor="p1")
    assert state(log) == ["in force", "proposed, not approved"]
    case.approve(log, event)
    assert state(log) == ["superseded by version 2", "in force"]
    log.add(STREAM, ChangePlanWithdrawn(plan="glucose-updates", version="2", reason="no"))
    assert state(log) == ["superseded by version 2", "withdrawn: no"]


def test_an_approved_version_is_never_changed_under_its_name():
    log = Log()
    case.approve(log, log.add(STREAM, case.proposed(), actor="p1"))
    wider = case.changed(case.TEXT, {"margin = 1.5": "margin = 9.5"})
    case.approve(log, log.add(STREAM, case.proposed(wider), actor="p1"))
    (one,) = plans_in_force(log.events, now=case.NOW)
    assert one.plan.protocol.acceptance[1].margin == 1.5


@pytest.mark.parametrize(
    "lie", [{"digest": "0" * 64}, {"use": "other"}, {"version": "7"}, {"text": "x = 1"}]
)
def test_an_event_that_lies_about_its_plan_is_none(lie):
    log = Log()
    body = case.proposed().model_copy(update=lie)
    case.approve(log, log.add(STREAM, body, actor="p1"))
    assert plan_standings(log.events) == ()


def test_a_plan_of_another_stream_is_none():
    log = Log()
    case.approve(log, log.add("change-plan/other", case.proposed(), actor="p1"))
    log.add("batch/7", case.proposed())
    assert plan_standings(log.events) == ()
    assert change_plans.plan_stream("a") == "change-plan/a"


def test_a_plan_waits_for_its_date():
    text = case.changed(case.TEXT, {"owner =": "effective_from = 2027-01-01T00:00:00Z\nowner ="})
    log = Log()
    case.approve(log, log.add(STREAM, case.proposed(text), actor="p1"))
    assert state(log)[0].startswith("effective from 2027-01-01")
    assert state(log, now=from_iso("2027-01-01T00:00:00+00:00")) == ["in force"]
