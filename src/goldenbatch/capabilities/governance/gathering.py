"""Evidence for the gate, gathered from ledger, registry and the report of the test.

What cannot be had is named and left out: the gate then says that evidence is missing. Nothing
is believed that was not signed or that the home did not measure itself, but for what the person
states (the new sensor, the phases), which is recorded as theirs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from goldenbatch.capabilities.governance._reading import fault_of, version_of
from goldenbatch.capabilities.governance.comparisons import active_of, predictor_of
from goldenbatch.capabilities.governance.gate_evidence import (
    GateEvidence,
    Link,
    PairedFigure,
    ParameterMove,
    SensorStated,
    ShadowFigure,
    Travel,
)
from goldenbatch.capabilities.governance.numbers_of import numbers_of
from goldenbatch.capabilities.governance.plans import stored_reference
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.model_access import kin_of, load_test_set
from goldenbatch.core.shadow_records import shadow_periods
from goldenbatch.science.comparison import prediction_distance
from goldenbatch.science.errors import ScienceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from goldenbatch.core.change_plans import PlanStanding
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.site import Site

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stated:
    """What the person states with a judgement.

    Attributes:
        sensor: The sensor that was put in, with its record.
        phases: Phases that the training data are of.
    """

    sensor: SensorStated | None = None
    phases: tuple[str, ...] | None = None


@dataclass
class _Gathered:
    """Evidence while it is gathered.

    Attributes:
        lineage: From the followed version back to the original, as far as it goes.
        also: Streams that it rests on, with their versions.
    """

    site: Site
    new: VersionState
    standing: PlanStanding
    lineage: list[VersionState] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    also: dict[str, int] = field(default_factory=dict)


def gather(
    site: Site, new: VersionState, standing: PlanStanding, stated: Stated
) -> tuple[GateEvidence, Mapping[str, int]]:
    """All evidence for an update, and the versions of the streams that it rests on."""
    one = _Gathered(site, new, standing)
    _walk(one)
    now = site.clock()
    active = active_of(site, new)
    report = _report(one)
    entries: dict[str, Any] = {
        "at": now,
        "plan_state": standing.state(now),
        "active": active,
        "chain": tuple(_link(state) for state in one.lineage),
        "products": _products(one),
        "phases": stated.phases,
        "tags": _tags(one),
        "parameters": _parameters(one),
        "comparisons": _comparisons(one, report, active),
        "n_openings": _openings(one),
        "n_test_rows": new.tested.n_rows if new.tested is not None else 0,
        "n_test_groups": _number(report.get("n_groups")),
        "shadow": _shadow(one),
        "sensor": stated.sensor,
        **_distances(one, active),
    }
    return GateEvidence(**entries, missing=tuple(one.missing)), one.also


# ---- the chain ------------------------------------------------------------------------------


def _walk(one: _Gathered) -> None:
    """From the followed version back, until the original or the end of the chain."""
    number, use = one.new.draft.follows, one.new.draft.use
    while number:
        state = version_of(one.site, use, number)
        one.lineage.append(state)
        one.also[state.stream] = state.head
        number = 0 if number == one.standing.plan.original else state.draft.follows


def _link(state: VersionState) -> Link:
    approved, judged, trained = state.approved, state.judged, state.trained
    is_of_it = judged is not None and trained is not None and judged.digest == trained.digest
    return Link(
        version=state.draft.version,
        follows=state.draft.follows,
        basis=approved.basis if approved is not None else "",
        plan=state.draft.plan,
        judged=judged.outcome.value if judged is not None and is_of_it else "",
    )


# ---- what it was trained on -----------------------------------------------------------------


def _products(one: _Gathered) -> tuple[str, ...] | None:
    """Products of the training batches; None where one batch is not on record."""
    batches = one.new.trained.data.batches if one.new.trained is not None else ()
    if not batches:
        one.missing.append("the training data name no batches, so that no product is known")
        return None
    rows = one.site.ledger.select("batch", {"batch": list(batches)})
    found = {row["batch"]: row["product"] for row in rows}
    unknown = sorted(set(batches) - found.keys())
    if unknown:
        one.missing.append(f"{len(unknown)} training batches are not on record: {unknown[0]}")
        return None
    return tuple(sorted(set(found.values())))


def _tags(one: _Gathered) -> tuple[str, ...]:
    known = one.site.historian.tags()
    ranges = one.new.trained.data.ranges if one.new.trained is not None else ()
    return tuple(sorted({each.what for each in ranges if each.what in known}))


def _parameters(one: _Gathered) -> tuple[ParameterMove, ...]:
    plan = one.standing.plan
    names = {each.name for each in plan.bound.parameters}
    names |= {each.threshold.setting for each in plan.modifications if each.threshold is not None}
    found = [_numbers(one, state) for state in (_original(one), _old(one), one.new)]
    return tuple(
        ParameterMove(name=name, **dict(zip(("original", "old", "new"), values, strict=True)))
        for name in sorted(names)
        for values in [[_finite(numbers.get(name)) for numbers in found]]
    )


def _numbers(one: _Gathered, state: VersionState | None) -> Mapping[str, float]:
    if state is None or state.trained is None:
        return {}
    try:
        return numbers_of(state.trained, one.site.registry)
    except GoldenbatchError as error:
        one.missing.append(f"numbers of {state.stream}: {error}")
        return {}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _original(one: _Gathered) -> VersionState | None:
    """The original; None where the chain does not reach it."""
    last = one.lineage[-1] if one.lineage else None
    is_it = last is not None and last.draft.version == one.standing.plan.original
    return last if is_it else None


def _old(one: _Gathered) -> VersionState | None:
    return one.lineage[0] if one.lineage else None


# ---- how far it moved -----------------------------------------------------------------------


def _distances(one: _Gathered, active: int) -> dict[str, Any]:
    """Distances on the reference set, and the inputs of the two artefacts."""
    wanted = one.standing.plan.bound.reference
    told: dict[str, Floats] = {}
    inputs: dict[str, tuple[str, ...]] = {}
    try:
        reference = stored_reference(one.site, wanted)
        for state in (one.new, *one.lineage):
            predictor = predictor_of(one.site, state)
            inputs[state.stream] = tuple(predictor.facts.inputs)
            told[state.stream] = reference.predicted(predictor)
    except GoldenbatchError as error:
        one.missing.append(f"distances: {error}")
    old, original = _old(one), _original(one)
    path = [one.new, *one.lineage]
    steps = [_travel(one, told, a, b) for a, b in pairwise(path)]
    known = [step.rms for step in steps if step is not None]
    is_whole = bool(steps) and len(known) == len(steps) and original is not None
    return {
        "reference": wanted if told else "",
        "to_active": _travel(one, told, one.new, old) if _is(old, active) else None,
        "to_original": _travel(one, told, one.new, original),
        "path_rms": math.fsum(known) if is_whole else None,
        "old_inputs": inputs.get(old.stream) if old is not None else None,
        "new_inputs": inputs.get(one.new.stream),
    }


def _is(state: VersionState | None, number: int) -> bool:
    return state is not None and state.draft.version == number


def _travel(
    one: _Gathered, told: Mapping[str, Floats], first: VersionState, second: VersionState | None
) -> Travel | None:
    if second is None or first.stream not in told or second.stream not in told:
        return None
    try:
        found = prediction_distance(told[second.stream], told[first.stream])
    except ScienceError as error:
        one.missing.append(f"distance of {first.stream} from {second.stream}: {error}")
        return None
    if not math.isfinite(found.rms):
        return None
    return Travel(rms=found.rms, largest=found.largest, n_rows=found.n)


def _shadow(one: _Gathered) -> ShadowFigure | None:
    """How long this very artefact ran in shadow, over the shadows that were ended."""
    trained = one.new.trained
    found = [
        period for period in shadow_periods(one.site.ledger.stream(one.new.stream))
        if period.ended is not None and trained is not None
        and period.started.digest == trained.digest
    ]  # fmt: skip
    if not found:
        return None
    n_batches = sum(period.ended.n_batches for period in found if period.ended is not None)
    return ShadowFigure(days=math.fsum(period.days for period in found), n_batches=n_batches)


# ---- what the test says ---------------------------------------------------------------------


def _openings(one: _Gathered) -> int | None:
    """How often its rows had been opened when they were for this artefact, this included.

    Openings of the same rows under the name of another set count like those of the set.
    """
    new = one.new
    if new.bound is None or new.trained is None:
        return None
    try:
        found = load_test_set(one.site.ledger, new.bound.test_set, fault_of(one.site))
    except GoldenbatchError as error:
        one.missing.append(str(error))
        return None
    one.also[found.stream] = found.head
    opening = found.opening(new.draft.use, new.draft.version, new.trained.digest)
    if opening is None:
        one.missing.append(f"{found.stream} was not opened for {new.stream}")
        return None
    kin = kin_of(one.site.ledger, found, fault_of(one.site))
    one.also.update({each.stream: each.head for each in kin})
    return sum(before.seq <= opening.seq for each in kin for before in each.openings)


def _report(one: _Gathered) -> Mapping[str, Any]:
    """What the report of the test says of the plan; empty where it says nothing."""
    if one.new.tested is None:
        return {}
    try:
        plain = json.loads(one.site.registry.get(one.new.tested.report))
        said = plain.get("comparisons") or {}
    except (GoldenbatchError, ValueError, AttributeError) as error:
        one.missing.append(f"the report of the test cannot be read: {error}")
        return {}
    if not said:
        one.missing.append("the test compared nothing: its report names no plan")
        return {}
    if said.get("plan_digest") != one.standing.digest:
        one.missing.append(f"the test was made under another plan ({said.get('plan')})")
        return {}
    one.missing.extend(str(each) for each in said.get("missing", ()))
    return dict(said)


def _comparisons(
    one: _Gathered, report: Mapping[str, Any], active: int
) -> tuple[PairedFigure, ...]:
    """Figures with versions that are still those that they were made with."""
    if not report:
        return ()
    now = {"active": active, "original": one.standing.plan.original}
    made: Sequence[Any] = report.get("figures", ())
    found = []
    for plain in made:
        try:
            figure = PairedFigure.model_validate(plain)
        except ValidationError:
            one.missing.append("a figure of the report cannot be read")
            continue
        then = report.get("versions", {}).get(figure.against)
        if then != now[figure.against]:
            one.missing.append(
                f"{figure.criterion}: the test compared with version {then} as {figure.against}, "
                f"which is {now[figure.against]} by now"
            )
            continue
        found.append(figure)
    return tuple(found)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
