"""A fast line of vials: washing, depyrogenation, filling, stoppering, capping, inspection.

Times are in minutes, speeds in vials a minute. Each vial has its own times, and they are exact:
a station takes the next vial when it is free and the vial has arrived, works, and lets it go when
there is a place before the next station. Vials are computed in blocks by max-plus algebra, never
as one event each.

References:
    Dallery and Gershwin (1992), Queueing Syst. 12:3, doi:10.1007/BF01158636 (flow lines with
    finite buffers, blocking after service).
    Baccelli, Cohen, Olsder and Quadrat (1992), Synchronization and Linearity, Wiley, ch. 1
    (max-plus equations of a tandem line).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from goldenbatch.core.errors import BadInputError
from goldenbatch.science._arrays import Floats
from goldenbatch.science.lines._fill_draws import LineDraws, LotDraws
from goldenbatch.science.lines._fill_kernel import Kernel
from goldenbatch.science.lines.distributions import Distribution
from goldenbatch.science.lines.oee import Effectiveness, oee
from goldenbatch.science.lines.simulation import Columns


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a station stops: a failure, or an intervention of an operator.

    Attributes:
        name: of the stop.
        every: vials between two stops, or minutes of running time, as `clock` says.
        duration: minutes.
        clock: `vials` or `minutes`.
        removes: vials taken out with each stop, from the one in work on.
    """

    name: str
    every: Distribution
    duration: Distribution
    clock: Literal["vials", "minutes"] = "minutes"
    removes: int = 0


@dataclass(frozen=True, slots=True)
class Station:
    """One machine of the line and the conveyor behind it.

    Attributes:
        name: of the station.
        speed: vials a minute.
        speeds: (type of vial, speed) where it differs.
        buffer: vials that fit between this station and the next one taking them; None for as
            many as come. The last station has none behind it.
        travel: minutes from this station to the next, at least.
        stops: independent of one another.
        rejects: chance that a vial is taken out here.
        clearance: minutes that the station is cleared between lots, where the line is cleared
            station by station.
    """

    name: str
    speed: float
    speeds: tuple[tuple[str, float], ...] = ()
    buffer: int | None = None
    travel: float = 0.0
    stops: tuple[Stop, ...] = ()
    rejects: float = 0.0
    clearance: float = 0.0

    def speed_of(self, kind: str) -> float:
        """Vials a minute of one type.

        >>> Station("filler", 400.0, speeds=(("50R", 120.0),)).speed_of("50R")
        120.0
        """
        return dict(self.speeds).get(kind, self.speed)


@dataclass(frozen=True, slots=True)
class DwellLimit:
    """The longest time of a vial between leaving one station and being taken by another.

    Attributes:
        after, before: names of the stations.
        maximum: minutes.
    """

    after: str
    before: str
    maximum: float


