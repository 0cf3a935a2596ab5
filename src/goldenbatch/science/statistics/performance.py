"""How good predictions are on rows that a model has not seen, with bounds that hold.

Rows of one group (a batch, a lot) are not independent: groups are resampled, and counted. Bounds
are one-sided.

- Errors (`rmse`, `mae`, `bias`, `sep`, `r2`, ratios of two errors): bootstrap-t over groups, on the
  logarithm where the measure is positive; the standard error is that of the delta method.
  The upper bound of `rmse` is the wider of it and of that for normal errors.
- Shares (`coverage`, `sensitivity`, ...): exact binomial with as many trials as there are groups,
  as if all rows of a group were one: no grouping makes them too narrow.

References:
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, 12.5; Davison and Hinkley (1997),
    Bootstrap Methods and their Application, 5.2; Satterthwaite (1946), Biometrics Bull. 2:110,
    doi:10.2307/3002019; Clopper and Pearson (1934), Biometrika 26:404,
    doi:10.1093/biomet/26.4.404.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, chdtri

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics._bootstrap import bootstrap_t, freedom

Bools = NDArray[np.bool_]

N_RESAMPLES: Final = 2000
LEAST_GROUPS: Final = 5
"""With fewer groups nothing can be said of how they vary: there is no bound."""

IN_DOMAIN: Final = "_in_domain"
BESIDE: Final = ("baseline", "practice")
"""What stands beside a model."""

_POSITIVE = 0.5


@dataclass(frozen=True)
class PredictedRows:
    """Rows of a test with what was predicted for them; all of shape (n_rows,).

    Attributes:
        truth: Reference results.
        predicted: Predictions; NaN where none was made.
        lower, upper: Ends of the intervals; NaN where there are none.
        is_in_domain: Whether the row lies in the domain.
        groups: Number of the independent group that the row is of.
        baseline: The naive baseline's predictions; NaN where there are none.
        practice: Those of the present practice.
    """

    truth: Floats
    predicted: Floats
    lower: Floats
    upper: Floats
    is_in_domain: Bools
    groups: NDArray[np.int64]
    baseline: Floats
    practice: Floats

    def __post_init__(self) -> None:
        shapes = {np.shape(one) for one in vars(self).values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            message = f"the columns of a test have the shapes {sorted(shapes)}"
            raise DataError(message)

    def where(self, chosen: Bools) -> PredictedRows:
        """Some of the rows."""
        return PredictedRows(**{name: column[chosen] for name, column in vars(self).items()})

    def of(self, beside: str) -> PredictedRows:
        """The rows for which a baseline or a practice says something, predicted by it.

        Args:
            beside: `baseline` or `practice`; neither knows an interval.
        """
        chosen = self.where(np.isfinite(getattr(self, beside)))
        nan = np.full_like(chosen.truth, math.nan)
        return replace(chosen, predicted=getattr(chosen, beside), lower=nan, upper=nan)


@dataclass(frozen=True, slots=True)
class Performance:
    """One measure with its one-sided bounds.

    Attributes:
        estimate: The measure; NaN where a row that it needs is missing.
        lower, upper: One-sided bounds at the confidence; None where there are none.
        n_groups: Independent groups that it rests on.
        n_rows: Rows.
        method: How the bounds were made, or why there are none.
    """

    estimate: float
    lower: float | None
    upper: float | None
    n_groups: int
    n_rows: int
    method: str


@dataclass(frozen=True)
class _Ratio:
    """A measure of errors as a smooth function of sums over groups.

    Attributes:
        columns: Rows to what is summed, shape (n_rows, n_sums).
        value: Sums, shape (..., n_sums), to the measure on the scale on which it is resampled.
        back: From that scale to the measure.
        is_falling: Whether `back` turns the order round.
        is_widened: Whether the upper bound is no narrower than that for normal errors.
    """

    columns: Callable[[PredictedRows], Floats]
    value: Callable[[Floats], Floats]
    back: Callable[[float], float]
    is_falling: bool = False
    is_widened: bool = False


def _error(rows: PredictedRows) -> Floats:
    return rows.predicted - rows.truth


def _ones(rows: PredictedRows) -> Floats:
    return np.ones_like(rows.truth)


def _stack(*columns: Floats) -> Floats:
    return np.stack(columns, axis=-1)


def _half_log(a: Floats, b: Floats) -> Floats:
    return np.asarray(0.5 * np.log(a / b), dtype=np.float64)


def _log(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.log(a / b), dtype=np.float64)


def _identity(value: float) -> float:
    return value


def _r2(value: float) -> float:
    return 1.0 - math.exp(value)


def _squares(base: str) -> Callable[[PredictedRows], Floats]:
    return lambda r: _stack(_error(r) ** 2, (getattr(r, base) - r.truth) ** 2)


def _sizes(base: str) -> Callable[[PredictedRows], Floats]:
    return lambda r: _stack(np.abs(_error(r)), np.abs(getattr(r, base) - r.truth))


_ERRORS: Final[Mapping[str, _Ratio]] = MappingProxyType(
    {
        "rmse": _Ratio(
            lambda r: _stack(_error(r) ** 2, _ones(r)),
            lambda s: _half_log(s[..., 0], s[..., 1]),
            math.exp,
            is_widened=True,
        ),
        "mae": _Ratio(
            lambda r: _stack(np.abs(_error(r)), _ones(r)),
            lambda s: _log(s[..., 0], s[..., 1]),
            math.exp,
        ),
        "bias": _Ratio(
            lambda r: _stack(_error(r), _ones(r)), lambda s: s[..., 0] / s[..., 1], _identity
        ),
        "sep": _Ratio(
            lambda r: _stack(_error(r) ** 2, _error(r), _ones(r)),
            lambda s: _half_log(s[..., 0] - s[..., 1] ** 2 / s[..., 2], s[..., 2]),
            math.exp,
        ),
        "r2": _Ratio(
            lambda r: _stack(_error(r) ** 2, r.truth, r.truth**2, _ones(r)),
            lambda s: _log(s[..., 0], s[..., 2] - s[..., 1] ** 2 / s[..., 3]),
            _r2,
            is_falling=True,
        ),
        "rmse_ratio_to_baseline": _Ratio(
            _squares("baseline"), lambda s: _half_log(s[..., 0], s[..., 1]), math.exp
        ),
        "rmse_ratio_to_practice": _Ratio(
            _squares("practice"), lambda s: _half_log(s[..., 0], s[..., 1]), math.exp
        ),
        "mae_ratio_to_baseline": _Ratio(
            _sizes("baseline"), lambda s: _log(s[..., 0], s[..., 1]), math.exp
        ),
        "mae_ratio_to_practice": _Ratio(
            _sizes("practice"), lambda s: _log(s[..., 0], s[..., 1]), math.exp
        ),
    }
)

_Share = tuple[Callable[[PredictedRows], Bools], Callable[[PredictedRows], Floats]]


def _all(rows: PredictedRows) -> Bools:
    return np.ones(rows.truth.shape, dtype=np.bool_)


def _covered(rows: PredictedRows) -> Floats:
    hits = (rows.lower <= rows.truth) & (rows.truth <= rows.upper)
    return np.where(np.isnan(rows.lower) | np.isnan(rows.upper), math.nan, hits.astype(float))


def _is_right(rows: PredictedRows) -> Floats:
    hits = (rows.predicted >= _POSITIVE) == (rows.truth >= _POSITIVE)
    return np.where(np.isnan(rows.predicted), 0.0, hits.astype(float))


_SHARES: Final[Mapping[str, _Share]] = MappingProxyType(
    {
        "coverage": (_all, _covered),
        "in_domain_share": (_all, lambda r: r.is_in_domain.astype(float)),
        "predicted_share": (_all, lambda r: np.isfinite(r.predicted).astype(float)),
        "accuracy": (_all, _is_right),
        "sensitivity": (lambda r: r.truth >= _POSITIVE, _is_right),
        "specificity": (lambda r: r.truth < _POSITIVE, _is_right),
    }
)

MEASURES: Final = tuple(sorted((*_ERRORS, *_SHARES)))
"""Names of the measures; each also with `_in_domain`, over the rows in the domain only."""

_WHOLE: Final = frozenset({"in_domain_share", "predicted_share"})


def is_measure(name: str) -> bool:
    """Whether a measure of this name is known.

    >>> is_measure("rmse"), is_measure("rmse_in_domain"), is_measure("luck")
    (True, True, False)
    """
    base = name.removesuffix(IN_DOMAIN)
    return base in MEASURES and (base == name or base not in _WHOLE)


def performance(
    name: str,
    rows: PredictedRows,
    confidence: float = 0.95,
    *,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Performance:
    """Measure predictions, with one-sided bounds.

    A row without a prediction makes a measure of errors NaN, so that to be silent never looks
    good; `..._in_domain` measures the rows in the domain, and `in_domain_share` says how many. A
    ratio to a baseline or a practice is over the rows that have one, if that is half of them.

    Args:
        name: One of `MEASURES`, or with `_in_domain`.
        rows: The test.
        confidence: Of each bound alone; 0: no bounds are wanted.
        seed: Of the resampling.
        n_resamples: How many.

    Raises:
        DataError: There is no such measure.

    >>> one = np.arange(12.0)
    >>> nan = np.full(12, np.nan)
    >>> rows = PredictedRows(one, one + [1.0, -1.2] * 6, nan, nan, one >= 0, one.astype(int), nan,
    ...                      nan)
    >>> found = performance("rmse", rows)
    >>> round(found.estimate, 3), found.lower < found.estimate < found.upper
    (1.105, True)
    """
    if not is_measure(name):
        message = f"there is no measure {name!r}; there are {', '.join(MEASURES)}"
        raise DataError(message)
    base = name.removesuffix(IN_DOMAIN)
    chosen = rows.where(rows.is_in_domain) if base != name else rows
    for beside in BESIDE:
        if base.endswith(f"_to_{beside}"):
            is_known = np.isfinite(getattr(chosen, beside))
            if 2 * int(is_known.sum()) < len(is_known):
                why = f"fewer than half of the rows have a {beside}"
                return Performance(math.nan, None, None, 0, len(chosen.truth), why)
            chosen = chosen.where(is_known)
    if not len(chosen.truth):
        return Performance(math.nan, None, None, 0, 0, "there are no such rows")
    if base in _SHARES:
        return _share(base, chosen, confidence)
    return _errors(_ERRORS[base], chosen, confidence, seed, n_resamples)


def _share(name: str, rows: PredictedRows, confidence: float) -> Performance:
    which, hits_of = _SHARES[name]
    chosen = rows.where(which(rows))
    n_rows, n_groups = len(chosen.truth), len(np.unique(chosen.groups))
    if not n_rows:
        return Performance(math.nan, None, None, 0, 0, "there are no such rows")
    estimate = float(np.mean(hits_of(chosen)))
    if math.isnan(estimate):
        return Performance(estimate, None, None, n_groups, n_rows, "rows without an interval")
    if not confidence:
        return Performance(estimate, None, None, n_groups, n_rows, "no bound was asked for")
    n_hits, tail = estimate * n_groups, 1.0 - confidence
    lower = float(betaincinv(n_hits, n_groups - n_hits + 1, tail)) if n_hits > 0 else 0.0
    is_full = n_hits >= n_groups
    upper = 1.0 if is_full else float(betaincinv(n_hits + 1, n_groups - n_hits, 1.0 - tail))
    return Performance(estimate, lower, upper, n_groups, n_rows, "exact binomial over groups")


def _errors(
    measure: _Ratio, rows: PredictedRows, confidence: float, seed: int, n_resamples: int
) -> Performance:
    columns = measure.columns(rows)
    _, codes = np.unique(rows.groups, return_inverse=True)
    n_rows, n_groups = len(columns), int(codes.max()) + 1

    def result(value: float, lower: float | None, upper: float | None, method: str) -> Performance:
        return Performance(value, lower, upper, n_groups, n_rows, method)

    if not np.all(np.isfinite(columns)):
        return result(math.nan, None, None, "a row has no prediction, or nothing to compare with")
    sums = np.zeros((n_groups, columns.shape[1]))
    np.add.at(sums, codes, columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = float(measure.value(sums.mean(axis=0)))
    estimate = measure.back(theta)
    if not confidence:
        return result(estimate, None, None, "no bound was asked for")
    if n_groups < LEAST_GROUPS:
        return result(estimate, None, None, f"{n_groups} groups are too few for a bound")
    if not math.isfinite(theta):
        return result(estimate, None, None, "the errors do not vary: there is no bound")
    bounds = bootstrap_t(measure.value, sums, theta, confidence, seed, n_resamples)
    if bounds is None:
        return result(estimate, None, None, "the errors do not vary enough for a bound")
    lower, upper = (measure.back(one) for one in bounds)
    if measure.is_falling:
        lower, upper = upper, lower
    method = f"bootstrap-t over groups, {n_resamples} resamples"
    if measure.is_widened:
        # Freedom as the spread of the groups shows it: all rows where each is its own group.
        degrees = min(max(freedom(measure.value, sums), n_groups), n_rows)
        upper = max(upper, rmse_bound_normal(estimate, degrees, confidence))
        method += "; the upper bound no narrower than the chi-squared one"
    return result(estimate, lower, upper, method)


def rmse_bound_normal(rmse: float, n: float, confidence: float = 0.95) -> float:
    """Return the upper bound of a root mean square error if errors are independent and normal.

    It holds for errors without bias: of few rows the resampled bound is too narrow, and this one
    keeps it from being so.

    Args:
        rmse: Found.
        n: Independent rows, or degrees of freedom.
        confidence: Of the bound.

    Raises:
        DataError: No rows.

    References:
        n * rmse**2 / sigma**2 has a chi-squared distribution with n degrees of freedom.

    >>> round(rmse_bound_normal(1.0, 20), 3)
    1.358
    """
    if n < 1:
        message = f"{n} rows give no bound"
        raise DataError(message)
    return rmse * math.sqrt(n / float(chdtri(n, confidence)))
