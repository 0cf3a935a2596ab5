"""The eight process and sensor faults of the reference, by their numbers.

References:
    Goldrick et al. 2019, doi:10.1016/j.compchemeng.2019.05.037, table 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.faults import Stuck
from goldenbatch.science.process.library.penicillin.constants import SAMPLE_H
from goldenbatch.science.process.recipe import Fault, Happening

NAMES = (
    "none",
    "aeration",
    "vessel pressure",
    "substrate feed",
    "base feed",
    "coolant",
    "all of the above",
    "temperature sensor",
    "pH sensor",
)
_STUCK: dict[int, tuple[tuple[str, float, int, int], ...]] = {
    1: (("Fg", 20.0, 100, 120), ("Fg", 20.0, 500, 550)),
    2: (("pressure", 2.0, 500, 520), ("pressure", 2.0, 1000, 1200)),
    3: (("Fs", 2.0, 100, 150), ("Fs", 20.0, 380, 460), ("Fs", 20.0, 1000, 1070)),
    4: (("Fb", 5.0, 400, 420), ("Fb", 10.0, 700, 800)),
    5: (("Fc", 2.0, 350, 450), ("Fc", 10.0, 1200, 1350)),
}
"""Flow, what it is stuck at, first and last interval."""
_DRIFT = {7: ("temperature", 0.4), 8: ("pH", 0.1)}


@dataclass(frozen=True)
class SensorRamp:
    """A sensor shows less and less: from interval 200 to 800, then stays.

    Attributes:
        output: What it measures.
        most: How much too little at the end.
    """

    output: str
    most: float

    @property
    def name(self) -> str:
        """For tables and notes."""
        return f"{self.output} sensor"

    def error(self, time: float) -> float:
        """How much too little it shows at a time (h)."""
        number = round(time / SAMPLE_H) + 1
        return float(np.interp(number, (200.0, 800.0), (0.0, self.most)))

    def sensed(self, time: float, seen: Mapping[str, float]) -> Mapping[str, float]:
        """With its error."""
        return {**seen, self.output: seen[self.output] - self.error(time)}

    def applied(self, time: float, inputs: Mapping[str, float]) -> Mapping[str, float]:
        """As commanded."""
        return inputs

    def parameters(self, time: float, values: Mapping[str, float]) -> Mapping[str, float]:
        """As they are."""
        return values

    def jumps(self) -> Sequence[Happening]:
        """None."""
        return ()


def stuck(fault: int) -> tuple[Stuck, ...]:
    """Flows that do not follow their command.

    >>> [one.name for one in stuck(1)]
    ['Fg stuck at 20', 'Fg stuck at 20']
    """
    chosen = range(1, 6) if fault == 6 else (fault,)
    rows = [row for number in chosen for row in _STUCK.get(number, ())]
    return tuple(Stuck(_at(first - 1), _at(last), name, value) for name, value, first, last in rows)


def _at(n_intervals: int) -> float:
    """A border of intervals, rounded as those of a run are."""
    return round(n_intervals * SAMPLE_H, 12)


def faults(fault: int) -> tuple[Fault, ...]:
    """A fault of the reference by its number, 0 (none) to 8.

    Raises:
        DataError: There is none of that number.

    >>> faults(8)[0].name
    'pH sensor'
    """
    if not 0 <= fault < len(NAMES):
        listed = ", ".join(f"{number} {name}" for number, name in enumerate(NAMES))
        raise DataError(f"there is no fault {fault}.", hint=f"There are {listed}.")
    if fault in _DRIFT:
        return (SensorRamp(*_DRIFT[fault]),)
    return stuck(fault)
