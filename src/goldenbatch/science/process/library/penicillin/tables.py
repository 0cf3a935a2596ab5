"""The recipe of the plant: what each flow is set to, by the number of the control interval.

References:
    Goldrick et al. 2019, doi:10.1016/j.compchemeng.2019.05.037 (sequential batch control).
"""

from __future__ import annotations

from math import floor

from goldenbatch.science.process.library.penicillin.constants import SAMPLE_H
from goldenbatch.science.process.recipe import Steps

Table = tuple[tuple[float, float], ...]
"""(last interval, value): the value holds up to and with that interval; the last goes on."""

SUGAR: Table = (
    (15, 8), (60, 15), (80, 30), (100, 75), (120, 150), (140, 30), (160, 37), (180, 43),
    (200, 47), (220, 51), (240, 57), (260, 61), (280, 65), (300, 72), (320, 76), (340, 80),
    (360, 84), (380, 90), (400, 116), (800, 90), (1750, 80),
)  # fmt: skip
OIL: Table = (
    (20, 22), (80, 30), (280, 35), (300, 34), (320, 33), (340, 32), (360, 31), (380, 30),
    (400, 29), (1750, 23),
)  # fmt: skip
GAS: Table = ((40, 30), (100, 42), (200, 55), (450, 60), (1000, 75), (1250, 65), (1750, 60))
PRESSURE: Table = (
    (62.5, 0.6), (125, 0.7), (150, 0.8), (200, 0.9), (500, 1.1), (750, 1.0), (1000, 0.9),
    (1750, 0.9),
)  # fmt: skip
_HARVESTS = (500, 650, 750, 850, 950, 1050, 1150, 1250, 1350)
REMOVED: Table = (
    *(row for k in _HARVESTS for row in ((k, 0.0), (k + 10, -4000.0))),
    (1750, 0.0),
)
WATER: Table = (
    (250, 0), (375, 500), (750, 100), (800, 0), (850, 400), (1000, 150), (1250, 250), (1350, 0),
    (1750, 100),
)  # fmt: skip
PAA: Table = ((25, 5), (200, 0), (1000, 10), (1500, 4), (1750, 0))
TABLES: dict[str, Table] = {
    "Fs": SUGAR,
    "Foil": OIL,
    "Fg": GAS,
    "pressure": PRESSURE,
    "Fremoved": REMOVED,
    "Fw": WATER,
    "Fpaa": PAA,
}
SPEED = 100.0
"""Agitator, 1/min: the same all the time."""


def steps(table: Table) -> Steps:
    """A table as a profile over hours.

    >>> steps(PAA).times[:2]
    (0.0, 5.0)
    """
    ends = (0.0, *(round(floor(last) * SAMPLE_H, 9) for last, _ in table[:-1]))
    return Steps(ends, tuple(float(value) for _, value in table))


def inputs() -> dict[str, Steps | float]:
    """What the recipe sets without controllers."""
    profiles: dict[str, Steps | float] = {name: steps(table) for name, table in TABLES.items()}
    return {**profiles, "RPM": SPEED}
