"""Acts on change plans: propose and withdraw. To approve one is to sign its proposal.

References:
    FDA, Predetermined Change Control Plan (December 2024); ICH Q12, 4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.capabilities.governance._gate_case import flat
from goldenbatch.capabilities.governance._reading import fault_of, version_of
from goldenbatch.capabilities.governance.comparisons import predictor_of
from goldenbatch.capabilities.governance.numbers_of import numbers_of
from goldenbatch.capabilities.governance.reference import (
    MEDIA_TYPE,
    ReferenceSet,
    read_reference,
)
from goldenbatch.core import act_values as take
from goldenbatch.core.acts import Intent
from goldenbatch.core.change_plan_limits import Original, check_against
from goldenbatch.core.change_plans import (
    ChangePlan,
    ChangePlanProposed,
    ChangePlanWithdrawn,
    PlanStanding,
    WrongPlanError,
    bad_entry,
    load_change_plan,
    plan_standings,
    plan_stream,
)
from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError

if TYPE_CHECKING:
    from goldenbatch.core.model_life import Fault, VersionState
    from goldenbatch.core.site import Actor, Site

PROPOSE, WITHDRAW = "plan:propose", "plan:withdraw"
FILE: Final = "plan"
MOST_YEARS: Final = 10
"""A plan ends at the latest so long after it is proposed."""

_YEAR: Final = 31_556_952_000_000


def propose(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Propose a change plan: an entry, without effect before another person has signed it.

    Values: `text` (TOML), `reason`; `reference`, the rows of the reference set as CSV, unless the
    registry has them; `file`, the name that errors give.
    """
    take.only(values, ("text", "reason", "reference", "file"))
    take.text(values, "text")
    text, file = str(values["text"]), take.text(values, "file", FILE) or FILE  # as it is: lines
    plan = load_change_plan(text, file)
    original = version_of(site, plan.use, plan.original)
    _require_new(site, plan)
    _require_time(site, plan, text, file)
    check_against(plan, _original(site, original), text, file)
    _require_reference(site, plan, original, take.text(values, "reference", ""))
    stream = plan_stream(plan.id)
    body = ChangePlanProposed(
        plan=plan.id,
        version=plan.version,
        use=plan.use,
        digest=plan.digest(),
        text=text,
        reason=take.text(values, "reason"),
    )
    also = {original.stream: original.head}
    return Intent(stream, body, (PROPOSE,), site.ledger.version(stream), also=also)


def withdraw(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Withdraw a version of a change plan: an entry, in force at once.

    Values: `plan`, `version`, `reason`.
    """
    take.only(values, ("plan", "version", "reason"))
    plan, version = take.text(values, "plan"), take.text(values, "version")
    known = [one for one in standings_of(site, plan) if one.plan.version == version]
    if not known:
        raise NotFoundError(
            f"version {version!r} of change plan {plan!r} was never proposed.",
            hint="See `goldenbatch plan list`.",
        )
    if known[-1].withdrawn:
        raise ConflictError(f"{plan}@{version} was withdrawn before: {known[-1].withdrawn}.")
    body = ChangePlanWithdrawn(plan=plan, version=version, reason=take.text(values, "reason"))
    stream = plan_stream(plan)
    return Intent(stream, body, (WITHDRAW,), site.ledger.version(stream))


def standings_of(
    site: Site, plan: str = "", fault: Fault | None = None
) -> tuple[PlanStanding, ...]:
    """All versions of one plan, or of all plans.

    Args:
        site: The site, or what somebody may read of it.
        plan: Id of a plan; empty: all.
        fault: What the evidence of signatures is held to; the site's own by default.
    """
    checked = fault or fault_of(site)
    if plan:
        return plan_standings(site.ledger.stream(plan_stream(plan)), checked)
    events = site.ledger.events(
        kinds=("ChangePlanProposed", "ChangePlanWithdrawn"), stream_prefix=plan_stream("")
    )
    streams = sorted({event.stream for event in events})
    return tuple(
        one for name in streams for one in plan_standings(site.ledger.stream(name), fault_of(site))
    )


def _require_new(site: Site, plan: ChangePlan) -> None:
    for one in standings_of(site, plan.id):
        if one.plan.use != plan.use:
            raise ConflictError(
                f"plan {plan.id!r} is of {one.plan.use}, not of {plan.use}.",
                hint="Give another id: a chain of updates stands under one id.",
            )
        if one.plan.version == plan.version and (one.approval is not None or one.withdrawn):
            raise ConflictError(
                f"{plan.label} stands already ({one.ref}); an approved plan never changes.",
                hint="Give the changed plan the next version.",
            )
        if one.approval is not None and one.plan.original != plan.original:
            raise ConflictError(
                f"{one.plan.label} is measured from version {one.plan.original}, not from "
                f"{plan.original}.",
                hint="Another starting point is another plan: give it another id.",
            )


def _require_time(site: Site, plan: ChangePlan, text: str, file: str) -> None:
    now, fault = site.clock(), ""
    if plan.bound.expires <= now:
        fault = "the plan has expired already"
    elif plan.bound.expires > now + MOST_YEARS * _YEAR:
        fault = f"a plan of more than {MOST_YEARS} years is without an end"
    if fault:
        raise bad_entry(WrongPlanError(fault, "bound", "expires"), text, file)


def _original(site: Site, state: VersionState) -> Original:
    trained = state.trained
    settings = flat(trained.settings) if trained is not None else {}
    numbers = numbers_of(trained, site.registry) if trained is not None else {}
    return Original.of(state, settings, numbers)


def _require_reference(site: Site, plan: ChangePlan, original: VersionState, given: str) -> None:
    """The reference set is there, is the one that is named, and the original predicts all of it."""
    wanted = plan.bound.reference
    if given:
        reference = read_reference(given, "reference")
        if reference.digest() != wanted:
            raise BadInputError(
                f"the reference set has the digest {reference.digest()}; the plan names {wanted}.",
                hint="Write that digest into the plan, if these are the rows.",
                key="bound.reference",
            )
        site.registry.put(reference.to_bytes(), MEDIA_TYPE)
    else:
        reference = stored_reference(site, wanted)
    values = reference.predicted(predictor_of(site, original)).tolist()
    n_missing = sum(math.isnan(one) for one in values)
    if n_missing:
        raise BadInputError(
            f"the original predicts nothing for {n_missing} of {len(values)} reference rows.",
            hint="Take rows from within its domain.",
            key="reference",
        )


def stored_reference(site: Site, digest: str) -> ReferenceSet:
    """The reference set of a digest, from the registry.

    Raises:
        NotFoundError: The registry has none.
        IntegrityError: What it has is no reference set.
    """
    try:
        return ReferenceSet.from_bytes(site.registry.get(digest))
    except NotFoundError as error:
        raise NotFoundError(
            f"the registry has no reference set {digest[:12]}.",
            hint="Propose the plan with its rows: `--reference rows.csv`.",
        ) from error
