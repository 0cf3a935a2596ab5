"""What is open in an area: alarms, findings, hold times, equipment, batches, phases, entries.

It is read from the ledger alone and says nothing of the present time, so that it is the same when
it is asked again: whether a hold time has run out is for the reader's clock to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from goldenbatch.core.alarm_master import ALARMS_STREAM
from goldenbatch.core.alarms import alarm_stream
from goldenbatch.core.equipment import EquipmentStatus
from goldenbatch.core.finding_alarms import AlarmBook, add_masters, read_alarms
from goldenbatch.core.logbook import OpenItem, OpenKind
from goldenbatch.core.records import Row
from goldenbatch.core.site import Site


def is_within(place: str, area: str) -> bool:
    """Whether a place is an area or in it; what has no place is everybody's.

    >>> is_within("site/tabletting/press", "site/tabletting")
    True
    >>> is_within("site/tabletting-2", "site/tabletting")
    False
    """
    return not place or place == area or place.startswith(f"{area}/")


def areas_of(site: Site) -> list[str]:
    """Places that keep a logbook: areas; without any the sites, and else the home's own site."""
    for level in ("area", "site"):
        found = [one.path for one in site.plant.places if one.level.value == level]
        if found:
            return sorted(found)
    return [site.home.site]


def open_items(site: Site, area: str) -> tuple[OpenItem, ...]:
    """All that is open in an area, by kind and then by when it began."""
    asked = _Asked(site, area)
    found = [
        *asked.alarms(), *asked.findings(), *asked.equipment(), *asked.batches(),
        *asked.phases(), *asked.entries(),
    ]  # fmt: skip
    order = list(OpenKind)
    return tuple(sorted(found, key=lambda one: (order.index(one.kind), one.since or 0, one.ref)))


@dataclass
class _Asked:
    site: Site
    area: str
    places: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places = {row["batch"]: row["place"] or "" for row in self._select("batch")}

    def alarms(self) -> Iterator[OpenItem]:
        for row in self._select("alarm", is_open=1):
            stream = alarm_stream(row["source"], row["condition"])
            title = row["message"] or row["name"] or row["condition"]
            yield self._item(
                OpenKind.ALARM, stream, title, state=row["state"], since=row["raised_at"]
            )
        if not self.site.ledger.version(ALARMS_STREAM):
            return
        book = AlarmBook()
        add_masters(book, self.site.ledger.stream(ALARMS_STREAM))
        read_alarms(book, self.site.ledger.events(kinds=AlarmBook.KINDS))
        for one in [one for one in book.occurrences.values() if not one.is_over]:
            place = one.place or self._place_of(one.batches)
            if one.alarm.source or not is_within(place, self.area):
                continue
            state = "unacknowledged" if one.acknowledged_at is None else "acknowledged"
            yield self._item(
                OpenKind.ALARM, f"finding/{one.uid}", f"{one.alarm.title}: {one.title}",
                state=f"{state}, {one.alarm.priority}", place=place, since=one.raised_at,
            )  # fmt: skip

    def findings(self) -> Iterator[OpenItem]:
        for row in self._select("finding", state="open"):
            place = row["place"] or self.places.get(row["batch"], "")
            if is_within(place, self.area):
                yield self._item(
                    OpenKind.FINDING, f"finding/{row['uid']}", row["title"], state=row["severity"],
                    place=place, since=row["started_at"], version=row["stream_version"],
                )  # fmt: skip

    def equipment(self) -> Iterator[OpenItem]:
        for row in self._select("equipment"):
            if not is_within(row["place"], self.area):
                continue
            runs_out = row["expires_at"] is not None
            told = f"{row['status']}{': ' + row['reason'] if row['reason'] else ''}"
            of = {"place": row["place"], "since": row["at"], "version": row["stream_version"]}
            stream = f"equipment/{row['place']}"
            yield self._item(OpenKind.EQUIPMENT, stream, row["place"], state=told, **of)
            if runs_out and row["status"] == EquipmentStatus.CLEAN.value:
                title = f"clean hold time of {row['place']}"
                of["expires_at"] = row["expires_at"]
                yield self._item(OpenKind.HOLD_TIME, stream, title, state="clean", **of)

    def batches(self) -> Iterator[OpenItem]:
        for row in self._select("batch"):
            is_running = row["started_at"] is not None and row["ended_at"] is None
            if is_running and is_within(row["place"] or "", self.area):
                yield self._item(
                    OpenKind.BATCH, f"batch/{row['batch']}", f"{row['batch']} ({row['product']})",
                    state="running", place=row["place"] or "", since=row["started_at"],
                    version=row["stream_version"],
                )  # fmt: skip

    def phases(self) -> Iterator[OpenItem]:
        for row in self._select("phase", ended_at=None):
            if row["started_at"] is not None and is_within(row["place"] or "", self.area):
                yield self._item(
                    OpenKind.PHASE, f"batch/{row['batch']}",
                    f"{row['phase']} of {row['batch']}, run {row['run']}", state="running",
                    place=row["place"] or "", since=row["started_at"],
                    version=row["stream_version"],
                )  # fmt: skip

    def entries(self) -> Iterator[OpenItem]:
        for row in self._select("log_entry", area=self.area, is_open=1):
            yield self._item(
                OpenKind.ENTRY, row["stream"], row["text"][:500], state=row["category"],
                since=row["recorded_at"], version=row["version"],
            )  # fmt: skip

    # ---- inside -----------------------------------------------------------------------------

    def _select(self, projection: str, **where: Any) -> list[Row]:
        plain: Mapping[str, Any] = {k: v for k, v in where.items() if v is not None}
        rows = self.site.ledger.select(projection, plain)
        empty = [name for name, value in where.items() if value is None]
        return [row for row in rows if all(row[name] is None for name in empty)]

    def _place_of(self, batches: tuple[str, ...]) -> str:
        """Place of the batches that an alarm touches; of several places it is everybody's."""
        found = {self.places.get(one, "") for one in batches}
        return found.pop() if len(found) == 1 else ""

    def _item(
        self, kind: OpenKind, stream: str, title: str, *, version: int = 0, **more: Any
    ) -> OpenItem:
        number = version or self.site.ledger.version(stream)
        event = self.site.ledger.stream(stream, number - 1)[0]
        return OpenItem(
            kind=kind, stream=stream, version=number, digest=event.leaf, title=title, **more
        )
