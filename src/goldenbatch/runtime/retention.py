"""Retention in a home: schedules, legal holds, deletions by two people, erasure of a person's data.

Each act is one person's and is asked of the policy. What two people must agree to (a schedule,
the end of a hold, a deletion) is signed by the second one in the signing ceremony.

References:
    21 CFR 211.180, 11.10(c); EU GMP Part I, 4.10 to 4.12; Regulation (EU) 2016/679, 17.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from goldenbatch.core import authority
from goldenbatch.core.deletion import PREFIX as DELETION
from goldenbatch.core.deletion import (
    Basis,
    DataDeleted,
    Deleted,
    DeletionApproved,
    DeletionProposed,
    DeletionRefused,
    DeletionState,
)
from goldenbatch.core.deletion_rules import MustStay, Verdict, may_carry_out
from goldenbatch.core.errors import ConflictError, DeniedError, NotFoundError
from goldenbatch.core.holds import PREFIX as HOLD
from goldenbatch.core.holds import HoldScope, LegalHoldLifted, LegalHoldPlaced
from goldenbatch.core.people import Meaning, UserState
from goldenbatch.core.records import Body, Event, NewEvent
from goldenbatch.core.retention import (
    RETENTION_STREAM,
    retention_adopted,
)
from goldenbatch.runtime._ceremony_asked import Asked
from goldenbatch.runtime._retained import Thing
from goldenbatch.runtime._retention_reads import RetentionReads, explained
from goldenbatch.runtime.rights import checked
from goldenbatch.runtime.tiering import Tiering

if TYPE_CHECKING:
    from goldenbatch.core.site import Clock
    from goldenbatch.runtime.people import People
    from goldenbatch.stores.historian import Historian
    from goldenbatch.stores.ledger import Ledger
    from goldenbatch.stores.registry import Registry

NODE = "node"


class Retention(RetentionReads):
    """What is kept in a home, and how it goes.

    Args:
        ledger: What was done.
        historian: What was measured.
        registry: What was kept of files.
        people: Who may.
        clock: Present time, the ledger's.

    Attributes:
        tiering: Which readings lie where, and how they go there.
    """

    def __init__(
        self, ledger: Ledger, historian: Historian, registry: Registry, people: People, clock: Clock
    ) -> None:
        super().__init__(ledger, historian, registry, clock)
        self._people = people
        self.tiering = Tiering(ledger, historian, people, clock)
        self._carrying = threading.Lock()

    # ---- schedules --------------------------------------------------------------------------

    def adopt(self, by: UserState, text: str, reason: str, effective_from: int = 0) -> Event:
        """Put a schedule forward; it counts once another person signs it as approved.

        Args:
            by: Who does.
            text: The schedule as TOML.
            reason: Why.
            effective_from: From when on; 0: now.

        Raises:
            BadInputError: It is no schedule; file, line and key are named.
            DeniedError: The policy forbids it.
        """
        self._require(by, "retention:adopt", RETENTION_STREAM)
        body = retention_adopted(text, effective_from or self._clock(), reason)
        return self._append(RETENTION_STREAM, body, by.uid)

    # ---- holds ------------------------------------------------------------------------------

    def place_hold(
        self, by: UserState, hold: str, scope: Mapping[str, Any], reason: str, basis: str
    ) -> Event:
        """Forbid at once the deletion of all that falls under a scope (see `HoldScope`).

        Raises:
            ConflictError: There is a hold of that name.
            BadInputError: The scope is impossible.
            DeniedError: The policy forbids it.
        """
        stream = HOLD + hold
        made = checked(HoldScope, **scope)
        body = checked(LegalHoldPlaced, hold=hold, scope=made, reason=reason, basis=basis)
        if self._ledger.version(stream):
            raise ConflictError(f"hold {hold!r} exists.", hint="Take another name.")
        self._require(by, "hold:place", stream)
        return self._append(stream, body, by.uid)

    def asked_lift(self, hold: str, reason: str) -> Asked:
        """The end of a hold, to be signed as approved by another person than who placed it.

        Raises:
            NotFoundError: No such hold counts.
        """
        rows = self._ledger.select("hold", {"hold": hold, "is_active": 1}, limit=1)
        if not rows:
            raise NotFoundError(f"no hold {hold!r} counts.", hint="See `goldenbatch hold list`.")
        body = checked(LegalHoldLifted, hold=hold, reason=reason)
        return Asked(HOLD + hold, Meaning.APPROVED, reason, body=body, actions=("hold:lift",))

    # ---- deletions --------------------------------------------------------------------------

    def propose(
        self, by: UserState, deletion: str, refs: Sequence[str], reason: str
    ) -> tuple[Event, list[dict[str, Any]]]:
        """Propose that things go whose time is over; who proposes it signs it as performed.

        Args:
            by: Who proposes it.
            deletion: Identifier, of one's choice.
            refs: Names of the things; empty: all that is due.
            reason: Why.

        Raises:
            DeniedError: One of them must be kept; all reasons are named.
            NotFoundError: One of them is not there.
            ConflictError: There is a deletion of that name.
        """
        wanted = list(dict.fromkeys(refs)) or [one["ref"] for one in self.due()]
        if not wanted:
            raise NotFoundError("nothing is due.", hint="See `goldenbatch retention due`.")
        retained = self._things()
        things = [retained.thing(ref) for ref in wanted]
        event = self._proposed(by, deletion, things, reason, action="deletion:propose")
        return event, []

    def propose_erasure(
        self, by: UserState, deletion: str, reason: str, *, login: str = "", record: str = ""
    ) -> tuple[Event, list[dict[str, Any]]]:
        """Propose the erasure of personal data, as far as no duty to keep them runs.

        Args:
            by: Who proposes it.
            deletion: Identifier, of one's choice.
            reason: Why: the request of the person.
            login: Whose account, training and signatures; or
            record: whose personal entries, such as those of a patient.

        Returns:
            The proposal, and what is left out of it and why.

        Raises:
            DeniedError: All of it must be kept; the reasons are named.
            NotFoundError: There is nobody of that login, or nothing personal in the record.
        """
        subject = self._people.find(login).uid if login else ""
        things = self._things().personal(subject, record)
        pairs = self.verdicts(things)
        free = [thing for thing, verdict in pairs if verdict.is_allowed]
        kept = [explained(thing, verdict) for thing, verdict in pairs if not verdict.is_allowed]
        if not free:
            reasons = dict.fromkeys(words for one in kept for words in one["reasons"])
            raise DeniedError(
                f"the data of {login or record} must be kept: {'; '.join(reasons)}.",
                hint="Answer the request with these reasons (GDPR, articles 12(4) and 17(3)(b)).",
            )
        event = self._proposed(
            by, deletion, free, reason, action="erasure:propose", subject=subject
        )
        return event, kept

    def _proposed(
        self,
        by: UserState,
        deletion: str,
        things: Sequence[Thing],
        reason: str,
        *,
        action: str,
        subject: str = "",
    ) -> Event:
        stream, schedule = DELETION + deletion, self.schedule()
        if self._ledger.version(stream):
            raise ConflictError(f"deletion {deletion!r} exists.", hint="Take another name.")
        self._require(by, action, stream)
        pairs = self.verdicts(things)
        _refuse([verdict for _, verdict in pairs])
        body = checked(
            DeletionProposed,
            deletion=deletion,
            basis=Basis.ERASURE if action == "erasure:propose" else Basis.RETENTION,
            subject=subject,
            schedule=schedule.digest() if schedule is not None else "",
            things=tuple(thing.deleted(verdict) for thing, verdict in pairs if verdict.is_allowed),
            reason=reason,
        )
        return self._append(stream, body, by.uid)

    def asked_approval(self, deletion: str, reason: str) -> Asked:
        """A deletion's approval, to be signed by another person than who proposed it.

        Raises:
            NotFoundError: There is no such deletion.
            DeniedError: It lacks its proposer's signature, or something must be kept by now.
        """
        state = self.state(deletion)
        rest = [one for one in state.lacks() if not one.startswith("no second person")]
        verdict = may_carry_out(state, self._items(state), *self._now())
        if isinstance(verdict, MustStay):
            reasons = [one for one in verdict.reasons if not one.startswith("no second person")]
            if reasons or rest:
                _refuse([MustStay(tuple(reasons or rest))])
        action = "erasure:approve" if state.proposal.basis is Basis.ERASURE else "deletion:approve"
        body = checked(DeletionApproved, deletion=deletion, reason=reason)
        return Asked(DELETION + deletion, Meaning.APPROVED, reason, body=body, actions=(action,))

    def refuse(self, by: UserState, deletion: str, reason: str) -> Event:
        """Refuse a deletion that was proposed; who proposed it may take it back so."""
        state = self.state(deletion)
        if state.done is not None:
            raise ConflictError(f"deletion {deletion!r} was carried out.")
        if by.uid != state.proposed_by:
            self._require(by, "deletion:approve", DELETION + deletion)
        body = checked(DeletionRefused, deletion=deletion, reason=reason)
        return self._append(DELETION + deletion, body, by.uid)

    def finish(self, deletion: str) -> DataDeleted:
        """Carry out a deletion that two people have signed; cut short, it is finished.

        Everything is asked anew at this moment: a hold placed since, a batch whose dates were
        corrected, an entry that was added.

        Raises:
            DeniedError: Something of it must be kept by now, or a signature is missing.
            ConflictError: A backup is being made.
        """
        with self._alone():
            return self._finish(deletion)

    def _finish(self, deletion: str) -> DataDeleted:
        state = self.state(deletion)
        done = state.done
        if done is None:
            verdict = may_carry_out(state, self._items(state), *self._now())
            _refuse([verdict])
            schedule = self.schedule()
            done = checked(
                DataDeleted,
                deletion=deletion,
                basis=state.proposal.basis,
                schedule=schedule.digest() if schedule is not None else "",
                things=self._with_remains(state),
                proposed_by=state.proposed_by,
                approved_by=state.approved_by,
            )
            self._append(DELETION + deletion, done, NODE)
        else:
            self._require_founded(deletion)
        self._carrier.carry_out(done, state.proposal.reason)
        return done

    def _require_founded(self, deletion: str) -> None:
        for event, why in self.unfounded():
            if event.stream == DELETION + deletion:
                raise DeniedError(
                    f"deletion {deletion!r} was recorded by event {event.seq}, but {why}.",
                    hint="Nothing was deleted. Find out who recorded it: `goldenbatch trail`.",
                )

    def reapply(self) -> list[str]:
        """Delete again what the ledger says was deleted and is there; says what it was."""
        with self._alone():
            return self._carrier.reapply()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """While the block runs nothing is deleted, so that ledger and stores can be copied."""
        with self._carrying:
            yield

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._carrying.acquire(blocking=False):
            raise ConflictError("a backup is being made.", hint="Delete when it is done.")
        try:
            yield
        finally:
            self._carrying.release()

    # ---- inside -----------------------------------------------------------------------------

    def _items(self, state: DeletionState) -> dict[str, Any]:
        """Things of a deletion that still are what was proposed."""
        retained, found = self._things(), {}
        for one in state.proposal.things:
            try:
                thing = retained.thing(one.ref)
            except NotFoundError:
                continue
            if (thing.seqs, thing.digest) == (one.seqs, one.digest):
                found[one.ref] = thing.item
        return found

    def _with_remains(self, state: DeletionState) -> tuple[Deleted, ...]:
        """What was proposed, with what stays known of batches as it is known now."""
        retained, found = self._things(), []
        for one in state.proposal.things:
            remains = retained.remains(retained.thing(one.ref)) if one.what == "record" else None
            found.append(one.model_copy(update={"remains": remains}))
        return tuple(found)

    def _require(self, by: UserState, action: str, stream: str) -> None:
        authority.require(self._people.decide_may(by, action, stream))

    def _append(self, stream: str, body: Body, actor: str) -> Event:
        head = self._ledger.version(stream)
        return self._ledger.append([NewEvent(stream, body, head, actor=actor)])[0]


def _refuse(verdicts: Sequence[Verdict]) -> None:
    reasons = [words for one in verdicts if isinstance(one, MustStay) for words in one.reasons]
    if reasons:
        raise DeniedError(
            f"deletion is denied: {'; '.join(dict.fromkeys(reasons))}.",
            hint="Nothing was deleted. `goldenbatch retention explain` says it for one thing.",
        )
