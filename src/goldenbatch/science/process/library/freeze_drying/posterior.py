"""Posterior of heat transfer and cake resistance from thermocouples, and the end it predicts.

A good fit of temperatures says little about the end of drying: more heat with more resistance
gives nearly the same temperatures. So the end is predicted by an interval over all parameters
that the temperatures and the literature allow, over vials as they differ, and with residuals
that hang together over hours (an Ornstein-Uhlenbeck discrepancy), so that a thousand rows of a
slow curve do not count as a thousand observations.

References:
    Kennedy and O'Hagan (2001), J. R. Stat. Soc. B 63:425, doi:10.1111/1467-9868.00294
    (discrepancy of a model).
    Mockus and others (2011), AAPS PharmSciTech 12:442, doi:10.1208/s12249-011-9608-z (Bayesian
    treatment of primary drying).
"""

# ruff: noqa: N802, N815 - names end in SI units

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import log_ndtr

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError
from goldenbatch.science.process.library.freeze_drying._sampler import (
    Sample,
    SamplerSettings,
    sample,
)
from goldenbatch.science.process.library.freeze_drying.containers import (
    Cake,
    Formulation,
    HeatTransfer,
    Vial,
    Vials,
)
from goldenbatch.science.process.library.freeze_drying.cycle import (
    ContactRule,
    PiraniEnd,
    Primary,
    contact_lost_s,
    settled_s,
)
from goldenbatch.science.process.library.freeze_drying.primary import (
    Conditions,
    Drying,
    DryingSettings,
    dry,
)
from goldenbatch.science.process.library.freeze_drying.properties import PIKAL, HOUR_s, Ice, TORR_Pa

SHARED = ("Kv", "R0", "A1", "A2", "error", "memory")


@dataclass(frozen=True, slots=True)
class Priors:
    """Lognormal priors: median and standard deviation of the logarithm.

    The defaults are wide enough for tubing vials of 2 to 20 mL at 50 to 150 mTorr and for usual
    sugars and polyols at 5 %; they were set before any cycle was fitted.

    Attributes:
        transfer_W_m2_K: of the batch's middle vial, at the chamber's pressure (Pikal, Roy and
            Shah 1984, doi:10.1002/jps.2600730910; Hibler and others 2012, doi:10.1002/jps.23004:
            10 to 20 W/m2/K at 100 mTorr).
        R0: in cm2 h Torr/g.
        A1: in cm h Torr/g.
        A2: in 1/cm (for all three: Pikal 1985; Rambhatla and others 2004,
            doi:10.1208/pt050458).
        between_transfer: standard deviation of the logarithm between vials of one batch
            (Rambhatla and Pikal 2003, doi:10.1208/pt040214).
        between_resistance: the same of the cake.
        error_K: of the model and of where the thermocouple sits.
        memory_h: over which residuals hang together.
    """

    transfer_W_m2_K: tuple[float, float] = (15.0, 0.25)
    R0: tuple[float, float] = (1.0, 1.0)
    A1: tuple[float, float] = (15.0, 0.7)
    A2: tuple[float, float] = (1.0, 1.0)
    between_transfer: float = 0.10
    between_resistance: float = 0.10
    error_K: tuple[float, float] = (0.7, 0.7)
    memory_h: tuple[float, float] = (2.0, 0.7)

    @classmethod
    def at_pressure(cls, pressure_Pa: float) -> Priors:
        """The defaults, with heat transfer as it goes with the pressure (Pikal 1984).

        >>> round(Priors.at_pressure(0.05 * TORR_Pa).transfer_W_m2_K[0], 1)
        13.3
        """
        law = HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46)
        at, usual = law.coefficient_W_m2_K([pressure_Pa, 0.1 * TORR_Pa])
        median, spread = cls().transfer_W_m2_K
        return cls((float(median * at / usual), spread))

    @property
    def shared(self) -> tuple[tuple[float, float], ...]:
        """In the order of `SHARED`."""
        return (self.transfer_W_m2_K, self.R0, self.A1, self.A2, self.error_K, self.memory_h)


