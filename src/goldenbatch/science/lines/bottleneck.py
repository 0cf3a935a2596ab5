"""Which unit holds a line back, by two criteria that are named with the answer.

References:
    Roser, Nakano and Tanaka (2002), Proc. Winter Simulation Conf. 1079,
    doi:10.1109/WSC.2002.1166360 (longest active period, moving bottlenecks).
    Li, Chang and Ni (2009), Int. J. Prod. Res. 47:5019, doi:10.1080/00207540701881860
    (turning point of blockage and starvation).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.lines.output_analysis import mean_interval
from goldenbatch.science.lines.simulation import Columns, Run

ACTIVE = ("busy", "down", "cleaning", "changeover")
"""States in which a machine is at work or under repair; in the others it waits."""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The unit or machine that holds the line back.

    Attributes:
        name: of it.
        criterion: by which it was found.
        shares: of each machine or unit: of the time as bottleneck (active period), or blocked
            and starved together (turning point).
    """

    name: str
    criterion: str
    shares: dict[str, float]


def moving_bottleneck(run: Run) -> Bottleneck:
    """Find the machine that is most of the time the bottleneck, by the longest active period.

    At each moment the bottleneck is the machine whose uninterrupted active period (busy, down,
    cleaning or changeover, until it waits) is the longest of those that are going on.

    Raises:
        DataError: the run kept no periods.

    References:
        Roser, Nakano and Tanaka (2002).

    >>> from goldenbatch.science.lines.reading import read_line
    >>> from goldenbatch.science.lines.simulation import RunSettings, simulate_line
    >>> route = [{"name": "a", "unit": "fast", "duration": 1, "buffer": "b"},
    ...          {"name": "b", "unit": "slow", "duration": 3}]
    >>> line = read_line({"name": "two", "units": [{"name": "fast"}, {"name": "slow"}],
    ...     "buffers": [{"name": "b", "capacity": 2}],
    ...     "products": [{"name": "A", "route": route}], "plan": [{"product": "A"}]})
    >>> run = simulate_line(line, RunSettings(300.0, 50.0, keeps_periods=True), seed=1)
    >>> moving_bottleneck(run).name
    'slow'
    """
    periods = active_periods(run.periods)
    if not periods:
        raise DataError("the run kept no periods; run it with keeps_periods=True")
    shares = dict.fromkeys((str(name) for name in run.states["machine"]), 0.0)
    cuts = sorted({time for _, begin, end in periods for time in (begin, end)})
    going_on: list[tuple[float, float, str]] = []
    coming = iter(sorted(periods, key=lambda period: period[1]))
    following = next(coming, None)
    for begin, end in pairwise(cuts):
        while following is not None and following[1] <= begin:
            name, first, last = following
            heapq.heappush(going_on, (first - last, last, name))
            following = next(coming, None)
        while going_on and going_on[0][1] <= begin:
            heapq.heappop(going_on)
        if going_on:
            shares[going_on[0][2]] += end - begin
    span = cuts[-1] - cuts[0]
    shares = {name: time / span for name, time in shares.items()}
    longest = max(shares, key=lambda name: shares[name])
    return Bottleneck(longest, "longest active period (moving bottleneck)", shares)


def bottleneck_shares(runs: Sequence[Run], confidence: float = 0.95) -> Columns:
    """How often each machine is the bottleneck, over runs: one run may show chance.

    Args:
        runs: of one line, with their periods.
        confidence: of the intervals.

    Returns:
        Columns machine, mean, lower, upper; the most frequent bottleneck first.

    Raises:
        DataError: no runs, or runs that kept no periods.

    References:
        Roser, Nakano and Tanaka (2002); Student intervals over replications.

    >>> from goldenbatch.science.lines.reading import read_line
    >>> from goldenbatch.science.lines.simulation import RunSettings, simulate_line
    >>> route = [{"name": "a", "unit": "fast", "duration": 1, "buffer": "b"},
    ...          {"name": "b", "unit": "slow", "duration": 3}]
    >>> line = read_line({"name": "two", "units": [{"name": "fast"}, {"name": "slow"}],
    ...     "buffers": [{"name": "b", "capacity": 2}],
    ...     "products": [{"name": "A", "route": route}], "plan": [{"product": "A"}]})
    >>> settings = RunSettings(300.0, 50.0, keeps_periods=True)
    >>> runs = [simulate_line(line, settings, seed=1, replication=i) for i in range(3)]
    >>> bottleneck_shares(runs)["machine"].tolist()
    ['slow', 'fast']
    """
    if not runs:
        raise DataError("no runs, so no bottleneck; give 1 or more")
    found = [moving_bottleneck(run).shares for run in runs]
    names = list(dict.fromkeys(name for shares in found for name in shares))
    rows = {
        name: mean_interval([shares.get(name, 0.0) for shares in found], confidence)
        for name in names
    }
    ordered = sorted(names, key=lambda name: -rows[name].mean)
    return {
        "machine": np.array(ordered, dtype=object),
        "mean": np.array([rows[name].mean for name in ordered]),
        "lower": np.array([rows[name].lower for name in ordered]),
        "upper": np.array([rows[name].upper for name in ordered]),
    }