@dataclass(frozen=True, slots=True)
class FillLine:
    """A declared line of vials.

    Attributes:
        name: of the line.
        stations: in the order of the flow.
        clears: `line`: a lot enters when the one before has left and the line is cleared;
            `station`: each station is cleared as its last vial leaves, and the next lot follows.
        clearance: minutes between lots of one type, where the line clears as a whole.
        changeover: minutes between lots of two types, likewise.
        changeovers: (from, to, minutes) where they differ.
        dwell: limits, such as the open time of filled vials.
    """

    name: str
    stations: tuple[Station, ...]
    clears: Literal["line", "station"] = "line"
    clearance: float = 0.0
    changeover: float = 0.0
    changeovers: tuple[tuple[str, str, float], ...] = ()
    dwell: tuple[DwellLimit, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the declaration."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def between(self, before: str, after: str) -> float:
        """Minutes of clearance and changeover between lots of two types.

        >>> line = FillLine("a", (Station("filler", 400.0),), clearance=45.0, changeover=240.0)
        >>> line.between("2R", "2R"), line.between("2R", "10R")
        (45.0, 240.0)
        """
        for first, last, minutes in self.changeovers:
            if (first, last) == (before, after):
                return minutes
        return self.clearance if before == after else self.changeover


@dataclass(frozen=True, slots=True)
class VialLot:
    """A lot to be filled.

    Attributes:
        lot: its number.
        kind: type of vial.
        n_vials: that enter the line.
    """

    lot: str
    kind: str
    n_vials: int


@dataclass(frozen=True, slots=True, eq=False)
class FillRun:
    """What a run of lots gave; columns are arrays of equal length.

    Attributes:
        lots: lot, kind, n_vials, n_good, begun, ended, clearance (before it), and `rejected at X`
            for each station.
        stations: station, n_in, n_out and minutes busy, down, blocked, starved, clearance.
        dwell: after, before, limit, longest, n_over of each limit.
        n_stops: stops by (station, name of the stop).
        exits: minutes at which each good vial left; empty unless it was asked for.
        minutes: from the first vial's entry to the last one's exit.
        provenance: digest of the line, seed, versions.
    """

    lots: Columns
    stations: Columns
    dwell: Columns
    n_stops: Mapping[tuple[str, str], int]
    exits: Floats
    minutes: float
    provenance: Mapping[str, Any]

    @property
    def rate(self) -> float:
        """Good vials a minute, clearances included."""
        return float(self.lots["n_good"].sum() / self.minutes)

    def effectiveness(self, line: FillLine, station: str) -> Effectiveness:
        """OEE of the run, taken at one station (by habit the filler).

        Planned busy time is the whole run, clearances and changeovers included; production time
        is it without the station's clearance and downtime; items are planned at its speeds.

        References:
            ISO 22400-2:2014, clause 9.
        """
        number = [one.name for one in line.stations].index(station)
        n_in = float(self.stations["n_in"][number])
        lost = self.stations["down"][number] + self.stations["clearance"][number]
        return oee(
            planned_busy_time=self.minutes,
            actual_production_time=self.minutes - float(lost),
            planned_run_time_per_item=float(self.stations["busy"][number]) / n_in,
            n_produced=n_in,
            n_good=float(self.lots["n_good"].sum()),
        )


def check_fill_line(line: FillLine, lots: Sequence[VialLot]) -> None:
    """Check a line of vials and the lots that are to run on it.

    Raises:
        BadInputError: no stations or lots, a name twice, a number that cannot be.

    >>> check_fill_line(FillLine("a", (Station("filler", 0.0),)), [VialLot("1", "2R", 10)])
    Traceback (most recent call last):
    goldenbatch.core.errors.BadInputError: stations.filler.speed: 0.0 is not over 0. Correct it.
    """
    if not line.stations or not lots:
        raise BadInputError("no stations or no lots.", hint="Give 1 or more.", key="stations")
    names = [station.name for station in line.stations]
    if len(set(names)) < len(names):
        raise BadInputError("a station is there twice.", hint="Rename one.", key="stations")
    for station in line.stations:
        place = f"stations.{station.name}"
        for speed in (station.speed, *(speed for _, speed in station.speeds)):
            _need(0 < speed < math.inf, f"{place}.speed", f"{speed} is not over 0")
        _need(station.buffer is None or station.buffer >= 1, f"{place}.buffer", "no place")
        _need(0 <= station.rejects < 1, f"{place}.rejects", f"{station.rejects} is no chance")
        for minutes in (station.travel, station.clearance):
            _need(0 <= minutes < math.inf, place, f"{minutes} is no time")
        for stop in station.stops:
            _need(stop.removes >= 0, f"{place}.{stop.name}.removes", "less than no vial")
            _need(stop.every.mean > 0, f"{place}.{stop.name}.every", "it stops all the time")
    for limit in line.dwell:
        known = limit.after in names and limit.before in names
        is_ordered = known and names.index(limit.after) < names.index(limit.before)
        _need(is_ordered, "dwell", f"{limit.after!r} is not before {limit.before!r}")
    for lot in lots:
        _need(lot.n_vials >= 1, f"lots.{lot.lot}", f"{lot.n_vials} vials")


def run_fill_line(
    line: FillLine,
    lots: Sequence[VialLot],
    *,
    seed: int,
    replication: int = 0,
    keeps_exits: bool = False,
) -> FillRun:
    """Run lots one after another over the line.

    Args:
        line: the line.
        lots: in the order in which they are filled.
        seed: of the streams, one for each (station, purpose).
        replication: with the seed, names the run; two lines share their random numbers by it.
        keeps_exits: whether the time at which each vial left is kept (8 bytes a vial).

    Raises:
        BadInputError: a line or a lot that cannot be.

    >>> line = FillLine("two", (Station("filler", 100.0, buffer=50), Station("capper", 50.0)))
    >>> run = run_fill_line(line, [VialLot("A1", "2R", 500)], seed=1)
    >>> round(run.minutes, 2), int(run.lots["n_good"][0])
    (10.01, 500)
    """
    check_fill_line(line, lots)
    draws = LineDraws(line.stations, seed, replication)
    kernel = Kernel(line)
    rows: list[dict[str, Any]] = []
    exits: list[Floats] = []
    before = ""
    for lot in lots:
        cleared = line.between(before, lot.kind) if before and line.clears == "line" else 0.0
        drawn = draws.lot(lot.n_vials, lot.kind)
        begun, ended, left = kernel.lot(drawn, cleared, is_first=not before)
        exits += left if keeps_exits else []
        rows.append(_lot_row(lot, drawn, line, (begun, ended, cleared)))
        before = lot.kind
    columns = _columns(rows)
    return FillRun(
        lots=columns,
        stations=kernel.stations(),
        dwell=kernel.dwell(),
        n_stops=draws.n_stops,
        exits=np.concatenate(exits) if exits else np.empty(0),
        minutes=float(columns["ended"][-1] - columns["begun"][0]),
        provenance={
            "line": line.name,
            "line_digest": line.digest,
            "seed": seed,
            "replication": replication,
            "generator": "PCG64",
            "numpy": np.__version__,
        },
    )


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    return {
        name: np.array(
            [row[name] for row in rows], dtype=object if name in ("lot", "kind") else None
        )
        for name in rows[0]
    }


def _lot_row(
    lot: VialLot, drawn: Sequence[LotDraws], line: FillLine, times: tuple[float, float, float]
) -> dict[str, Any]:
    through = [*(one.n_in for one in drawn), drawn[-1].n_out]
    rejected = {
        f"rejected at {station.name}": before - after
        for station, (before, after) in zip(line.stations, pairwise(through), strict=True)
    }
    begun, ended, cleared = times
    return {
        "lot": lot.lot,
        "kind": lot.kind,
        "n_vials": lot.n_vials,
        "n_good": drawn[-1].n_out,
        "begun": begun,
        "ended": ended,
        "clearance": cleared,
        **rejected,
    }


def _need(is_so: bool, place: str, problem: str) -> None:
    if not is_so:
        raise BadInputError(f"{problem}.", hint="Correct it.", key=place)
