"""What a fitted cycle tells: the end with its interval, what was not identified, what was assumed.

The profile of a parameter shows what the data alone say of it: for each of its values all others
are chosen as well as they can be, and the parameter's own prior is left out. Where the profile
is flat, an interval on the parameter is the prior's and not the data's.

References:
    Raue and others (2009), Bioinformatics 25:1923, doi:10.1093/bioinformatics/btp358 (profile
    likelihood and practical identifiability).
    Botev, Kroese, Rubinstein and L'Ecuyer (2013), Handbook of Statistics 31:35,
    doi:10.1016/B978-0-444-53859-8.00003-5 (the cross-entropy search).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.library.freeze_drying.cycle import EndConvention, PiraniEnd
from goldenbatch.science.process.library.freeze_drying.posterior import (
    SHARED,
    Identified,
    Interval,
    Posterior,
    interval,
)
from goldenbatch.science.process.library.freeze_drying.properties import HOUR_s

DROP_95 = 1.92
"""Fall of the log likelihood at the ends of a 95 % profile interval, half of chi-squared."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Profile likelihood of a shared parameter.

    Attributes:
        name: of the parameter.
        values: in the unit of its prior, shape (n_values,).
        fall: of the log likelihood below its best, zero or more, shape (n_values,).
    """

    name: str
    values: Floats
    fall: Floats

    @property
    def is_bounded(self) -> bool:
        """The data exclude both ends of what the prior allows."""
        best = int(self.fall.argmin())
        below, above = self.fall[: best + 1], self.fall[best:]
        return bool(below.max() > DROP_95 and above.max() > DROP_95)


def profile(
    posterior: Posterior,
    name: str = "Kv",
    *,
    n_values: int = 9,
    seed: int = 0,
    n_rounds: int = 15,
    n_offered: int = 48,
) -> Profile:
    """Profile over two standard deviations of the prior to each side, by cross-entropy search.

    Raises:
        DesignError: no such parameter.
    """
    if name not in SHARED:
        raise DesignError(f"no shared parameter is called {name!r}; there are {', '.join(SHARED)}")
    i, particles = SHARED.index(name), posterior.sample.particles
    rng = np.random.default_rng(seed)
    grid = np.linspace(-2.0, 2.0, n_values)
    centre, spread = _conditional(particles, i, grid)
    best = np.full(n_values, -np.inf)
    for _ in range(n_rounds):
        noise = rng.standard_normal((n_values, n_offered, particles.shape[1]))
        noise[:, 0] = 0.0
        offered = centre[:, None] + noise * spread[:, None]
        offered[:, :, i] = grid[:, None]
        flat = offered.reshape(-1, particles.shape[1])
        prior = -0.5 * (flat**2).sum(axis=1) + 0.5 * flat[:, i] ** 2
        value = (posterior.problem.log_likelihood(flat) + prior).reshape(n_values, n_offered)
        value = np.where(np.isfinite(value), value, -1e12)
        best = np.maximum(best, value.max(axis=1))
        elite = np.argsort(value, axis=1)[:, -n_offered // 4 :]
        chosen = np.take_along_axis(offered, elite[:, :, None], axis=1)
        centre, spread = chosen.mean(axis=1), 0.3 * spread + 0.7 * chosen.std(axis=1)
    median, sd = posterior.problem.priors.shared[i]
    return Profile(name, np.asarray(median * np.exp(sd * grid)), np.asarray(best.max() - best))


def _conditional(particles: Floats, i: int, grid: Floats) -> tuple[Floats, Floats]:
    """Mean and spread of a Gaussian posterior where one parameter is held."""
    mean, covariance = particles.mean(axis=0), np.cov(particles.T)
    slope = covariance[:, i] / covariance[i, i]
    left = np.diag(covariance) - slope**2 * covariance[i, i]
    spread = np.sqrt(np.maximum(left, 1e-4))
    return mean + slope * (grid[:, None] - mean[i]), np.tile(spread, (len(grid), 1))


@dataclass(frozen=True, slots=True)
class CycleReport:
    """A fitted cycle for people.

    Attributes:
        end_s: of a vial of the load, posterior predictive.
        middle_s: of the load's middle vial.
        parameters: posterior of each.
        profile: of the heat transfer.
        lines: of text.
    """

    end_s: Interval
    middle_s: Interval
    parameters: dict[str, Identified]
    profile: Profile
    lines: tuple[str, ...]


def report(
    posterior: Posterior,
    *,
    convention: EndConvention = EndConvention.PIRANI_OFFSET,
    measured: PiraniEnd | None = None,
    seed: int = 0,
) -> CycleReport:
    """Put together what the fit says and what it cannot say.

    Args:
        posterior: of a cycle.
        convention: by which the measured end is quoted.
        measured: end by the gauge, if there is one.
        seed: of the predicted vials and of the profile.
    """
    end, found = posterior.end_s(seed=seed), posterior.parameters()
    middle = interval(np.nan_to_num(posterior.middle_vials().end_s, nan=np.inf), 0.95)
    course = profile(posterior, seed=seed)
    lines = [
        f"End of primary drying of a vial: {_hours(end)} after the vacuum was held.",
        f"End of the load's middle vial: {_hours(middle)}.",
        *_measured_lines(end, measured, convention),
        *(_parameter_line(name, one) for name, one in found.items()),
        _profile_line(course),
        *_assumptions(posterior),
    ]
    return CycleReport(end, middle, found, course, tuple(lines))


def _hours(one: Interval) -> str:
    lower, median, upper = (value / HOUR_s for value in (one.lower, one.median, one.upper))
    return f"{median:.1f} h (95 %: {lower:.1f} to {upper:.1f} h)"


def _measured_lines(
    end: Interval, measured: PiraniEnd | None, convention: EndConvention
) -> list[str]:
    if measured is None:
        return []
    if convention is EndConvention.MASS_FRACTION:
        convention = EndConvention.PIRANI_OFFSET
    is_covered = end.lower <= measured.onset_s and measured.offset_s <= end.upper
    return [
        f"Measured by {convention}: {measured.by(convention) / HOUR_s:.2f} h; Pirani onset to "
        f"offset {measured.onset_s / HOUR_s:.2f} to {measured.offset_s / HOUR_s:.2f} h, "
        f"{'covered' if is_covered else 'NOT covered'} by the interval."
    ]


def _parameter_line(name: str, one: Identified) -> str:
    said = "identified" if one.is_identified else "NOT identified by these data"
    span = one.interval
    return (
        f"{name}: {span.median:.3g} ({span.lower:.3g} to {span.upper:.3g}), {said}: "
        f"{100 * one.learnt:.0f} % of the prior's variance gone, correlation "
        f"{one.correlation:+.2f} with {one.partner}."
    )


def _profile_line(course: Profile) -> str:
    pairs = ", ".join(f"{v:.3g}: {f:.1f}" for v, f in zip(course.values, course.fall, strict=True))
    said = "bounded by the data" if course.is_bounded else "NOT bounded by the data alone"
    return f"Profile of {course.name} ({said}; value: fall of the log likelihood): {pairs}."


def _assumptions(posterior: Posterior) -> list[str]:
    problem, drawn = posterior.problem, posterior.sample
    settled = "used" if problem.settling_s else "not used: the interval is a prediction before it"
    names = ", ".join(one.name for one in problem.traces)
    return [
        f"Fitted to {names} up to their loss of ice; their later levelling-off was {settled}; the "
        f"Pirani gauge was {'used' if problem.pirani else 'not used'}.",
        f"Priors (median, sd of the logarithm): {problem.priors}.",
        f"{len(drawn.particles)} particles, {drawn.n_evaluations} evaluations, seed {drawn.seed}, "
        f"log evidence {drawn.log_evidence:.1f}.",
        "One cycle is a demonstration, not coverage: that this interval holds the measured end "
        "does not show that 95 of 100 such intervals would.",
    ]
