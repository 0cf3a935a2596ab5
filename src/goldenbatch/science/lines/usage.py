"""What a plant takes while it runs, as flows of a footprint: by time in a state, and by lot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goldenbatch.core.errors import BadInputError
from goldenbatch.science._arrays import Floats
from goldenbatch.science.lines._machine import STATES
from goldenbatch.science.lines.simulation import Run
from goldenbatch.science.process.footprint import Flow, flow


@dataclass(frozen=True, slots=True)
class Usage:
    """What is taken, and by what.

    Attributes:
        item: name in the table of factors.
        unit: of the amount, UCUM.
        per_time: amount for each unit of the line's time that one machine of `place` spends in
            `state`; without a place, for the time of the run (rooms, their air).
        per_lot: amount for each lot that ended, good or lost; of `product` where one is named.
        place: name of a unit.
        state: one of the states of a machine; "" for all of them.
        product: name of a product.
    """

    item: str
    unit: str
    per_time: float = 0.0
    per_lot: float = 0.0
    place: str = ""
    state: str = ""
    product: str = ""


def flows_of_runs(runs: Sequence[Run], usages: Sequence[Usage]) -> list[Flow]:
    """Make flows of runs: one member of an ensemble for each run.

    What lost lots took is in the flows, so that it weighs on the good ones.

    Args:
        runs: of one line, their warm-up left out.
        usages: what is taken.

    Raises:
        BadInputError: no runs, or a place, state or product that they do not know.

    References:
        ISO 14067:2018.

    >>> from goldenbatch.science.lines.reading import read_line
    >>> from goldenbatch.science.lines.simulation import RunSettings, simulate_line
    >>> line = read_line({"name": "one", "units": [{"name": "mixer"}], "products": [
    ...     {"name": "A", "route": [{"name": "mix", "unit": "mixer", "duration": 2}]}],
    ...     "plan": [{"product": "A", "n_lots": 3}]})
    >>> run = simulate_line(line, RunSettings(24.0), seed=1)
    >>> found = flows_of_runs([run], [
    ...     Usage("electricity.GB", "kW.h", per_time=4.0, place="mixer", state="busy"),
    ...     Usage("water.mains", "m3", per_lot=0.5)])
    >>> [one.amount.round(9).tolist() for one in found]
    [[24.0], [1.5]]
    """
    if not runs:
        raise BadInputError("no runs.", hint="Give 1 or more.", key="runs")
    return [
        flow(one.item, np.array([_amount(run, one) for run in runs]), one.unit, one.place)
        for one in usages
    ]


def good_amounts(runs: Sequence[Run], product: str = "") -> Floats:
    """Amount of product that each run finished, in the unit of the lots' sizes.

    >>> from goldenbatch.science.lines.reading import read_line
    >>> from goldenbatch.science.lines.simulation import RunSettings, simulate_line
    >>> line = read_line({"name": "one", "units": [{"name": "mixer"}], "products": [
    ...     {"name": "A", "route": [{"name": "mix", "unit": "mixer", "duration": 2}]}],
    ...     "plan": [{"product": "A", "n_lots": 3, "size": 10.0}]})
    >>> good_amounts([simulate_line(line, RunSettings(24.0), seed=1)]).tolist()
    [30.0]
    """
    return np.array([float(run.lots["amount"][_ended(run, product, True)].sum()) for run in runs])


def _amount(run: Run, one: Usage) -> float:
    time = run.figures["counted_time"]
    total = one.per_lot * float(_ended(run, one.product, False).sum()) if one.per_lot else 0.0
    if not one.per_time:
        return total
    if not one.place:
        return total + one.per_time * time
    if one.place not in run.states["unit"] or one.state not in ("", *STATES):
        raise BadInputError(
            f"the runs know no {one.state or 'time'} of {one.place!r}.",
            hint=f"States are {', '.join(STATES)}.",
            key=f"usage.{one.item}",
        )
    is_there = run.states["unit"] == one.place
    states = [one.state] if one.state else STATES
    share = sum(float(run.states[state][is_there].sum()) for state in states)
    return total + one.per_time * share * time


def _ended(run: Run, product: str, is_good: bool) -> np.ndarray:
    lots = run.lots
    if product and product not in lots["product"]:
        raise BadInputError(f"the runs made no {product!r}.", hint="Name a product of the plan.")
    begin = run.provenance["settings"]["warm_up"]
    begin = begin if np.nanmax(lots["ended"], initial=0.0) > begin else 0.0
    ended = lots["ended"] > begin
    if is_good:
        ended &= lots["outcome"] == "finished"
    return ended & (lots["product"] == product) if product else ended
