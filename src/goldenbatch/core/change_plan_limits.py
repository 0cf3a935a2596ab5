"""What a change plan may permit at most: less than the use it is for, and less than any baseline.

A plan is held against the originally validated version before it is proposed. One that a naive
predictor could pass, or that leaves the use, permits everything and is refused.

References:
    FDA, Predetermined Change Control Plan (December 2024), V (bounds) and VII; EU GMP Annex 22,
    draft of July 2025, 3.1, 4.1 to 4.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

from goldenbatch.core.change_plan_parts import Modification
from goldenbatch.core.change_plan_protocol import Acceptance
from goldenbatch.core.change_plans import ChangePlan, WrongPlanError, bad_entry
from goldenbatch.core.errors import ConflictError
from goldenbatch.core.model_card import Criticality, IntendedUse, Measured
from goldenbatch.core.model_life import VersionState
from goldenbatch.core.model_records import CriteriaFixed, ModelTested, ModelTrained

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Original:
    """The originally validated version, as far as a plan is held against it.

    Attributes:
        settings: Settings of its method, parts joined by dots.
        parameters: Its numbers: settings, and coefficients where the artefact shows them.
    """

    method: str
    trained: ModelTrained
    tested: ModelTested
    intended: IntendedUse
    criteria: CriteriaFixed
    settings: Mapping[str, object]
    parameters: Mapping[str, float]

    @classmethod
    def of(
        cls,
        state: VersionState,
        settings: Mapping[str, object],
        parameters: Mapping[str, float],
    ) -> Original:
        """The original from its state.

        Raises:
            ConflictError: It was not approved on its own, so that nothing can be measured from it.
        """
        approved = state.approved
        if approved is None or approved.basis == "in_plan":
            what = "was approved within a plan" if approved else f"is {state.stage.value}"
            raise ConflictError(
                f"{state.stream} {what}: a plan starts from a version that was validated in full.",
                hint="Name the version that was approved first, or by change control: a chain "
                "measured from one of its own links would have no bound.",
            )
        parts = (state.trained, state.tested, state.intended, state.criteria)
        trained, tested, intended, criteria = parts
        if trained is None or tested is None or intended is None or criteria is None:
            raise ConflictError(f"{state.stream} lacks a step.", hint="See `model history`.")
        return cls(state.draft.method, trained, tested, intended, criteria, settings, parameters)

    def measured(self, measure: str, subgroup: str) -> Measured | None:
        """Outcome of its own test for a measure."""
        for one in self.tested.outcomes:
            if (one.criterion.measure, one.criterion.subgroup) == (measure, subgroup):
                return one
        return None


def check_against(plan: ChangePlan, original: Original, text: str, file: str = "") -> None:
    """Refuse a plan that permits more than the use, or so much that a baseline would pass.

    Raises:
        BadInputError: File, line and key of the first wrong entry.
    """
    checks: tuple[Callable[[ChangePlan, Original], None], ...] = (
        _check_use, _check_modifications, _check_subgroups, _check_acceptance, _check_baseline,
        _check_bound,
    )  # fmt: skip
    try:
        for check in checks:
            check(plan, original)
    except WrongPlanError as error:
        raise bad_entry(error, text, file) from error


def _check_use(plan: ChangePlan, original: Original) -> None:
    unit = original.intended.output_unit
    if plan.bound.unit != unit:
        message = f"distances are in {plan.bound.unit!r}; the use is in {unit!r}"
        raise WrongPlanError(message, "bound", "unit")
    if original.intended.criticality is not Criticality.CRITICAL:
        return
    for number, one in enumerate(plan.modifications):
        if one.execution == "automatic":
            raise WrongPlanError(
                "the use is critical: nothing critical updates itself, so the execution is manual",
                "modifications", number, "execution",
            )  # fmt: skip


def _check_modifications(plan: ChangePlan, original: Original) -> None:
    for number, one in enumerate(plan.modifications):
        path: Path = ("modifications", number)
        _check_context(one, original, path)
        _check_method(one, original, path)
        known = {entry.name for entry in original.intended.inputs}
        unknown = sorted(set(one.sensor.inputs) - known) if one.sensor else []
        if unknown:
            message = f"the use has no input {unknown[0]!r}"
            raise WrongPlanError(message, *path, "sensor", "inputs")


def _check_context(one: Modification, original: Original, path: Path) -> None:
    context = original.intended.context
    for name in ("products", "places", "phases"):
        given, allowed = getattr(one, name), getattr(context, name)
        new = sorted(set(given) - set(allowed)) if allowed else []
        if new:
            raise WrongPlanError(
                f"{new[0]!r} is not among the {name} of the intended use: a new one is a new "
                "context of use, which no plan permits",
                *path, name,
            )  # fmt: skip
    places = one.places or context.places
    if one.reach == "local" and len(places) != 1:
        raise WrongPlanError(
            f"a local change is of one place, and this is of {len(places)}: name it in `places`",
            *path, "reach",
        )  # fmt: skip


def _check_method(one: Modification, original: Original, path: Path) -> None:
    for name, allowed in (
        ("methods", original.method), ("media_types", original.trained.media_type)
    ):  # fmt: skip
        other = sorted(set(getattr(one, name)) - {allowed})
        if other:
            message = f"{other[0]!r} is not that of the original, {allowed!r}: it stays fixed"
            raise WrongPlanError(message, *path, name)
    for number, setting in enumerate(one.settings):
        where = (*path, "settings", number)
        if setting.name not in original.settings:
            message = f"the original has no setting {setting.name!r}"
            raise WrongPlanError(message, *where, "name")
        if not setting.allows(original.settings[setting.name]):
            found = original.settings[setting.name]
            message = f"{setting.words()} leaves out the original's own {found!r}"
            raise WrongPlanError(message, *where)
    threshold = one.threshold
    if threshold is not None:
        value = original.parameters.get(threshold.setting)
        if value is None:
            message = f"the original has no number {threshold.setting!r}"
            raise WrongPlanError(message, *path, "threshold", "setting")
        if not threshold.lower <= value <= threshold.upper:
            message = f"the range leaves out the original's own {value:g}"
            raise WrongPlanError(message, *path, "threshold", "lower")


def _check_subgroups(plan: ChangePlan, original: Original) -> None:
    known = set(original.intended.subgroups)
    for number, one in enumerate(plan.protocol.acceptance):
        if one.subgroup and one.subgroup not in known:
            path = ("protocol", "acceptance", number, "subgroup")
            raise WrongPlanError(f"the use has no subgroup {one.subgroup!r}", *path)
    for change in plan.modifications:
        missing = sorted(known - {one.subgroup for one in plan.criteria(change.name)})
        if missing:
            message = f"no criterion of {change.name!r} is of the subgroup {missing[0]!r}"
            raise WrongPlanError(message, "protocol", "acceptance", 0)


def _check_acceptance(plan: ChangePlan, original: Original) -> None:
    """Absolute limits are of what the test measures, and none is looser than was fixed."""
    fixed = {(one.measure, one.subgroup, one.relation): one for one in original.criteria.criteria}
    for number, one in enumerate(plan.protocol.acceptance):
        if one.limit is None:
            continue
        path: Path = ("protocol", "acceptance", number)
        known = fixed.get((one.measure, one.subgroup, one.relation))
        if known is None:
            raise WrongPlanError(
                f"no criterion of the use is of {one.measure!r} ({one.relation}, subgroup "
                f"{one.subgroup or 'all'}): the test would not measure it",
                *path, "measure",
            )  # fmt: skip
        if one.confidence != known.confidence:
            raise WrongPlanError(
                f"the test measures {one.measure!r} at the confidence that was fixed for the use, "
                f"{known.confidence:g}",
                *path, "confidence",
            )  # fmt: skip
        sign = 1 if one.relation == "at_most" else -1
        if sign * one.limit > sign * known.limit:
            raise WrongPlanError(
                f"{one.limit:g} is looser than {known.limit:g}, which was fixed for the use",
                *path, "limit",
            )  # fmt: skip


def _check_baseline(plan: ChangePlan, original: Original) -> None:
    """What a naive predictor reaches on the original's test is not good enough for the plan."""
    stopped: set[str] = set()
    for number, one in enumerate(plan.protocol.acceptance):
        known = original.measured(one.measure, one.subgroup)
        if known is None or known.baseline is None or one.measure == "bias":
            continue  # a mean has no bias: that alone makes it no good model
        if _baseline_passes(one, known, known.baseline):
            what = f"a limit of {one.limit:g}" if one.margin is None else _margin(one, known)
            raise WrongPlanError(
                f"{what} lets the naive baseline pass: it reached {known.baseline:g}",
                "protocol", "acceptance", number, "limit" if one.margin is None else "margin",
            )  # fmt: skip
        stopped.add(one.id)
    for change, kind in product(plan.modifications, ("absolute", "non_inferiority")):
        if not any(one.kind == kind and one.id in stopped for one in plan.criteria(change.name)):
            raise WrongPlanError(
                f"no {kind} criterion of {change.name!r} is of a measure (other than bias) whose "
                "naive baseline stands in the test of the original, so nothing shows that a "
                "baseline would fail",
                "protocol", "acceptance", 0,
            )  # fmt: skip


