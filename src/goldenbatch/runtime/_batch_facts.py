"""Of which batches something is, when and where they were made, and their dated facts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core._periods import last_moment
from goldenbatch.core.deletion import BatchRemains, DataDeleted
from goldenbatch.core.people import Meaning, signature_state
from goldenbatch.core.retention import BatchDates

if TYPE_CHECKING:
    from goldenbatch.core.site import LedgerPort, Window

_CLOSING: Final = (Meaning.CERTIFIED, Meaning.RELEASED, Meaning.REJECTED)


@dataclass(frozen=True)
class Span:
    """When and where a batch was made; None: not known, or not over."""

    start: int | None
    end: int | None
    places: frozenset[str]

    def overlaps(self, window: Window) -> bool:
        """Whether it may have been made in a window."""
        is_later = self.start is not None and self.start >= window[1]
        is_before = self.end is not None and self.end < window[0]
        return not (is_later or is_before)


class BatchFacts:
    """What the retention of other things must know of batches.

    Args:
        ledger: What was done.
        expiry_attributes: Names under which batches hold their date of expiry.
    """

    def __init__(self, ledger: LedgerPort, expiry_attributes: Sequence[str]) -> None:
        self._ledger, self._expiry = ledger, tuple(expiry_attributes)
        self._known: dict[str, BatchDates] = {}

    def of(self, stream: str, recorded_at: int) -> tuple[str, ...] | None:
        """Batches that a record documents; None: nobody can say."""
        kind, _, name = stream.partition("/")
        if kind == "trail":
            return self.of(name, recorded_at) if "/" in name else None
        finders: dict[str, Callable[[str], tuple[str, ...] | None]] = {
            "batch": self._itself,
            "archive": self._itself,
            "sample": self._of_sample,
            "lot": self._of_lot,
            "finding": self._of_finding,
            "import": lambda _: self.before(recorded_at),
        }
        return finders[kind](name) if kind in finders else ()

    @staticmethod
    def _itself(name: str) -> tuple[str, ...]:
        return (name,)

    def _of_finding(self, name: str) -> tuple[str, ...]:
        rows = self._ledger.select("finding_batch", {"uid": name})
        return tuple(sorted({str(row["batch"]) for row in rows}))

    def _of_sample(self, name: str) -> tuple[str, ...] | None:
        rows = self._ledger.select("sample", {"sample": name}, limit=1)
        if not rows:
            return None
        row, found = rows[0], set()
        if row["batch"]:
            found.add(str(row["batch"]))
        if row["lot"]:
            found |= set(self._of_lot(f"{row['material']}/{row['lot']}"))
        return tuple(sorted(found))

    def _of_lot(self, name: str) -> tuple[str, ...]:
        """Batches that used a lot, or were once said to have."""
        found = {one.batch for one in self._gone.values() if name in one.lots}
        for place in [n for n, one in enumerate(name) if one == "/"]:
            where = {"material": name[:place], "lot": name[place + 1 :]}
            found |= {str(row["batch"]) for row in self._ledger.select("genealogy", where)}
        return tuple(sorted(found))

    def before(self, at: int) -> tuple[str, ...]:
        """Batches whose making may have begun by a moment: a file may be of any of them."""
        return tuple(
            sorted(name for name, one in self.spans.items() if one.start is None or one.start <= at)
        )

    def places_of(self, stream: str, batches: Sequence[str] | None) -> frozenset[str] | None:
        """Places that a record is about; None: nobody can say."""
        kind, _, name = stream.partition("/")
        if kind == "equipment":
            return frozenset({name})
        if kind in ("user", "training", "security", "delegation", "procedure"):
            return frozenset()
        if not batches or any(one not in self.spans for one in batches):
            return None
        return frozenset().union(*(self.spans[one].places for one in batches)) or None

    def window(self, batches: Sequence[str] | None, recorded: Sequence[int]) -> Window | None:
        """What time a record is about: of its batches and its entries; None: nobody can say."""
        if batches is None:
            return None
        first, last = min(recorded), max(recorded)
        for one in batches:
            span = self.spans.get(one)
            if span is None or span.start is None or span.end is None:
                return None
            first, last = min(first, span.start), max(last, span.end)
        return first, last + 1

    @cached_property
    def spans(self) -> dict[str, Span]:
        """When and where each batch was made."""
        runs: dict[str, list[Mapping[str, Any]]] = {}
        for row in self._ledger.select("phase"):
            runs.setdefault(str(row["batch"]), []).append(row)
        found = {}
        for row in self._ledger.select("batch"):
            own = runs.get(str(row["batch"]), [])
            starts = [one["started_at"] for one in (row, *own) if one["started_at"] is not None]
            ends = [one["ended_at"] for one in own if one["ended_at"] is not None]
            end = None if row["ended_at"] is None else max(int(row["ended_at"]), *ends, 0)
            places = frozenset(str(one["place"]) for one in (row, *own) if one["place"])
            start = min(starts) if starts else None
            found[str(row["batch"])] = Span(start, end, places)
        for one in self._gone.values():
            live = found.get(one.batch, Span(None, None, frozenset()))
            start = one.start if live.start is None else live.start
            end = one.end if live.end is None else live.end
            found[one.batch] = Span(start, end, live.places | set(one.places))
        return found

    @cached_property
    def _gone(self) -> dict[str, BatchRemains]:
        """What stays known of batches whose entries were deleted."""
        found: dict[str, BatchRemains] = {}
        for event in self._ledger.events(kinds={DataDeleted.kind}):
            body = event.decode()
            for one in body.things if isinstance(body, DataDeleted) else ():
                if one.remains is not None:
                    before = found.get(one.remains.batch, one.remains)
                    dates = {**before.dates, **one.remains.dates}
                    lots = tuple(sorted({*before.lots, *one.remains.lots}))
                    merged = one.remains.model_copy(update={"dates": dates, "lots": lots})
                    found[one.remains.batch] = merged
        return found

    def remains(self, stream: str) -> BatchRemains | None:
        """What must stay known when entries of a batch go; None of what is no batch."""
        kind, _, batch = stream.partition("/")
        span = self.spans.get(batch)
        if kind != "batch" or span is None:
            return None
        rows = self._ledger.select("genealogy", {"batch": batch})
        known = self._gone.get(batch)
        lots = {f"{row['material']}/{row['lot']}" for row in rows}
        return BatchRemains(
            batch=batch,
            start=span.start,
            end=span.end,
            places=tuple(sorted(span.places)),
            lots=tuple(sorted(lots | set(known.lots if known is not None else ()))),
            dates=dict(self.dates(batch).dates),
        )

    def dates(self, batch: str) -> BatchDates:
        """The dated facts of a batch that are known."""
        if batch not in self._known:
            gone = self._gone.get(batch)
            dates = {**(gone.dates if gone is not None else {}), **self._batch_dates(batch)}
            self._known[batch] = BatchDates(batch, dates)
        return self._known[batch]

    def _batch_dates(self, batch: str) -> dict[str, int]:
        rows = self._ledger.select("batch", {"batch": batch}, limit=1)
        if not rows:
            return {}
        found: dict[str, int] = {}
        if rows[0]["ended_at"] is not None:
            found["ended"] = int(rows[0]["ended_at"])
        attributes = json.loads(rows[0]["attributes"] or "{}")
        given = [last_moment(str(attributes[n])) for n in self._expiry if attributes.get(n)]
        known = [one for one in given if one is not None]
        # Of two dates one of which cannot be read nobody knows which one is right.
        if known and len(known) == len(given):
            found["expiry"] = max(known)
        for state in signature_state(self._ledger.stream(f"batch/{batch}")):
            meaning = state.signature.meaning
            if state.is_signed and meaning in _CLOSING:
                found[meaning.value] = max(found.get(meaning.value, 0), state.signature.at)
        return found
