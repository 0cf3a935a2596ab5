"""When which unit of the demonstration plant makes which batch, in real time.

The process itself is sped up: an hour of the bioreactor passes in six seconds. Times are those of
the clock on the wall, so that nothing of the platform needs to know of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from goldenbatch.apps.demo.course import Course
from goldenbatch.apps.demo.dryer import DryerPlan, run_dryer
from goldenbatch.apps.demo.filling import FillingPlan, run_filling
from goldenbatch.apps.demo.reactor import INTERVAL_H, ReactorPlan, run_reactor

HOUR_US = 3_600_000_000
FIRST_REACTOR, FIRST_DRYER, FIRST_FILLING = 23, 17, 17
"""Number of the batch that runs, or comes next, when the plant is first started."""
WITH_READINGS = FIRST_REACTOR - 2
"""Of earlier batches only these come with their readings; the others need no such detail."""
DRIFT_H = 150.0
"""When the temperature probe of the first batch begins to drift."""


@dataclass(frozen=True)
class Slot:
    """One batch of a unit at its place in time.

    Attributes:
        number: Of the batch at its unit.
        start: Microseconds UTC.
        pace: Hours of the process in an hour of the clock.
        course: What happens.
    """

    number: int
    start: int
    pace: float
    course: Course

    @property
    def end(self) -> int:
        """When the batch is over."""
        return self.at(self.course.duration_h)

    def at(self, time_h: float) -> int:
        """When a time of the process is, in microseconds UTC."""
        return self.start + round(time_h / self.pace * HOUR_US)

    def hours(self, now: int) -> float:
        """Which hour of the process it is."""
        return (now - self.start) / HOUR_US * self.pace


@dataclass(frozen=True)
class Unit:
    """A unit and its endless row of batches.

    Attributes:
        place: Path in the plant.
        prefix: Of its batches' names.
        product: What they are of.
        first: Number of the batch of slot 0.
        pace: Hours of the process in an hour of the clock.
        opens_us: Start of slot 0 after the plant was first started; negative: before.
        every_us: From one start to the next.
        make: The course of a batch by name and number.
    """

    place: str
    prefix: str
    product: str
    first: int
    pace: float
    opens_us: int
    every_us: int
    make: Callable[[str, int], Course]

    def name(self, number: int) -> str:
        """Identifier of a batch."""
        return f"{self.prefix}-{number:03d}"

    def slot(self, number: int, epoch: int) -> Slot:
        """A batch, simulated when it is first asked for."""
        start = epoch + self.opens_us + (number - self.first) * self.every_us
        return Slot(number, start, self.pace, _course(self, number))

    def number_at(self, now: int, epoch: int) -> int:
        """The batch whose slot a time falls in; it may be over already."""
        return self.first + (now - epoch - self.opens_us) // self.every_us


@lru_cache(maxsize=48)
def _course(unit: Unit, number: int) -> Course:
    return unit.make(unit.name(number), number)


@dataclass(frozen=True)
class Pace:
    """How much faster than life the plant is.

    Attributes:
        reactor: A batch of 14 days then takes 34 minutes.
        dryer: A cycle of 28 hours then takes 4 minutes.
        filling: A lot of one and a half hours then takes 5 minutes.
    """

    reactor: float = 600.0
    dryer: float = 400.0
    filling: float = 18.0


def units(site: str, seed: int, pace: Pace | None = None) -> tuple[Unit, Unit, Unit]:
    """Bioreactor, freeze-dryer and filling line.

    Args:
        site: Path of the site in the plant.
        seed: Of everything that differs from batch to batch.
        pace: How much faster than life they are.
    """
    pace = pace or Pace()

    def span(hours: float, at: float) -> int:
        return round(hours / at * HOUR_US)

    opens = -span(DRIFT_H - 6.0, pace.reactor)
    return (
        Unit(f"{site}/upstream/bioreactor", "GB", "mab-7-ds", FIRST_REACTOR, pace.reactor, opens,
             span(342.0, pace.reactor), lambda name, n: run_reactor(reactor_plan(name, n, seed))),
        Unit(f"{site}/drug-product/freeze-dryer", "FD", "mab-7", FIRST_DRYER, pace.dryer,
             span(2.0, pace.dryer), span(31.0, pace.dryer),
             lambda name, n: run_dryer(dryer_plan(name, n, seed))),
        Unit(f"{site}/drug-product/filling-line", "FL", "mab-7-filled", FIRST_FILLING, pace.filling,
             span(0.1, pace.filling), span(2.2, pace.filling),
             lambda name, n: run_filling(FillingPlan(name, _seed(seed, 3, n)))),
    )  # fmt: skip


def reactor_plan(name: str, number: int, seed: int) -> ReactorPlan:
    """What happens to a batch of the bioreactor: fixed for the first ones, drawn for later ones."""
    own = _seed(seed, 1, number)
    if number == WITH_READINGS:
        return ReactorPlan(name, own, charge=0.86)
    if number < FIRST_REACTOR:
        return ReactorPlan(name, own, interval_h=INTERVAL_H if number >= WITH_READINGS else 0.5)
    if number == FIRST_REACTOR:
        return ReactorPlan(name, own, drift_from_h=DRIFT_H, drift_per_h=0.04)
    chance = random.Random(own)  # noqa: S311 - a simulation, no secret
    drift = chance.uniform(60.0, 250.0) if chance.random() < 0.4 else None
    charge = chance.choice((0.86, 1.15)) if chance.random() < 0.3 else 1.0
    return ReactorPlan(name, own, drift_from_h=drift, charge=charge)


def dryer_plan(name: str, number: int, seed: int) -> DryerPlan:
    """What happens to a load of the freeze-dryer: the cooling gives way in every third."""
    own = _seed(seed, 2, number)
    is_live = number >= FIRST_DRYER
    return DryerPlan(name, own, 8.0 if is_live and (number - FIRST_DRYER) % 3 == 0 else None)


def _seed(seed: int, kind: int, number: int) -> int:
    return seed * 1_000_003 + kind * 100_003 + number
