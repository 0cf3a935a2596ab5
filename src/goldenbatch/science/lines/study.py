"""Many runs of a line: figures with intervals, warm-up, and scenarios compared in pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any, Literal

import numpy as np

from goldenbatch.core.errors import BadInputError, GoldenbatchError
from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError
from goldenbatch.science.lines._machine import STATES
from goldenbatch.science.lines.declaration import Line
from goldenbatch.science.lines.output_analysis import (
    MeanInterval,
    PairedDifference,
    WarmUp,
    batch_means,
    mean_interval,
    mser,
    paired_difference,
)
from goldenbatch.science.lines.reading import check_line
from goldenbatch.science.lines.simulation import Columns, Run, RunSettings, simulate_line
from goldenbatch.science.lines.twins import Twin, check_twins
from goldenbatch.science.statistics.intervals import Interval, clopper_pearson

N_SLOTS = 200
"""Equal parts of the horizon in which lots are counted to find the warm-up."""

_N_PILOTS = 5


@dataclass(frozen=True, slots=True)
class StudySettings:
    """How a line is studied.

    Attributes:
        horizon: of each run, in the line's unit of time.
        warm_up: time not counted; `mser` finds it by MSER-5 on pilot runs (lots that end in
            each of 200 parts of the horizon, mean of 5 runs); 0 for a start-up or a finite plan.
        n_replications: independent runs.
        confidence: of the intervals over runs.
        keeps_periods: of each run, for the moving bottleneck.
    """

    horizon: float
    warm_up: float | Literal["mser"] = 0.0
    n_replications: int = 20
    confidence: float = 0.95
    keeps_periods: bool = False

    def __post_init__(self) -> None:
        """Refuse a study without runs."""
        if self.n_replications < 2:
            raise BadInputError(
                f"{self.n_replications} replications give no interval.",
                hint="Give 2 or more.",
                key="n_replications",
            )


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that did not come to its end, and why."""

    replication: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Runs of one line.

    Attributes:
        line: name of the line.
        runs: those that ran, each with its `replication` in its provenance.
        failed: those that did not.
        settings: of the study.
        warm_up: how much was left out, where a rule found it.
        provenance: of the first run, and the number of runs.
    """

    line: str
    runs: tuple[Run, ...]
    failed: tuple[FailedRun, ...]
    settings: StudySettings
    warm_up: WarmUp | None
    provenance: Mapping[str, Any]

    def values(self, figure: str) -> Floats:
        """A figure of each run, in the order of `runs`."""
        return np.array([run.figures[figure] for run in self.runs])

    def figure(self, name: str) -> MeanInterval:
        """A figure with its interval over runs.

        Raises:
            DataError: a run that has no such figure, as an unfinished plan has no makespan.
        """
        values = self.values(name)
        n_missing = int(np.isnan(values).sum())
        if n_missing:
            reasons = "; ".join(run.reason for run in self.runs if run.reason)[:200]
            raise DataError(f"{n_missing} of {len(values)} runs have no {name}: {reasons}")
        return mean_interval(values, self.settings.confidence)

    def share_finished(self) -> Interval:
        """Exact interval of the chance that the plan is done within the horizon."""
        n_done = sum(run.status == "finished" for run in self.runs)
        return clopper_pearson(n_done, len(self.runs) + len(self.failed), self.settings.confidence)

    def states(self) -> Columns:
        """Share of time by unit and state: columns unit, state, mean, lower, upper."""
        units = list(dict.fromkeys(self.runs[0].states["unit"].tolist()))
        rows = []
        for unit in units:
            for state in STATES:
                shares = [
                    float(run.states[state][run.states["unit"] == unit].mean()) for run in self.runs
                ]
                found = mean_interval(shares, self.settings.confidence)
                rows.append((unit, state, found.mean, found.lower, found.upper))
        return _table(("unit", "state", "mean", "lower", "upper"), rows)

    def events(self) -> Columns:
        """Named events: columns kind, place, n (in all runs), mean, lower, upper (a run)."""
        pairs = [
            list(zip(run.events["kind"].tolist(), run.events["place"].tolist(), strict=True))
            for run in self.runs
        ]
        rows = []
        for kind, place in sorted({pair for run in pairs for pair in run}):
            counts = [run.count((kind, place)) for run in pairs]
            found = mean_interval(counts, self.settings.confidence)
            rows.append((kind, place, sum(counts), found.mean, found.lower, found.upper))
        return _table(("kind", "place", "n", "mean", "lower", "upper"), rows)

    def ramp(self, times: Sequence[float]) -> Columns:
        """Lots finished by each time, from the start: columns time, mean, lower, upper.

        This is how a start-up or a transition is read; the warm-up is not left out of it.
        """
        rows = []
        for time in times:
            counts = [int((_finished(run) <= time).sum()) for run in self.runs]
            found = mean_interval(counts, self.settings.confidence)
            rows.append((time, found.mean, found.lower, found.upper))
        return _table(("time", "mean", "lower", "upper"), rows)

    def time_to(self, n_lots: int) -> Floats:
        """When each run had finished so many lots; infinite where it had not at its end."""
        return np.array(
            [
                np.sort(ends)[n_lots - 1] if len(ends := _finished(run)) >= n_lots else math.inf
                for run in self.runs
            ]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Scenarios under common random numbers; the first is the one that others are held against.

    Attributes:
        studies: by name of the scenario.
    """

    studies: Mapping[str, Study]

    def difference(self, figure: str, scenario: str) -> PairedDifference:
        """A scenario's figure minus the first one's, replication by replication.

        The confidence is shared among the scenarios by Bonferroni, so that all intervals
        together hold as often as the study says. Replications that failed in either are not
        pairs; `Study.failed` names them.

        Raises:
            DataError: fewer than 2 pairs with such a figure.
        """
        first = next(iter(self.studies.values()))
        other = self.studies[scenario]
        one, two = _by_replication(first, figure), _by_replication(other, figure)
        both = sorted(set(one) & set(two))
        if len(both) < 2:
            raise DataError(f"{len(both)} pairs of runs have {figure}; 2 or more are needed")
        risk = (1 - first.settings.confidence) / max(1, len(self.studies) - 1)
        return paired_difference([one[i] for i in both], [two[i] for i in both], 1 - risk)


