"""Carrying out what a `DataDeleted` event says; done again, it finishes what was cut short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from goldenbatch.core.deletion import PREFIX, DataDeleted, Deleted, unfounded
from goldenbatch.core.erasure import PayloadErased
from goldenbatch.core.errors import NotFoundError

if TYPE_CHECKING:
    from goldenbatch.core.people import SignatureApplied
    from goldenbatch.core.records import Event
    from goldenbatch.stores.historian import Historian
    from goldenbatch.stores.ledger import Ledger
    from goldenbatch.stores.registry import Registry

HeldBy = Callable[[str], Sequence[str]]
Fault = Callable[["SignatureApplied"], str]


class Present(NamedTuple):
    """What is there now.

    Attributes:
        readings: Numbers of the hand-overs whose readings are there.
        artefacts: Digests of the artefacts that are there.
        erased: Numbers of the events that were erased by another event's word, whose bytes the
            ledger's own check looks at; None: look at each event itself.
    """

    readings: set[int]
    artefacts: set[str]
    erased: set[int] | None = None


class CarryOut:
    """Takes away what the ledger says was deleted.

    Args:
        ledger: Contents of records.
        historian: Readings.
        registry: Artefacts.
        held_by: Names of the holds that cover a thing now. A hold may be younger than a
            deletion that was cut short, or than the home of which a copy was restored.
        fault: Why the evidence of a signature does not hold; empty where it does.
        is_restoring: Whether a copy is being restored, whose ledger may lack the signatures.
    """

    def __init__(
        self,
        ledger: Ledger,
        historian: Historian,
        registry: Registry,
        held_by: HeldBy,
        fault: Fault = lambda _: "",
        *,
        is_restoring: bool = False,
    ) -> None:
        self._ledger, self._historian, self._registry = ledger, historian, registry
        self._held_by, self._fault, self._is_restoring = held_by, fault, is_restoring

    def unfounded(self, event: Event) -> str:
        """Why an event that says of something that it was deleted is not to be believed."""
        body = event.decode()
        name = PREFIX + body.deletion if isinstance(body, DataDeleted) else event.stream
        if event.stream != name:
            return f"it stands in {event.stream}"
        if isinstance(body, DataDeleted) and body.repeats and not self._is_restoring:
            return "it repeats a deletion of a later history, which only a restore carries out"
        return unfounded(self._ledger.stream(name), event, self._fault)

    def carry_out(self, done: DataDeleted, reason: str) -> list[str]:
        """Take away what is still there of a deletion; gives the names of what went.

        The event is the decision, made by the rules of its moment; only a hold stops it still.
        """
        why = f"deletion {done.deletion}"
        left = [one for one in self.left(done) if not self._held_by(one.ref)]
        records = [one for one in left if one.what == "record"]
        self._erase(records, done, f"{why}: {reason}")
        for one in left:
            if one.what == "artefact":
                self._registry.delete(one.ref, why)
        numbers = [hand_over_number(one.ref) for one in left if one.what == "readings"]
        if numbers:
            self._historian.delete(numbers, why, lambda one: self._held_by(one.ref))
        return [one.ref for one in left]

    def _erase(self, records: Sequence[Deleted], done: DataDeleted, reason: str) -> None:
        from goldenbatch.stores.ledger import Erasure

        people = {"requested_by": done.proposed_by, "approved_by": done.approved_by}
        erasures = [
            Erasure(seq=seq, reason=reason, **people)
            for one in records
            for seq in one.seqs
            if self._is_there(seq)
        ]
        if erasures:
            self._ledger.erase_all(erasures)

    def _is_there(self, seq: int) -> bool:
        if seq > self._ledger.head():
            return False  # restored from a backup that was made before it
        return next(self._ledger.events(seq - 1, seq)).body is not None

    def left(self, done: DataDeleted) -> list[Deleted]:
        """What a deletion says went and is still there."""
        return self._left(done, self._present())

    def _present(self) -> Present:
        there = {one.n for one in self._historian.closed() if not one.deleted}
        return Present(there, set(self._registry.digests()))

    def _left(self, done: DataDeleted, present: Present) -> list[Deleted]:
        return [one for one in done.things if self._is_left(one, done, present)]

    def _is_left(self, one: Deleted, done: DataDeleted, present: Present) -> bool:
        if one.what == "record":
            if present.erased is not None:
                return any(seq not in present.erased for seq in one.seqs)
            return any(self._is_there(seq) for seq in one.seqs)
        if one.what == "artefact":
            return one.ref in present.artefacts and not self._is_named_since(one.ref, done)
        return hand_over_number(one.ref) in present.readings

    def _is_named_since(self, digest: str, done: DataDeleted) -> bool:
        """Whether the same content was handed in again after it was deleted."""
        events = self._ledger.stream(PREFIX + done.deletion)
        recorded = [one.seq for one in events if one.kind == DataDeleted.kind]
        if not recorded:
            return False
        later = self._ledger.events(recorded[-1], kinds={"FileImported", "RowsQuarantined"})
        return any(digest in (one.body or {}).values() for one in later)

    def deletions(self) -> list[tuple[DataDeleted, Event]]:
        """Everything that the ledger says was deleted, oldest first."""
        found = []
        for event in self._ledger.events(kinds={DataDeleted.kind}):
            body = event.decode()
            if isinstance(body, DataDeleted):
                found.append((body, event))
        return found

    def unfinished(self) -> list[str]:
        """Deletions that were recorded and of which something is still there."""
        events = self._ledger.events(kinds={PayloadErased.kind})
        erased = {int((one.body or {}).get("seq", 0)) for one in events}
        present = self._present()._replace(erased=erased)
        return [body.deletion for body, _ in self.deletions() if self._left(body, present)]

    def reapply(self) -> list[str]:
        """Delete again what the ledger says was deleted; gives one line a deletion."""
        said = []
        for body, event in self.deletions():
            if why := self.unfounded(event):
                name = f"deletion {body.deletion} (event {event.seq})"
                said.append(f"{name} was not carried out: {why}")
                continue
            went = self.carry_out(body, f"again, as event {event.seq} says")
            if went:
                named = ", ".join(went[:3]) + (f" and {len(went) - 3} more" if went[3:] else "")
                said.append(f"deletion {body.deletion} (event {event.seq}): {named} deleted again")
            said += [
                f"deletion {body.deletion} (event {event.seq}): {one.ref} is still there, since "
                f"hold {', '.join(holds)} covers it"
                for one in self.left(body)
                if (holds := self._held_by(one.ref))
            ]
        return said


def hand_over_number(ref: str) -> int:
    """Number of a hand-over by its name.

    Raises:
        NotFoundError: It is no name of one.
    """
    number = ref.removeprefix("hand-over/")
    if not number.isdigit():
        raise NotFoundError(f"{ref!r} is no hand-over.")
    return int(number)
