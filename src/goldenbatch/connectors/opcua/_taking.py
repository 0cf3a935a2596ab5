"""From published values to frames: times, qualities, kinds, and what could not be kept."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.opcua._frames import FIRST_TIME, LAST_TIME, Batch, TagBook
from goldenbatch.connectors.opcua._structures import StructureError
from goldenbatch.connectors.opcua._unit_watch import SEMANTICS_CHANGED
from goldenbatch.connectors.opcua._values import (
    DOWN,
    MISMATCH,
    OVERFLOW,
    MismatchError,
    as_text,
    fit,
    flatten,
    is_exact,
    is_structure,
    kind_of,
    reading_quality,
    type_name,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.series import Quality, ReadingKind

if TYPE_CHECKING:
    from goldenbatch.connectors.opcua._items import Item
    from goldenbatch.connectors.opcua._structures import Structures
    from goldenbatch.connectors.opcua._unit_watch import UnitWatch
    from goldenbatch.core.acquisition import Outlet
    from goldenbatch.core.plant import Plant

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICRO = datetime.timedelta(microseconds=1)
NO_TIME = -11_644_473_600_000_000
"""1601-01-01, which OPC UA sends for no time at all."""
UNCERTAIN, BAD = int(Quality.UNCERTAIN), int(Quality.BAD)


@dataclass
class Taken:
    """What came of some published values.

    Attributes:
        batch: Readings.
        fresh: Readings that items began with: they may be stored already.
        kinds: Kinds that tags were given, to be remembered.
        overruns: Items with the window in which their queue dropped values.
        vanished: Items whose node is gone, with the time that says so.
        refused: Items of which a value could not be kept, with time and reason.
        n_values: Values that were looked at.
    """

    batch: Batch = field(default_factory=Batch)
    fresh: Batch = field(default_factory=Batch)
    kinds: dict[str, str] = field(default_factory=dict)
    overruns: list[tuple[Item, int, int]] = field(default_factory=list)
    vanished: list[tuple[Item, int]] = field(default_factory=list)
    refused: list[tuple[Item, int, str]] = field(default_factory=list)
    n_values: int = 0


class Taker:
    """Turns values into readings.

    Args:
        book: Tags of the source.
        outlet: Remembers kinds, keeps images.
        plant: Says kinds of tags that it describes.
        structures: Takes structures apart.
    """

    def __init__(
        self, book: TagBook, outlet: Outlet, plant: Plant, structures: Structures | None = None
    ) -> None:
        self.book, self._outlet, self.structures = book, outlet, structures
        self.units: UnitWatch | None = None
        self._remembered: set[int] = set()
        self._planned: dict[str, ReadingKind] = {tag.name: tag.kind for tag in plant.tags}

    def know(self, tag: str, kind: ReadingKind | None = None) -> int:
        """Number of a tag; its kind is that of the card, of before, or of the plant."""
        code = self.book.code(tag)
        if self.book.kinds[code] is None:
            before: Any = self._outlet.position(f"kind/{tag}") or None
            if before:
                self._remembered.add(code)
            self.book.kinds[code] = kind or before or self._planned.get(tag)
        return code

    def take(
        self, pairs: Iterable[tuple[Item, Any]], taken: Taken, received_at: int
    ) -> list[tuple[Item, Any, int, int]]:
        """Add plain values to what is taken; those left over want `take_rest`."""
        kinds, rest = self.book.kinds, []
        numbers = taken.batch.kinds["number"]
        times, codes = numbers.times, numbers.codes
        values, qualities = numbers.values, numbers.qualities
        n = 0
        for item, found in pairs:
            n += 1
            status = found.StatusCode.value if found.StatusCode is not None else 0
            stamp = found.SourceTimestamp
            time = (stamp - EPOCH) // MICRO if stamp is not None else NO_TIME
            value: Any = found.Value.Value if found.Value is not None else None
            what = type(value)
            is_number = what is float or what is bool or (what is int and is_exact(value))
            is_plain = status == 0 and is_number and FIRST_TIME <= time < LAST_TIME
            if status & SEMANTICS_CHANGED:
                item.is_restated = True
            if is_plain and not item.is_fresh and not item.mistyped and not item.is_restated:
                if kinds[item.code] == "number":
                    times.append(time)
                    codes.append(item.code)
                    values.append(float(value))
                    qualities.append(0)
                    item.last_time = time
                    continue
            rest.append((item, found, time, status))
        taken.n_values += n
        return rest

    async def take_rest(
        self, rest: Iterable[tuple[Item, Any, int, int]], taken: Taken, received_at: int
    ) -> None:
        """Add what is not a plain good number: first values, texts, structures, bad ones."""
        rest = list(rest)
        restated = list({id(one[0]): one[0] for one in rest if one[0].is_restated}.values())
        if restated:
            if self.units is not None:
                await self.units.look(restated, is_new=True)
            for item in restated:
                item.is_restated = False
        for item, found, stamp, status in rest:
            value = found.Value.Value if found.Value is not None else None
            time, is_sure = _time(found, stamp, received_at)
            quality = reading_quality(status)
            if not is_sure and quality < UNCERTAIN:
                quality |= UNCERTAIN
            if status & 0xFFFF0000 in DOWN:
                taken.vanished.append((item, time))
            if status & OVERFLOW == OVERFLOW:
                taken.overruns.append((item, item.last_time or time, time))
            batch = taken.fresh if item.is_fresh else taken.batch
            item.is_fresh, item.last_time = False, time
            try:
                await self._put(item, value, (time, quality), batch, taken)
            except StructureError as error:
                taken.refused.append((item, time, f"{item.spec.node}: {error}"))

    async def _put(
        self, item: Item, value: Any, at: tuple[int, int], batch: Batch, taken: Taken
    ) -> None:
        if self.structures is not None and is_structure(value):
            value = await self.structures.take_apart(value)
            if isinstance(value, list):
                text = as_text([dict(flatten(one)) for one in value])
                await self._add(item, item.code, text, at, batch, taken)
                return
            for path, inner in flatten(value):
                code = self.know(f"{item.tag}.{path}")
                await self._add(item, code, inner, at, batch, taken)
            return
        await self._add(item, item.code, value, at, batch, taken)

    async def _add(
        self, item: Item, code: int, value: Any, at: tuple[int, int], batch: Batch, taken: Taken
    ) -> None:
        time, quality = at
        kind = self.book.kinds[code]
        if kind is None:
            kind = kind_of(value)
            if kind is None:
                return  # a bad value of no type says nothing that could be stored
            self.book.kinds[code] = kind
        tag = self.book.names[code]
        if code not in self._remembered:
            self._remembered.add(code)
            taken.kinds[f"kind/{tag}"] = kind
        kept = await self._fit(item, tag, value, kind, time, taken) if value is not None else None
        if value is not None and kept is None:
            quality = MISMATCH
        elif kind == "number" and not is_exact(value) and quality < UNCERTAIN:
            quality |= UNCERTAIN
        batch.kinds[kind].add(time, code, kept, quality)

    async def _fit(
        self, item: Item, tag: str, value: Any, kind: ReadingKind, time: int, taken: Taken
    ) -> Any:
        """The value as the tag holds it; None, and said once, if it cannot hold it."""
        try:
            kept = fit(value, kind)
        except MismatchError:
            found = type_name(value)
            if item.mistyped != found:
                item.mistyped = found
                note = f"{item.spec.node} gives {found}, tag {tag} holds {kind}"
                taken.refused.append((item, time, note))
            return None
        if tag == item.tag:
            item.mistyped = ""
        return await self._keep(item, kept, time, taken) if kind == "reference" else kept

    async def _keep(self, item: Item, content: bytes, time: int, taken: Taken) -> str | None:
        """Digest of an image that is kept; None, and said, if it is one that is never kept."""
        try:
            return await self._outlet.keep(content)
        except BadInputError as error:
            taken.refused.append((item, time, f"{item.spec.node}: {error.message}"))
            return None


def _time(found: Any, stamp: int, received_at: int) -> tuple[int, bool]:
    """Source time, or that of the server or of arrival; and whether it is sure.

    A source that gives none leaves it to the server; one that gives an impossible one is wrong.
    """
    if FIRST_TIME <= stamp < LAST_TIME:
        return stamp, True
    server = found.ServerTimestamp
    other = (server - EPOCH) // MICRO if server is not None else NO_TIME
    is_absent = found.SourceTimestamp is None or stamp <= NO_TIME
    if FIRST_TIME <= other < LAST_TIME:
        return other, is_absent
    return received_at, False