def steady_interval(
    run: Run, figure: str, *, n_batches: int = 20, confidence: float = 0.95
) -> MeanInterval:
    """Interval of a long-run figure from one long run, by batch means.

    Args:
        run: of an endless plan, its warm-up left out.
        figure: `throughput`, from lots that end in equal stretches of counted time, or
            `cycle_time`, from lots in the order in which they ended.
        n_batches: 10 or more, long against the line's memory.
        confidence: of the interval.

    Raises:
        DataError: another figure, or too few lots.
        DesignError: too few batches.

    References:
        Law (2015), sec. 9.5.3.

    >>> from goldenbatch.science.lines.reading import read_line
    >>> line = read_line({"name": "one", "units": [{"name": "m"}], "products": [
    ...     {"name": "A", "route": [{"name": "s", "unit": "m", "duration": 2}]}],
    ...     "plan": [{"product": "A"}]})
    >>> run = simulate_line(line, RunSettings(401.0, 1.0), seed=1)
    >>> steady_interval(run, "throughput").mean
    0.5
    """
    begin, end = run.provenance["settings"]["warm_up"], run.provenance["settings"]["horizon"]
    is_counted = (run.lots["outcome"] == "finished") & (run.lots["ended"] > begin)
    ended = run.lots["ended"][is_counted]
    if figure == "throughput":
        edges = np.linspace(begin, end, n_batches * 2 + 1)
        counts = np.histogram(ended, edges)[0] / (edges[1] - edges[0])
        return batch_means(counts, n_batches, confidence)
    if figure != "cycle_time":
        raise DataError(f"batch means of {figure!r} are not made; ask for the throughput")
    stays = ended - run.lots["released"][is_counted]
    return batch_means(stays[np.argsort(ended, kind="stable")], n_batches, confidence)


def study_line(
    line: Line,
    settings: StudySettings,
    *,
    seed: int,
    twins: Mapping[str, Twin] | None = None,
    executor: Executor | None = None,
) -> Study:
    """Run a line many times.

    Args:
        line: what is run.
        settings: of the runs.
        seed: of all streams.
        twins: runs or functions of the unit twins that the line names.
        executor: in whose workers the runs go; the results are the same without one.

    Raises:
        BadInputError: a line that cannot be, or a twin that is missing.
        DataError: no run came to its end.

    >>> from goldenbatch.science.lines.reading import read_line
    >>> line = read_line({"name": "one", "units": [{"name": "mixer"}], "products": [
    ...     {"name": "A", "route": [{"name": "mix", "unit": "mixer",
    ...         "duration": {"kind": "uniform", "lower": 1, "upper": 3}}]}],
    ...     "plan": [{"product": "A", "n_lots": 10}]})
    >>> study = study_line(line, StudySettings(100.0, n_replications=10), seed=1)
    >>> study.figure("makespan").contains(20.0)
    True
    """
    check_line(line)
    given = twins or {}
    check_twins(line.twins, given)
    length, found = _warm_up(line, settings, seed, given)
    run_settings = RunSettings(settings.horizon, length, settings.keeps_periods)
    numbers = range(settings.n_replications)
    arguments = (repeat(line), repeat(run_settings), repeat(seed), numbers, repeat(given))
    results = list((executor.map if executor else map)(_one, *arguments))
    runs = tuple(result for result in results if isinstance(result, Run))
    failed = tuple(result for result in results if isinstance(result, FailedRun))
    if not runs:
        raise DataError(f"none of {len(failed)} runs came to its end: {failed[0].reason}")
    provenance = {**runs[0].provenance, "n_replications": settings.n_replications}
    return Study(line.name, runs, failed, settings, found, provenance)


