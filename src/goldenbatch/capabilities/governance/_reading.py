"""What the acts of governance read of a site: versions, lines and plans, folded anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from goldenbatch.core.change_plans import PlanStanding, plan_standings, plan_stream
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.model_access import load_version
from goldenbatch.core.model_life import Fault, VersionState, sound
from goldenbatch.core.model_line import LineState, line_state
from goldenbatch.core.model_records import line_stream

if TYPE_CHECKING:
    from goldenbatch.core.site import Site


def fault_of(site: Site) -> Fault:
    """What holds the evidence of signatures to a check, where the site has one."""
    rules: Any = getattr(site, "signing_rules", None)
    return rules.fault if rules is not None else sound


def version_of(site: Site, use: str, version: int) -> VersionState:
    """One version of a use.

    Raises:
        NotFoundError: It was never drafted.
    """
    return load_version(site.ledger, use, version, fault_of(site))


def line_of(site: Site, use: str) -> LineState:
    """Which version of a use serves."""
    return line_state(use, site.ledger.stream(line_stream(use)))


def versions_of(site: Site, use: str) -> list[VersionState]:
    """All versions of a use, in order."""
    rows = site.ledger.select("model_version", {"use": use}, ("version",))
    return [version_of(site, use, int(row["version"])) for row in rows]


def plan_of(site: Site, ref: str) -> PlanStanding:
    """The version of a change plan that is in force, by `id@version`.

    Raises:
        NotFoundError: There is none, or it is not in force; what it is instead is said.
    """
    plan, _, version = ref.partition("@")
    events = site.ledger.stream(plan_stream(plan)) if plan else ()
    found = [one for one in plan_standings(events, fault_of(site)) if one.plan.version == version]
    for one in found:
        if one.state(site.clock()) == "in force":
            return one
    why = f"is {found[-1].state(site.clock())}" if found else "was never proposed"
    raise NotFoundError(
        f"version {version or '(none)'} of change plan {plan!r} {why}.",
        hint="Have it approved, or name another one: `goldenbatch plan list`.",
    )


def require_artefact(site: Site, digest: str, what: str) -> None:
    """Refuse a digest under which the registry holds nothing.

    Raises:
        NotFoundError: There is nothing, and what it should be is said.
        IntegrityError: What is stored is not what was put.
    """
    try:
        site.registry.get(digest)
    except NotFoundError as error:
        raise NotFoundError(
            f"{what}: the registry holds nothing under {digest[:12]}.",
            hint="Put the file into the registry first.",
        ) from error
