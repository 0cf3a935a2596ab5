"""What there is in a home to keep or to delete, with the dated facts that decide on it.

Whatever cannot be told (of which batches something is, when one ended) is left unknown, and the
unknown is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.deletion import (
    PREFIX,
    BatchRemains,
    Deleted,
    readings_digest,
    records_digest,
)
from goldenbatch.core.deletion_rules import MayGo
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.facts import own_streams
from goldenbatch.core.people import SignatureApplied
from goldenbatch.core.records import DataClass, Event
from goldenbatch.core.retention import Item, Schedule, kept
from goldenbatch.runtime._batch_facts import BatchFacts
from goldenbatch.runtime.tiering import tag_classes

if TYPE_CHECKING:
    from goldenbatch.core.chunks import HandOver
    from goldenbatch.core.site import LedgerPort, ReadingsKeeper, RegistryPort

FIXED: Final[Mapping[str, str]] = {
    "analyst": "ticks are replayed by it",
    "chunk": "the proof of readings rests on it",
    "deletion": "it says what was deleted, why and by whom",
    "erasure": "it says what was erased, why and by whom",
    "hold": "it says what was held, why and by whom",
    "home": "it says which home this is",
    "master": "batches pin it, and signatures name it",
    "model": "findings name it",
    "tier": "it says where readings lie",
    "tick": "it says what analysts were shown",
}
"""First parts of streams that are never deleted, and why."""

_DIGEST: Final = re.compile(r"\b[0-9a-f]{64}\b")
_FILES: Final = frozenset({"FileImported", "RowsQuarantined"})
_OPERATIONAL: Final = frozenset({DataClass.OPERATIONAL})


@dataclass(frozen=True)
class Thing:
    """Something that may go: the facts for the decision, and what would be recorded of it."""

    item: Item
    seqs: tuple[int, ...]
    digest: str
    n: int

    def deleted(self, verdict: MayGo) -> Deleted:
        """What a proposal says of it."""
        return Deleted(
            what=self.item.what,
            ref=self.item.ref,
            seqs=self.seqs,
            digest=self.digest,
            n=self.n,
            rules=verdict.rules,
            until=verdict.until,
        )


class Retained:
    """The things of a home as they stand at one moment; make a new one for each question.

    Args:
        ledger: What was done.
        historian: What was measured.
        registry: What was kept of files.
        expiry_attributes: Names under which batches hold their date of expiry.
    """

    def __init__(
        self,
        ledger: LedgerPort,
        historian: ReadingsKeeper,
        registry: RegistryPort,
        expiry_attributes: Sequence[str] = (),
    ) -> None:
        self._ledger, self._historian, self._registry = ledger, historian, registry
        self._batches = BatchFacts(ledger, expiry_attributes)

    # ---- one thing --------------------------------------------------------------------------

    def thing(self, ref: str) -> Thing:
        """A thing by its name: a stream, `stream@n`, a digest, or `hand-over/<n>`.

        Raises:
            NotFoundError: There is none, or its content is gone already.
        """
        found: Thing | None
        if _DIGEST.fullmatch(ref):
            found = self._artefact(ref)
        elif ref.startswith("hand-over/"):
            found = self._hand_overs.get(ref)
        else:
            found = self._named_record(ref)
        if found is None:
            raise NotFoundError(
                f"there is nothing to delete under {ref!r}, or it was deleted before.",
                hint="Name a stream, stream@n, the digest of a file, or hand-over/n.",
            )
        return found

    def _named_record(self, ref: str) -> Thing | None:
        stream, _, given = ref.rpartition("@")
        numbers = given.split(",")
        if not stream or not all(one.isdigit() for one in numbers) or self._ledger.version(ref):
            return self.record(ref)
        return self.record(stream, {int(one) for one in numbers})

    def record(self, stream: str, versions: set[int] | None = None) -> Thing | None:
        """The content of a record, or of some of its events; None when nothing is left of it."""
        events = self._ledger.stream(stream)
        chosen = [
            one
            for one in events
            if one.body is not None and (versions is None or one.envelope.version in versions)
        ]
        if not chosen:
            return None
        ref = stream
        if versions is not None:
            ref += "@" + ",".join(str(one.envelope.version) for one in chosen)
        return self._of_events(stream, ref, chosen)

    def all(self, schedule: Schedule) -> Iterator[Thing]:
        """Everything that is not fixed: records by stream, then files, then readings.

        Of people whom the schedule itself keeps it is not asked what else binds their names.
        """
        for stream in sorted(self._seen[0]):
            events = [one for one in self._ledger.stream(stream) if one.body is not None]
            if not events or stream.partition("/")[0] in FIXED:
                continue
            found = self._of_events(stream, stream, events, is_shallow=True)
            is_kept = kept(found.item, schedule).until is None
            yield found if is_kept else self._of_events(stream, stream, events)
        for digest in sorted(self._registry_digests):
            if (artefact := self._artefact(digest)) is not None and not artefact.item.fixed:
                yield artefact
        yield from (one for one in self._hand_overs.values() if not one.item.fixed)

    def personal(self, uid: str, stream: str = "") -> list[Thing]:
        """What names a person who has an account, or the personal entries of a record.

        Raises:
            NotFoundError: There is no personal data.
        """
        found = self._person(uid) if uid else []
        if stream:
            events = self._ledger.stream(stream)
            versions = {
                one.envelope.version
                for one in events
                if one.envelope.data_class is DataClass.PERSONAL and one.body is not None
            }
            thing = self.record(stream, versions) if versions else None
            found += [thing] if thing is not None else []
        if not found:
            raise NotFoundError(
                f"there is no personal data in {stream or 'the records of the person'}.",
                hint="Name a login, or a record with personal entries.",
            )
        return found

    def _person(self, uid: str) -> list[Thing]:
        """The own records of a person, and each of their signatures."""
        own = [self.record(stream) for stream in sorted({*own_streams(uid), f"security/{uid}"})]
        for stream in sorted(self._signed_streams(uid)):
            events = self._ledger.stream(stream)
            versions = {
                one.envelope.version
                for one in events
                if isinstance(body := one.decode(), SignatureApplied) and body.signer == uid
            }
            own.append(self.record(stream, versions) if versions else None)
        return [one for one in own if one is not None]

    def remains(self, thing: Thing) -> BatchRemains | None:
        """What must stay known when a thing goes, since others wait for its dates."""
        return next((self._batches.remains(one) for one in sorted(thing.item.streams)), None)

    # ---- records ----------------------------------------------------------------------------

    def _of_events(
        self, stream: str, ref: str, events: Sequence[Event], *, is_shallow: bool = False
    ) -> Thing:
        kind, _, name = stream.partition("/")
        recorded = [one.envelope.recorded_at for one in events]
        names = self._batches.of(stream, max(recorded))
        is_own = kind in ("user", "training", "security")
        closed = self._closed_at(name) if is_own else None
        item = Item(
            what="record",
            ref=ref,
            streams=frozenset({stream}),
            classes=frozenset(one.envelope.data_class for one in events),
            dates={"recorded": max(recorded)}
            | ({} if closed is None else {"account closed": closed}),
            batches=None if names is None else tuple(self._batches.dates(one) for one in names),
            places=self._batches.places_of(stream, names),
            window=self._batches.window(names, recorded),
            named_in=() if is_shallow or not is_own else self._named_in(name),
            fixed=FIXED.get(kind, ""),
        )
        seqs = tuple(one.seq for one in events)
        return Thing(item, seqs, records_digest(events), len(seqs))

    # ---- people -----------------------------------------------------------------------------

    def _closed_at(self, uid: str) -> int | None:
        """When the account of a person was closed; None while it is open."""
        closed: int | None = None
        for event in self._ledger.stream(f"user/{uid}"):
            if event.kind == "UserDisabled":
                closed = event.envelope.recorded_at
            elif event.kind in ("UserEnabled", "UserAdded"):
                closed = None
        return closed

    def _signed_streams(self, uid: str) -> set[str]:
        return {str(row["stream"]) for row in self._ledger.select("signature", {"signer": uid})}

    def _named_in(self, uid: str) -> tuple[Item, ...]:
        """Records that could not be attributed without the name of a person."""
        rows = self._ledger.select("trail", {"actor": uid})
        streams = {str(row["stream"]) for row in rows} | self._signed_streams(uid)
        found = []
        for stream in sorted(streams - own_streams(uid) - {f"security/{uid}"}):
            events = [one for one in self._ledger.stream(stream) if one.body is not None]
            if events:
                found.append(self._of_events(stream, stream, events, is_shallow=True).item)
        return tuple(found)

    # ---- files ------------------------------------------------------------------------------

    @property
    def _registry_digests(self) -> Iterator[str]:
        registry: Any = self._registry
        yield from registry.digests()

    @cached_property
    def _seen(self) -> tuple[set[str], dict[str, list[Event]]]:
        """All streams, and the events that name an artefact; one pass over the ledger."""
        wanted, streams = set(self._registry_digests), set()
        named: dict[str, list[Event]] = {}
        for event in self._ledger.events():
            streams.add(event.stream)
            # What proposes or records its deletion does not rest on it.
            if event.body is None or not wanted or event.stream.startswith(PREFIX):
                continue
            for digest in set(_DIGEST.findall(json.dumps(event.body))) & wanted:
                named.setdefault(digest, []).append(event)
        return streams, named

    def _artefact(self, digest: str) -> Thing | None:
        if digest not in set(self._registry_digests):
            return None
        events = self._seen[1].get(digest, [])
        item = Item(
            what="artefact",
            ref=digest,
            streams=frozenset(one.stream for one in events),
            classes=frozenset(one.envelope.data_class for one in events),
            batches=None,
            places=None,
            tags=None,
            fixed=_why_fixed(digest, events),
        )
        if not item.fixed:
            recorded = max(one.envelope.recorded_at for one in events)
            names = self._batches.before(recorded)
            dates = tuple(self._batches.dates(one) for one in names)
            item = replace(item, dates={"recorded": recorded}, batches=dates)
        return Thing(item, (), digest, len(self._registry.get(digest)))

    # ---- readings ---------------------------------------------------------------------------

    @cached_property
    def _hand_overs(self) -> dict[str, Thing]:
        """Hand-overs whose readings are there, by name."""
        kinds = {"ChunkClosed"}
        events = {(e.stream, e.envelope.version): e for e in self._ledger.events(kinds=kinds)}
        return {
            one.ref: self._hand_over(one, events)
            for one in self._historian.closed()
            if not one.deleted
        }

    @cached_property
    def _tag_classes(self) -> dict[str, DataClass]:
        return tag_classes(self._ledger)

    def _classes(self, tags: Iterable[str]) -> frozenset[DataClass]:
        """Classes of data of tags; one that no plant has named is operational, as it was made."""
        known = self._tag_classes
        return frozenset(known.get(tag, DataClass.OPERATIONAL) for tag in tags) or _OPERATIONAL

    def _hand_over(self, one: HandOver, events: Mapping[tuple[str, int], Event]) -> Thing:
        recorded = [
            events[key].envelope.recorded_at
            for chunk in one.chunks
            if (key := (f"chunk/{chunk.source}", chunk.chunk)) in events
        ]
        names = [name for name, span in self._batches.spans.items() if span.overlaps(one.window)]
        item = Item(
            what="readings",
            ref=one.ref,
            streams=frozenset(f"chunk/{chunk.source}" for chunk in one.chunks),
            classes=self._classes(one.tags),
            dates={"recorded": max(recorded)} if recorded else {},
            batches=tuple(self._batches.dates(name) for name in sorted(names)),
            places=frozenset(tag.rpartition("/")[0] for tag in one.tags),
            tags=one.tags,
            window=one.window,
            fixed="" if len(recorded) == len(one.chunks) else "the ledger has not recorded it",
        )
        digest = readings_digest(chunk.root for chunk in one.chunks)
        return Thing(item, (), digest, one.n_readings)


def _why_fixed(digest: str, events: Sequence[Event]) -> str:
    """Why an artefact is never deleted: only files that were handed in may once go."""
    if not events:
        return "no event says what it is"
    for event in events:
        if event.kind not in _FILES:
            return f"event {event.seq} ({event.kind} of {event.stream}) rests on it"
        if digest in ((event.body or {}).get("axes") or {}).values():
            return "it says what the arrays of a tag mean"
    return ""
