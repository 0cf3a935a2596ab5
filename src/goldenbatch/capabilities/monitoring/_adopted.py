"""Analysts at work, by their kind, with the settings and the moment of their adoption."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.core.analyst import AnalystAdopted
from goldenbatch.core.errors import NotFoundError

if TYPE_CHECKING:
    from goldenbatch.core.records import Event
    from goldenbatch.core.site import Site

_KINDS = ("AnalystAdopted", "AnalystRetired")


@dataclass(frozen=True)
class AtWork:
    """An analyst at work.

    Attributes:
        name: That it was adopted under.
        analyst: Kind, such as `monitoring.charts`.
        version: Of code and settings.
        settings: As they were given.
        adopted_at: When, microseconds UTC.
        adopted_by: Uid of who did.
        record: `stream@version` of the adoption.
    """

    name: str
    analyst: str
    version: str
    settings: Mapping[str, Any]
    adopted_at: int
    adopted_by: str
    record: str


def at_work(site: Site, kinds: Collection[str]) -> list[AtWork]:
    """All analysts of some kinds that are at work now, by name."""
    found: dict[str, AtWork] = {}
    for event in site.ledger.events(kinds=_KINDS):
        body = event.decode()
        if isinstance(body, AnalystAdopted):
            found[body.name] = _of(event, body)
        else:  # a retirement, whose type the runtime has
            found.pop(str((event.body or {}).get("name", "")), None)
    return [found[name] for name in sorted(found) if found[name].analyst in kinds]


def named(site: Site, name: str, kinds: Collection[str]) -> AtWork:
    """The analyst of a name.

    Raises:
        NotFoundError: None of these kinds is at work under it.
    """
    there = at_work(site, kinds)
    for one in there:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in there) or "none"
    raise NotFoundError(
        f"no analyst {name!r} of the kind {' or '.join(sorted(kinds))} is at work.",
        hint=f"There are: {known}. Put one to work with `goldenbatch adopt`.",
    )


def _of(event: Event, body: AnalystAdopted) -> AtWork:
    envelope = event.envelope
    return AtWork(
        body.name, body.analyst, body.version, body.settings, envelope.recorded_at,
        envelope.actor, f"{event.stream}@{envelope.version}",
    )  # fmt: skip
