"""Read a line from plain tables (TOML or JSON), with errors that name the place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.lines._reader import Table
from goldenbatch.science.lines.declaration import (
    HOURS,
    Buffer,
    Campaign,
    Change,
    Changeover,
    Cleaning,
    Failure,
    Hold,
    Line,
    Need,
    Product,
    Quality,
    Resource,
    Shift,
    Step,
    Unit,
)
from goldenbatch.science.lines.distributions import constant

SCHEMA = "goldenbatch/line/1"

MAX_COUNT = 10_000
"""Of alike units: each is simulated."""


def read_line(given: Mapping[str, Any]) -> Line:
    """Read and check a declared line.

    Args:
        given: tables `units`, `products`, `plan` and, where there are such, `buffers`,
            `resources` and `changes`; see the classes of `declaration` for their settings.

    Raises:
        BadInputError: a setting that is missing, unknown or impossible, or a name that is not
            declared; the message names the place.

    >>> line = read_line({
    ...     "schema": "goldenbatch/line/1", "name": "one mixer", "time_unit": "h",
    ...     "units": [{"name": "mixer"}],
    ...     "products": [{"name": "A", "route": [{"name": "mix", "unit": "mixer", "duration": 2}]}],
    ...     "plan": [{"product": "A", "n_lots": 3}],
    ... })
    >>> line.products[0].route[0].duration.mean
    2.0
    """
    table = Table(given, "")
    schema = table.text("schema", SCHEMA)
    if schema != SCHEMA:
        raise table.bad("schema", f"{schema!r} is not read here", f"Give {SCHEMA!r}.")
    line = Line(
        name=table.text("name"),
        time_unit=table.choice("time_unit", tuple(HOURS), "h"),
        units=table.rows("units", _unit),
        products=table.rows("products", _product),
        plan=table.rows("plan", _campaign),
        buffers=table.rows("buffers", _buffer),
        resources=table.rows("resources", _resource),
        changes=table.rows("changes", _change),
        starts_at=table.number("starts_at", 0.0, 0.0, 168.0),
    )
    table.done()
    check_line(line)
    return line


def check_line(line: Line) -> None:
    """Check the names and numbers of a line against one another.

    Raises:
        BadInputError: something is missing, doubled, not declared or can never be had.

    >>> check_line(Line("empty", "h", (), (), ()))
    Traceback (most recent call last):
    goldenbatch.core.errors.BadInputError: units: there are none. Give at least one.
    """
    for key in ("units", "products", "plan"):
        if not getattr(line, key):
            raise BadInputError("there are none.", hint="Give at least one.", key=key)
    for key in ("units", "products", "buffers", "resources"):
        names = sorted(part.name for part in getattr(line, key))
        for one, other in pairwise(names):
            if one == other:
                raise BadInputError(f"{one!r} is there twice.", hint="Rename one.", key=key)
    units = {unit.name for unit in line.units}
    buffers = {buffer.name for buffer in line.buffers}
    for unit in line.units:
        failures = [failure.name for failure in unit.failures]
        if len(set(failures)) < len(failures):
            place = f"units.{unit.name}.failures"
            raise BadInputError("a failure is there twice.", hint="Rename one.", key=place)
    for product in line.products:
        place = f"products.{product.name}.route"
        if not product.route:
            raise BadInputError("no steps.", hint="Give at least one.", key=place)
        for step in product.route:
            _declared(step.unit, units, f"{place}.{step.name}.unit")
            if step.buffer:
                _declared(step.buffer, buffers, f"{place}.{step.name}.buffer")
    _check_plan(line)
    _check_needs(line)
    _check_changes(line, units)


def _check_plan(line: Line) -> None:
    products = {product.name: product for product in line.products}
    for i, campaign in enumerate(line.plan):
        _declared(campaign.product, products, f"plan[{i}].product")
        route = products[campaign.product].route
        takes_time = any(step.twin or step.duration.mean > 0 for step in route)
        if campaign.interval is not None:
            takes_time = campaign.interval.mean > 0
        if campaign.n_lots == 0 and not takes_time:
            raise BadInputError(
                "lots without end take no time.",
                hint="Give n_lots, an interval or a duration.",
                key=f"plan[{i}]",
            )


def _check_needs(line: Line) -> None:
    most = {resource.name: resource.most for resource in line.resources}
    for i, change in enumerate(line.changes):
        if change.resource:
            _declared(change.resource, most, f"changes[{i}].resource")
            most[change.resource] = max(most[change.resource], change.n or 0)
    for place, needs in _all_needs(line):
        if len({need.resource for need in needs}) < len(needs):
            raise BadInputError("a resource is there twice.", hint="Add them up.", key=place)
        for need in needs:
            _declared(need.resource, most, place)
            if need.n > most[need.resource]:
                raise BadInputError(
                    f"{need.n} of {need.resource!r} are needed and {most[need.resource]} exist.",
                    hint="Nothing would ever begin: give more or need fewer.",
                    key=place,
                )


def _all_needs(line: Line) -> Iterable[tuple[str, tuple[Need, ...]]]:
    for unit in line.units:
        for failure in unit.failures:
            yield f"units.{unit.name}.failures.{failure.name}.crew", failure.crew
        if unit.cleaning:
            yield f"units.{unit.name}.cleaning.crew", unit.cleaning.crew
        if unit.changeover:
            yield f"units.{unit.name}.changeover.crew", unit.changeover.crew
    for product in line.products:
        for step in product.route:
            place = f"products.{product.name}.route.{step.name}"
            yield f"{place}.crew", step.crew
            if step.quality:
                yield f"{place}.quality.crew", step.quality.crew


def _check_changes(line: Line, units: set[str]) -> None:
    counts = {unit.name: unit.count for unit in line.units}
    shifted = {resource.name for resource in line.resources if resource.shifts}
    for i, change in enumerate(line.changes):
        if bool(change.unit) == bool(change.resource):
            hint = "Give either a unit or a resource."
            raise BadInputError("what changes is not clear.", hint=hint, key=f"changes[{i}]")
        if change.resource and (change.n is None or change.resource in shifted):
            raise BadInputError(
                f"{change.resource!r} has shifts, or no new number is given.",
                hint="Give n, for a resource without shifts.",
                key=f"changes[{i}].n",
            )
        if change.unit:
            _declared(change.unit, units, f"changes[{i}].unit")
            if change.n is not None and change.n < counts[change.unit]:
                raise BadInputError(
                    f"{change.unit!r} would lose units that may be at work.",
                    hint="Give its number as it was or larger.",
                    key=f"changes[{i}].n",
                )


def _declared(name: str, names: Iterable[str], place: str) -> None:
    known = sorted(names)
    if name not in known:
        there = ", ".join(known) or "none"
        raise BadInputError(f"{name!r} is not declared.", hint=f"There are: {there}.", key=place)


def _need(table: Table) -> Need:
    return Need(table.text("resource"), table.whole("n", 1, 1))


def _failure(table: Table) -> Failure:
    found = Failure(
        name=table.text("name"),
        time_to_failure=table.distribution("time_to_failure"),
        time_to_repair=table.distribution("time_to_repair"),
        clock=table.choice("clock", ("operation", "time", "cycles"), "operation"),
        consequence=table.choice("consequence", ("resume", "restart", "scrap"), "resume"),
        crew=table.rows("crew", _need),
    )
    if found.time_to_failure.mean <= 0:
        raise table.bad("time_to_failure", "it fails all the time", "Give a mean over 0.")
    return found


def _cleaning(table: Table) -> Cleaning:
    return Cleaning(
        duration=table.distribution("duration"),
        every=table.whole("every", 1, 1),
        expiry=table.number("expiry", math.inf, 0.0),
        dirty_hold=table.number("dirty_hold", math.inf, 0.0),
        late_factor=table.number("late_factor", 1.0, 1.0),
        crew=table.rows("crew", _need),
    )


def _changeover(table: Table) -> Changeover:
    def pair(row: Table) -> tuple[str, str, Any]:
        return row.text("from"), row.text("to"), row.distribution("duration")

    return Changeover(
        default=table.distribution("default", constant(0.0)),
        matrix=table.rows("matrix", pair),
        crew=table.rows("crew", _need),
    )


def _unit(table: Table) -> Unit:
    return Unit(
        name=table.text("name"),
        count=table.whole("count", 1, 1, MAX_COUNT),
        failures=table.rows("failures", _failure),
        cleaning=table.table("cleaning", _cleaning),
        changeover=table.table("changeover", _changeover),
        blocking=table.choice("blocking", ("after", "before"), "after"),
    )


def _buffer(table: Table) -> Buffer:
    return Buffer(
        name=table.text("name"),
        capacity=table.number("capacity", math.inf, 1.0),
        frees=table.choice("frees", ("taken", "done"), "taken"),
    )


def _shift(table: Table) -> Shift:
    days = table.raw("days")
    days = list(range(7)) if days is None else days
    if not isinstance(days, list | tuple) or not days or not set(days) <= set(range(7)):
        raise table.bad("days", f"{days!r} are no days", "Give a list of 0 (Monday) to 6.")
    return Shift(
        start=table.number("start", 0.0, 0.0, 24.0),
        end=table.number("end", 24.0, 0.0, 24.0),
        days=tuple(sorted(set(days))),
        n=table.whole("n", 1, 1),
    )


def _resource(table: Table) -> Resource:
    return Resource(table.text("name"), table.whole("n", 1, 1), table.rows("shifts", _shift))


def _hold(table: Table) -> Hold:
    if not table.has("maximum"):
        raise table.bad("maximum", "a hold without its limit", "Give the maximum.")
    return Hold(
        maximum=table.number("maximum", None, 0.0),
        consequence=table.choice("consequence", ("report", "scrap", "yield"), "report"),
        yield_factor=table.number("yield_factor", 1.0, 0.0, 1.0),
    )


def _quality(table: Table) -> Quality:
    return Quality(
        sampling=table.distribution("sampling", constant(0.0)),
        laboratory=table.distribution("laboratory", constant(0.0)),
        release=table.distribution("release", constant(0.0)),
        p_reject=table.number("p_reject", 0.0, 0.0, 1.0),
        keeps_unit=table.flag("keeps_unit"),
        crew=table.rows("crew", _need),
    )


def _step(table: Table) -> Step:
    twin = table.text("twin", "")
    if bool(twin) == table.has("duration"):
        raise table.bad("duration", "how long it takes is not clear", "Give duration or twin.")
    return Step(
        name=table.text("name"),
        unit=table.text("unit"),
        duration=table.distribution("duration", constant(0.0)),
        yields=table.distribution("yield", constant(1.0)),
        twin=twin,
        crew=table.rows("crew", _need),
        attended=table.number("attended", math.inf, 0.0),
        buffer=table.text("buffer", ""),
        hold=table.table("hold", _hold),
        quality=table.table("quality", _quality),
    )


def _product(table: Table) -> Product:
    return Product(table.text("name"), table.rows("route", _step))


def _campaign(table: Table) -> Campaign:
    return Campaign(
        product=table.text("product"),
        n_lots=table.whole("n_lots", 0, 0),
        size=table.number("size", 1.0, 0.0),
        start=table.number("start", 0.0, 0.0),
        interval=table.distribution("interval") if table.has("interval") else None,
    )


def _change(table: Table) -> Change:
    return Change(
        at=table.number("at", 0.0, 0.0),
        unit=table.text("unit", ""),
        resource=table.text("resource", ""),
        factor=table.number("factor", 1.0, 1e-9),
        n=table.whole("n", None, 0),
    )
