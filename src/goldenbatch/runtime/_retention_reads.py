"""What a home says about retention: schedules, holds, what is due and why not, deletions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from goldenbatch.core.deletion import PREFIX as DELETION
from goldenbatch.core.deletion import Deleted, DeletionState, deletion_state
from goldenbatch.core.deletion_rules import MustStay, Verdict, may_delete
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.holds import Hold, active_holds
from goldenbatch.core.records import Row
from goldenbatch.core.retention import (
    RETENTION_STREAM,
    Schedule,
    adopted_schedules,
    schedule_at,
)
from goldenbatch.runtime._carry_out import CarryOut, Fault
from goldenbatch.runtime._retained import Retained, Thing

if TYPE_CHECKING:
    from goldenbatch.core.people import SignatureApplied
    from goldenbatch.core.records import Event
    from goldenbatch.core.site import Clock
    from goldenbatch.stores.historian import Historian
    from goldenbatch.stores.ledger import Ledger
    from goldenbatch.stores.registry import Registry


class RetentionReads:
    """Part of `Retention`: what can be asked.

    Args:
        ledger: What was done.
        historian: What was measured.
        registry: What was kept of files.
        clock: Present time, the ledger's.
    """

    def __init__(
        self, ledger: Ledger, historian: Historian, registry: Registry, clock: Clock
    ) -> None:
        self._ledger, self._historian, self._registry = ledger, historian, registry
        self._clock = clock
        self._fault: Fault = lambda _: ""
        self._carrier = CarryOut(ledger, historian, registry, self.held_by, self._faulty)

    def check_with(self, fault: Fault) -> None:
        """Hold the evidence of signatures on deletions to a check from now on."""
        self._fault = fault

    def _faulty(self, signature: SignatureApplied) -> str:
        return self._fault(signature)

    def unfounded(self) -> Iterator[tuple[Event, str]]:
        """Events that say of something that it was deleted, on which two people did not agree."""
        for _, event in self._carrier.deletions():
            if why := self._carrier.unfounded(event):
                yield event, why

    def founded(self) -> set[int]:
        """Numbers of the events whose content went on two people's word, here or later."""
        return {
            seq
            for body, event in self._carrier.deletions()
            if body.repeats or not self._carrier.unfounded(event)
            for one in body.things
            for seq in one.seqs
        }

    def schedule(self) -> Schedule | None:
        """The schedule in force; None: none is, and everything is kept."""
        return schedule_at(self._ledger.stream(RETENTION_STREAM), self._clock())

    def schedules(self) -> list[dict[str, Any]]:
        """All schedules that were put forward, with who approved them."""
        current = self.schedule()
        digest = current.digest() if current is not None else ""
        return [
            {
                "version": one.body.version,
                "digest": one.body.digest,
                "effective_from": one.body.effective_from,
                "reason": one.body.reason,
                "proposed_by": one.event.envelope.actor,
                "approved_by": one.approved_by,
                "stream_version": one.event.envelope.version,
                "is_in_force": bool(one.approved_by) and one.body.digest == digest,
            }
            for one in adopted_schedules(self._ledger.stream(RETENTION_STREAM))
        ]

    def holds(self) -> tuple[Hold, ...]:
        """The holds that count."""
        return active_holds(self._ledger.select("hold", {"is_active": 1}))

    def held_by(self, ref: str) -> list[str]:
        """Names of the holds that cover what has a name; of what is gone, none."""
        holds = self.holds()
        if not holds:
            return []
        try:
            item = self._things().thing(ref).item
        except NotFoundError:
            return []
        return [one.hold for one in holds if one.scope.covers(item)]

    def verdicts(self, things: Iterable[Thing]) -> list[tuple[Thing, Verdict]]:
        """Whether things may be deleted at this moment, and why (not)."""
        schedule, holds, now = self._now()
        return [(one, may_delete(one.item, schedule, holds, now)) for one in things]

    def explain(self, ref: str) -> dict[str, Any]:
        """Whether what has a name may be deleted, in words.

        Raises:
            NotFoundError: There is nothing of that name.
        """
        ((thing, verdict),) = self.verdicts([self._things().thing(ref)])
        return explained(thing, verdict)

    def due(self, limit: int | None = None) -> list[dict[str, Any]]:
        """What may be deleted, oldest duty first; looks at everything that there is."""
        schedule, holds, now = self.schedule(), self.holds(), self._clock()
        found = [
            (thing, verdict)
            for thing in (self._things(schedule).all(schedule) if schedule is not None else ())
            if (verdict := may_delete(thing.item, schedule, holds, now)).is_allowed
        ]
        found.sort(key=lambda one: (getattr(one[1], "until", 0), one[0].item.ref))
        return [explained(thing, verdict) for thing, verdict in found[:limit]]

    def state(self, deletion: str) -> DeletionState:
        """A deletion as it stands.

        Raises:
            NotFoundError: There is none of that name.
        """
        found = deletion_state(self._ledger.stream(DELETION + deletion), self._faulty)
        if found is None:
            raise NotFoundError(
                f"there is no deletion {deletion!r}.", hint="See `goldenbatch deletion list`."
            )
        return found

    def deletions(self) -> list[Row]:
        """All deletions, newest first, each as it stands."""
        rows = self._ledger.select("deletion", order_by=("-seq",))
        return [{**row, "state": self.state(str(row["deletion"])).label} for row in rows]

    def describe(self, deletion: str) -> dict[str, Any]:
        """A deletion with its things, and what it still lacks."""
        state = self.state(deletion)
        return {
            "deletion": deletion,
            "state": state.label,
            "proposed_by": state.proposed_by,
            "approved_by": state.approved_by,
            "seq": state.done_seq,
            "lacks": list(state.lacks()) if state.done is None else [],
            **state.proposal.as_json(),
        }

    def unfinished(self) -> list[str]:
        """Deletions that were recorded and of which something is still there."""
        return self._carrier.unfinished()

    def left(self, deletion: str) -> list[Deleted]:
        """What a deletion that was recorded says went and is still there."""
        done = [body for body, _ in self._carrier.deletions() if body.deletion == deletion]
        return [one for body in done for one in self._carrier.left(body)]

    def _things(self, schedule: Schedule | None = None) -> Retained:
        schedule = schedule or self.schedule()
        names = schedule.expiry_attributes if schedule is not None else ()
        return Retained(self._ledger, self._historian, self._registry, names)

    def _now(self) -> tuple[Schedule | None, tuple[Hold, ...], int]:
        return self.schedule(), self.holds(), self._clock()


def explained(thing: Thing, verdict: Verdict) -> dict[str, Any]:
    """A thing and what was decided on it, as plain values."""
    item = thing.item
    return {
        "what": item.what,
        "ref": item.ref,
        "n": thing.n,
        "batches": [one.batch for one in item.batches or ()],
        "is_allowed": verdict.is_allowed,
        "until": getattr(verdict, "until", None),
        "rules": list(getattr(verdict, "rules", ())),
        "reasons": list(verdict.reasons if isinstance(verdict, MustStay) else verdict.evidence),
    }
