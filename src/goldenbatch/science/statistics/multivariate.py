"""Hotelling T2 and MEWMA charts of several attributes at once, for single rows and subgroups.

A design is frozen (mean, inverse covariance as a triangle, limit); scores sum in one fixed order
without BLAS, so that a row alone has the bits that it has in a block.

References:
    Hotelling (1947), Multivariate quality control, in Techniques of Statistical Analysis.
    Tracy, Young and Mason (1992), J. Qual. Technol. 24:88, doi:10.1080/00224065.1992.12015232
    (limits for single rows).
    Alt (1985), Multivariate quality control, Encyclopedia of Statistical Sciences 6 (subgroups);
    Montgomery (2013), equations 11.19 to 11.25.
    Lowry, Woodall, Champ and Rigdon (1992), Technometrics 34:46,
    doi:10.1080/00401706.1992.10485232 (MEWMA).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, fdtri

from goldenbatch.science._arrays import Floats, complete, matrix, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.run_length_multivariate import hotelling_limit, mewma_limit


class MultivariateKind(StrEnum):
    """The charts."""

    HOTELLING = "hotelling"
    MEWMA = "mewma"


@dataclass(frozen=True, slots=True)
class MultivariateDesign:
    """A frozen chart of p attributes.

    Attributes:
        kind: of chart.
        mean: of the reference rows (or subgroup means), shape (p,).
        whitening: lower triangle that turns a centred row into independent parts, (p, p).
        limit: of T2.
        weight: of the newest row in a MEWMA; 1 for Hotelling.
        n_reference: rows (or subgroups) of the reference period.
        n_per_subgroup: rows a subgroup; 1 for single rows.
    """

    kind: MultivariateKind
    mean: tuple[float, ...]
    whitening: tuple[tuple[float, ...], ...]
    limit: float
    weight: float = 1.0
    n_reference: int = 0
    n_per_subgroup: int = 1

    def __post_init__(self) -> None:
        """Refuse a chart that cannot score."""
        object.__setattr__(self, "kind", MultivariateKind(self.kind))
        object.__setattr__(self, "mean", tuple(self.mean))
        object.__setattr__(self, "whitening", tuple(tuple(row) for row in self.whitening))
        p = len(self.mean)
        if p < 1 or any(len(row) != p for row in self.whitening) or len(self.whitening) != p:
            message = f"a mean of {p} attributes needs a {p} by {p} whitening"
            raise DesignError(message)
        if not (0 < self.limit < math.inf and 0 < self.weight <= 1):
            message = f"limit {self.limit} and weight {self.weight} give no chart"
            raise DesignError(message)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values that `from_json` reads back to an equal design."""
        plain = asdict(self)
        plain["kind"] = self.kind.value
        plain["mean"] = list(self.mean)
        plain["whitening"] = [list(row) for row in self.whitening]
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**plain)


@dataclass(frozen=True, slots=True)
class MultivariateState:
    """All that a chart remembers: rows seen, and the EWMA of the independent parts."""

    n: int = 0
    ewma: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"n": self.n, "ewma": list(self.ewma)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(plain["n"], tuple(plain["ewma"]))


@dataclass(frozen=True, slots=True)
class MultivariatePoint:
    """One point: T2, its limit, and what each attribute adds to T2.

    Attributes:
        statistic: T2 of the row, or of the EWMA; NaN where a value is missing.
        limit: of T2.
        contributions: T2 less T2 without that attribute (conditional on the others), shape (p,).
        is_alarm: whether T2 is above its limit.
    """

    statistic: float
    limit: float
    contributions: tuple[float, ...]
    is_alarm: bool


def hotelling_reference(
    rows: ArrayLike, in_control_arl: float = 370.4, *, is_limit_exact: bool = True
) -> MultivariateDesign:
    """Estimate a T2 chart of single rows.

    Args:
        rows: of the reference period, shape (n, p), complete.
        in_control_arl: one over the share of later good rows beyond the limit.
        is_limit_exact: limit by F, which holds for the estimates; else by chi-squared, as if
            mean and covariance were known.

    Raises:
        DataError: too few rows, missing values, or attributes that are sums of one another.

    References:
        Tracy, Young and Mason (1992): T2 ~ p (n + 1)(n - 1) / (n (n - p)) F(p, n - p).

    >>> rows = [[1.0, 0.1], [2.0, -0.2], [3.0, 0.3], [4.0, -0.1], [5.0, 0.2], [3.0, 0.0]]
    >>> round(hotelling_reference(rows, 20.0).limit, 1)
    20.3
    """
    x = complete(matrix(rows, "rows"), "rows")
    n, p = x.shape
    mean, whitening = _whitened(x)
    share = 1.0 / _checked(in_control_arl)
    limit = hotelling_limit(in_control_arl, p)
    if is_limit_exact:
        scale = p * (n + 1) * (n - 1) / (n * (n - p))
        limit = scale * float(fdtri(p, n - p, 1.0 - share))
    return MultivariateDesign(MultivariateKind.HOTELLING, mean, whitening, limit, 1.0, n)


