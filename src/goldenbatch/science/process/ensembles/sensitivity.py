"""Global sensitivity: Sobol' indices with bootstrap intervals, and Morris screening."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.ensembles._chunk import Chunk, Outcome
from goldenbatch.science.process.ensembles.ensemble import run_ensemble
from goldenbatch.science.process.ensembles.factors import spread
from goldenbatch.science.process.ensembles.members import (
    Members,
    unit_points,
    varied_parameters,
)
from goldenbatch.science.process.ensembles.study import Executor, Study, serial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.ensembles.runs import Ensemble


@dataclass(frozen=True)
class SobolIndices:
    """Shares of the variance of one figure.

    Attributes:
        names: Of the inputs.
        first: Share by an input alone. Shape `(d,)`.
        total: Share by an input with all its interactions. Shape `(d,)`.
        first_interval: Bootstrap interval. Shape `(d, 2)`.
        total_interval: Likewise.
        mean: Of the figure.
        sd: Of the figure.
        n_used: Rows of the design that counted.
        n_dropped: Rows left out because a run of them has no value.
    """

    names: tuple[str, ...]
    first: NDArray[np.float64]
    total: NDArray[np.float64]
    first_interval: NDArray[np.float64] = field(repr=False)
    total_interval: NDArray[np.float64] = field(repr=False)
    mean: float
    sd: float
    n_used: int
    n_dropped: int

    def ranked(self) -> list[tuple[str, float, float]]:
        """Name, first and total index, the largest total first."""
        rows = zip(self.names, map(float, self.first), map(float, self.total), strict=True)
        return sorted(rows, key=lambda row: -row[2])


def saltelli_points(n: int, n_inputs: int, seed: int) -> NDArray[np.float64]:
    """Points of the unit cube for `sobol_indices`: A, B, then A with each column of B.

    Returns:
        Shape `(n * (n_inputs + 2), n_inputs)`.

    References:
        Saltelli et al. (2010), Comput. Phys. Commun. 181:259, doi:10.1016/j.cpc.2009.09.018.

    >>> saltelli_points(8, 3, seed=1).shape
    (40, 3)
    """
    both = unit_points(n, 2 * n_inputs, seed, "sobol")
    a, b = both[:, :n_inputs], both[:, n_inputs:]
    blocks = [a, b]
    for k in range(n_inputs):
        mixed = a.copy()
        mixed[:, k] = b[:, k]
        blocks.append(mixed)
    return np.concatenate(blocks)


def sobol_indices(
    values: NDArray[np.float64],
    names: Sequence[str],
    seed: int,
    *,
    n_boot: int = 500,
    confidence: float = 0.95,
) -> SobolIndices:
    """First indices by Saltelli's estimator, total ones by Jansen's.

    Args:
        values: Of one figure at `saltelli_points`. Shape `(n * (d + 2),)`.
        names: Of the `d` inputs.
        seed: Of the bootstrap.
        n_boot: Resamples of the rows.
        confidence: Of the percentile intervals.

    Raises:
        DataError: The values do not fit the names, too few rows have values, or nothing varies.

    References:
        Jansen (1999), Comput. Phys. Commun. 117:35, doi:10.1016/S0010-4655(98)00154-4.
        Saltelli et al. (2010), doi:10.1016/j.cpc.2009.09.018, table 2 (b) and (f).

    >>> points = saltelli_points(1024, 2, seed=1)
    >>> found = sobol_indices(2.0 * points[:, 0] + points[:, 1], ("a", "b"), seed=1)
    >>> [round(float(one), 2) for one in found.first]
    [0.8, 0.2]
    """
    d = len(names)
    if d == 0 or values.size % (d + 2):
        raise DataError(
            f"{values.size} values are no design for {d} inputs.",
            hint="Evaluate the figure at `saltelli_points`.",
        )
    rows = values.reshape(d + 2, -1).T
    present = np.isfinite(rows).all(axis=1)
    used = rows[present]
    if len(used) < 8 or not np.ptp(used[:, :2]) > 0.0:
        raise DataError(
            f"{len(used)} rows have values, or the figure does not vary.",
            hint="Look at the ensemble's `counted_reasons`.",
        )
    first, total = _estimated(used)
    random = np.random.default_rng(seed)
    tails = (0.5 * (1.0 - confidence), 0.5 * (1.0 + confidence))
    drawn = [_estimated(used[random.integers(0, len(used), len(used))]) for _ in range(n_boot)]
    firsts, totals = (
        np.quantile(np.array([one[k] for one in drawn]), tails, axis=0).T for k in (0, 1)
    )
    return SobolIndices(
        tuple(names), first, total, firsts, totals, float(used[:, :2].mean()),
        float(used[:, :2].std()), len(used), int((~present).sum()),
    )  # fmt: skip


def _estimated(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # The mean is taken out first: the estimator of the first index loses digits by a large one.
    centred = rows - rows[:, :2].mean()
    a, b, mixed = centred[:, :1], centred[:, 1:2], centred[:, 2:]
    variance = (centred[:, :2] ** 2).mean()
    first = (b * (mixed - a)).mean(axis=0) / variance
    total = ((a - mixed) ** 2).mean(axis=0) / (2.0 * variance)
    return first, total


@dataclass(frozen=True)
class MorrisEffects:
    """Elementary effects of each input on one figure, per unit of the cube.

    Attributes:
        names: Of the inputs.
        mean: Mean effect, in the figure's unit over the whole range of the input. Shape `(d,)`.
        mean_absolute: Mean of its magnitude: how much the input matters.
        sd: How much the effect differs from place to place: interaction or curvature.
        n_used: Effects of each input that have values.
    """

    names: tuple[str, ...]
    mean: NDArray[np.float64]
    mean_absolute: NDArray[np.float64]
    sd: NDArray[np.float64]
    n_used: NDArray[np.int64]

    def ranked(self) -> list[tuple[str, float, float]]:
        """Name, mean magnitude and sd, the largest first."""
        rows = zip(self.names, map(float, self.mean_absolute), map(float, self.sd), strict=True)
        return sorted(rows, key=lambda row: -row[1])


def morris_points(n_paths: int, n_inputs: int, seed: int, n_levels: int = 4) -> NDArray[np.float64]:
    """Paths through the unit cube that change one input at a time.

    Returns:
        Shape `(n_paths * (n_inputs + 1), n_inputs)`.

    References:
        Morris (1991), Technometrics 33:161, doi:10.1080/00401706.1991.10484804.

    >>> morris_points(3, 2, seed=1).shape
    (9, 2)
    """
    random = np.random.default_rng(seed)
    step = n_levels / (2.0 * (n_levels - 1))
    low = np.arange(n_levels // 2) / (n_levels - 1)
    paths = []
    for _ in range(n_paths):
        point = random.choice(low, n_inputs)
        rises = random.random(n_inputs) < 0.5
        point = np.where(rises, point, point + step)
        path = [point.copy()]
        for k in random.permutation(n_inputs):
            point[k] += step if rises[k] else -step
            path.append(point.copy())
        paths.append(np.array(path))
    # Ends of the cube would be the infinite ends of a normal prior.
    tail = 0.005
    return tail + (1.0 - 2.0 * tail) * np.concatenate(paths)


def morris_effects(
    points: NDArray[np.float64], values: NDArray[np.float64], names: Sequence[str]
) -> MorrisEffects:
    """Elementary effects of values at `morris_points`.

    Args:
        points: Shape `(n_paths * (d + 1), d)`.
        values: Shape `(n_paths * (d + 1),)`.
        names: Of the inputs.

    References:
        Campolongo, Cariboni and Saltelli (2007), Environ. Model. Softw. 22:1509,
        doi:10.1016/j.envsoft.2006.10.004, for the mean of magnitudes.

    >>> points = morris_points(4, 2, seed=1)
    >>> found = morris_effects(points, 3.0 * points[:, 0], ("a", "b"))
    >>> [round(float(one), 6) for one in found.mean]
    [3.0, 0.0]
    """
    d = len(names)
    paths, y = points.reshape(-1, d + 1, d), values.reshape(-1, d + 1)
    moves = np.diff(paths, axis=1)
    changed = np.abs(moves).argmax(axis=2)
    effects = np.diff(y, axis=1) / np.take_along_axis(moves, changed[:, :, None], 2)[:, :, 0]
    own = [effects[(changed == k) & np.isfinite(effects)] for k in range(d)]
    if min(one.size for one in own) < 2:
        raise DataError(
            "an input has fewer than two effects with values.", hint="Ask for more paths."
        )
    return MorrisEffects(
        tuple(names), np.array([one.mean() for one in own]),
        np.array([np.abs(one).mean() for one in own]),
        np.array([one.std(ddof=1) for one in own]), np.array([one.size for one in own]),
    )  # fmt: skip


@dataclass(frozen=True)
class Sensitivity:
    """Sobol' indices of every figure of a study.

    Attributes:
        indices: By figure.
        ensemble: The runs that they rest on.
    """

    indices: dict[str, SobolIndices]
    ensemble: Ensemble = field(repr=False)


@dataclass(frozen=True)
class Screening:
    """Morris effects of every figure of a study.

    Attributes:
        effects: By figure.
        ensemble: The runs that they rest on.
    """

    effects: dict[str, MorrisEffects]
    ensemble: Ensemble = field(repr=False)


def sobol_sensitivity(
    study: Study,
    n: int,
    seed: int,
    *,
    parameters: Sequence[str] | None = None,
    n_boot: int = 500,
    executor: Executor[Chunk, Outcome] = serial,
) -> Sensitivity:
    """Sobol' indices over the parameters' priors and the study's factors, taken as uniform.

    Args:
        study: With figures or criteria.
        n: Rows of the design, best a power of two; `n * (d + 2)` runs.
        seed: Of design and bootstrap.
        parameters: Those with a prior that are varied; None: all of them.
        n_boot: Resamples for the intervals.
        executor: Runs chunks.
    """
    names, run = _runner(study, parameters, executor)
    found = run(saltelli_points(n, len(names), seed))
    made = {
        name: sobol_indices(values, names, seed, n_boot=n_boot)
        for name, values in found.values.items()
    }
    return Sensitivity(made, found)


def morris_screening(
    study: Study,
    n_paths: int,
    seed: int,
    *,
    parameters: Sequence[str] | None = None,
    executor: Executor[Chunk, Outcome] = serial,
) -> Screening:
    """Morris effects over the parameters' priors and the study's factors.

    Args:
        study: With figures or criteria.
        n_paths: `n_paths * (d + 1)` runs.
        seed: Of the paths.
        parameters: Those with a prior that are varied; None: all of them.
        executor: Runs chunks.
    """
    names, run = _runner(study, parameters, executor)
    points = morris_points(n_paths, len(names), seed)
    found = run(points)
    made = {n: morris_effects(points, values, names) for n, values in found.values.items()}
    return Screening(made, found)


def _runner(
    study: Study, parameters: Sequence[str] | None, executor: Executor[Chunk, Outcome]
) -> tuple[tuple[str, ...], Callable[[NDArray[np.float64]], Ensemble]]:
    """Names of the inputs, and how points of their cube are run."""
    model = study.check()
    known = set(study.parameters)
    chosen = [one for one in varied_parameters(model, parameters) if one.name not in known]
    names = (*(e for one in chosen for e in one.elements), *(one.name for one in study.factors))
    n_uncertain = len(names) - len(study.factors)
    if not names:
        raise DataError("nothing is varied.", hint="Declare priors, or give the study factors.")

    def run(cube: NDArray[np.float64]) -> Ensemble:
        members = Members.from_unit(
            model, cube[:, :n_uncertain], names=[one.name for one in chosen],
            initial=study.initial, parameters=study.parameters,
        )  # fmt: skip
        levels = spread(study.factors, cube[:, n_uncertain:]) if study.factors else None
        return run_ensemble(study, members, levels, executor=executor)

    return names, run
