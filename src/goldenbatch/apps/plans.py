"""Change plans as people reach them: listed and shown here or through a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import quote

from goldenbatch.core.errors import NotFoundError

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.core.change_plans import PlanStanding
    from goldenbatch.core.site import Site
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.remote import NodeClient

Answer = dict[str, Any]


class PlanDesk(Protocol):
    """What people ask about change plans; what they do with them are acts and signatures."""

    def plans(self) -> Answer:
        """All versions of all plans, each with its state: `plans`."""

    def plan(self, plan: str, version: str) -> Answer:
        """One version of a plan whole, with its text; no version: the newest."""


class LocalPlans:
    """Change plans at a home that this process holds.

    Args:
        site: The home.
        seen: What the one who asks may read of it; the whole by default.
    """

    def __init__(self, site: LocalSite, seen: Site | None = None) -> None:
        self._site = site
        self._seen: Site = seen if seen is not None else site

    def plans(self) -> Answer:
        """All versions of all plans, each with its state."""
        return {"plans": [self._row(one) for one in self._standings()]}

    def plan(self, plan: str, version: str) -> Answer:
        """One version of a plan whole, with its text."""
        known = [one for one in self._standings(plan) if version in ("", one.plan.version)]
        if not known:
            named = f"{plan}@{version}" if version else plan
            raise NotFoundError(
                f"there is no change plan {named!r}.", hint="See `goldenbatch plan list`."
            )
        one = known[-1]
        return {**self._row(one), "record": one.ref, "text": self._text(one)}

    def _standings(self, plan: str = "") -> tuple[PlanStanding, ...]:
        from goldenbatch.capabilities.governance.plans import standings_of

        return standings_of(self._seen, plan, self._site.signing_rules.fault)

    def _text(self, one: PlanStanding) -> str:
        stream, _, version = one.ref.rpartition("@")
        body = self._seen.ledger.stream(stream, int(version) - 1)[0].body or {}
        return str(body.get("text", ""))

    def _row(self, one: PlanStanding) -> Answer:
        plan, approval = one.plan, one.approval
        return {
            "plan": plan.id,
            "version": plan.version,
            "use": plan.use,
            "original": plan.original,
            "title": plan.title,
            "state": one.state(self._seen.clock()),
            "proposed_by": ", ".join(sorted(one.proposed_by)),
            "approved_by": approval.by if approval is not None else "",
            "expires_at": plan.bound.expires,
            "modifications": [each.name for each in plan.modifications],
            "digest": one.digest,
        }


class RemotePlans:
    """Change plans through a node."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def plans(self) -> Answer:
        """All versions of all plans, each with its state."""
        return cast("Answer", self._client.get("/plans"))

    def plan(self, plan: str, version: str) -> Answer:
        """One version of a plan whole, with its text."""
        path = f"/plans/{quote(plan, safe='')}"
        return cast("Answer", self._client.get(path, version=version))


def plans_of(desk: Desk) -> PlanDesk:
    """The change plans of a desk: those of the home, or through its node."""
    client = getattr(desk.site, "client", None)
    if client is not None:
        return RemotePlans(client)
    return LocalPlans(cast("LocalSite", desk.site))
