"""A frozen batch plan: what is needed to follow a batch live, and nothing else.

Samples in one block, one by one, or with a restart in between give the same bits; what the plan
remembers of a batch is plain JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, Integers, matrix, vector
from goldenbatch.science.errors import DataError, PlanError
from goldenbatch.science.latent.batch import _plan_bytes
from goldenbatch.science.latent.batch._frames import Aligned, Front, deviations, plain
from goldenbatch.science.latent.batch._planes import run_batchwise, run_observation
from goldenbatch.science.latent.batch.domain import N_START, DomainIssue, start_values
from goldenbatch.science.latent.batch.forecasts import Forecast
from goldenbatch.science.latent.batch.runs import BatchRun
from goldenbatch.science.latent.batch.settings import END, BatchSettings
from goldenbatch.science.latent.batch.unfolding import at_maturity

STATISTICS = ("T2", "SPE", "envelope")
"""Distance in the model plane, distance from it, largest scaled deviation of one variable."""
State = dict[str, Any]


@dataclass(frozen=True, eq=False)
class PhasePlan:
    """The frozen model of one phase; k grid points, p variables.

    Attributes:
        name: of the phase.
        front: gaps, maturity, grid.
        mean, spread: the golden course, shape (k, p).
        model: arrays of the observation- or batch-wise model.
        limits: of T2, SPE and the largest deviation at each grid point, shape (3, k).
        length: shortest, longest, and how far maturity may go, shape (3,).
        start: lowest and highest start of each watched raw variable, shape (2, p_raw).
        half_widths: of each forecast at each grid point, shape (m, k).
    """

    name: str
    front: Front
    mean: Floats
    spread: Floats
    model: Mapping[str, Floats]
    limits: Floats
    length: Floats
    start: Floats
    half_widths: Floats


@dataclass(frozen=True, slots=True, eq=False)
class BatchReadings:
    """What the plan says of n samples of one phase; NaN where a sample is not scored.

    Attributes:
        phase: its name.
        variables: names of what is watched, p of them.
        elapsed: since the phase began, shape (n,).
        maturity: 0 to 1, above 1 beyond the golden course, shape (n,).
        statistics: T2, SPE and largest deviation, shape (n, 3).
        limits: of them at the sample's maturity, shape (n, 3).
        is_alarm: for each statistic, beyond its limit for as many samples in a row as the plan
            asks, shape (n, 3).
        deviations: of each variable in spreads of the golden batches, shape (n, p).
        t2_parts, spe_parts: contributions of each variable, shape (n, p).
        forecast, half_width: of each outcome, shape (n, m); `end` counts from the begin of
            the phase.
        is_missing: a watched tag is gone for too long, shape (n,).
    """

    phase: str
    variables: tuple[str, ...]
    elapsed: Floats
    maturity: Floats
    statistics: Floats
    limits: Floats
    is_alarm: Bools
    deviations: Floats
    t2_parts: Floats
    spe_parts: Floats
    forecast: Floats
    half_width: Floats
    is_missing: Bools

    @property
    def is_quality_alarm(self) -> Bools:
        """Whether any statistic is in alarm, shape (n,)."""
        return np.asarray(self.is_alarm.any(axis=1))

    def contributions(self, sample: int, statistic: int) -> list[tuple[str, float]]:
        """Variables by what they add to a statistic at a sample, the most first."""
        parts = (self.t2_parts, self.spe_parts, self.deviations)[statistic][sample]
        order = np.argsort(-np.abs(np.nan_to_num(parts)), kind="stable")
        return [(self.variables[j], float(parts[j])) for j in order]


@dataclass(frozen=True, slots=True, eq=False)
class BatchTrace:
    """A whole batch followed by a plan.

    Attributes:
        batch: its name.
        phases: readings of each modelled phase, in the order of the batch.
        domain: why it is outside the domain; empty: it is inside.
    """

    batch: str
    phases: tuple[BatchReadings, ...]
    domain: tuple[DomainIssue, ...]

    @property
    def is_alarm(self) -> bool:
        """Whether there was any quality alarm."""
        return any(bool(one.is_alarm.any()) for one in self.phases)

    def first_alarm(self) -> tuple[BatchReadings, int, int] | None:
        """Phase, sample and statistic of the first quality alarm; the furthest out of several."""
        for one in self.phases:
            at = np.flatnonzero(one.is_quality_alarm)
            if len(at):
                sample = int(at[0])
                ratio = np.where(one.is_alarm[sample], one.statistics[sample] / one.limits[sample],
                                 -np.inf)  # fmt: skip
                return one, sample, int(np.argmax(ratio))
        return None


@dataclass(frozen=True, eq=False)
class BatchPlan:
    """A fitted batch model as flat arrays; equal if the digests are.

    Attributes:
        settings: what it was made with.
        phases: name to model, in order.
        forecasts: of the outcomes.
        n_batches: golden batches.
        stated_rate: share of good batches that may give a quality alarm, as the number of golden
            batches can promise it.
        stated_coverage: of the forecasts' intervals, likewise.
        dropped: golden batches that were no pattern, see `fitting.screened`.
    """

    settings: BatchSettings
    phases: Mapping[str, PhasePlan]
    forecasts: tuple[Forecast, ...]
    n_batches: int
    stated_rate: float
    stated_coverage: float
    dropped: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def __eq__(self, other: object) -> bool:
        """Plans are equal if their bytes are."""
        return isinstance(other, BatchPlan) and self.digest == other.digest

    def __hash__(self) -> int:
        """Hash of the digest."""
        return hash(self.digest)

    def to_bytes(self) -> bytes:
        """Return the canonical bytes; equal plans give equal bytes."""
        return _plan_bytes.pack_plan(self)

    @classmethod
    def from_bytes(cls, raw: bytes, digest: str | None = None) -> Self:
        """Read what `to_bytes` wrote; check it against a digest where one is given.

        Raises:
            PlanError: the bytes are damaged, of another kind, or have another digest.
        """
        if digest is not None and hashlib.sha256(raw).hexdigest() != digest:
            message = f"the batch plan does not have the digest {digest}; do not use it"
            raise PlanError(message)
        return cls(**_plan_bytes.unpack_plan(raw))

    def start(self) -> State:
        """What is remembered of a batch before its first sample."""
        return {"phases": {}, "forecast": [[0.0] * _size(one) for one in self.forecasts]}

    def variables(self, phase: str) -> tuple[str, ...]:
        """Names of what is watched in a phase."""
        front = self.phases[phase].front
        names = tuple(self.settings.columns[place] for place in front.columns)
        return (*names, "elapsed time") if front.has_elapsed else names

    def advance(
        self, state: State, phase: str, elapsed: ArrayLike, values: ArrayLike
    ) -> tuple[State, BatchReadings | None]:
        """Take further samples of one phase of a batch.

        Args:
            state: after the samples before; not changed.
            phase: its name.
            elapsed: since the phase began, shape (n,), rising.
            values: all columns of the plan, NaN where missing, shape (n, p).

        Returns:
            The next state, and what is said; None in a phase that the plan is not valid in.

        Raises:
            DataError: shapes do not fit.
        """
        if phase not in self.phases:
            return state, None
        at, rows = vector(elapsed, "elapsed"), matrix(values, "values")
        if rows.shape != (len(at), len(self.settings.columns)):
            message = f"values have shape {rows.shape}; the plan has {len(self.settings.columns)}"
            raise DataError(f"{message} columns, and {len(at)} samples are given")
        if not len(at):
            return state, None
        kept = state["phases"].get(phase, {})
        following = _Following(self, self.phases[phase], kept, state["forecast"])
        memory, sums, readings = following.run(at, rows)
        phases = {**state["phases"], phase: memory}
        return {"phases": phases, "forecast": sums}, readings

    def domain(self, state: State) -> list[DomainIssue]:
        """Why the batch is outside the plan's domain by what was seen so far."""
        issues: list[DomainIssue] = []
        for name, memory in state["phases"].items():
            phase = self.phases[name]
            low, high, furthest = phase.length.tolist()
            if memory["elapsed"] > high:
                issues.append(DomainIssue("length", name, "", memory["elapsed"], low, high))
            issues += self._start_issues(phase, memory)
            for place, was_missing in zip(phase.front.columns, memory["gone"], strict=True):
                if was_missing:
                    issues.append(DomainIssue("missing", name, self.settings.columns[place]))
            if memory["before"][0] > furthest + 1e-9:
                issues.append(DomainIssue("beyond", name))
        return issues

    def _start_issues(self, phase: PhasePlan, memory: State) -> list[DomainIssue]:
        first = [[np.nan if v is None else v for v in row] for row in memory["first"]]
        if len(first) < N_START:
            return []
        found = start_values(np.array(first))
        issues = []
        for j, place in enumerate(phase.front.columns):
            low, high = phase.start[:, j].tolist()
            if found[j] < low or found[j] > high:
                name = self.settings.columns[place]
                issues.append(DomainIssue("start", phase.name, name, float(found[j]), low, high))
        return issues

    def ended(self, phase: str, length: float) -> list[DomainIssue]:
        """What the length of a phase that ended says."""
        if phase not in self.phases:
            return []
        low, high, _ = self.phases[phase].length.tolist()
        if low <= length <= high:
            return []
        return [DomainIssue("length", phase, "", length, low, high)]

    def follow(self, run: BatchRun) -> BatchTrace:
        """Follow a whole batch."""
        state, found = self.start(), []
        issues: list[DomainIssue] = []
        for one in run.stretches():
            state, readings = self.advance(state, one.phase, one.elapsed, one.values)
            if readings is not None:
                found.append(readings)
                issues += self.ended(one.phase, one.length)
        known = {(one.kind, one.phase) for one in issues}
        issues += [one for one in self.domain(state) if (one.kind, one.phase) not in known]
        return BatchTrace(run.name, tuple(found), tuple(issues))

    def with_limits(self, limits: Mapping[str, Floats], rate: float) -> Self:
        """The plan with other limits of its phases."""
        phases = {k: replace(v, limits=limits[k]) for k, v in self.phases.items()}
        return replace(self, phases=phases, stated_rate=rate)


