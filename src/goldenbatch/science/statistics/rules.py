"""Run rules of Western Electric and Nelson, in blocks and value by value.

References:
    Western Electric Co. (1956), Statistical Quality Control Handbook.
    Nelson (1984), Journal of Quality Technology 16:237, doi:10.1080/00224065.1984.11978921.
    Champ and Woodall (1987), Technometrics 29:393, doi:10.1080/00401706.1987.10488266.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, complete, vector
from goldenbatch.science.errors import DesignError


class Pattern(StrEnum):
    """What a run rule looks for in its window of standardised values."""

    BEYOND = "beyond"
    SAME_SIDE = "same-side"
    TREND = "trend"
    ALTERNATING = "alternating"
    WITHIN = "within"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class RunRule:
    """One run rule on standardised values z = (value - centre) / sigma.

    Attributes:
        name: as it stands in alarms, for example `nelson-5`.
        pattern: what is looked for.
        n_needed: how many points of the window must show it.
        n_window: how many points, the newest included, are looked at.
        distance: distance from the centre in sigma; 0 where it has no meaning.
    """

    name: str
    pattern: Pattern
    n_needed: int
    n_window: int
    distance: float = 0.0

    def is_met(self, recent: Sequence[float]) -> bool:
        """Say whether the rule alarms at the newest of the recent standardised values.

        >>> NELSON[0].is_met([0.1, 3.2])
        True
        """
        if len(recent) < self.n_window:
            return False
        window = recent[len(recent) - self.n_window :]
        if self.pattern is Pattern.TREND:
            return _is_monotone(window)
        if self.pattern is Pattern.ALTERNATING:
            return _is_alternating(window)
        if self.pattern in (Pattern.WITHIN, Pattern.OUTSIDE):
            sign = 1.0 if self.pattern is Pattern.WITHIN else -1.0
            return all(sign * abs(z) < sign * self.distance for z in window)
        newest = window[-1]
        if newest > self.distance:
            return sum(z > self.distance for z in window) >= self.n_needed
        return newest < -self.distance and sum(z < -self.distance for z in window) >= self.n_needed

    def alarms(self, z: Floats) -> Bools:
        """Say for each standardised value, along the last axis, whether the rule alarms there.

        >>> NELSON[4].alarms(np.array([0.0, 2.5, 0.0, 2.5, 0.0])).tolist()
        [False, False, False, True, False]
        """
        met = np.zeros(z.shape, dtype=np.bool_)
        if z.shape[-1] < self.n_window:
            return met
        windows = sliding_window_view(z, self.n_window, axis=-1)
        met[..., self.n_window - 1 :] = self._in_windows(windows)
        return met

    def _in_windows(self, windows: Floats) -> Bools:
        if self.pattern is Pattern.TREND:
            steps = np.diff(windows, axis=-1)
            return np.asarray((steps > 0).all(axis=-1) | (steps < 0).all(axis=-1))
        if self.pattern is Pattern.ALTERNATING:
            steps = np.diff(windows, axis=-1)
            even, odd = steps[..., 0::2], steps[..., 1::2]
            up_first = (even > 0).all(axis=-1) & (odd < 0).all(axis=-1)
            return np.asarray(up_first | ((even < 0).all(axis=-1) & (odd > 0).all(axis=-1)))
        if self.pattern is Pattern.WITHIN:
            return np.asarray((np.abs(windows) < self.distance).all(axis=-1))
        if self.pattern is Pattern.OUTSIDE:
            return np.asarray((np.abs(windows) > self.distance).all(axis=-1))
        above, below = windows > self.distance, windows < -self.distance
        is_above = above[..., -1] & (above.sum(axis=-1) >= self.n_needed)
        return np.asarray(is_above | (below[..., -1] & (below.sum(axis=-1) >= self.n_needed)))


def _is_monotone(window: Sequence[float]) -> bool:
    pairs = list(itertools.pairwise(window))
    return all(b > a for a, b in pairs) or all(b < a for a, b in pairs)


def _is_alternating(window: Sequence[float]) -> bool:
    steps = [b - a for a, b in itertools.pairwise(window)]
    signs = [(d > 0) - (d < 0) for d in steps]
    return signs[0] != 0 and all(b == -a for a, b in itertools.pairwise(signs))


NELSON: tuple[RunRule, ...] = (
    RunRule("nelson-1", Pattern.BEYOND, 1, 1, 3.0),
    RunRule("nelson-2", Pattern.SAME_SIDE, 9, 9),
    RunRule("nelson-3", Pattern.TREND, 6, 6),
    RunRule("nelson-4", Pattern.ALTERNATING, 14, 14),
    RunRule("nelson-5", Pattern.BEYOND, 2, 3, 2.0),
    RunRule("nelson-6", Pattern.BEYOND, 4, 5, 1.0),
    RunRule("nelson-7", Pattern.WITHIN, 15, 15, 1.0),
    RunRule("nelson-8", Pattern.OUTSIDE, 8, 8, 1.0),
)
WESTERN_ELECTRIC: tuple[RunRule, ...] = (
    RunRule("western-electric-1", Pattern.BEYOND, 1, 1, 3.0),
    RunRule("western-electric-2", Pattern.BEYOND, 2, 3, 2.0),
    RunRule("western-electric-3", Pattern.BEYOND, 4, 5, 1.0),
    RunRule("western-electric-4", Pattern.SAME_SIDE, 8, 8),
)
RULES: dict[str, RunRule] = {rule.name: rule for rule in (*NELSON, *WESTERN_ELECTRIC)}


def rules_named(names: Sequence[str], width: float = 3.0) -> tuple[RunRule, ...]:
    """Return the rules of these names; the one-point rules take the chart's own width.

    Args:
        names: keys of `RULES`.
        width: control limits in sigma.

    Raises:
        DesignError: a name is unknown or stands twice.

    >>> [rule.distance for rule in rules_named(["nelson-1", "nelson-5"], width=3.5)]
    [3.5, 2.0]
    """
    return _chosen(tuple(names), width)


@lru_cache(maxsize=256)
def _chosen(names: tuple[str, ...], width: float) -> tuple[RunRule, ...]:
    """Cached, because a stream asks for the rules at every value."""
    if len(set(names)) != len(names):
        message = f"a run rule stands twice in {list(names)}"
        raise DesignError(message)
    unknown = [name for name in names if name not in RULES]
    if unknown:
        message = f"unknown run rules {unknown}; choose from {sorted(RULES)}"
        raise DesignError(message)
    chosen = (RULES[name] for name in names)
    return tuple(replace(rule, distance=width) if rule.n_window == 1 else rule for rule in chosen)


def memory_of(rules: Sequence[RunRule]) -> int:
    """Return how many earlier values must be kept to evaluate the rules at the next one.

    >>> memory_of(rules_named(["nelson-1", "nelson-2"]))
    8
    """
    return max((rule.n_window - 1 for rule in rules), default=0)


def rule_alarms(rules: Sequence[RunRule], z: ArrayLike) -> Bools:
    """Evaluate rules over a whole series without missing values, shape (n_rules, n).

    >>> rule_alarms(rules_named(["nelson-1"]), [0.0, -4.0]).tolist()
    [[False, True]]
    """
    series = complete(vector(z, "z"), "z")
    if not rules:
        return np.zeros((0, len(series)), dtype=np.bool_)
    return np.stack([rule.alarms(series) for rule in rules])


@dataclass(frozen=True, slots=True)
class RunLength:
    """In-control average run length of a set of rules.

    Attributes:
        mean: points until the first alarm; the exact value where it is known.
        standard_error: of the simulated mean; 0 where the value is exact.
        n_runs: simulated runs; 0 where the value is exact.
        seed: of the simulation; None where the value is exact.
    """

    mean: float
    standard_error: float
    n_runs: int
    seed: int | None

    @property
    def is_exact(self) -> bool:
        """Whether the value is computed and not simulated."""
        return self.n_runs == 0


def joint_run_length(
    rules: Sequence[RunRule], seed: int = 0, n_runs: int = 2000, *, is_simulated: bool = False
) -> RunLength:
    """Return the in-control run length of rules used together, on independent normal data.

    Exact for the one-point rule, a same-side rule, and both together; else simulated.

    Args:
        rules: used at the same time; an alarm is any one of them.
        seed: of the simulation.
        n_runs: simulated runs.
        is_simulated: simulate also where the exact value is known.

    Raises:
        DesignError: no rule is given.

    References:
        Champ and Woodall (1987): a one-point and 8-in-a-row rule, 152.73.

    >>> round(joint_run_length(rules_named(["nelson-1"])).mean, 1)
    370.4
    """
    if not rules:
        message = "no run rule is given, so that no alarm can ever be raised"
        raise DesignError(message)
    exact = None if is_simulated else _exact_run_length(rules)
    if exact is not None:
        return RunLength(exact, 0.0, 0, None)
    lengths = _simulated_lengths(rules, np.random.default_rng(seed), n_runs)
    error = float(lengths.std(ddof=1)) / math.sqrt(n_runs)
    return RunLength(float(lengths.mean()), error, n_runs, seed)


def _exact_run_length(rules: Sequence[RunRule]) -> float | None:
    """Markov chain over the current run on one side; None for other rules."""
    points = [rule.distance for rule in rules if rule.n_window == 1]
    runs = [rule.n_window for rule in rules if rule.pattern is Pattern.SAME_SIDE]
    if len(points) + len(runs) != len(rules):
        return None
    tail = 0.5 * math.erfc(min(points, default=math.inf) / math.sqrt(2.0))
    if not runs:
        return 1.0 / (2.0 * tail)
    stay = 0.5 - tail
    # e[j] = 1 + stay * e[j + 1] + stay * e[1], e[n] = 0, written as slope * e[1] + constant.
    slope, constant = 0.0, 0.0
    for _ in range(min(runs) - 1):
        slope, constant = stay * slope + stay, stay * constant + 1.0
    first = constant / (1.0 - slope)
    return 1.0 + 2.0 * stay * first


def _simulated_lengths(
    rules: Sequence[RunRule], generator: np.random.Generator, n_runs: int
) -> Floats:
    memory, n_columns = memory_of(rules), 256
    lengths = np.zeros(n_runs)
    active = np.arange(n_runs)
    kept = np.empty((n_runs, 0))
    n_done = 0
    while len(active):
        z = np.concatenate([kept, generator.standard_normal((len(active), n_columns))], axis=1)
        n_kept = kept.shape[1]
        met = np.logical_or.reduce([rule.alarms(z)[:, n_kept:] for rule in rules])
        is_done = met.any(axis=1)
        lengths[active[is_done]] = n_done + 1 + met.argmax(axis=1)[is_done]
        active = active[~is_done]
        kept = z[~is_done, z.shape[1] - memory :]
        n_done += n_columns
    return lengths
