"""Read a tablet line from plain tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, TypeVar

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.errors import DesignError
from goldenbatch.science.lines._reader import Table
from goldenbatch.science.lines.compaction import Powder, Press
from goldenbatch.science.lines.residence import Vessel, vessel_of
from goldenbatch.science.lines.tablet_line import Feeder, TabletLine

SCHEMA = "goldenbatch/tablet-line/1"
T = TypeVar("T")


def read_tablet_line(given: Mapping[str, Any]) -> TabletLine:
    """Read a tablet line.

    Args:
        given: `name`, `feeders`, `chain`, `powder`, `press` and, where there are such, `limits`
            and `guard_s`. Settings are named as in the classes of `tablet_line` and `compaction`;
            a vessel of the chain has `tau_s` or, at the flow of all feeders, `hold_up_kg`, with
            `n_tanks` and `dead_time_s`.

    Raises:
        BadInputError: a setting that is missing, unknown or impossible, with its place.

    >>> line = read_tablet_line({"name": "line 1",
    ...     "feeders": [{"name": "drug", "flow_kg_h": 2, "is_drug": True},
    ...                 {"name": "filler", "flow_kg_h": 18}],
    ...     "chain": [{"name": "blender", "hold_up_kg": 0.5, "n_tanks": 3}],
    ...     "powder": {"bulk_density": 0.5, "true_density": 1.5, "a": 0.6, "b_per_mpa": 0.05,
    ...                "strength_n": 200, "critical_density": 0.6},
    ...     "press": {"diameter_mm": 8, "fill_depth_mm": 8, "gap_mm": 3.7,
    ...               "tablets_per_min": 1658}})
    >>> line.target, line.chain[0].tau
    (0.1, 90.0)
    """
    table = Table(given, "")
    schema = table.text("schema", SCHEMA)
    if schema != SCHEMA:
        raise table.bad("schema", f"{schema!r} is not read here", f"Give {SCHEMA!r}.")
    feeders = table.rows("feeders", _feeder)
    flow = sum(feeder.flow_kg_h for feeder in feeders)
    if not feeders:
        raise table.bad("feeders", "there are none", "Give 1 or more, one of the drug.")
    chain = table.rows("chain", lambda one: _vessel(one, flow))
    powder, press = table.table("powder", _powder), table.table("press", _press)
    if powder is None or press is None:
        missing = "powder" if powder is None else "press"
        raise table.bad(missing, "it is missing", f"Give a table [{missing}].")
    name, limits = table.text("name"), _limits(table)
    guard = float(table.number("guard_s", 0.0, 0.0))
    table.done()
    return _made(table, lambda: TabletLine(feeders, chain, powder, press, limits, guard, name))


def _feeder(table: Table) -> Feeder:
    name = table.text("name")
    flow = _number(table, "flow_kg_h")
    is_drug = table.flag("is_drug")
    every, lasts, decay = (
        float(table.number(key, 0.0, 0.0)) for key in ("refill_every_s", "refill_s", "decay_s")
    )
    excess = float(table.number("refill_excess", 0.0, -1.0))
    return _made(table, lambda: Feeder(name, flow, is_drug, every, lasts, excess, decay))


def _vessel(table: Table, flow: float) -> Vessel:
    name, n_tanks = table.text("name"), float(table.number("n_tanks", 1.0, 1.0))
    dead_time = float(table.number("dead_time_s", 0.0, 0.0))
    if table.has("tau_s") == table.has("hold_up_kg"):
        raise table.bad("tau_s", "a vessel has either tau_s or hold_up_kg", "Give one of them.")
    if table.has("tau_s"):
        tau = _number(table, "tau_s", 0.0)
    else:
        tau = vessel_of(name, _number(table, "hold_up_kg", 0.0), flow / 3600).tau
    return _made(table, lambda: Vessel(name, tau, n_tanks, dead_time))


def _powder(table: Table) -> Powder:
    keys = ("bulk_density", "true_density", "a", "b_per_mpa", "strength_n", "critical_density")
    numbers = [_number(table, key) for key in keys]
    return _made(table, lambda: Powder(*numbers))


def _press(table: Table) -> Press:
    keys = ("diameter_mm", "fill_depth_mm", "gap_mm", "tablets_per_min")
    numbers = [_number(table, key) for key in keys]
    return _made(table, lambda: Press(*numbers))


def _limits(table: Table) -> tuple[float, float]:
    value = table.raw("limits")
    if value is None:
        return 0.95, 1.05
    is_pair = isinstance(value, list | tuple) and len(value) == 2
    if not is_pair or not all(
        isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one < inf
        for one in value
    ):
        raise table.bad("limits", f"{value!r} is no pair of numbers", "Give such as [0.95, 1.05].")
    return float(value[0]), float(value[1])


def _number(table: Table, key: str, least: float = 1e-12) -> float:
    if not table.has(key):
        raise table.bad(key, "it is missing", "Give a number.")
    return float(table.number(key, None, least, 1e12))


def _made(table: Table, make: Callable[[], T]) -> T:
    """Make a part; what the part itself refuses names its table."""
    try:
        return make()
    except DesignError as error:
        place = table.place or "line"
        raise BadInputError(f"{error.message}.", hint=error.hint, key=place) from error
