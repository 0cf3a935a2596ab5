"""Rules of the gate on what is permitted: whatever is not is out of plan.

References:
    FDA, Predetermined Change Control Plan (December 2024), V and VI; ICH Q12, 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from goldenbatch.capabilities.governance._gate_case import (
    Case,
    Lines,
    changed,
    flat,
    held,
    line,
    listed,
    moved,
    number,
    within,
)
from goldenbatch.core.gate_records import GateLine, RuleVerdict
from goldenbatch.core.records import to_iso

PLAN: Final = "ICH Q12, 4; FDA PCCP 2024, IV"
SCOPE: Final = "FDA PCCP 2024, V; draft Annex 22, 3.1"
MODIFICATION: Final = "FDA PCCP 2024, VI"
BOUND: Final = "FDA PCCP 2024, V.B (bounds); draft Annex 22, 10.1"
DATA: Final = "FDA PCCP 2024, VII (data management); draft Annex 22, 5.1"
TEST: Final = "draft Annex 22, 6.1 to 6.5"

_DAY = 86_400_000_000


def plan_in_force(case: Case) -> Lines:
    """The plan is in force, and it is the one that the draft names."""
    state = case.evidence.plan_state
    yield line(
        "plan in force", "in force", state, held(state == "in force", RuleVerdict.OUTSIDE), PLAN
    )
    wanted, found = case.plan.label, case.new.draft.plan
    is_it = wanted == found and case.plan.use == case.new.draft.use
    asked, told = f"{wanted} for {case.plan.use}", f"{found or 'no plan'} for {case.new.draft.use}"
    yield line("plan of the draft", asked, told, held(is_it, RuleVerdict.OUTSIDE), PLAN)


def modification_permitted(case: Case) -> Lines:
    """The draft names a modification of the plan."""
    found = case.new.draft.modification
    is_known = case.modification is not None
    asked = listed(one.name for one in case.plan.modifications)
    verdict = held(is_known, RuleVerdict.OUTSIDE)
    yield line("modification", asked, found or "none", verdict, MODIFICATION)


def follows_active(case: Case) -> Lines:
    """It is an update of the version that serves."""
    active, follows = case.evidence.active, case.new.draft.follows
    is_it = follows == active == case.old.draft.version
    asked = f"version {active}, which serves"
    verdict = held(is_it, RuleVerdict.OUTSIDE)
    yield line("version that it follows", asked, f"version {follows}", verdict, MODIFICATION)


def chain_whole(case: Case) -> Lines:
    """Every version back to the original was an update that passed under this plan."""
    fault = _chain_fault(case)
    path = [case.new.draft.version, *(one.version for one in case.evidence.chain)]
    found = fault or " <- ".join(map(str, reversed(path)))
    asked = f"an unbroken chain of passed updates from version {case.plan.original}"
    yield line("chain", asked, found, held(not fault, RuleVerdict.OUTSIDE), BOUND)
    n_updates = len(case.evidence.chain)  # the original is no update, this one is
    yield within("number of updates", n_updates, case.plan.bound.n_updates, "", BOUND)


def _chain_fault(case: Case) -> str:
    wanted, chain = case.new.draft.follows, case.evidence.chain
    if not chain or chain[-1].version != case.plan.original:
        return f"the chain does not reach version {case.plan.original}"
    for one in chain:
        if one.version != wanted:
            return f"version {wanted} is missing from the chain"
        is_last = one.version == case.plan.original
        if is_last:
            is_validated = one.basis in ("first", "change_control")
            return "" if is_validated else f"version {one.version} was not validated in full"
        plan, _, _ = one.plan.rpartition("@")
        if one.basis != "in_plan" or one.judged != "in_plan_pass":
            return f"version {one.version} is no update that passed within a plan"
        if plan != case.plan.id:
            return f"version {one.version} was an update under another plan ({one.plan})"
        wanted = one.follows
    return f"the chain goes round version {case.plan.original}"


def use_unchanged(case: Case) -> Lines:
    """Intended use and criteria are those of the version before."""
    for rule, old, new in (
        ("intended use", case.old.intended, case.new.intended),
        ("criteria of the use", case.old.criteria, case.new.criteria),
    ):
        is_same = old is not None and old == new
        asked = f"as of version {case.old.draft.version}"
        found = "the same" if is_same else "another one"
        yield line(rule, asked, found, held(is_same, RuleVerdict.OUTSIDE), SCOPE)


def context_kept(case: Case) -> Lines:
    """Data are of permitted products, places and phases: a new one is a new context of use."""
    trained, intended, one = case.new.trained, case.old.intended, case.modification
    if trained is None or intended is None or one is None:
        return
    context, before = intended.context, case.old.trained
    known = frozenset(before.data.places) if before is not None else frozenset()
    products, phases = case.evidence.products, case.evidence.phases
    yield _subset("product", products, frozenset(one.products or context.products))
    places = frozenset(one.places) or frozenset(context.places) | known
    yield _subset("place", trained.data.places, places)
    allowed = frozenset(one.phases or context.phases)
    if allowed:
        yield _subset("phase", phases, allowed)


def _subset(rule: str, found: tuple[str, ...] | None, allowed: frozenset[str]) -> GateLine:
    if found is None:
        return line(rule, listed(allowed), "not known", RuleVerdict.MISSING, SCOPE)
    new = set(found) - allowed
    words = f"{listed(found)}; not permitted: {listed(new)}" if new else listed(found)
    return line(rule, listed(allowed), words, held(not new, RuleVerdict.OUTSIDE), SCOPE)


def inputs_kept(case: Case) -> Lines:
    """The model takes what it took, and nothing new is measured for it."""
    trained, intended, before = case.new.trained, case.old.intended, case.old.trained
    if trained is None or intended is None or before is None:
        return
    yield _model_inputs(case)
    allowed = {one.what for one in before.data.ranges} | {intended.output}
    allowed |= {name for one in intended.inputs for name in (one.name, one.tag) if name}
    yield _subset("tag", case.evidence.tags, frozenset(allowed))


def _model_inputs(case: Case) -> GateLine:
    old, new = case.evidence.old_inputs, case.evidence.new_inputs
    asked = f"those of version {case.old.draft.version}, in order"
    if old is None or new is None:
        return line("inputs of the model", asked, "not known", RuleVerdict.MISSING, SCOPE)
    if old == new:
        found = f"the same {len(new)}"
        return line("inputs of the model", asked, found, RuleVerdict.HOLDS, SCOPE)
    others = sorted(set(old) ^ set(new))[:3] or ["another order"]
    found = f"others: {', '.join(others)}"
    return line("inputs of the model", asked, found, RuleVerdict.OUTSIDE, SCOPE)


def method_fixed(case: Case) -> Lines:
    """Method and type of artefact stay."""
    one, trained = case.modification, case.new.trained
    if one is None:
        return
    method = case.new.draft.method
    verdict = held(method in one.methods, RuleVerdict.OUTSIDE)
    yield line("method", listed(one.methods), method, verdict, MODIFICATION)
    if trained is not None:
        verdict = held(trained.media_type in one.media_types, RuleVerdict.OUTSIDE)
        yield line(
            "type of artefact", listed(one.media_types), trained.media_type, verdict, MODIFICATION
        )


def settings_in_box(case: Case) -> Lines:
    """Settings stay as they are, or within their box."""
    one, trained, before = case.modification, case.new.trained, case.old.trained
    if one is None or trained is None or before is None:
        return
    boxes = {setting.name: setting for setting in one.settings}
    own = one.threshold.setting if one.threshold is not None else ""
    after = flat(trained.settings)
    names = [name for name in changed(before.settings, trained.settings) if name != own]
    for name in names:
        found = f"{after[name]!r}" if name in after else "left out"
        box = boxes.get(name)
        is_allowed = box is not None and name in after and box.allows(after[name])
        asked = box.words() if box is not None else "as before"
        verdict = held(is_allowed, RuleVerdict.OUTSIDE)
        yield line(f"setting {name}", asked, found, verdict, MODIFICATION)
    if not names:
        yield line("settings", "as before, or within their box", "as before", RuleVerdict.HOLDS,
                   MODIFICATION)  # fmt: skip


def threshold_step(case: Case) -> Lines:
    """A threshold moves within its range and its step."""
    one = case.modification
    if one is None or one.threshold is None or case.new.trained is None:
        return
    threshold, move = one.threshold, case.parameter(one.threshold.setting)
    rule = f"threshold {threshold.setting}"
    asked = f"{number(threshold.lower)} to {number(threshold.upper)}"
    if move is None or move.new is None or move.old is None:
        yield line(rule, asked, "not known", RuleVerdict.MISSING, BOUND)
        return
    is_within = threshold.lower <= move.new <= threshold.upper
    yield line(rule, asked, number(move.new), held(is_within, RuleVerdict.OUTSIDE), BOUND)
    yield within(f"{rule}, one step", moved(move.new, move.old), threshold.step, "", BOUND)


def data_window(case: Case) -> Lines:
    """Training data are recent enough, and enough; for a threshold they stay the same."""
    one, trained, before = case.modification, case.new.trained, case.old.trained
    if one is None or trained is None or before is None:
        return
    if one.kind == "threshold":
        is_same = trained.data == before.data
        found = "the same" if is_same else "others"
        yield line("training data", "those of the version before", found,
                   held(is_same, RuleVerdict.OUTSIDE), DATA)  # fmt: skip
        return
    yield _window(case, _first_allowed(case))
    data = trained.data
    counts = (
        ("training batches", len(set(data.batches)), one.data.least_batches),
        ("training lots", len(set(data.lots)), one.data.least_lots),
        ("training samples", len(set(data.samples)), one.data.least_samples),
    )
    for rule, n, least in counts:
        if least:
            verdict = held(n >= least, RuleVerdict.OUTSIDE)
            yield line(rule, f"at least {least}", str(n), verdict, DATA)


def _first_allowed(case: Case) -> int:
    bounds = case.modification.data if case.modification is not None else None
    starts = [0] if bounds is None or bounds.not_before is None else [bounds.not_before]
    if bounds is not None and bounds.window_days is not None:
        starts.append(case.evidence.at - int(bounds.window_days * _DAY))
    return max(starts)


def _window(case: Case, first: int) -> GateLine:
    ranges = case.new.trained.data.ranges if case.new.trained is not None else ()
    asked = f"nothing before {to_iso(first)}"
    starts = [one.start for one in ranges if one.start is not None]
    # Results and files come beside readings or rows that have a time: no more of them than these.
    n_timed = sum(one.n for one in ranges if one.start is not None)
    untimed = [one for one in ranges if one.start is None and one.n > n_timed]
    if untimed or not starts:
        found = f"{len(untimed)} of {len(ranges)} ranges without a time"
        return line("data window", asked, found, RuleVerdict.MISSING, DATA)
    earliest = min(starts)
    verdict = held(earliest >= first, RuleVerdict.OUTSIDE)
    return line("data window", asked, f"from {to_iso(earliest)} on", verdict, DATA)


def sensor_of_type(case: Case) -> Lines:
    """A new sensor is of the type that the plan names; else there is none."""
    one, stated = case.modification, case.evidence.sensor
    if one is None:
        return
    if one.sensor is None:
        if stated is not None:
            yield line("sensor", "no new sensor", f"{stated.type} {stated.serial}",
                       RuleVerdict.OUTSIDE, MODIFICATION)  # fmt: skip
        return
    asked = f"{one.sensor.type} for {listed(one.sensor.inputs)}"
    if stated is None:
        yield line("sensor", asked, "no record of it", RuleVerdict.MISSING, MODIFICATION)
        return
    is_it = stated.type == one.sensor.type and set(stated.inputs) <= set(one.sensor.inputs)
    found = f"{stated.type} {stated.serial} for {listed(stated.inputs)} ({stated.record})"
    yield line("sensor", asked, found, held(is_it, RuleVerdict.OUTSIDE), MODIFICATION)


def one_step(case: Case) -> Lines:
    """It moves no further from the active version than one update may."""
    one, travel, unit = case.modification, case.evidence.to_active, case.plan.bound.unit
    if one is None:
        return
    rms, largest = (None, None) if travel is None else (travel.rms, travel.largest)
    yield within("step, root mean square", rms, one.step.prediction_rms, unit, BOUND)
    yield within("step, largest", largest, one.step.prediction_max, unit, BOUND)


def cumulative_distance(case: Case) -> Lines:
    """It stays near the original, however many small steps led there."""
    bound, evidence = case.plan.bound, case.evidence
    is_it = evidence.reference == bound.reference
    verdict = held(is_it, RuleVerdict.MISSING)
    found = evidence.reference[:12] or "none"
    yield line("reference set", bound.reference[:12], found, verdict, BOUND)
    travel = evidence.to_original if is_it else None
    rms, largest = (None, None) if travel is None else (travel.rms, travel.largest)
    unit = bound.unit
    yield within("from the original, root mean square", rms, bound.prediction_rms, unit, BOUND)
    yield within("from the original, largest", largest, bound.prediction_max, unit, BOUND)
    if bound.counts_path:
        path = evidence.path_rms if is_it else None
        yield within("way from the original, all steps", path, bound.prediction_rms, unit, BOUND)


def cumulative_parameters(case: Case) -> Lines:
    """Coefficients, limits and thresholds stay near those of the original."""
    for one in case.plan.bound.parameters:
        move = case.parameter(one.name)
        away = None
        if move is not None and move.new is not None and move.original is not None:
            away = moved(move.new, move.original)
        yield within(f"{one.name}, from the original", away, one.most, "", BOUND)


def cumulative_performance(case: Case) -> Lines:
    """It is not much worse than the original, whatever the chain."""
    criteria = {one.id: one for one in case.plan.criteria(case.new.draft.modification)}
    for one in case.plan.bound.performance:
        losses = [
            figure.difference
            for figure in case.evidence.comparisons
            if figure.against == "original"
            and figure.measure == one.measure
            and figure.criterion in criteria
            and not criteria[figure.criterion].subgroup
        ]
        loss = max(losses) if losses else None
        yield within(f"{one.measure} lost against the original", loss, one.most, "", BOUND)


def test_set_allowed(case: Case) -> Lines:
    """The test set was opened no more often than the plan allows."""
    data, n = case.plan.protocol.data, case.evidence.n_openings
    asked = "opened for this version only"
    if data.test_set == "reuse":
        asked = f"opened {data.most_openings} times at most"
    if n is None:
        yield line("test set", asked, "not known", RuleVerdict.MISSING, TEST)
        return
    verdict = held(1 <= n <= data.most_openings, RuleVerdict.OUTSIDE)
    yield line(
        "test set", asked, f"{n} {'opening' if n == 1 else 'openings'} in all", verdict, TEST
    )


RULES: Final[tuple[Callable[[Case], Lines], ...]] = (
    plan_in_force, modification_permitted, follows_active, chain_whole, use_unchanged,
    context_kept, inputs_kept, method_fixed, settings_in_box, threshold_step, data_window,
    sensor_of_type, one_step, cumulative_distance, cumulative_parameters,
    cumulative_performance, test_set_allowed,
)  # fmt: skip


def permitted(case: Case) -> Iterator[GateLine]:
    """Lines of all rules on what is permitted."""
    for rule in RULES:
        yield from rule(case)