def active_periods(periods: Columns) -> list[tuple[str, float, float]]:
    """Join states that follow one another into active periods (machine, begin, end).

    >>> import numpy as np
    >>> columns = {"machine": np.array(["a", "a", "a"]), "begin": np.array([0.0, 2.0, 5.0]),
    ...     "end": np.array([2.0, 3.0, 6.0]), "state": np.array(["busy", "down", "busy"])}
    >>> active_periods(columns)
    [('a', 0.0, 3.0), ('a', 5.0, 6.0)]
    """
    rows = zip(
        periods["machine"].tolist(),
        periods["state"].tolist(),
        periods["begin"].tolist(),
        periods["end"].tolist(),
        strict=True,
    )
    found: list[tuple[str, float, float]] = []
    for machine, state, begin, end in sorted(rows, key=lambda row: (row[0], row[2])):
        if state not in ACTIVE:
            continue
        if found and found[-1][0] == machine and found[-1][2] == begin:
            found[-1] = (machine, found[-1][1], end)
        else:
            found.append((machine, begin, end))
    return found


def turning_point(run: Run, route: Sequence[str]) -> Bottleneck:
    """Find the unit at which blockage before turns into starvation behind.

    Where no unit is such a point, the one that is least blocked and starved is taken, and the
    criterion says so.

    Args:
        run: of the line.
        route: units in the order of the flow.

    Raises:
        DataError: a unit that the run does not know.

    References:
        Li, Chang and Ni (2009).

    >>> from goldenbatch.science.lines.reading import read_line
    >>> from goldenbatch.science.lines.simulation import RunSettings, simulate_line
    >>> route = [{"name": "a", "unit": "fast", "duration": 1, "buffer": "b"},
    ...          {"name": "b", "unit": "slow", "duration": 3}]
    >>> line = read_line({"name": "two", "units": [{"name": "fast"}, {"name": "slow"}],
    ...     "buffers": [{"name": "b", "capacity": 2}],
    ...     "products": [{"name": "A", "route": route}], "plan": [{"product": "A"}]})
    >>> run = simulate_line(line, RunSettings(300.0, 50.0), seed=1)
    >>> turning_point(run, ["fast", "slow"]).name
    'slow'
    """
    units = run.states["unit"].tolist()
    unknown = sorted(set(route) - set(units))
    if unknown or not route:
        raise DataError(f"the run has no unit {unknown or route}; it has {sorted(set(units))}")
    blocked = [_mean(run, "blocked", name) for name in route]
    starved = [_mean(run, "starved", name) for name in route]
    waiting = [b + s for b, s in zip(blocked, starved, strict=True)]
    shares = dict(zip(route, waiting, strict=True))
    for i, name in enumerate(route):
        is_turn = all(blocked[k] >= starved[k] for k in range(i)) and all(
            starved[k] >= blocked[k] for k in range(i + 1, len(route))
        )
        beside = waiting[max(0, i - 1) : i] + waiting[i + 1 : i + 2]
        if is_turn and all(waiting[i] < other for other in beside):
            return Bottleneck(name, "turning point of blockage and starvation", shares)
    least = min(shares, key=lambda name: shares[name])
    return Bottleneck(least, "least blocked and starved (there is no turning point)", shares)


def _mean(run: Run, state: str, unit: str) -> float:
    return float(run.states[state][run.states["unit"] == unit].mean())
