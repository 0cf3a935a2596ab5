"""The policy of a home: shown, compared, proposed by one person and adopted by another, signed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core import authority
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.policy import POLICY_STREAM, Policy, PolicyAdopted, adopted, load_policy
from goldenbatch.core.policy_checks import adopting, policy_faults, proposing
from goldenbatch.core.policy_diff import PolicyChange, policy_diff
from goldenbatch.core.policy_standing import PROPOSALS, PolicyProposed, PolicyStanding
from goldenbatch.core.records import Event, NewEvent, Row
from goldenbatch.runtime._ceremony_asked import Asked

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.core.site import Clock, LedgerPort
    from goldenbatch.runtime.people import People

POLICY_FILE: Final = "policy.toml"
MAX_TEXT: Final = 500_000
"""Letters of a policy; the one that the package ships has about 13,000."""
_READ: Final = "the policy was read and found right"


@dataclass(frozen=True)
class PolicyPreview:
    """What a policy would change, and why it cannot be adopted; no faults: it can."""

    policy: Policy
    changes: tuple[PolicyChange, ...]
    faults: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The preview as plain values."""
        return {
            "version": self.policy.version,
            "digest": self.policy.digest(),
            "n_changes": len(self.changes),
            "changes": [one.as_json() for one in self.changes],
            "faults": list(self.faults),
        }


