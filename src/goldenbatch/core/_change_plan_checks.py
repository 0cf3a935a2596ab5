"""What makes a change plan whole in itself: names, bounds within bounds, and the trace matrix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from goldenbatch.core.change_plans import WrongPlanError

if TYPE_CHECKING:
    from goldenbatch.core.change_plan_parts import Modification
    from goldenbatch.core.change_plans import ChangePlan

PARTS: Final = ("data", "training", "test", "update")


def check_plan(plan: ChangePlan) -> None:
    """Refuse a plan that contradicts itself, or leaves a change without its control.

    Raises:
        WrongPlanError: The first wrong entry, with its path.
    """
    _check_names(plan)
    _check_acceptance(plan)
    for number, one in enumerate(plan.modifications):
        _check_modification(plan, one, number)
    _check_bound(plan)
    _check_impact(plan)


def _check_names(plan: ChangePlan) -> None:
    impact = plan.impact
    _once("modification", (one.name for one in plan.modifications), "modifications")
    _once("step", (one.id for one in plan.protocol.steps), "protocol", "steps")
    _once("criterion", (one.id for one in plan.protocol.acceptance), "protocol", "acceptance")
    _once("risk", (one.id for one in impact.risks), "impact", "risks")
    _once("mitigation", (one.id for one in impact.mitigations), "impact", "mitigations")
    _once("clause", (one.clause for one in plan.suspension), "suspension")
    _once("alarm", (one.alarm for one in plan.suspension), "suspension")
    _once("parameter", (one.name for one in plan.bound.parameters), "bound", "parameters")
    _once("measure", (one.measure for one in plan.bound.performance), "bound", "performance")
    for number, one in enumerate(plan.modifications):
        names = (setting.name for setting in one.settings)
        _once("setting", names, "modifications", number, "settings")


def _once(what: str, names: Iterable[str], *path: str | int) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            raise WrongPlanError(f"{what} {name!r} is there twice", *path, number)
        seen.add(name)


def _check_acceptance(plan: ChangePlan) -> None:
    names = {one.name for one in plan.modifications}
    for number, one in enumerate(plan.protocol.acceptance):
        unknown = sorted(set(one.modifications) - names)
        if unknown:
            path = ("protocol", "acceptance", number, "modifications")
            raise WrongPlanError(f"there is no modification {unknown[0]!r}", *path)
    for modification in plan.modifications:
        _check_criteria_of(plan, modification.name)


def _check_criteria_of(plan: ChangePlan, modification: str) -> None:
    overall = [one for one in plan.criteria(modification) if not one.subgroup]
    path = ("protocol", "acceptance", 0)
    if not any(one.kind == "absolute" for one in overall):
        raise WrongPlanError(
            f"no absolute limit over all rows is asked for of {modification!r}", *path
        )
    compared = {name for one in overall for name in one.against}
    missing = sorted({"active", "original"} - compared)
    if missing:
        raise WrongPlanError(
            f"no comparison of {modification!r} over all rows is made with the "
            f"{' and the '.join(missing)} version",
            *path,
        )
    own = {one.measure for one in overall if "original" in one.against}
    for number, loss in enumerate(plan.bound.performance):
        if loss.measure not in own:
            raise WrongPlanError(
                f"{loss.measure!r} is bounded, but no criterion of {modification!r} over all rows "
                "compares it with the original",
                "bound", "performance", number, "measure",
            )  # fmt: skip


def _check_modification(plan: ChangePlan, one: Modification, number: int) -> None:
    path = ("modifications", number)
    bound, step = plan.bound, one.step
    for name in ("prediction_rms", "prediction_max"):
        if getattr(step, name) > getattr(bound, name):
            raise WrongPlanError(
                f"one step of {one.name!r} may go {getattr(step, name):g}, beyond the cumulative "
                f"bound of {getattr(bound, name):g}",
                *path, "step", name,
            )  # fmt: skip
    if one.threshold is None:
        return
    found = [other for other in bound.parameters if other.name == one.threshold.setting]
    if not found:
        raise WrongPlanError(
            f"no cumulative bound is set for the threshold {one.threshold.setting!r}: "
            "bound.parameters names it",
            *path, "threshold",
        )  # fmt: skip
    if one.threshold.step > found[0].most:
        raise WrongPlanError(
            f"one step of the threshold may go {one.threshold.step:g}, beyond the cumulative "
            f"bound of {found[0].most:g}",
            *path, "threshold", "step",
        )  # fmt: skip


def _check_bound(plan: ChangePlan) -> None:
    bound = plan.bound
    if plan.effective_from is not None and bound.expires <= plan.effective_from:
        raise WrongPlanError("the plan expires before it is effective", "bound", "expires")


def _check_impact(plan: ChangePlan) -> None:
    impact = plan.impact
    risks = {one.id for one in impact.risks}
    for number, one in enumerate(impact.mitigations):
        unknown = sorted(set(one.risks) - risks)
        if unknown:
            path = ("impact", "mitigations", number, "risks")
            raise WrongPlanError(f"there is no risk {unknown[0]!r}", *path)
    mitigated = {name for one in impact.mitigations for name in one.risks}
    for number, risk in enumerate(impact.risks):
        if risk.id not in mitigated:
            raise WrongPlanError(f"risk {risk.id!r} has no mitigation", "impact", "risks", number)
    _check_trace(plan)


def _check_trace(plan: ChangePlan) -> None:
    """The matrix of changes, steps and mitigations has no hole (FDA 2024, VIII)."""
    steps = {one.id: one.part for one in plan.protocol.steps}
    names = {
        "modification": {one.name for one in plan.modifications},
        "step": set(steps),
        "mitigation": {one.id for one in plan.impact.mitigations},
    }
    for number, cell in enumerate(plan.impact.trace):
        for what, known in names.items():
            if getattr(cell, what) not in known:
                path = ("impact", "trace", number, what)
                raise WrongPlanError(f"there is no {what} {getattr(cell, what)!r}", *path)
    for what, known in names.items():
        unused = sorted(known - {getattr(cell, what) for cell in plan.impact.trace})
        if unused:
            message = f"the trace matrix has no cell for {what} {unused[0]!r}"
            raise WrongPlanError(message, "impact", "trace")
    for one in plan.modifications:
        covered = {steps[cell.step] for cell in plan.impact.trace if cell.modification == one.name}
        missing = [part for part in PARTS if part not in covered]
        if missing:
            raise WrongPlanError(
                f"the trace matrix has no step of part {missing[0]!r} for {one.name!r}",
                "impact", "trace",
            )  # fmt: skip
