"""Acts on what serves: a version is activated, suspended to its fallback, or retired.

All three stand in one stream with optimistic versions; what happens at the same time is refused,
and a crash leaves the version before or the version after, never two and never none.

References:
    EU GMP Annex 22, draft of July 2025, 10.1 and 10.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.governance._reading import (
    fault_of,
    line_of,
    plan_of,
    require_artefact,
    version_of,
)
from goldenbatch.core.act_values import made, number, only, text
from goldenbatch.core.acts import Intent
from goldenbatch.core.change_plans import plan_standings, plan_stream
from goldenbatch.core.errors import BadInputError, ConflictError, IntegrityError
from goldenbatch.core.model_line import LineState, Serving, serving_fault
from goldenbatch.core.model_records import (
    ModelActivated,
    ModelApproved,
    ModelRetired,
    ModelSuspended,
)
from goldenbatch.core.suspension import fallback_of

if TYPE_CHECKING:
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.site import Actor, Site

Values = Mapping[str, Any]


def activate(site: Site, by: Actor, values: Values) -> Intent:
    """Put an approved version to work; a suspended or earlier one again, to roll back."""
    only(values, ("use", "version", "reason"))
    use, version = text(values, "use"), number(values, "version")
    line, state = line_of(site, use), version_of(site, use, version)
    if version in line.retired:
        raise ConflictError(f"{state.stream} is retired.", hint="A retired version never serves.")
    if line.active == version and not line.is_fallback:
        raise ConflictError(f"{state.stream} is active.", hint="There is nothing to do.")
    entries = _approved(site, state)
    also = {state.stream: state.head, **_require_as_judged(site, line, state)}
    body = made(
        ModelActivated, use=use, version=version, replaces=line.active,
        reason=text(values, "reason"), **entries,
    )  # fmt: skip
    return Intent(line.stream, body, ("model:activate",), line.head, judged=state.stream, also=also)


def _require_as_judged(site: Site, line: LineState, state: VersionState) -> dict[str, int]:
    """Refuse an update under a plan that never served, where it is not as the gate saw it.

    Returns:
        What the activation rests on besides.

    Raises:
        ConflictError: Another version serves by now than it was judged against, or the plan was
            withdrawn: nothing is within it any more.
    """
    approved, judged, number = state.approved, state.judged, state.draft.version
    is_in_plan = approved is not None and approved.basis == "in_plan" and judged is not None
    if not is_in_plan or judged is None or number in line.activated:
        return {}  # to roll back is no update
    hint = "Draft the update anew, and ask the gate again."
    if line.active not in (0, judged.follows):
        raise ConflictError(
            f"{state.stream} was judged against version {judged.follows}; {line.active} serves by "
            "now.",
            hint=hint,
        )
    stream = plan_stream(judged.plan)
    for one in plan_standings(site.ledger.stream(stream), fault_of(site)):
        if one.plan.label == state.draft.plan and one.withdrawn:
            raise ConflictError(f"{one.plan.label} was withdrawn: {one.withdrawn}.", hint=hint)
    return {stream: site.ledger.version(stream)}


def suspend(site: Site, by: Actor, values: Values) -> Intent:
    """Take the version that serves from its work, for an approved one or for the contingency."""
    only(values, ("use", "version", "fallback", "clause", "watch", "reason"))
    use = text(values, "use")
    line = line_of(site, use)
    version, fallback = number(values, "version", line.active), _fallback(line, values)
    if not line.active or version != line.active:
        served = f"version {line.active} is" if line.active else "no version is"
        raise ConflictError(f"{served} active of {use}.", hint="See `goldenbatch model list`.")
    entries: dict[str, Any] = {}
    also: dict[str, int] = {}
    if fallback:
        state = version_of(site, use, fallback)
        if fallback == version or not line.may_serve(fallback):
            what = f"is {line.stage(state).value}"
            if fallback not in line.activated:
                what = "never served"  # a suspension asks for less than an activation
            raise ConflictError(
                f"{state.stream} {what} and cannot be the fallback.",
                hint="Name another version, or leave it out for the contingency.",
            )
        entries, also = _approved(site, state), {state.stream: state.head}
    clause = text(values, "clause", "")
    if clause:
        _require_clause(site, use, clause)
    body = made(
        ModelSuspended, use=use, version=version, fallback=fallback, clause=clause,
        watch=text(values, "watch", ""), reason=text(values, "reason"), **entries,
    )  # fmt: skip
    return Intent(line.stream, body, ("model:suspend",), line.head, also=also)


def retire(site: Site, by: Actor, values: Values) -> Intent:
    """Take a version out of use for ever."""
    only(values, ("use", "version", "reason"))
    use, version = text(values, "use"), number(values, "version")
    line, state = line_of(site, use), version_of(site, use, version)
    if version in line.retired:
        raise ConflictError(f"{state.stream} is retired already.", hint="There is nothing to do.")
    body = made(ModelRetired, use=use, version=version, reason=text(values, "reason"))
    return Intent(line.stream, body, ("model:retire",), line.head)


def _fallback(line: LineState, values: Values) -> int:
    if values.get("fallback") != "previous":
        return number(values, "fallback", 0)
    found = fallback_of(line)
    if not found:
        raise ConflictError(
            f"no version of {line.use} served before that may serve again.",
            hint="Leave the fallback out: the contingency takes over.",
        )
    return found


def _approved(site: Site, state: VersionState) -> dict[str, Any]:
    """Artefact, type and approval of a version that may serve.

    Raises:
        ConflictError: It is not approved.
        IntegrityError: The registry does not hold the artefact as it was approved.
    """
    trained = state.trained
    if state.approved is None or trained is None:
        raise ConflictError(
            f"{state.stream} is {state.stage.value}: only an approved version serves.",
            hint="See `goldenbatch model history`.",
        )
    approval = state.ref(ModelApproved)
    serving = Serving(state.draft.version, trained.digest, trained.media_type, approval)
    fault = serving_fault(serving, state)
    if fault:
        raise IntegrityError(f"{state.stream} cannot serve: {fault}.")
    require_artefact(site, trained.digest, f"artefact of {state.stream}")
    stored = site.registry.media_type(trained.digest)
    if stored != trained.media_type:
        raise IntegrityError(
            f"the artefact of {state.stream} is stored as {stored}, not as "
            f"{trained.media_type}, as which it was approved.",
            hint="Restore the registry from its backup.",
        )
    return {"digest": trained.digest, "media_type": trained.media_type, "approval": approval}


def _require_clause(site: Site, use: str, clause: str) -> None:
    plan, _, name = clause.partition("#")
    standing = plan_of(site, plan)
    names = [one.clause for one in standing.plan.suspension]
    if standing.plan.use != use or name not in names:
        raise BadInputError(
            f"{plan} has no clause {name!r} for {use}.",
            hint=f"It has {', '.join(names) or 'none'}.", key="clause",
        )  # fmt: skip