def _baseline_passes(one: Acceptance, known: Measured, baseline: float) -> bool:
    if one.margin is not None:
        return baseline - known.estimate < one.margin
    if one.limit is None:
        return False
    return baseline <= one.limit if one.relation == "at_most" else baseline >= one.limit


def _margin(one: Acceptance, known: Measured) -> str:
    return f"a margin of {one.margin:g} on the original's {known.estimate:g}"


def _check_bound(plan: ChangePlan, original: Original) -> None:
    bound = plan.bound
    for number, one in enumerate(bound.parameters):
        if one.name not in original.parameters:
            path: Path = ("bound", "parameters", number, "name")
            raise WrongPlanError(f"the original has no number {one.name!r}", *path)
    rmse = original.measured("rmse", "")
    if rmse is not None and rmse.baseline is not None and bound.prediction_rms >= rmse.baseline:
        raise WrongPlanError(
            f"{bound.prediction_rms:g} from the original is as far as the naive baseline errs "
            f"({rmse.baseline:g})",
            "bound", "prediction_rms",
        )  # fmt: skip
    for number, loss in enumerate(bound.performance):
        known = original.measured(loss.measure, "")
        if known is None:
            continue
        worst, criterion = known.estimate + loss.most, known.criterion
        path = ("bound", "performance", number, "most")
        if criterion.relation == "at_most" and worst > criterion.limit:
            raise WrongPlanError(
                f"{loss.most:g} worse than the original's {known.estimate:g} is beyond "
                f"{criterion.limit:g}, which was fixed for the use",
                *path,
            )
        if known.baseline is not None and loss.measure != "bias" and worst >= known.baseline:
            raise WrongPlanError(
                f"{loss.most:g} worse than the original's {known.estimate:g} is as bad as the "
                f"naive baseline ({known.baseline:g})",
                *path,
            )