def compare_lines(
    lines: Mapping[str, Line],
    settings: StudySettings,
    *,
    seed: int,
    twins: Mapping[str, Twin] | None = None,
    executor: Executor | None = None,
) -> Comparison:
    """Run several lines with common random numbers: one stream for each unit and purpose.

    A warm-up that `mser` finds is the longest of the lines', the same for all; each study keeps
    what the rule found for its own line.

    Raises:
        BadInputError: fewer than 2 lines, or one that cannot be.

    References:
        Law (2015), sec. 11.2.

    >>> from goldenbatch.science.lines.reading import read_line
    >>> def line(n):
    ...     return read_line({"name": "mixers", "units": [{"name": "mixer", "count": n}],
    ...         "products": [{"name": "A", "route": [{"name": "mix", "unit": "mixer",
    ...             "duration": {"kind": "exponential", "mean": 2}}]}],
    ...         "plan": [{"product": "A", "n_lots": 20}]})
    >>> found = compare_lines({"one": line(1), "two": line(2)},
    ...     StudySettings(400.0, n_replications=8), seed=1)
    >>> found.difference("makespan", "two").difference.upper < 0
    True
    """
    if len(lines) < 2:
        raise BadInputError("one scenario has no other.", hint="Give 2 or more.", key="lines")
    given = twins or {}
    for line in lines.values():
        check_line(line)
        check_twins(line.twins, given)
    found = {name: _warm_up(line, settings, seed, given) for name, line in lines.items()}
    settings = replace(settings, warm_up=max(length for length, _ in found.values()))
    studies = {
        name: study_line(line, settings, seed=seed, twins=given, executor=executor)
        for name, line in lines.items()
    }
    return Comparison({n: replace(one, warm_up=found[n][1]) for n, one in studies.items()})


def _one(
    line: Line, settings: RunSettings, seed: int, number: int, twins: Mapping[str, Twin]
) -> Run | FailedRun:
    try:
        return simulate_line(line, settings, seed=seed, replication=number, twins=twins)
    except GoldenbatchError as error:
        return FailedRun(number, str(error))
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        return FailedRun(number, f"{type(error).__name__}: {error}")


def _warm_up(
    line: Line, settings: StudySettings, seed: int, twins: Mapping[str, Twin]
) -> tuple[float, WarmUp | None]:
    if settings.warm_up != "mser":
        return settings.warm_up, None
    edges = np.linspace(0.0, settings.horizon, N_SLOTS + 1)
    counts = []
    for number in range(_N_PILOTS):
        # Pilots are numbered from above, so that they share no numbers with the runs.
        pilot = _one(line, RunSettings(settings.horizon), seed, (1 << 31) + number, twins)
        if isinstance(pilot, FailedRun):
            raise DataError(f"no warm-up can be found, a pilot run failed: {pilot.reason}")
        counts.append(np.histogram(_finished(pilot), edges)[0])
    found = mser(np.mean(counts, axis=0))
    return float(edges[found.n_left_out]), found


def _finished(run: Run) -> Floats:
    ended: Floats = run.lots["ended"][run.lots["outcome"] == "finished"]
    return ended


def _by_replication(study: Study, figure: str) -> dict[int, float]:
    return {
        int(run.provenance["replication"]): run.figures[figure]
        for run in study.runs
        if not math.isnan(run.figures[figure])
    }


def _table(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Columns:
    columns = list(zip(*rows, strict=True)) or [() for _ in names]
    return {
        name: np.array(column, dtype=object if column and isinstance(column[0], str) else None)
        for name, column in zip(names, columns, strict=True)
    }
