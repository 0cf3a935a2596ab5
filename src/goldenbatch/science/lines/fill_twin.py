"""A line of vials as the twin of one step of a plant."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.lines.declaration import HOURS
from goldenbatch.science.lines.fill_line import FillLine, VialLot, check_fill_line, run_fill_line


@dataclass(frozen=True, slots=True)
class FillTwin:
    """A line of vials as the twin of one step of a plant: each seed runs one lot.

    Attributes:
        line: the line of vials.
        lot: that the step fills.
        time_unit: of the plant, `s`, `min`, `h` or `d`.
    """

    line: FillLine
    lot: VialLot
    time_unit: str = "h"

    def __post_init__(self) -> None:
        """Refuse a lot or a unit of time that cannot be."""
        check_fill_line(self.line, [self.lot])
        if self.time_unit not in HOURS:
            raise BadInputError(
                f"{self.time_unit!r} is no unit of time.",
                hint=f"Give {', '.join(HOURS)}.",
                key="time_unit",
            )

    @property
    def digest(self) -> str:
        """SHA-256 of the line and the lot."""
        text = f"{self.line.digest} {self.lot.kind} {self.lot.n_vials} {self.time_unit}"
        return hashlib.sha256(text.encode()).hexdigest()

    def __call__(self, seed: int) -> tuple[float, float]:
        """Fill a lot; return how long it took and the share of good vials.

        >>> from goldenbatch.science.lines.fill_line import Station
        >>> line = FillLine("one", (Station("filler", 400.0),))
        >>> FillTwin(line, VialLot("A", "2R", 24_000))(7)
        (1.0, 1.0)
        """
        run = run_fill_line(self.line, [self.lot], seed=seed)
        share = float(run.lots["n_good"][0]) / self.lot.n_vials
        return round(run.minutes / 60 / HOURS[self.time_unit], 9), share