def _size(forecast: Forecast) -> int:
    return int(next(iter(forecast.weights.values())).shape[1])


@dataclass
class _Following:
    """One stretch of samples on its way through one phase of a plan."""

    plan: BatchPlan
    phase: PhasePlan
    memory: State
    sums: Sequence[Sequence[float]]

    def run(self, elapsed: Floats, values: Floats) -> tuple[State, list[list[float]],
                                                           BatchReadings]:  # fmt: skip
        phase, settings = self.phase, self.plan.settings
        kept, aligned = phase.front.run(self.memory, elapsed, values)
        z, grid = deviations(aligned, phase.mean, phase.spread)
        if settings.unfolding == "observation":
            model, said = run_observation(phase.model, settings, self.memory.get("model", {}), z)
        else:
            model, said = run_batchwise(
                phase.model, self.memory.get("model", {}), z,
                (grid, aligned.first, aligned.filled), self._nearest(aligned.maturity),
            )  # fmt: skip
        statistics = np.column_stack([said.t2, said.spe, np.abs(z).max(axis=1)])
        limits = at_maturity(np.ascontiguousarray(phase.limits.T), aligned.maturity)
        recent, is_alarm = self._persistent(statistics / limits)
        sums, forecast, half = self._forecast(elapsed, aligned, grid)
        old = aligned.ages[:, list(phase.front.columns)] > phase.front.max_hold
        gone = np.asarray(old.any(axis=0)).tolist()
        before = self.memory.get("gone", [False] * len(gone))
        first = self.memory.get("first", [])
        own = values[: max(0, N_START - len(first)), list(phase.front.columns)]
        memory = kept | {
            "model": model, "recent": recent, "elapsed": float(elapsed[-1]),
            "gone": [bool(a or b) for a, b in zip(gone, before, strict=True)],
            "first": [*first, *(plain(row) for row in own)],
        }  # fmt: skip
        readings = BatchReadings(
            phase.name, self.plan.variables(phase.name), elapsed, aligned.maturity, statistics,
            limits, is_alarm, z, said.t2_parts, said.spe_parts, forecast, half,
            ~aligned.is_usable,
        )  # fmt: skip
        return memory, sums, readings

    def _nearest(self, maturity: Floats) -> Integers:
        last = self.phase.front.n_points - 1
        return np.rint(np.clip(maturity, 0.0, 1.0) * last).astype(np.int64)

    def _persistent(self, ratio: Floats) -> tuple[list[list[float]], Bools]:
        """Whether each statistic was beyond its limit for long enough; gaps start anew."""
        wanted = self.plan.settings.persistence
        before = np.array(self.memory.get("recent", [[0.0] * 3] * (wanted - 1)))
        every = np.concatenate([before.reshape(-1, 3), np.nan_to_num(ratio, nan=0.0)])
        held = persistent(every, wanted)
        return every[len(every) - wanted + 1 :].tolist(), np.asarray(held > 1.0)

    def _forecast(
        self, elapsed: Floats, aligned: Aligned, grid: Floats
    ) -> tuple[list[list[float]], Floats, Floats]:
        sums, columns, n_after = [], [], (aligned.filled - aligned.first).tolist()
        for one, kept in zip(self.plan.forecasts, self.sums, strict=True):
            total, values = one.step(np.array(kept), self.phase.name, grid, aligned.first, n_after)
            sums.append(total.tolist())
            # A batch that still runs has not ended.
            columns.append(np.maximum(values, elapsed) if one.name == END else values)
        if not columns:
            nothing = np.zeros((len(elapsed), 0))
            return sums, nothing, nothing
        half = at_maturity(np.ascontiguousarray(self.phase.half_widths.T), aligned.maturity)
        return sums, np.column_stack(columns), half


def persistent(ratio: Floats, wanted: int) -> Floats:
    """Smallest of the last `wanted` rows at each row that has so many, shape (n-wanted+1, 3).

    >>> persistent(np.array([[2.0], [3.0], [1.0]]), 2).tolist()
    [[2.0], [1.0]]
    """
    n = len(ratio) - wanted + 1
    held = ratio[:n]
    for k in range(1, wanted):
        held = np.minimum(held, ratio[k : k + n])
    return held