def hotelling_subgroups(
    subgroups: Sequence[ArrayLike], in_control_arl: float = 370.4
) -> MultivariateDesign:
    """Estimate a T2 chart of subgroup means, with the covariance within subgroups.

    Args:
        subgroups: m arrays of shape (n, p), all of one size n of at least 2, complete.
        in_control_arl: one over the share of later good subgroups beyond the limit.

    Raises:
        DataError: sizes differ, or there are too few subgroups.

    References:
        Alt (1985); Montgomery (2013), equation 11.21:
        T2 ~ p (m + 1)(n - 1) / (m n - m - p + 1) F(p, m n - m - p + 1).

    >>> groups = [[[0.0, 1.0], [1.0, 0.0], [0.5, 0.2]], [[0.2, 0.1], [0.9, 1.2], [0.1, 0.4]]]
    >>> hotelling_subgroups(groups * 2, 20.0).n_per_subgroup
    3
    """
    parts = [complete(matrix(one, "subgroup"), "subgroup") for one in subgroups]
    sizes = {one.shape for one in parts}
    if len(sizes) != 1 or len(parts) < 2:
        message = f"{len(parts)} subgroups of shapes {sorted(sizes)}; give two or more of one size"
        raise DataError(message)
    (n, p), m = sizes.pop(), len(parts)
    freedom = m * n - m - p + 1
    if n < 2 or freedom < 1:
        message = f"{m} subgroups of {n} rows are too few for {p} attributes"
        raise DataError(message)
    means = np.array([one.mean(axis=0) for one in parts])
    within = np.concatenate([one - one.mean(axis=0) for one in parts])
    covariance = np.einsum("ij,ik->jk", within, within) / (m * (n - 1)) / n
    share = 1.0 / _checked(in_control_arl)
    limit = p * (m + 1) * (n - 1) / freedom * float(fdtri(p, freedom, 1.0 - share))
    mean = tuple(means.mean(axis=0).tolist())
    design = (MultivariateKind.HOTELLING, mean, _triangle(covariance), limit)
    return MultivariateDesign(*design, 1.0, m, n)


def mewma_reference(
    rows: ArrayLike, in_control_arl: float = 200.0, weight: float = 0.1
) -> MultivariateDesign:
    """Estimate a MEWMA chart of single rows; the limit is that of known parameters.

    Args:
        rows: of the reference period, shape (n, p), complete; a hundred or more.
        in_control_arl: to be kept.
        weight: of the newest row.

    Raises:
        DataError: too few rows, missing values, or attributes that are sums of one another.

    >>> rows = np.random.default_rng(0).standard_normal((60, 2))
    >>> round(mewma_reference(rows).limit, 2)
    8.63
    """
    x = complete(matrix(rows, "rows"), "rows")
    mean, whitening = _whitened(x)
    limit = mewma_limit(_checked(in_control_arl), x.shape[1], weight)
    return MultivariateDesign(MultivariateKind.MEWMA, mean, whitening, limit, weight, len(x))


def phase_one_limit(n: int, p: int, confidence: float = 0.9973) -> float:
    """Return the limit of T2 for the rows that made the chart themselves.

    Args:
        n: rows.
        p: attributes.
        confidence: that one good row is inside.

    References:
        Tracy, Young and Mason (1992): T2 ~ (n - 1)^2 / n Beta(p / 2, (n - p - 1) / 2).

    >>> round(phase_one_limit(30, 3, 0.95), 3)
    7.164
    """
    if n < p + 2 or not 0 < confidence < 1:
        message = f"{n} rows of {p} attributes and confidence {confidence} give no limit"
        raise DesignError(message)
    return (n - 1) ** 2 / n * float(betaincinv(0.5 * p, 0.5 * (n - p - 1), confidence))


