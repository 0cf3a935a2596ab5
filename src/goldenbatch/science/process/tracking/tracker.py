"""A bank of filters over a running batch: one for each hypothesis, on one grid of times.

The tracker keeps no readings. It remembers its filters at checkpoints of a window; when a result
of the laboratory comes for a sample that was taken earlier, or a reading is late or corrected,
it goes back to the checkpoint before it and filters again with all that is known: the outcome is
equal, bit by bit, to that of the same evidence come in time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import floor
from typing import TYPE_CHECKING, Any, Final, TypeGuard

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.tracking.belief import Belief, start_belief
from goldenbatch.science.process.tracking.filters import Step, predict, update

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.tracking.hypotheses import Hypothesis
    from goldenbatch.science.process.tracking.setup import Setup

_SNAP: Final = 1e-6
"""Evidence that close to a time of the grid, in intervals, counts as at that time."""

Points = tuple[Sequence[float], Sequence[float]]
"""Times and values, in order of time."""


@dataclass(frozen=True)
class Observed:
    """What was commanded and measured, from a checkpoint on.

    Attributes:
        inputs: Name of an input to its readings: each holds until the next. One at or before
            the checkpoint says how it stood there; without it the declared value counts.
        readings: Output to readings of its sensor; the last of each interval counts at its end.
        samples: Time when a sample was taken, output, and the laboratory's value.
    """

    inputs: Mapping[str, Points] = field(default_factory=dict)
    readings: Mapping[str, Points] = field(default_factory=dict)
    samples: Sequence[tuple[float, str, float]] = ()


@dataclass(frozen=True)
class Record:
    """What the filters said at one time.

    Attributes:
        time: In the model's time unit.
        likelihoods: Log density of the readings, one for each hypothesis.
        amounts: Of each hypothesis's fault, and its standard deviation.
        nis: Normalised innovation squared of the first hypothesis.
        n_taken: Readings behind it.
        innovations: Output to its innovation in standard deviations, of the first hypothesis.
        rejected: Outputs whose readings it did not take in.
    """

    time: float
    likelihoods: tuple[float, ...]
    amounts: tuple[tuple[float, float], ...]
    nis: float
    n_taken: int
    innovations: Mapping[str, float]
    rejected: tuple[str, ...]

    def to_json(self) -> list[Any]:
        """Plain JSON."""
        return [
            self.time, list(self.likelihoods), [list(one) for one in self.amounts], self.nis,
            self.n_taken, dict(self.innovations), list(self.rejected),
        ]  # fmt: skip

    @classmethod
    def from_json(cls, plain: Sequence[Any]) -> Record:
        """Read what `to_json` wrote."""
        time, likelihoods, amounts, nis, n_taken, innovations, rejected = plain
        pairs = tuple((one[0], one[1]) for one in amounts)
        return cls(
            time, tuple(likelihoods), pairs, nis, n_taken, dict(innovations), tuple(rejected)
        )


@dataclass
class Tracker:
    """Filters of all hypotheses; the first is that nothing is wrong.

    Attributes:
        setup: What is tracked.
        hypotheses: The bank, `nominal()` first.
        cadence: Distance of the grid, in the model's time unit.
        window: How far back a late result may reach.
        checkpoint_every: Grid intervals between two checkpoints.
        checkpoints: Time to the beliefs there, oldest first.
        beliefs: Newest beliefs.
        records: What was said at every time of the window.
        time: Up to where it has filtered; before time 0, nothing.
    """

    setup: Setup
    hypotheses: tuple[Hypothesis, ...]
    cadence: float
    window: float = 48.0
    checkpoint_every: int = 8
    checkpoints: list[tuple[float, tuple[Belief, ...]]] = field(default_factory=list)
    beliefs: tuple[Belief, ...] = ()
    records: list[Record] = field(default_factory=list)
    time: float = -1.0

    def __post_init__(self) -> None:
        """Begin at time 0 unless it goes on from somewhere."""
        if not self.hypotheses or self.hypotheses[0].what != "nominal":
            raise DesignError("the first hypothesis is not nominal().", hint="Put it first.")
        if not (self.cadence > 0 and self.window >= 0 and self.checkpoint_every >= 1):
            raise DesignError("cadence and checkpoints must be positive.", hint="Correct them.")
        if not self.beliefs:
            self.beliefs = tuple(start_belief(self.setup, one) for one in self.hypotheses)
            self.checkpoints = [(self.time, self.beliefs)]

    def grid(self, upto: float) -> float:
        """Last time of the grid that is not later."""
        return floor(upto / self.cadence + 1e-9) * self.cadence

    def restart_at(self, changed: float | None = None) -> float | None:
        """Time from which evidence is needed for `advance`; None: it came too late.

        Args:
            changed: Time of the oldest evidence that is new or different; None: none is older
                than what was filtered.
        """
        if not self._is_back(changed):
            return self.time
        place = self._checkpoint_before(changed)
        return None if place is None else self.checkpoints[place][0]

    def _is_back(self, changed: float | None) -> TypeGuard[float]:
        return changed is not None and changed <= self.time + _SNAP * self.cadence

    def _checkpoint_before(self, changed: float) -> int | None:
        """Place of the newest checkpoint on which evidence of a time has no bearing."""
        clear = changed - _SNAP * self.cadence
        found = [place for place, (at, _) in enumerate(self.checkpoints) if at < clear]
        return found[-1] if found else None

    def advance(self, observed: Observed, upto: float, changed: float | None = None) -> int:
        """Filter up to the last grid time that is not later, and all samples before it.

        Args:
            observed: Evidence from `restart_at(changed)` on; what is older is not looked at.
            upto: Time up to which all evidence of the sensors is known.
            changed: Time of the oldest evidence that is new or different.

        Returns:
            Number of new records (those filtered again among them).

        Raises:
            DataError: The changed evidence is older than the window, or names are unknown.
        """
        self._check(observed)
        if self._is_back(changed):
            place = self._checkpoint_before(changed)
            if place is None:
                raise DataError(
                    f"evidence of {changed:g} {self.setup.model.time_unit} came too late: the "
                    f"window begins at {self.checkpoints[0][0]:g}.",
                    hint="Track with a longer window.",
                )
            self.time, self.beliefs = self.checkpoints[place]
            del self.checkpoints[place + 1 :]
            self.records = [one for one in self.records if one.time <= self.time]
        target = self.grid(upto)
        times = self._times(observed, target)
        for at in times:
            self._step(observed, at)
        self._forget()
        return len(times)

    def _check(self, observed: Observed) -> None:
        inputs = set(self.setup.model.columns("inputs"))
        outputs = {one.name for _, one in self.setup.measured}
        given = [*observed.readings, *(name for _, name, _ in observed.samples)]
        for name, known in [
            *((n, inputs) for n in observed.inputs),
            *((n, outputs) for n in given),
        ]:
            if name not in known:
                raise DataError(
                    f"{name!r} is no input or measured output of {self.setup.model.name}.",
                    hint=f"Those: {', '.join(sorted(known)) or 'none'}.",
                )

    def _times(self, observed: Observed, target: float) -> list[float]:
        first = max(0, round(self.time / self.cadence))
        grid = {k * self.cadence for k in range(first, round(target / self.cadence) + 1)}
        # A sample just beside a grid time makes no interval of its own: no solver likes those.
        own = {self._snapped(at) for at, _, _ in observed.samples}
        return sorted(at for at in grid | own if self.time < at <= target)

    def _snapped(self, at: float) -> float:
        near = round(at / self.cadence) * self.cadence
        return near if abs(at - near) <= _SNAP * self.cadence else at

    def _step(self, observed: Observed, at: float) -> None:
        u = self.inputs_over(observed, max(self.time, 0.0), at)
        readings = self._readings(observed, at)
        steps = [
            update(self.setup, hypothesis, predict(self.setup, hypothesis, belief, at, u),
                   readings, u)
            for hypothesis, belief in zip(self.hypotheses, self.beliefs, strict=True)
        ]  # fmt: skip
        self.time, self.beliefs = at, tuple(one.belief for one in steps)
        self.records.append(self._record(at, steps))
        every = self.checkpoint_every * self.cadence
        if abs(at / every - round(at / every)) < 1e-9:
            self.checkpoints.append((at, self.beliefs))

    def _record(self, at: float, steps: Sequence[Step]) -> Record:
        amounts = tuple(
            (float(one.belief.mean[-1]), float(np.sqrt(one.belief.cov[-1, -1])))
            if hypothesis.fault is not None else (0.0, 0.0)
            for one, hypothesis in zip(steps, self.hypotheses, strict=True)
        )  # fmt: skip
        first = steps[0]
        far = {name: value / sd for name, (value, sd) in first.innovations.items()}
        return Record(
            at, tuple(one.likelihood for one in steps), amounts, first.nis, first.n_taken, far,
            first.rejected,
        )  # fmt: skip

    def inputs_over(self, observed: Observed, begin: float, end: float) -> NDArray[np.float64]:
        """Mean of each input over an interval. Shape `(n_u,)`."""
        names = self.setup.model.columns("inputs")
        default = self.setup.model.input_vector()
        return np.array([
            _mean(observed.inputs[name], begin, end, float(default[k]))
            if name in observed.inputs else float(default[k])
            for k, name in enumerate(names)
        ])  # fmt: skip

    def _readings(self, observed: Observed, at: float) -> dict[str, float]:
        found: dict[str, float] = {}
        if abs(at / self.cadence - round(at / self.cadence)) < 1e-9:
            begin = at - self.cadence
            slack = _SNAP * self.cadence
            for name, (times, values) in sorted(observed.readings.items()):
                place = bisect_right(times, at + slack) - 1
                # A value that is missing leaves the one before it, if that is of the interval.
                while place >= 0 and times[place] > begin + slack:
                    if np.isfinite(values[place]):
                        found[name] = float(values[place])
                        break
                    place -= 1
        # Of two results for one output and time the mean counts.
        exact: dict[str, list[float]] = {}
        for time, name, value in sorted(observed.samples):
            if self._snapped(time) == at and np.isfinite(value):
                exact.setdefault(name, []).append(float(value))
        return found | {name: sum(values) / len(values) for name, values in exact.items()}

    def _forget(self) -> None:
        oldest = self.time - self.window
        while len(self.checkpoints) > 1 and self.checkpoints[1][0] <= oldest:
            del self.checkpoints[0]
        begin = self.checkpoints[0][0]
        self.records = [one for one in self.records if one.time > begin]

    def to_json(self) -> dict[str, Any]:
        """What it remembers, as plain JSON; the setup is not part of it."""
        return {
            "checkpoints": [[at, [one.to_json() for one in all_]] for at, all_ in self.checkpoints],
            "beliefs": [one.to_json() for one in self.beliefs],
            "records": [one.to_json() for one in self.records],
            "time": self.time,
        }

    def read(self, plain: Mapping[str, Any]) -> Tracker:
        """Go on from what `to_json` wrote.

        Raises:
            DataError: It is of another bank of hypotheses.
        """
        if len(plain["beliefs"]) != len(self.hypotheses):
            raise DataError("what was kept is of other hypotheses.", hint="Begin anew.")
        self.checkpoints = [
            (at, tuple(Belief.from_json(one) for one in all_))
            for at, all_ in plain["checkpoints"]
        ]  # fmt: skip
        self.beliefs = tuple(Belief.from_json(one) for one in plain["beliefs"])
        self.records = [Record.from_json(one) for one in plain["records"]]
        self.time = float(plain["time"])
        return self


def _mean(points: Points, begin: float, end: float, default: float) -> float:
    """Time-weighted mean of a value that holds until the next."""
    times = np.asarray(points[0], dtype=float)
    values = np.asarray(points[1], dtype=float)
    place = int(np.searchsorted(times, begin, side="right"))
    total, at = 0.0, begin
    held = float(values[place - 1]) if place else default
    while place < times.size and times[place] < end:
        total += held * (float(times[place]) - at)
        at, held = float(times[place]), float(values[place])
        place += 1
    # One value all the time is that value, not its rounded mean.
    return held if at == begin else (total + held * (end - at)) / (end - begin)
