"""The policy as people reach it: shown, compared and proposed here or through a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import quote

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import from_iso

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.remote import NodeClient

Answer = dict[str, Any]


class PolicyDesk(Protocol):
    """What people do with the policy; it is adopted in the signing ceremony."""

    def show(self) -> Answer:
        """The policy in force, who signed it, and all that came before it."""

    def proposals(self) -> Answer:
        """Proposed policies and what became of them."""

    def proposal(self, digest: str) -> Answer:
        """A proposed policy whole, with what it would change."""

    def diff(self, text: str) -> Answer:
        """What a policy would change, and why it could not be adopted."""

    def propose(self, by: str, password: str, text: str, reason: str, start: str) -> Answer:
        """Propose a policy, to be adopted by another person."""


class LocalPolicies:
    """The policy at a home that this process holds."""

    def __init__(self, site: LocalSite) -> None:
        self._site = site

    def show(self) -> Answer:
        """The policy in force, who signed it, and all that came before it."""
        standing = self._site.policies.standing()
        policy = standing.policy
        return {
            "title": policy.title,
            "version": policy.version,
            "digest": policy.digest(),
            "effective_from": standing.effective_from,
            "is_signed": standing.is_signed,
            "standing": standing.label(),
            "signed_as": policy.signed_as.value,
            "history": self._site.policies.history(),
            "text": standing.text,
        }

    def proposals(self) -> Answer:
        """Proposed policies and what became of them."""
        return {"proposals": self._site.policies.proposals()}

    def proposal(self, digest: str) -> Answer:
        """A proposed policy whole, with what it would change."""
        return self._site.policies.proposal(digest)

    def diff(self, text: str) -> Answer:
        """What a policy would change, and why it could not be adopted."""
        return self._site.policies.preview(text).as_json()

    def propose(self, by: str, password: str, text: str, reason: str, start: str) -> Answer:
        """Propose a policy, to be adopted by another person."""
        user = self._site.people.authenticate(by, password)
        event = self._site.policies.propose(user, text, reason, effective_from=_moment(start))
        body = event.body or {}
        place = {"stream": event.stream, "record_version": event.envelope.version}
        return {"version": body["version"], "digest": body["digest"], **place, "seq": event.seq}


class RemotePolicies:
    """The policy through a node."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def show(self) -> Answer:
        """The policy in force, who signed it, and all that came before it."""
        return cast("Answer", self._client.get("/policy"))

    def proposals(self) -> Answer:
        """Proposed policies and what became of them."""
        return cast("Answer", self._client.get("/policy/proposals"))

    def proposal(self, digest: str) -> Answer:
        """A proposed policy whole, with what it would change."""
        return cast("Answer", self._client.get(f"/policy/proposals/{quote(digest, safe='')}"))

    def diff(self, text: str) -> Answer:
        """What a policy would change, and why it could not be adopted."""
        return cast("Answer", self._client.post("/policy/diff", {"text": text}))

    def propose(self, by: str, password: str, text: str, reason: str, start: str) -> Answer:
        """Propose a policy, to be adopted by another person."""
        form = {"login": by, "password": password, "text": text, "reason": reason}
        return cast(
            "Answer", self._client.post("/policy/proposals", {**form, "effective_from": start})
        )


def policies_of(desk: Desk) -> PolicyDesk:
    """The policy of a desk: that of the home, or through its node."""
    client = getattr(desk.site, "client", None)
    if client is not None:
        return RemotePolicies(client)
    return LocalPolicies(cast("LocalSite", desk.site))


def _moment(text: str) -> int | None:
    if not text:
        return None
    try:
        return from_iso(text)
    except ValueError as error:
        raise BadInputError(
            f"{text!r} is no time.", hint="Give ISO 8601 with offset.", key="effective_from"
        ) from error