def multivariate_step(
    design: MultivariateDesign, state: MultivariateState, row: ArrayLike
) -> tuple[MultivariateState, MultivariatePoint]:
    """Score one row (or subgroup mean); a row with a missing value changes nothing.

    Raises:
        DataError: the row has another number of attributes.

    >>> design = MultivariateDesign("hotelling", (0.0, 0.0), ((1.0, 0.0), (0.0, 1.0)), 9.0)
    >>> multivariate_step(design, MultivariateState(), [3.0, 1.0])[1].statistic
    10.0
    """
    values = vector(row, "row")
    p = len(design.mean)
    if len(values) != p:
        message = f"a row of {len(values)} values does not fit a chart of {p} attributes"
        raise DataError(message)
    if np.isnan(values).any():
        return state, MultivariatePoint(math.nan, design.limit, (math.nan,) * p, False)
    centred = [value - mean for value, mean in zip(values.tolist(), design.mean, strict=True)]
    weight = design.weight
    # A chart without memory takes nothing from the row before, not even its rounding.
    before = state.ewma if state.ewma and weight < 1.0 else (0.0,) * p
    # The EWMA is kept of centred rows, so that contributions are those of attributes.
    ewma = tuple(old + weight * (new - old) for old, new in zip(before, centred, strict=True))
    scale = (2.0 - weight) / weight
    parts = _parts(design.whitening, ewma)
    statistic = scale * _sum_of_squares(parts)
    contributions = _contributions(design.whitening, parts, scale)
    point = MultivariatePoint(statistic, design.limit, contributions, statistic > design.limit)
    return MultivariateState(state.n + 1, ewma), point


def multivariate_block(
    design: MultivariateDesign, rows: ArrayLike, state: MultivariateState | None = None
) -> tuple[list[MultivariatePoint], MultivariateState]:
    """Score a block of rows, shape (n, p), by stepping: a block and a stream are one path."""
    state = state or MultivariateState()
    points = []
    for row in matrix(rows, "rows"):
        state, point = multivariate_step(design, state, row)
        points.append(point)
    return points, state


def _parts(whitening: tuple[tuple[float, ...], ...], row: Sequence[float]) -> list[float]:
    parts = []
    for i, line in enumerate(whitening):
        total = 0.0
        for j in range(i + 1):
            total += line[j] * row[j]
        parts.append(total)
    return parts


def _sum_of_squares(parts: Sequence[float]) -> float:
    total = 0.0
    for part in parts:
        total += part * part
    return total


def _contributions(
    whitening: tuple[tuple[float, ...], ...], parts: Sequence[float], scale: float
) -> tuple[float, ...]:
    """(S^-1 x)_j^2 / (S^-1)_jj, what T2 loses without attribute j given the others."""
    p, found = len(parts), []
    for j in range(p):
        slope = diagonal = 0.0
        for i in range(j, p):
            slope += whitening[i][j] * parts[i]
            diagonal += whitening[i][j] ** 2
        found.append(scale * slope * slope / diagonal)
    return tuple(found)


def _whitened(x: Floats) -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    n, p = x.shape
    if n < p + 2:
        message = f"{n} rows are too few for {p} attributes; {p + 2} are needed, 5 p is usual"
        raise DataError(message)
    mean = x.mean(axis=0)
    centred = x - mean
    covariance = np.einsum("ij,ik->jk", centred, centred) / (n - 1)
    return tuple(mean.tolist()), _triangle(covariance)


def _triangle(covariance: Floats) -> tuple[tuple[float, ...], ...]:
    """Inverse of the Cholesky factor."""
    scale = np.sqrt(np.diag(covariance))
    if not (scale > 0).all():
        raise DataError("an attribute shows no variation in the reference period; leave it out")
    correlation = covariance / np.outer(scale, scale)
    if np.linalg.eigvalsh(correlation)[0] < 1e-10:
        raise DataError("attributes of the reference period are sums of one another; leave one out")
    inverse = np.linalg.inv(np.linalg.cholesky(covariance))
    return tuple(tuple(row) for row in np.tril(inverse).tolist())


def _checked(in_control_arl: float) -> float:
    if not 1 < in_control_arl < math.inf:
        message = f"an in-control run length of {in_control_arl} cannot be designed for"
        raise DesignError(message)
    return in_control_arl
