"""Data that stopped coming: one finding a unit, kept apart from findings on the process."""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.capabilities.monitoring._common import artefact_evidence
from goldenbatch.capabilities.monitoring.process.fleet_state import FleetState
from goldenbatch.capabilities.monitoring.process.judging import Bench, span_of
from goldenbatch.capabilities.monitoring.process.sampling import NEVER
from goldenbatch.core.findings import Finding, Severity, Subject
from goldenbatch.core.records import to_iso

if TYPE_CHECKING:
    from goldenbatch.core.analyst import State
    from goldenbatch.core.series import Integers

N_NAMED = 5


@dataclass(frozen=True)
class Lost:
    """What a unit lacks.

    Attributes:
        tags: Lost tags, relative to the unit; all of them where it is silent.
        since: When the first of them was last heard.
        now: Time up to which is looked.
    """

    tags: tuple[str, ...]
    since: int
    now: int


def tell_lost(bench: Bench, fleet: FleetState) -> None:
    """Open, update and close the findings on lost data of units.

    Args:
        bench: What is shared.
        fleet: All units.
    """
    tags = bench.settings.tags
    last = np.full(len(fleet.units) * len(tags), NEVER)
    np.maximum.at(last, fleet.readings.channels, fleet.readings.times)
    now = int(fleet.column("newest").max(initial=NEVER))
    for i, place in enumerate(fleet.names):
        found = _lost(bench, fleet, i, last.reshape(len(fleet.units), -1)[i], now)
        _tell(bench, fleet, i, place, found)


def tell_silence(bench: Bench, state: State, fleet: FleetState, *, is_silent: bool) -> None:
    """Say once of all units that nothing comes any more, and close it when something does.

    Args:
        bench: What is shared.
        state: Of the analyst; its entry `silence` is changed.
        fleet: All units.
        is_silent: Nothing at all has come for as long as a tag may be silent.
    """
    running = state["silence"]
    finding = Finding.model_validate(running) if running is not None else None
    if finding is not None and not is_silent:
        words = f"{finding.statement} They came again."
        ended = {"end": bench.view.tick.at, "statement": words}
        bench.book.close(finding.model_copy(update=ended))
        state["silence"] = None
    if finding is not None or not is_silent:
        return
    now = int(fleet.column("newest").max(initial=NEVER))
    is_watched = [bench.settings.is_always or bool(span_of(one.spans, now)) for one in fleet.units]
    if not any(is_watched):
        return
    place = os.path.commonpath(fleet.names)
    statement = (
        f"Nothing has come from any of {len(fleet.names)} units for more than "
        f"{bench.settings.lost_us / 1e6:g} s; none of them is judged."
    )
    found = _finding(bench, place, now, statement)
    state["silence"] = found.model_dump(mode="json")
    bench.book.put(found, bench.view.tick)


def _lost(bench: Bench, fleet: FleetState, i: int, last: Integers, now: int) -> Lost | None:
    unit, settings = fleet.units[i], bench.settings
    if unit.newest == NEVER:
        return None  # never heard: not yet connected
    is_unit_silent = now - unit.newest > settings.lost_us
    at = now if is_unit_silent else unit.newest
    if not settings.is_always and span_of(unit.spans, at) is None:
        return None
    last = np.maximum(last, unit.heard)
    is_lost = at - last > settings.lost_us
    if not is_lost.any():
        return None
    names = tuple(name for name, flag in zip(settings.tags, is_lost.tolist(), strict=True) if flag)
    return Lost(names, int(last[is_lost].min()), at)


def _tell(bench: Bench, fleet: FleetState, i: int, place: str, found: Lost | None) -> None:
    unit = fleet.units[i]
    running = Finding.model_validate(unit.lost) if unit.lost is not None else None
    if found is None:
        if running is not None:
            words = f"{running.statement} They came again, or were no longer needed."
            ended = {"end": max(unit.newest, running.start), "statement": words}
            bench.book.close(running.model_copy(update=ended))
            unit.lost = None
        return
    statement = _words(bench, place, found.tags)
    if running is not None and running.statement == statement:
        return
    finding = _finding(bench, place, found.since, statement)
    if running is not None:
        finding = running.model_copy(update={"statement": statement})
    unit.lost = finding.model_dump(mode="json")
    bench.book.put(finding, bench.view.tick)


def _words(bench: Bench, place: str, tags: Sequence[str]) -> str:
    settings = bench.settings
    named = ", ".join(tags[:N_NAMED]) + (" ..." if len(tags) > N_NAMED else "")
    which = "all its tags" if len(tags) == len(settings.tags) else f"{len(tags)} tags ({named})"
    return (
        f"{place} has been silent on {which} for more than {settings.lost_us / 1e6:g} s. Nothing "
        "is put in their place: rows that lack too much are not judged."
    )


def _finding(bench: Bench, place: str, start: int, statement: str) -> Finding:
    return Finding(
        # Its start tells it from one that began when this one ended.
        subject=Subject(place=place, key=f"data {to_iso(start)}"),
        title=f"{os.path.basename(place)} does not send all that is watched"[:120],
        statement=statement,
        severity=Severity.MINOR,
        start=start,
        evidence=(artefact_evidence(bench.artefact, "the frozen model that lacks them"),),
        in_domain=False,
        analyst=bench.name,
        analyst_version=bench.version,
        model_digest=bench.artefact,
        suggested_action="Look at sensors, network and gateway; watch the unit by hand until then.",
    )
