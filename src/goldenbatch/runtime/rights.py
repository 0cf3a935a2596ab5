"""Acts on rights: procedures, training, delegation, identity, windows, proposals, reviews.

Each act is one person's, who proves it at that moment, and is asked of the policy. Nobody
changes their own rights; what the policy gives to two people takes two.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from goldenbatch.core import authority
from goldenbatch.core.access import (
    ACCOUNTABILITY,
    REVIEW_PREFIX,
    AccessReviewed,
    AccessWindowSet,
    AccountabilityAccepted,
    IdentityVerified,
    RoleProposalRefused,
    RoleProposed,
)
from goldenbatch.core.delegation import (
    PREFIX as DELEGATION,
)
from goldenbatch.core.delegation import (
    DelegationApproved,
    DelegationProposed,
    DelegationRevoked,
)
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.people import RoleGranted, UserState
from goldenbatch.core.procedures import PREFIX as PROCEDURE
from goldenbatch.core.procedures import ProcedureBook, ProcedureIssued, ProcedureWithdrawn
from goldenbatch.core.records import Body, Event, NewEvent, Row
from goldenbatch.core.training import PREFIX as TRAINING
from goldenbatch.core.training import TrainingAssigned, TrainingCompleted, TrainingWithdrawn
from goldenbatch.runtime._rights_alerts import AlertActs
from goldenbatch.runtime._rights_reports import RightsReports

if TYPE_CHECKING:
    from goldenbatch.core.site import Clock, LedgerPort, RegistryPort
    from goldenbatch.runtime.people import People


class Rights(RightsReports, AlertActs):
    """Acts on rights in a home.

    Args:
        ledger: Where they are recorded.
        people: Who may.
        registry: Where the texts of procedures are kept.
        clock: Present time.
    """

    def __init__(
        self, ledger: LedgerPort, people: People, registry: RegistryPort, clock: Clock
    ) -> None:
        super().__init__(ledger, people, clock)
        self._registry = registry

    # ---- procedures -------------------------------------------------------------------------

    def issue_procedure(
        self, by: UserState, content: bytes, media_type: str, **entries: Any
    ) -> Event:
        """Issue a version of a procedure; it counts once somebody else approves it by signature.

        Args:
            by: Who issues it.
            content: The document.
            media_type: Of the document.
            entries: procedure, version, title, effective_from and reason.

        Raises:
            ConflictError: The version exists already, with another content.
            DeniedError: The policy forbids it.
        """
        digest = hashlib.sha256(content).hexdigest()
        body = checked(ProcedureIssued, digest=digest, **entries)
        for row in self._ledger.select("procedure", {"procedure": body.procedure}):
            if row["version"] == body.version:
                raise ConflictError(
                    f"version {body.version} of {body.procedure} was issued already.",
                    hint="Give the changed document a new version.",
                )
        self._require(by, "procedure:issue", PROCEDURE + body.procedure)
        self._registry.put(content, media_type)
        return self._append(PROCEDURE + body.procedure, body, by)

    def withdraw_procedure(self, by: UserState, procedure: str, version: str, reason: str) -> Event:
        """Take a version of a procedure out of force.

        Raises:
            NotFoundError: There is no such version.
        """
        row = self._version(procedure, version)
        self._require(by, "procedure:withdraw", PROCEDURE + procedure)
        entries = {"procedure": procedure, "version": version, "reason": reason}
        body = checked(ProcedureWithdrawn, issued=row["issued"], **entries)
        return self._append(PROCEDURE + procedure, body, by)

    def _version(self, procedure: str, version: str) -> Row:
        """The version that was named, or the one in force."""
        rows = self._ledger.select("procedure", {"procedure": procedure})
        if not version:
            found = ProcedureBook.of(rows).in_force(procedure, self._clock())
        else:
            found = next((row for row in rows if row["version"] == version), None)
        if found is None:
            raise NotFoundError(
                f"no version {version or 'in force'} of procedure {procedure!r}.",
                hint="See `goldenbatch procedure list`.",
            )
        return found

    # ---- training ---------------------------------------------------------------------------

    def assign_training(self, by: UserState, login: str, **entries: Any) -> Event:
        """Ask a person to be trained.

        Args:
            by: Who asks.
            login: Who is to be trained.
            entries: procedure, version (empty: in force), due_at and reason.
        """
        return self._training(by, "training:assign", TrainingAssigned, login, entries)

    def complete_training(self, by: UserState, login: str, **entries: Any) -> Event:
        """Say that a person was trained and found competent; never of oneself.

        Args:
            by: The assessor.
            login: Who was trained.
            entries: procedure, version (empty: in force), method, completed_at, expires_at.

        Raises:
            BadInputError: It lies in the future, or expires before it was completed.
        """
        now = self._clock()
        at = entries.setdefault("completed_at", now)
        expires_at = entries.get("expires_at")
        if at > now or (expires_at is not None and expires_at <= at):
            raise BadInputError(
                "a training is completed now or before, and expires after that.",
                hint="Correct the times.",
                key="completed_at",
            )
        entries["assessor"] = by.uid
        return self._training(by, "training:assess", TrainingCompleted, login, entries)

    def withdraw_training(self, by: UserState, login: str, **entries: Any) -> Event:
        """Have a training count no more (procedure, version, reason)."""
        return self._training(by, "training:withdraw", TrainingWithdrawn, login, entries)

    def _training(
        self, by: UserState, action: str, kind: type[Body], login: str, entries: dict[str, Any]
    ) -> Event:
        user = self._people.find(login)
        version = self._version(entries["procedure"], entries.get("version", ""))["version"]
        body = checked(kind, **{**entries, "version": version, "uid": user.uid})
        self._require(by, action, TRAINING + user.uid)
        return self._append(TRAINING + user.uid, body, by)

    # ---- delegation -------------------------------------------------------------------------

    def propose_delegation(
        self, by: UserState, delegator: str, delegate: str, **entries: Any
    ) -> Event:
        """Propose that one person acts in another's place for a time.

        Args:
            by: Who proposes it: the delegator, or somebody entitled.
            delegator: Login of whose role is lent.
            delegate: Login of who is to act.
            entries: delegation, role, actions, start, end and reason.

        Raises:
            BadInputError: The delegator does not hold the role.
            DeniedError: It is for oneself, or the policy forbids it.
        """
        lender, user = self._people.find(delegator), self._people.find(delegate)
        ids = {"delegator": lender.uid, "delegate": user.uid}
        body = checked(DelegationProposed, **{**entries, **ids})
        if body.role not in lender.roles:
            raise BadInputError(
                f"{delegator} does not hold the role {body.role}, and cannot lend it.", key="role"
            )
        stream = DELEGATION + body.delegation
        if self._ledger.version(stream):
            raise ConflictError(f"delegation {body.delegation!r} exists.", hint="Take another id.")
        _refuse_own(by, user, "delegation")
        if by.uid != lender.uid:
            self._require(by, "delegation:propose", stream)
        return self._append(stream, body, by)

    def approve_delegation(self, by: UserState, delegation: str, reason: str = "") -> Event:
        """Approve a delegation that another person proposed.

        Raises:
            DeniedError: It was proposed by the same person, or is for them.
        """
        row = self._delegation(delegation)
        if by.uid in (row["proposed_by"], row["delegate"]):
            raise DeniedError(
                "a delegation takes two people, and neither is the one who gets it.",
                hint="Ask another person who may approve it.",
            )
        self._require(by, "delegation:approve", DELEGATION + delegation)
        body = checked(DelegationApproved, delegation=delegation, reason=reason)
        return self._append(DELEGATION + delegation, body, by)

    def revoke_delegation(self, by: UserState, delegation: str, reason: str) -> Event:
        """End a delegation at once; the delegator may always."""
        row = self._delegation(delegation)
        if by.uid not in (row["delegator"], row["delegate"]):
            self._require(by, "delegation:revoke", DELEGATION + delegation)
        body = checked(DelegationRevoked, delegation=delegation, reason=reason)
        return self._append(DELEGATION + delegation, body, by)

    def _delegation(self, delegation: str) -> Row:
        for row in self._ledger.select("delegation", {"delegation": delegation}, limit=1):
            return row
        raise NotFoundError(
            f"there is no delegation {delegation!r}.", hint="See `goldenbatch delegation list`."
        )

    # ---- access -----------------------------------------------------------------------------

    def verify_identity(self, by: UserState, login: str, how: str) -> Event:
        """Say that one has made sure who the person behind an account is; never of oneself."""
        user = self._people.find(login)
        self._require(by, "user:identify", f"user/{user.uid}")
        return self._append(
            f"user/{user.uid}", checked(IdentityVerified, uid=user.uid, how=how), by
        )

    def accept_accountability(self, by: UserState, text: str = ACCOUNTABILITY) -> Event:
        """Accept, oneself, to be accountable for what is done under one's signature."""
        body = checked(AccountabilityAccepted, uid=by.uid, text=text)
        return self._append(f"user/{by.uid}", body, by)

    def set_window(self, by: UserState, login: str, **entries: Any) -> Event:
        """Have a role of a person count within a window only (role, start, end, reason)."""
        user = self._people.find(login)
        self._require(by, "user:window", f"user/{user.uid}")
        return self._append(
            f"user/{user.uid}", checked(AccessWindowSet, uid=user.uid, **entries), by
        )

    def propose_role(self, by: UserState, login: str, role: str, reason: str) -> Event:
        """Propose a role for another person; it counts once a second one confirms it."""
        user = self._people.find(login)
        self._require(by, "user:grant", f"user/{user.uid}")
        self._people.policy().check_roles({*user.roles, role})
        body = checked(RoleProposed, uid=user.uid, role=role, reason=reason)
        return self._append(f"user/{user.uid}", body, by)

    def confirm_role(self, by: UserState, login: str, role: str, reason: str) -> Event:
        """Give a role that another person proposed.

        Raises:
            DeniedError: Nobody else proposed it.
        """
        user = self._people.find(login)
        proposer, _ = self._people.authority.standing(user.uid).proposals.get(role, ("", ""))
        self._require(by, "user:confirm", f"user/{user.uid}")
        if proposer in ("", by.uid, user.uid):
            raise DeniedError(
                f"no other person has proposed the role {role} for {login}.",
                hint="Have it proposed: `goldenbatch access propose`.",
            )
        self._people.policy().check_roles({*user.roles, role})
        body = checked(RoleGranted, uid=user.uid, role=role, reason=reason)
        return self._append(f"user/{user.uid}", body, by)

    def refuse_role(self, by: UserState, login: str, role: str, reason: str) -> Event:
        """Not give a role that was proposed."""
        user = self._people.find(login)
        self._require(by, "user:confirm", f"user/{user.uid}")
        body = checked(RoleProposalRefused, uid=user.uid, role=role, reason=reason)
        return self._append(f"user/{user.uid}", body, by)

    def review_access(self, by: UserState, review: str, conclusion: str) -> Event:
        """Record who has what; it counts once another person signs it as reviewed."""
        stream = REVIEW_PREFIX + review
        self._require(by, "access:review", stream)
        if self._ledger.version(stream):
            raise ConflictError(f"review {review!r} exists.", hint="Take another id.")
        lines, head = tuple(self.access_lines()), self._ledger.head()
        body = checked(
            AccessReviewed, review=review, as_of=head, lines=lines, conclusion=conclusion
        )
        return self._append(stream, body, by)

    # ---- inside -----------------------------------------------------------------------------

    def _require(self, by: UserState, action: str, stream: str) -> None:
        authority.require(self._people.decide_may(by, action, stream))

    def _append(self, stream: str, body: Body, by: UserState) -> Event:
        head = self._ledger.version(stream)
        return self._ledger.append([NewEvent(stream, body, head, actor=by.uid)])[0]


def _refuse_own(by: UserState, user: UserState, what: str) -> None:
    if by.uid == user.uid:
        raise DeniedError(f"nobody gives themselves a {what}.", hint="Ask another person.")


def checked(kind: type[Any], **entries: Any) -> Any:
    """A body whose entries people gave.

    Raises:
        BadInputError: One is missing, unknown or impossible.
    """
    from pydantic import ValidationError

    try:
        return kind(**entries)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            f"{first['msg']}.", hint="Correct the entry and try again.", key=key
        ) from error
