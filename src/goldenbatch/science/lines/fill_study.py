"""Many runs of a line of vials: figures with intervals, and two lines compared in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from goldenbatch.core.errors import BadInputError
from goldenbatch.science._arrays import Floats
from goldenbatch.science.lines.fill_line import FillLine, FillRun, VialLot, run_fill_line
from goldenbatch.science.lines.output_analysis import (
    MeanInterval,
    PairedDifference,
    mean_interval,
    paired_difference,
)

FIGURES = ("minutes", "rate", "good_share", "oee", "n_over")
"""Minutes of the run, good vials a minute, their share, OEE, vials over a dwell limit."""


@dataclass(frozen=True, slots=True, eq=False)
class FillStudy:
    """Runs of one line, replication by replication.

    Attributes:
        line: name of the line.
        station: at which the OEE is taken.
        values: of each of `FIGURES`, shape (n_replications,).
        confidence: of the intervals.
        seed: of the streams.
        line_digest: of the declaration.
    """

    line: str
    station: str
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
    """
    if n_replications < 2:
        raise BadInputError(f"{n_replications} runs give no interval.", hint="Give 2 or more.")
    if station not in [one.name for one in line.stations]:
        raise BadInputError(
            f"{station!r} is no station.",
            hint=f"There are {', '.join(one.name for one in line.stations)}.",
            key="station",
        )
    rows = [
        _figures(run_fill_line(line, lots, seed=seed, replication=number), line, station)
        for number in range(n_replications)
    ]
    values = {name: np.array([row[name] for row in rows]) for name in FIGURES}
    return FillStudy(line.name, station, values, confidence, seed, line.digest)


def compare_fill_lines(first: FillStudy, second: FillStudy, figure: str) -> PairedDifference:
    """Second minus first, replication by replication, under common random numbers.

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
    return paired_difference(_values(first, figure), _values(second, figure), first.confidence)


def _figures(run: FillRun, line: FillLine, station: str) -> dict[str, float]:
    return {
        "minutes": run.minutes,
        "rate": run.rate,
        "good_share": float(run.lots["n_good"].sum() / run.lots["n_vials"].sum()),
        "oee": run.effectiveness(line, station).oee,
        "n_over": float(run.dwell["n_over"].sum()),
    }


def _values(study: FillStudy, name: str) -> Floats:
    if name not in study.values:
        raise BadInputError(f"there is no figure {name!r}.", hint=f"Give {', '.join(FIGURES)}.")
    return study.values[name]
