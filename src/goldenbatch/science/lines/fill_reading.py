"""Read a line of vials and its list of lots from plain tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.lines._reader import Table
from goldenbatch.science.lines.fill_line import DwellLimit, FillLine, Station, Stop, VialLot

SCHEMA = "goldenbatch/fill-line/1"


def read_fill_line(given: Mapping[str, Any]) -> FillLine:
    """Read a line of vials.

    Args:
        given: `name`, `stations` and, where there are such, `clears`, `clearance`, `changeover`,
            `changeovers` and `dwell`; see the classes of `fill_line` for their settings.

    Raises:
        BadInputError: a setting that is missing, unknown or impossible, with its place.

    >>> line = read_fill_line({"name": "line 1", "stations": [
    ...     {"name": "filler", "speed": 400, "buffer": 200, "speeds": {"50R": 120}},
    ...     {"name": "capper", "speed": 420}]})
    >>> line.stations[0].speed_of("50R")
    120.0
    """
    table = Table(given, "")
    schema = table.text("schema", SCHEMA)
    if schema != SCHEMA:
        raise table.bad("schema", f"{schema!r} is not read here", f"Give {SCHEMA!r}.")
    line = FillLine(
        name=table.text("name"),
        stations=table.rows("stations", _station),
        clears=table.choice("clears", ("line", "station"), "line"),
        clearance=table.number("clearance", 0.0, 0.0),
        changeover=table.number("changeover", 0.0, 0.0),
        changeovers=table.rows("changeovers", _changeover),
        dwell=table.rows("dwell", _dwell),
    )
    table.done()
    return line


def vial_lots(rows: Iterable[tuple[str, str, int]]) -> tuple[VialLot, ...]:
    """Make lots of (number, type, vials), in order.

    Raises:
        BadInputError: a lot that is there twice, or a number of vials that is none.

    >>> vial_lots([("A1", "VialE", 100_000)])[0].n_vials
    100000
    """
    lots: list[VialLot] = []
    for lot, kind, n_vials in rows:
        if lot in {one.lot for one in lots}:
            raise BadInputError(f"lot {lot!r} is there twice.", hint="Rename one.", key="lots")
        if n_vials != int(n_vials) or n_vials < 1:
            raise BadInputError(f"lot {lot!r} has {n_vials} vials.", hint="Give 1 or more.")
        lots.append(VialLot(lot, kind, int(n_vials)))
    return tuple(lots)


def _station(table: Table) -> Station:
    speeds = table.raw("speeds") or {}
    if not isinstance(speeds, Mapping):
        raise table.bad("speeds", f"{speeds!r} is no table", "Give types and their speeds.")
    by_type = Table(speeds, table.where("speeds"))
    return Station(
        name=table.text("name"),
        speed=table.number("speed", 0.0, 1e-9),
        speeds=tuple((str(kind), by_type.number(str(kind), 0.0, 1e-9)) for kind in speeds),
        buffer=table.whole("buffer", None, 1),
        travel=table.number("travel", 0.0, 0.0),
        stops=table.rows("stops", _stop),
        rejects=table.number("rejects", 0.0, 0.0, 1.0),
        clearance=table.number("clearance", 0.0, 0.0),
    )


def _stop(table: Table) -> Stop:
    return Stop(
        name=table.text("name"),
        every=table.distribution("every"),
        duration=table.distribution("duration"),
        clock=table.choice("clock", ("vials", "minutes"), "minutes"),
        removes=table.whole("removes", 0, 0),
    )


def _changeover(table: Table) -> tuple[str, str, float]:
    return table.text("from"), table.text("to"), table.number("minutes", 0.0, 0.0)


def _dwell(table: Table) -> DwellLimit:
    return DwellLimit(table.text("after"), table.text("before"), table.number("maximum", 0.0, 0.0))