class Policies:
    """Policies of a home.

    Args:
        ledger: Where they are recorded.
        people: Who may propose and adopt them.
        clock: Present time.
    """

    def __init__(self, ledger: LedgerPort, people: People, clock: Clock) -> None:
        self._ledger, self._people, self._clock = ledger, people, clock

    def standing(self) -> PolicyStanding:
        """The policy in force, and the signature that it rests on."""
        return self._people.authority.policy_standing()

    def history(self) -> list[Row]:
        """All policies of the home, those too that no signature ever brought into force."""
        found = {one.event.seq: one for one in self._people.authority.policies()}
        now = self.standing().event.seq
        rows = []
        for event in self._ledger.stream(POLICY_STREAM):
            body = event.decode()
            if isinstance(body, PolicyAdopted):
                one = found.get(event.seq)
                words = "NOT IN FORCE: nobody signed it" if one is None else one.label()
                row = {"version": body.version, "digest": body.digest, "seq": event.seq}
                row |= {"effective_from": body.effective_from, "reason": body.reason}
                row |= {"standing": words, "is_in_force": event.seq == now}
                rows.append(row)
        return rows

    def preview(self, text: str, file: str = POLICY_FILE) -> PolicyPreview:
        """What a policy would change here.

        Raises:
            BadInputError: It is no policy; file, line and key are named.
        """
        if len(text) > MAX_TEXT:
            raise BadInputError(f"a policy has at most {MAX_TEXT:,} letters.", file=file)
        policy = load_policy(text, file)
        return PolicyPreview(
            policy, policy_diff(self._people.policy(), policy), self._faults(policy)
        )

    def _faults(self, policy: Policy) -> tuple[str, ...]:
        people = {
            str(row["uid"]): frozenset(json.loads(row["roles"]))
            for row in self._ledger.select("user", {"is_active": 1})
        }
        return policy_faults(policy, people)

    # ---- proposing --------------------------------------------------------------------------

    def propose(
        self, by: UserState, text: str, reason: str, *, effective_from: int | None = None
    ) -> Event:
        """Propose a policy; it has no effect before another person adopts it by a signature.

        Raises:
            BadInputError: It is no policy, or one that could not be adopted here.
            ConflictError: Nothing changes, or its version has another content already.
            DeniedError: The policy in force forbids it.
        """
        found = self.preview(text)
        policy, now = found.policy, self._people.policy()
        stream = PROPOSALS + policy.digest()
        authority.require(self._people.decide_may(by, proposing(now), stream))
        if found.faults:
            raise BadInputError(
                f"this policy cannot be adopted: {'; '.join(found.faults)}.",
                hint="Change it, and see `goldenbatch policy diff`.", file=POLICY_FILE,
            )  # fmt: skip
        if not found.changes:
            raise ConflictError("this is the policy in force.", hint="There is nothing to adopt.")
        self._require_new_version(policy)
        body = PolicyProposed(
            version=policy.version,
            digest=policy.digest(),
            replaces=now.digest(),
            effective_from=effective_from,
            text=text,
            reason=reason,
        )
        head = self._ledger.version(stream)
        return self._ledger.append([NewEvent(stream, body, head, actor=by.uid)])[0]

    def _require_new_version(self, policy: Policy) -> None:
        known = [one.policy for one in self._people.authority.policies()]
        taken = {(one.version, one.digest()) for one in known}
        taken |= {(r["version"], r["digest"]) for r in self._ledger.select("policy_proposal")}
        if any(one[0] == policy.version and one[1] != policy.digest() for one in taken):
            raise ConflictError(
                f"there is another policy of version {policy.version}.",
                hint="Give the changed policy a new version.",
            )

    def proposals(self) -> list[Row]:
        """All proposed policies, newest first, with what became of them."""
        adopted_ = {one.policy.digest() for one in self._people.authority.policies()}
        now = self._people.policy().digest()
        rows = []
        for row in self._ledger.select("policy_proposal", order_by=("-at",)):
            state = "open" if row["replaces"] == now else "overtaken"
            if row["digest"] in adopted_:
                state = "adopted"
            rows.append({**row, "state": state})
        return rows

    def proposal(self, digest: str) -> dict[str, Any]:
        """A proposed policy whole, with what it would change now and why it could not be adopted.

        Raises:
            NotFoundError: There is no such proposal, or several.
        """
        event, proposed = self._proposed(digest)
        row = next(one for one in self.proposals() if one["digest"] == proposed.digest)
        found = self.preview(proposed.text)
        return {**row, **found.as_json(), "text": proposed.text, "stream": event.stream}

    # ---- adopting ---------------------------------------------------------------------------

    def asked_adoption(self, digest: str = "", reason: str = "") -> Asked:
        """What a person signs to adopt a proposed policy, or to sign the first one.

        Args:
            digest: First digits of the proposed table's digest; empty: the policy in force,
                which nobody has signed yet.
            reason: Why, for the signature.

        Raises:
            NotFoundError: There is no such proposal.
            ConflictError: It is in force already, or another one has come into force since.
            BadInputError: It could not be adopted with the people of the home.
        """
        meaning = self._people.policy().signed_as
        if not digest:
            return self._asked_first(reason)
        event, proposed = self._proposed(digest)

        def check() -> None:
            self._require_open(proposed, event)

        check()
        now = self._clock()
        body = adopted(
            proposed.text,
            max(now, proposed.effective_from or now),
            proposed.reason,
            f"{event.stream}@{event.envelope.version}",
        )
        return Asked(
            POLICY_STREAM, meaning, reason or _READ, body=body, check=check,
            actions=adopting(self._people.policy())[:-1], judged=event.stream,
        )  # fmt: skip

    def _asked_first(self, reason: str) -> Asked:
        def check() -> None:
            standing = self.standing()
            newest = [e for e in self._ledger.stream(POLICY_STREAM) if e.kind == PolicyAdopted.kind]
            if standing.is_signed:
                raise ConflictError(
                    f"the policy in force is {standing.label()}.",
                    hint="Name a proposal: see `goldenbatch policy proposals`.",
                )
            if newest[-1].seq != standing.event.seq:
                raise ConflictError(
                    f"event {newest[-1].seq} tried to adopt a policy that nobody signed.",
                    hint="Have a policy proposed, and adopt that.",
                )

        check()
        policy = self._people.policy()
        return Asked(
            POLICY_STREAM, policy.signed_as, reason or _READ,
            actions=adopting(policy)[:-1], check=check,
        )  # fmt: skip

    def _proposed(self, digest: str) -> tuple[Event, PolicyProposed]:
        known = [row["digest"] for row in self._ledger.select("policy_proposal")]
        fitting = [one for one in known if one.startswith(digest)]
        if len(fitting) != 1:
            raise NotFoundError(
                f"{len(fitting) or 'no'} proposed policies have a digest that starts with "
                f"{digest!r}.", hint="See `goldenbatch policy proposals`.",
            )  # fmt: skip
        for event in reversed(self._ledger.stream(PROPOSALS + fitting[0])):
            body = event.decode()
            if isinstance(body, PolicyProposed):
                return event, body
        raise NotFoundError(f"there is no proposal {digest!r}.")

    def _require_open(self, proposed: PolicyProposed, event: Event) -> None:
        if self._proposed(proposed.digest)[0].seq != event.seq:
            raise ConflictError(
                "it was proposed again since it was shown.", hint="Look at it again."
            )
        if any(one.policy.digest() == proposed.digest for one in self._people.authority.policies()):
            raise ConflictError("this policy was adopted already.")
        if proposed.replaces != self._people.policy().digest():
            raise ConflictError(
                "another policy has come into force since this one was proposed.",
                hint="Compare it with the one in force, and propose it again.",
            )
        policy = load_policy(proposed.text, POLICY_FILE)
        faults = self._faults(policy)
        if faults:
            raise BadInputError(f"this policy cannot be adopted: {'; '.join(faults)}.")
        if policy.digest() != proposed.digest:
            raise DeniedError("the proposal's text is not the one that its digest names.")
