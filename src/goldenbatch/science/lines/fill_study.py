"""Many runs of a line of vials: figures with intervals, and two lines compared in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenbatch.core.errors import BadInputError
from goldenbatch.science._arrays import Floats
from goldenbatch.science.lines.fill_line import FillLine, FillRun, VialLot, run_fill_line
from goldenbatch.science.lines.output_analysis import (
    MeanInterval,
    PairedDifference,
    mean_interval,
    paired_difference,
)
from goldenbatch.science.lines.simulation import Columns

STATES = ("busy", "down", "blocked", "starved", "clearance")
"""What a station does; between its last vial and the end of the run it does nothing."""
FIGURES = ("minutes", "rate", "good_share", "oee", "n_over")
"""Minutes of the run, good vials a minute, their share, OEE, vials over a dwell limit."""


@dataclass(frozen=True, slots=True, eq=False)
class FillStudy:
    """Runs of one line, replication by replication.

    Attributes:
        line: name of the line.
        station: at which the OEE is taken.
        runs: of the replications, in order.
        values: of each of `FIGURES`, shape (n_replications,).
        confidence: of the intervals.
        seed: of the streams.
        line_digest: of the declaration.
    """

    line: str
    station: str
    runs: tuple[FillRun, ...]
    values: Mapping[str, Floats]
    confidence: float
    seed: int
    line_digest: str

    def figure(self, name: str) -> MeanInterval:
        """A figure with its interval over runs.

        Raises:
            BadInputError: there is no such figure.
        """
        return mean_interval(_values(self, name), self.confidence)

    def states(self) -> Columns:
        """Share of the run by station and state: columns unit, state, mean, lower, upper."""
        shares = {
            state: [run.stations[state] / run.minutes for run in self.runs] for state in STATES
        }
        return self._table(shares, self._stations(), ("unit", "state"))

    def station_figures(self) -> Columns:
        """What each station did: columns unit, figure, mean, lower, upper.

        `availability` is the share of running time in running and down time together, as its
        stops wear it only while it runs; `rejected` counts vials of a run, `rejected_share` is
        of those that came in.

        References:
            Buzacott and Shanthikumar (1993), Stochastic Models of Manufacturing Systems, ch. 6
            (operation-dependent failures, stand-alone availability).
        """
        found: dict[str, list[Floats]] = {
            "availability": [], "rejected": [], "rejected_share": []
        }  # fmt: skip
        for run in self.runs:
            busy, came = run.stations["busy"], run.stations["n_in"]
            lost = came - run.stations["n_out"]
            found["availability"].append(_ratio(busy, busy + run.stations["down"]))
            found["rejected"].append(lost.astype(np.float64))
            found["rejected_share"].append(_ratio(lost, came))
        return self._table(found, self._stations(), ("unit", "figure"))

    def lot_figures(self) -> Columns:
        """What each lot took: columns lot, figure, mean, lower, upper.

        `minutes` are from its first vial's entry to its last one's exit, `clearance` those of
        the line before it, `good_share` is of the vials that entered.
        """
        found = {
            "minutes": [run.lots["ended"] - run.lots["begun"] for run in self.runs],
            "clearance": [run.lots["clearance"] for run in self.runs],
            "good_share": [run.lots["n_good"] / run.lots["n_vials"] for run in self.runs],
        }
        return self._table(found, self.runs[0].lots["lot"].tolist(), ("lot", "figure"))

    def _stations(self) -> list[str]:
        names: list[str] = self.runs[0].stations["station"].tolist()
        return names

    def _table(
        self, found: Mapping[str, Sequence[Floats]], names: Sequence[str], keys: tuple[str, str]
    ) -> Columns:
        means = {
            figure: [mean_interval(one, self.confidence) for one in np.array(rows).T]
            for figure, rows in found.items()
        }
        flat = [(name, key, means[key][i]) for i, name in enumerate(names) for key in means]
        return {
            keys[0]: np.array([name for name, _, _ in flat], dtype=object),
            keys[1]: np.array([key for _, key, _ in flat], dtype=object),
            "mean": np.array([one.mean for _, _, one in flat]),
            "lower": np.array([one.lower for _, _, one in flat]),
            "upper": np.array([one.upper for _, _, one in flat]),
        }


def study_fill_line(
    line: FillLine,
    lots: Sequence[VialLot],
    *,
    seed: int,
    station: str,
    n_replications: int = 10,
    confidence: float = 0.95,
) -> FillStudy:
    """Run lots over a line many times.

    Args:
        line: the line.
        lots: in the order in which they are filled.
        seed: of the streams.
        station: at which the OEE is taken, by habit the filler.
        n_replications: 2 or more.
        confidence: of the intervals.

    Raises:
        BadInputError: a line or lots that cannot be, an unknown station, or one run only.

    >>> from goldenbatch.science.lines.fill_line import Station
    >>> line = FillLine("one", (Station("filler", 100.0, rejects=0.1),))
    >>> found = study_fill_line(line, [VialLot("1", "2R", 5000)], seed=1, station="filler")
    >>> found.figure("good_share").contains(0.9)
    True
    >>> rejected = found.station_figures()
    >>> rejected["figure"].tolist(), float(rejected["mean"][0])
    (['availability', 'rejected', 'rejected_share'], 1.0)
    """
    if n_replications < 2:
        raise BadInputError(f"{n_replications} runs give no interval.", hint="Give 2 or more.")
    if station not in [one.name for one in line.stations]:
        raise BadInputError(
            f"{station!r} is no station.",
            hint=f"There are {', '.join(one.name for one in line.stations)}.",
            key="station",
        )
    runs = tuple(
        run_fill_line(line, lots, seed=seed, replication=number) for number in range(n_replications)
    )
    rows = [_figures(run, line, station) for run in runs]
    values = {name: np.array([row[name] for row in rows]) for name in FIGURES}
    return FillStudy(line.name, station, runs, values, confidence, seed, line.digest)


def compare_fill_lines(
    first: FillStudy, second: FillStudy, figure: str, confidence: float | None = None
) -> PairedDifference:
    """Second minus first, replication by replication, under common random numbers.

    Args:
        first: what the other is held against.
        second: the other.
        figure: one of `FIGURES`.
        confidence: of the interval, by default the first one's; higher where several intervals
            are to hold together.

    Raises:
        BadInputError: studies of other seeds, which share no random numbers.
        DataError: other numbers of replications.

    References:
        Law (2015), Simulation Modeling and Analysis, 5th ed., sec. 11.2.

    >>> from goldenbatch.science.lines.fill_line import Station
    >>> def study(speed):
    ...     line = FillLine("one", (Station("filler", speed, rejects=0.1),))
    ...     return study_fill_line(line, [VialLot("1", "2R", 5000)], seed=1, station="filler")
    >>> compare_fill_lines(study(100.0), study(110.0), "minutes").is_clear
    True
    """
    if first.seed != second.seed:
        raise BadInputError(
            f"studies of seeds {first.seed} and {second.seed} share no random numbers.",
            hint="Run both with one seed.",
        )
    sure = first.confidence if confidence is None else confidence
    return paired_difference(_values(first, figure), _values(second, figure), sure)


def _figures(run: FillRun, line: FillLine, station: str) -> dict[str, float]:
    return {
        "minutes": run.minutes,
        "rate": run.rate,
        "good_share": float(run.lots["n_good"].sum() / run.lots["n_vials"].sum()),
        "oee": run.effectiveness(line, station).oee,
        "n_over": float(run.dwell["n_over"].sum()),
    }


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    """Part of a whole; NaN where there is no whole."""
    share: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return share


def _values(study: FillStudy, name: str) -> Floats:
    if name not in study.values:
        raise BadInputError(f"there is no figure {name!r}.", hint=f"Give {', '.join(FIGURES)}.")
    return study.values[name]