@dataclass(frozen=True, slots=True)
class Batch:
    """What was filled, and into what."""

    vial: Vial
    formulation: Formulation
    ice: Ice = PIKAL


@dataclass(frozen=True, slots=True)
class Trace:
    """A thermocouple while ice touches it.

    Attributes:
        name: of the thermocouple.
        times_s: shape (n_rows,).
        bottom_K: shape (n_rows,).
        lost_s: when ice no longer touched it; NaN if it did to the end.
        settled_s: when it came to its last level; NaN if it never did.
    """

    name: str
    times_s: Floats
    bottom_K: Floats
    lost_s: float
    settled_s: float = float("nan")


def traces_of(
    primary: Primary,
    names: Sequence[str] = (),
    *,
    settle_s: float = 1800.0,
    every_s: float = 900.0,
    rule: ContactRule | None = None,
) -> tuple[Trace, ...]:
    """Thermocouples from shortly after the shelf's ramp to their loss of ice.

    Args:
        primary: of a cycle.
        names: of thermocouples; empty for all.
        settle_s: after the ramp, in which the vials are not yet quasi-steady.
        every_s: rows are thinned to, for their errors hang together.
        rule: for the loss of ice.

    Raises:
        DataError: a name is unknown, or a thermocouple has fewer than five rows.
    """
    found = []
    for name in names or tuple(primary.product_K):
        if name not in primary.product_K:
            raise DataError(f"no thermocouple is called {name!r}; there are "
                            f"{', '.join(primary.product_K)}")  # fmt: skip
        product = primary.product_K[name]
        lost = contact_lost_s(primary.times_s, product, primary.held_s, rule)
        last = primary.times_s[-1] if np.isnan(lost) else lost
        wanted = np.arange(primary.held_s + settle_s, last, every_s)
        rows = np.searchsorted(primary.times_s, wanted)
        rows = rows[np.isfinite(product[rows]) & (primary.times_s[rows] < last)]
        if len(rows) < 5:
            raise DataError(f"thermocouple {name!r} has {len(rows)} rows with ice; five are needed")
        settled = settled_s(primary.times_s, product, float(np.nan_to_num(lost, nan=np.inf)))
        found.append(Trace(name, primary.times_s[rows], product[rows], lost, settled))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is fitted: traces of vials of a batch under conditions.

    Attributes:
        batch: the vials.
        conditions: under which they dried.
        traces: thermocouples.
        pirani: the end by pressure where it is part of the fit: the middle vial's end is then
            known to a quarter of the fall from onset to offset.
        priors: of all parameters.
        settling_s: a vial is dry no later than its thermocouple comes to its last level, known
            with this standard deviation. Zero leaves the level out, as a prediction must that is
            made before it.
    """

    batch: Batch
    conditions: Conditions
    traces: tuple[Trace, ...]
    pirani: PiraniEnd | None = None
    priors: Priors = field(default_factory=Priors)
    settling_s: float = HOUR_s

    @property
    def n_dimensions(self) -> int:
        """Shared parameters, and two for each vial with a thermocouple."""
        return len(SHARED) + 2 * len(self.traces)

    def shared(self, particles: Floats) -> dict[str, Floats]:
        """Shared parameters in the units of the priors, each of shape (n,)."""
        pairs = zip(SHARED, self.priors.shared, strict=True)
        return {
            name: median * np.exp(spread * particles[:, i])
            for i, (name, (median, spread)) in enumerate(pairs)
        }

    def vials(self, particles: Floats, effects: Floats) -> Vials:
        """Vials of all particles, one after another.

        Args:
            particles: shape (n, d).
            effects: of heat transfer and resistance, standardised, shape (n, n_each, 2).
        """
        shared, n_each = self.shared(particles), effects.shape[1]
        one = {name: np.repeat(values, n_each) for name, values in shared.items()}
        more_heat = np.exp(self.priors.between_transfer * effects[:, :, 0].ravel())
        more_cake = np.exp(self.priors.between_resistance * effects[:, :, 1].ravel())
        cake = Cake.pikal(one["R0"] * more_cake, one["A1"] * more_cake, one["A2"])
        heat = HeatTransfer(one["Kv"] * more_heat)
        return Vials.of(self.batch.vial, self.batch.formulation, cake, heat, ice=self.batch.ice)

    def log_likelihood(self, particles: Floats) -> Floats:
        """Of temperatures and, where it is given, of the end by pressure; shape (n,)."""
        n, n_each = len(particles), len(self.traces)
        effects = particles[:, len(SHARED) :].reshape(n, n_each, 2)
        if self.pirani is not None:
            effects = np.concatenate([effects, np.zeros((n, 1, 2))], axis=1)
        run = dry(self.vials(particles, effects), self.conditions, _quick(self._last_s()))
        ends, shared = run.end_s.reshape(n, -1), self.shared(particles)
        total = np.zeros(n)
        for i, trace in enumerate(self.traces):
            own = run.pick(slice(i, None, effects.shape[1]))
            bottom = own.at(trace.times_s).bottom_K
            total += _log_discrepancy(
                trace.bottom_K[:, None] - bottom, trace.times_s, shared["error"],
                shared["memory"] * HOUR_s,
            )  # fmt: skip
            if self.settling_s and np.isfinite(trace.settled_s):
                late = np.nan_to_num(ends[:, i], nan=1e9) - trace.settled_s
                total += log_ndtr(-late / self.settling_s)
        return total if self.pirani is None else total + _log_pirani(ends[:, -1], self.pirani)

    def _last_s(self) -> float:
        """How long to dry: later ends cannot be told apart from never."""
        marks = [float(one.times_s[-1]) for one in self.traces]
        if self.settling_s:
            settled = np.nan_to_num([one.settled_s for one in self.traces])
            marks += [float(one) + 8.0 * self.settling_s for one in settled if one]
        if self.pirani is not None:
            marks.append(1.5 * self.pirani.offset_s)
        return max(marks)


def _quick(last_s: float) -> DryingSettings:
    return DryingSettings(step_s=1800.0, limit_s=last_s + 1800.0)


def _log_discrepancy(residual: Floats, times: Floats, error: Floats, memory: Floats) -> Floats:
    """Ornstein-Uhlenbeck residuals: each is known from the one before it."""
    decay = np.exp(-np.diff(times)[:, None] / memory)
    innovation = residual[1:] - decay * residual[:-1]
    variance = error**2 * np.maximum(1.0 - decay**2, 1e-12)
    first = residual[0] ** 2 / error**2 + 2.0 * np.log(error)
    rest = (innovation**2 / variance + np.log(variance)).sum(axis=0)
    n_rows = len(times)
    return np.asarray(-0.5 * (first + rest + n_rows * np.log(2.0 * np.pi)))


def _log_pirani(end_s: Floats, pirani: PiraniEnd) -> Floats:
    spread = (pirani.offset_s - pirani.onset_s) / 4.0
    away = (np.nan_to_num(end_s, nan=1e9) - pirani.midpoint_s) / spread
    return np.asarray(-0.5 * away**2 - np.log(spread))


@dataclass(frozen=True, slots=True)
class Interval:
    """Median and central interval."""

    lower: float
    median: float
    upper: float

    @property
    def width(self) -> float:
        """Upper less lower."""
        return self.upper - self.lower


@dataclass(frozen=True, slots=True)
class Identified:
    """What the data told of a parameter.

    Attributes:
        interval: posterior, in the unit of its prior.
        learnt: share of the prior's variance (of the logarithm) that the data removed.
        partner: the parameter it is most correlated with.
        correlation: with it.
    """

    interval: Interval
    learnt: float
    partner: str
    correlation: float

    @property
    def is_identified(self) -> bool:
        """More than nine tenths of the prior's variance is gone."""
        return self.learnt > 0.9


