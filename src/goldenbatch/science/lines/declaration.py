"""What a line or a plant is made of: units, buffers, people, products and the plan.

Times are in the line's own unit (`time_unit`); time 0 is a Monday at midnight, or `starts_at`
after it. Lots are what flows: batches of a plant, or single items of a line.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Literal

from goldenbatch.science.lines.distributions import Distribution, constant

HOURS: dict[str, float] = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0}
"""Hours of each unit of time."""

NOTHING, ALL = constant(0.0), constant(1.0)
"""No time at all, and a yield without loss."""

Clock = Literal["operation", "time", "cycles"]
Consequence = Literal["report", "scrap", "yield"]


@dataclass(frozen=True, slots=True)
class Need:
    """People or equipment of a shared resource that an activity takes.

    Attributes:
        resource: name of the resource.
        n: how many of it.
    """

    resource: str
    n: int = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which a unit stops.

    Attributes:
        name: of the failure.
        time_to_failure: in operating time, calendar time or operations, as `clock` says.
        time_to_repair: in time, people's waiting not included.
        clock: `operation` (wears only while it works), `time`, or `cycles` (a count of
            operations, after which the next one fails as it begins).
        consequence: for the lot in work: `resume`, `restart` or `scrap`.
        crew: who repairs.
    """

    name: str
    time_to_failure: Distribution
    time_to_repair: Distribution
    clock: Clock = "operation"
    consequence: Literal["resume", "restart", "scrap"] = "resume"
    crew: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Cleaning (and sterilisation) of a unit after use.

    Attributes:
        duration: of one cleaning.
        every: batches of one product between cleanings; another product always cleans first.
        expiry: how long a clean unit stays clean; after it, it is cleaned again before use.
        dirty_hold: how long a unit may stand dirty; later, the cleaning takes longer and the
            event is named.
        late_factor: of the duration of a cleaning that began too late.
        crew: people and skids.
    """

    duration: Distribution
    every: int = 1
    expiry: float = math.inf
    dirty_hold: float = math.inf
    late_factor: float = 1.0
    crew: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Changeover:
    """What a change of product takes at a unit.

    Attributes:
        default: for pairs that the matrix does not name.
        matrix: (from, to, duration) of products.
        crew: who does it.
    """

    default: Distribution
    matrix: tuple[tuple[str, str, Distribution], ...] = ()
    crew: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """Equipment on which a step runs: one, or several alike side by side.

    Attributes:
        name: of the unit.
        count: how many alike.
        failures: independent of one another.
        cleaning, changeover: None where there is none.
        blocking: `after`: a lot that finds no place stays on the unit; `before`: the step does
            not begin until there is a place.
    """

    name: str
    count: int = 1
    failures: tuple[Failure, ...] = ()
    cleaning: Cleaning | None = None
    changeover: Changeover | None = None
    blocking: Literal["after", "before"] = "after"


@dataclass(frozen=True, slots=True)
class Buffer:
    """A place between steps: tank, hold, conveyor or store.

    Attributes:
        name: of the buffer.
        capacity: lots that it holds; infinite by default.
        frees: its place: when a lot is `taken` to the next unit or when it is `done` there.
    """

    name: str
    capacity: float = math.inf
    frees: Literal["taken", "done"] = "taken"


@dataclass(frozen=True, slots=True)
class Shift:
    """When a resource is there, every week.

    Attributes:
        start, end: hours of the day, 0 to 24; an end at or before the start is on the next day.
        days: 0 (Monday) to 6.
        n: how many are there; shifts that overlap add up.
    """

    start: float
    end: float
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    n: int = 1


@dataclass(frozen=True, slots=True)
class Resource:
    """People, skids or utilities that several units share.

    Attributes:
        name: of the resource.
        n: how many there are, always, where there are no shifts.
        shifts: when they are there; a task that has begun keeps its people (overtime is counted).
    """

    name: str
    n: int = 1
    shifts: tuple[Shift, ...] = ()

    @property
    def most(self) -> int:
        """The most that can be there at once, shifts added up."""
        return sum(shift.n for shift in self.shifts) if self.shifts else self.n


@dataclass(frozen=True, slots=True)
class Hold:
    """The longest time between the end of a step and the start of the next.

    Attributes:
        maximum: in time.
        consequence: `report`, `scrap` the lot, or multiply its `yield` by the factor.
        yield_factor: for the consequence `yield`.
    """

    maximum: float
    consequence: Consequence = "report"
    yield_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Quality:
    """The wait for a sample's result and the release of a lot.

    Attributes:
        sampling, laboratory, release: one after another.
        p_reject: chance that the lot is rejected.
        keeps_unit: whether the lot waits on its unit.
        crew: analysts, taken for the laboratory's time.
    """

    sampling: Distribution = NOTHING
    laboratory: Distribution = NOTHING
    release: Distribution = NOTHING
    p_reject: float = 0.0
    keeps_unit: bool = False
    crew: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a product's way.

    Attributes:
        name: of the step.
        unit: on which it runs.
        duration: in time; not used where a twin is named.
        yields: share of the amount that is left after it, likewise.
        twin: name of the unit twin whose runs give duration and yield together.
        crew: who is needed, from the start on.
        attended: how long they stay; infinite for the whole step.
        buffer: where the lot goes then; "" keeps it on the unit until the next one takes it.
        hold: limit of the wait for the next step.
        quality: wait for results after the step.
    """

    name: str
    unit: str
    duration: Distribution = NOTHING
    yields: Distribution = ALL
    twin: str = ""
    crew: tuple[Need, ...] = ()
    attended: float = math.inf
    buffer: str = ""
    hold: Hold | None = None
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A product and the way that its lots go.

    Attributes:
        name: of the product.
        route: steps in order.
    """

    name: str
    route: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Campaign:
    """A run of lots of one product.

    Attributes:
        product: of the lots.
        n_lots: 0 for as many as there is time for.
        size: amount of each lot at its start.
        start: not before this time; campaigns follow one another in the plan's order.
        interval: between releases; None releases a lot when the one before has begun.
    """

    product: str
    n_lots: int = 0
    size: float = 1.0
    start: float = 0.0
    interval: Distribution | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is different from a time on: a transition.

    Attributes:
        at: time of the change.
        unit: whose durations change, by `factor`, or whose `count` does (growing only).
        resource: whose number `n` changes.
        factor: of the durations of steps that begin later; 1 leaves them.
        n: new number of units or of the resource; None leaves it.
    """

    at: float
    unit: str = ""
    resource: str = ""
    factor: float = 1.0
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A declared line or plant.

    Attributes:
        name: of the line.
        time_unit: `s`, `min`, `h` or `d`.
        units, buffers, resources, products: what there is.
        plan: campaigns in order; those of an endless plan run side by side.
        changes: transitions.
        starts_at: hours after Monday midnight at which time 0 is.
    """

    name: str
    time_unit: str
    units: tuple[Unit, ...]
    products: tuple[Product, ...]
    plan: tuple[Campaign, ...]
    buffers: tuple[Buffer, ...] = ()
    resources: tuple[Resource, ...] = ()
    changes: tuple[Change, ...] = ()
    starts_at: float = 0.0

    @property
    def digest(self) -> str:
        """SHA-256 of the declaration; the same for the same line, however it was written.

        >>> unit, step = Unit("mixer"), Step("mix", "mixer", constant(2.0))
        >>> line = Line("one", "h", (unit,), (Product("A", (step,)),), (Campaign("A"),))
        >>> len(line.digest)
        64
        """
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def twins(self) -> tuple[str, ...]:
        """Names of the unit twins that the steps draw from, each once."""
        named = (step.twin for product in self.products for step in product.route)
        return tuple(sorted({name for name in named if name}))
