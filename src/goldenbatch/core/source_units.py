"""Units that sources state of their tags, and what is done when one changes while it runs.

A tag's unit is what the plant says, else what its source said first. A source that begins to
state another one would mix two units in one tag: its readings go to a tag of their own under
`quarantine/`, what changed is on record and becomes a finding, until the source states the old
unit again, or a person says in the plant or in the source's card which one is right.

References:
    Eclipse Sparkplug 3.0, 6.4.14 (engUnit); OPC 10000-8, 5.6.3 (EUInformation) and 5.2
    (SemanticsChanged).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from goldenbatch.core.acquisition import Gap, GapCause
from goldenbatch.core.errors import VersionConflictError
from goldenbatch.core.quantities import Quantity, UnitError, check_unit
from goldenbatch.core.records import (
    Body,
    Event,
    Micros,
    NewEvent,
    Projection,
    Row,
    record_type,
)

if TYPE_CHECKING:
    from goldenbatch.core.acquisition import ConnectionCard, Outlet
    from goldenbatch.core.plant import Plant

QUARANTINE: Final = "quarantine"
_PLAIN = re.compile(r"[^A-Za-z0-9.\-]+")
_Lookup = Callable[[tuple[Any, ...]], Row | None]


@lru_cache(maxsize=4096)
def as_ucum(shown: str) -> str:
    """UCUM code of a unit as a source shows it; empty when it is not known what it means.

    >>> as_ucum("kN"), as_ucum("°C"), as_ucum("widgets")
    ('kN', 'Cel', '')
    """
    text = shown.strip()
    if not text:
        return ""
    try:
        return check_unit(text)
    except UnitError as error:
        meant = str(error.hint).partition("'")[2].partition("'")[0]
        return meant if error.hint.startswith("Did you mean") else ""


def plant_unit(shown: str) -> str:
    """Unit for `plant.toml` of what a source shows: UCUM, or an annotation that a person reads.

    >>> plant_unit("°C"), plant_unit("widgets"), plant_unit("")
    ('Cel', '{widgets}', '')
    """
    if not shown.strip():
        return ""
    note = "".join(one for one in shown.strip() if 0x21 <= ord(one) < 0x7B or one in "|~")
    return as_ucum(shown) or (f"{{{note[:40]}}}" if note else "1")


@lru_cache(maxsize=4096)
def is_same_unit(one: str, other: str) -> bool:
    """Whether two units, as shown, say the same: a value needs no change from one to the other.

    >>> is_same_unit("°C", "Cel"), is_same_unit("N", "kN"), is_same_unit("/min", "1/min")
    (True, False, True)
    """
    codes = [as_ucum(one), as_ucum(other)]
    if not all(codes):
        return one.strip() == other.strip()
    if codes[0] == codes[1]:
        return True
    try:
        found = [Quantity(value, codes[0]).to(codes[1]).value for value in ("0", "1")]
    except UnitError:
        return False
    return [float(value) for value in found] == [0.0, 1.0]


def unit_stream(source: str) -> str:
    """Stream of what became of the units of a source.

    >>> unit_stream("press_opc")
    'unit/press_opc'
    """
    return f"unit/{source}"


@record_type
class UnitChanged(Body):
    """A source states another unit of a tag than it had; its readings are kept apart."""

    source: str = Field(min_length=1)
    tag: str = Field(min_length=1)
    expected: str = Field(description="Unit of the tag until now.")
    stated: str = Field(description="Unit that the source states now, as it shows it.")
    kept_as: str = Field(min_length=1, description="Tag under which its readings are kept apart.")
    at: Micros = Field(description="When the source stated it, microseconds UTC.")


@record_type
class UnitRestored(Body):
    """Readings of a tag go to it again: the unit is as before, or a person said which is right."""

    source: str = Field(min_length=1)
    tag: str = Field(min_length=1)
    stated: str = Field(description="Unit that the source states now, as it shows it.")
    at: Micros = Field(description="When, microseconds UTC.")


def _fold(event: Event, lookup: _Lookup) -> list[Row]:
    body = event.decode()
    if isinstance(body, UnitChanged):
        row: Row = {**body.model_dump(), "is_open": 1, "ended_at": None}
        row |= {"changed_at": row.pop("at"), "stream_version": event.envelope.version}
        return [row]
    if isinstance(body, UnitRestored):
        known = lookup((body.source, body.tag))
        if known is None:
            return []
        ended = {"is_open": 0, "ended_at": body.at, "stated": body.stated}
        return [{**known, **ended, "stream_version": event.envelope.version}]
    return []


SOURCE_UNITS: Final = Projection(
    name="source_unit",
    version=1,
    columns={
        "source": "TEXT",
        "tag": "TEXT",
        "expected": "TEXT",
        "stated": "TEXT",
        "kept_as": "TEXT",
        "changed_at": "INTEGER",
        "is_open": "INTEGER",
        "ended_at": "INTEGER",
        "stream_version": "INTEGER",
    },
    key=("source", "tag"),
    kinds=frozenset({"UnitChanged", "UnitRestored"}),
    fold=_fold,
    indexes=(("is_open",),),
)
"""Tags whose source states another unit than theirs, and those of which it did."""

PROJECTIONS = (SOURCE_UNITS,)
"""All projections of this module."""


@dataclass(frozen=True)
class Open:
    """A tag whose readings are kept apart.

    Attributes:
        since: When the source stated the other unit, microseconds UTC.
    """

    stated: str
    kept_as: str
    since: int


class UnitBook:
    """Holds the units that a source states to those of its tags; pure.

    Args:
        source: Name of its card.
        plant: Says units of tags.
        said: Units that a person gave in the card; they come first.
        known: Unit that the source stated of a tag before; empty: none.
        open_: Rows of `source_unit` that are open.
    """

    def __init__(
        self,
        source: str,
        plant: Plant | None,
        said: Mapping[str, str],
        known: Callable[[str], str],
        open_: Mapping[str, Open],
    ) -> None:
        self._source, self._known = source, known
        # A pure number is what a plant says where nobody said anything; an annotation is no unit.
        tags = plant.tags if plant is not None else ()
        self._ours = {
            one.name: one.unit for one in tags if one.unit != "1" and not one.unit.startswith("{")
        }
        self._ours |= said
        self.open = dict(open_)
        self._since = {tag: one.since for tag, one in open_.items()}
        self.events: list[UnitChanged | UnitRestored] = []
        self.news: dict[str, str] = {}

    def tag_of(self, tag: str, stated: str, at: int) -> str:
        """Tag under which readings belong whose unit the source states; usually the tag itself.

        Args:
            tag: Its name.
            stated: Unit as the source shows it; empty: it states none, which changes nothing.
            at: When it said so.
        """
        if not stated.strip():
            return self.open[tag].kept_as if tag in self.open else tag
        expected = self._expected(tag, stated)
        if is_same_unit(expected, stated):
            if self.open.pop(tag, None) is not None:
                body = UnitRestored(source=self._source, tag=tag, stated=stated, at=at)
                self.events.append(body)
            return tag
        before = self.open.get(tag)
        if before is None or not is_same_unit(before.stated, stated):
            kept_as = f"{QUARANTINE}/{self._source}/{tag}/{_PLAIN.sub('_', stated)[:40] or '_'}"
            self.open[tag] = Open(stated, kept_as, at)
            self.events.append(
                UnitChanged(
                    source=self._source, tag=tag, expected=expected, stated=stated,
                    kept_as=kept_as, at=at,
                )
            )  # fmt: skip
        return self.open[tag].kept_as

    def _expected(self, tag: str, stated: str) -> str:
        """Unit of a tag: the person's, else what was stated first."""
        ours = self._ours.get(tag)
        if ours and as_ucum(stated):
            return ours
        first = self.news.get(tag) or self._known(tag)
        if not first:
            first = self.news[tag] = stated
        return first

    async def tell(self, outlet: Outlet) -> None:
        """Put on record what changed, as events and as gaps of the tags, and remember the rest."""
        if self.news:
            await outlet.deliver([], {f"unit/{tag}": unit for tag, unit in self.news.items()})
            self.news = {}
        while self.events:
            event = self.events[0]
            await _append(outlet, unit_stream(self._source), event)
            self.events.pop(0)  # only now: what fails is told again
            await outlet.gap(self._gap(event))
        outlet.health("tags_in_other_units", float(len(self.open)))

    @classmethod
    def of(cls, card: ConnectionCard, plant: Plant | None, outlet: Outlet) -> UnitBook:
        """The book of a source as it was when the node last ran."""
        rows = outlet.select("source_unit", {"source": card.name, "is_open": 1})
        open_ = {row["tag"]: Open(row["stated"], row["kept_as"], row["changed_at"]) for row in rows}
        known = lambda tag: outlet.position(f"unit/{tag}")  # noqa: E731
        return cls(card.name, plant, card.units, known, open_)

    def _gap(self, event: UnitChanged | UnitRestored) -> Gap:
        """The window in which readings are missing of the tag, since they are kept apart."""
        if isinstance(event, UnitChanged):
            self._since[event.tag] = event.at
            note = (
                f"the source states {event.stated!r} instead of {event.expected!r}; its readings "
                f"are kept as {event.kept_as}"
            )
            return Gap((event.at, event.at + 1), GapCause.REJECTED, (event.tag,), note)
        since = self._since.pop(event.tag, event.at)
        note = "readings of this window are in another unit, and kept apart"
        return Gap((since, max(event.at, since + 1)), GapCause.REJECTED, (event.tag,), note)


async def _append(outlet: Outlet, stream: str, body: Body) -> None:
    source = stream.partition("/")[2]
    while True:
        try:
            event = NewEvent(stream, body, outlet.version(stream), f"source/{source}")
            return await outlet.record([event])
        except VersionConflictError:
            continue