@dataclass(frozen=True, slots=True)
class Posterior:
    """A fitted cycle.

    Attributes:
        problem: that was fitted.
        sample: particles.
    """

    problem: Problem
    sample: Sample

    def parameters(self, level: float = 0.95) -> dict[str, Identified]:
        """Posterior of every shared parameter, with what could not be told apart."""
        particles = self.sample.particles[:, : len(SHARED)]
        values = self.problem.shared(self.sample.particles)
        correlation = np.corrcoef(particles.T) - np.eye(len(SHARED))
        found = {}
        for i, name in enumerate(SHARED):
            j = int(np.abs(correlation[i]).argmax())
            found[name] = Identified(
                interval(values[name], level), float(1.0 - particles[:, i].var()), SHARED[j],
                float(correlation[i, j]),
            )  # fmt: skip
        return found

    def new_vials(self, seed: int, n_each: int = 1) -> Drying:
        """Dry vials of the batch without thermocouple, some for every particle."""
        rng = np.random.default_rng(seed)
        return self._dry(rng.standard_normal((len(self.sample.particles), n_each, 2)))

    def middle_vials(self) -> Drying:
        """Dry the batch's middle vial for every particle."""
        return self._dry(np.zeros((len(self.sample.particles), 1, 2)))

    def _dry(self, effects: Floats) -> Drying:
        vials = self.problem.vials(self.sample.particles, effects)
        return dry(vials, self.problem.conditions, DryingSettings(step_s=1800.0))

    def end_s(self, *, seed: int = 0, level: float = 0.95) -> Interval:
        """Posterior predictive interval for the end of a vial of this batch; seconds.

        A vial that never dries counts as late, not as missing.
        """
        ends = self.new_vials(seed, n_each=8).end_s
        return interval(np.nan_to_num(ends, nan=np.inf), level)

    def predict_K(self, times_s: Floats, *, seed: int = 0) -> Mapping[str, Floats]:
        """Temperature of a vial of this batch that still has ice: mean, 95 % interval.

        Each of shape (n_times,); NaN where next to no vial has ice any more.
        """
        run = self.new_vials(seed)
        has_ice = np.asarray(times_s)[:, None] < np.nan_to_num(run.end_s, nan=np.inf)
        bottom = np.where(has_ice, run.at(times_s).bottom_K, np.nan)
        error = self.problem.shared(self.sample.particles)["error"]
        noise = np.random.default_rng(seed + 1).standard_normal(bottom.shape) * error
        found = {name: np.full(len(bottom), np.nan) for name in ("mean", "lower", "upper")}
        kept = has_ice.mean(axis=1) > 0.01
        found["mean"][kept] = np.nanmean(bottom[kept], axis=1)
        both = np.nanquantile((bottom + noise)[kept], [0.025, 0.975], axis=1)
        found["lower"][kept], found["upper"][kept] = both
        return found


def interval(values: Floats, level: float) -> Interval:
    """Central interval of draws.

    >>> interval(np.arange(101.0), 0.9)
    Interval(lower=5.0, median=50.0, upper=95.0)
    """
    tail = (1.0 - level) / 2.0
    lower, median, upper = np.quantile(values, [tail, 0.5, 1.0 - tail], method="nearest")
    return Interval(float(lower), float(median), float(upper))


def fit_cycle(problem: Problem, *, seed: int, settings: SamplerSettings | None = None) -> Posterior:
    """Draw from the posterior; the seed is kept in the sample.

    Raises:
        DataError: there is no trace, or the data cannot be explained at all.
    """
    if not problem.traces:
        raise DataError("nothing to fit: give at least one thermocouple")
    drawn = sample(
        problem.log_likelihood, problem.n_dimensions, seed, settings or SamplerSettings()
    )
    return Posterior(problem, drawn)
