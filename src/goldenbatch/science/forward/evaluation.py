"""What a model was worth forward in time: every figure that its release or refusal rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from goldenbatch.science._arrays import Bools, Floats
from goldenbatch.science.errors import DataError
from goldenbatch.science.forward.censoring import Reported, interval_score
from goldenbatch.science.forward.conformal import binomial_p_value
from goldenbatch.science.forward.leaks import Leak
from goldenbatch.science.forward.ratio import ErrorRatio, error_ratio

_LEAST_OF_CODE = 20


@dataclass(frozen=True, slots=True, eq=False)
class ForwardRows:
    """Rows that were predicted before their results were known; arrays of shape (n,).

    Attributes:
        attribute: what was predicted.
        unit: of it.
        reported: results.
        predicted: by the model.
        baselines: name to naive predictions of the same rows.
        lower, upper: ends of the interval; NaN where there is none.
        codes: product code of each row.
        lots: material lot of each row.
        periods: month, or other period, of each row.
        in_domain: whether the row was like those known.
        held_out: predictions by models that saw no row of the same lot; None: not made.
    """

    attribute: str
    unit: str
    reported: Reported
    predicted: Floats
    baselines: Mapping[str, Floats]
    lower: Floats
    upper: Floats
    codes: Sequence[str]
    lots: Sequence[str]
    periods: Sequence[str]
    in_domain: Bools
    held_out: Floats | None = None


@dataclass(frozen=True, slots=True)
class Specification:
    """Limits of an attribute in its own unit; infinite where there is none.

    Attributes:
        lower, upper: limits.
    """

    lower: float = -math.inf
    upper: float = math.inf

    @property
    def is_given(self) -> bool:
        """Whether there is a limit at all."""
        return math.isfinite(self.lower) or math.isfinite(self.upper)


@dataclass(frozen=True, slots=True)
class ForwardEvaluation:
    """What was measured of one attribute; plain numbers, None where nothing can be said.

    Attributes:
        attribute, unit: what was predicted.
        n, n_codes, n_lots, n_periods: rows, and what they are of.
        limit: reporting limit; None: nothing is censored.
        n_uncensored, uncensored_share: results that are measured values.
        rmse, rmse_uncensored: of the model, over all rows as reported and over measured ones.
        baselines: name to its RMSE over the same rows.
        best_baseline: the one with the least RMSE.
        ratio_by_lots, ratio_by_periods: RMSE over that of the best baseline; interval by drawing
            whole lots and whole periods.
        ratio_uncensored: the same over measured results, whole lots drawn; None without any.
        ratio_held_out: the same where the model saw no row of the lot; None: not made.
        r2, within_code_r2, within_code_r2_uncensored: share of the variance that is explained,
            of all rows and within products, against means taken in hindsight.
        nominal, n_intervals, coverage, coverage_p_value: of the intervals, exact binomial test.
        worst_code_p_value: least p-value of the products with 20 rows or more, times their number.
        mean_width, mean_interval_score: of the intervals, as reported.
        domain_share, coverage_in_domain: of rows like those known.
        specification: limits.
        n_outside, n_outside_missed: results outside the limits; those whose interval lay inside.
        width_in_room: mean half width over the room between the mean result and the nearest limit.
        leaks: columns that know the answer.
        seed: of the bootstrap.
    """

    attribute: str
    unit: str
    n: int
    n_codes: int
    n_lots: int
    n_periods: int
    limit: float | None
    n_uncensored: int
    uncensored_share: float
    rmse: float
    rmse_uncensored: float | None
    baselines: Mapping[str, float]
    best_baseline: str
    ratio_by_lots: ErrorRatio
    ratio_by_periods: ErrorRatio
    ratio_uncensored: ErrorRatio | None
    ratio_held_out: ErrorRatio | None
    r2: float | None
    within_code_r2: float | None
    within_code_r2_uncensored: float | None
    nominal: float
    n_intervals: int
    coverage: float | None
    coverage_p_value: float | None
    worst_code_p_value: float | None
    mean_width: float | None
    mean_interval_score: float | None
    domain_share: float
    coverage_in_domain: float | None
    specification: Specification
    n_outside: int
    n_outside_missed: int
    width_in_room: float | None
    leaks: tuple[Leak, ...] = ()
    seed: int = 0

    @property
    def ratio(self) -> float:
        """RMSE of the model over that of the best baseline."""
        return self.ratio_by_lots.ratio

    @property
    def ratio_interval(self) -> tuple[float, float]:
        """The wider of both paired intervals, end by end."""
        both = (self.ratio_by_lots, self.ratio_by_periods)
        return min(one.lower for one in both), max(one.upper for one in both)

    def to_json(self) -> dict[str, Any]:
        """Plain values; what is not finite is None."""
        low, high = self.ratio_interval
        found = _plain(asdict(self) | {"ratio": self.ratio, "ratio_interval": [low, high]})
        return dict(found)


def evaluate_forward(
    rows: ForwardRows,
    *,
    nominal: float = 0.9,
    specification: Specification | None = None,
    leaks: Sequence[Leak] = (),
    seed: int = 0,
) -> ForwardEvaluation:
    """Measure forward predictions against results that came later.

    Rows without a result, a prediction or a baseline are left out of all of it.

    Args:
        rows: predictions, baselines, intervals and results.
        nominal: coverage that the intervals claim.
        specification: limits of the attribute.
        leaks: columns that were found to know the answer.
        seed: of the bootstrap.

    Raises:
        DataError: fewer than 2 such rows, or no baseline.
    """
    kept = _kept(rows)
    reported, limits = kept.reported, specification or Specification()
    return ForwardEvaluation(
        attribute=kept.attribute,
        unit=kept.unit,
        n=len(kept.predicted),
        n_codes=len(set(kept.codes)),
        n_lots=len(set(kept.lots)),
        n_periods=len(set(kept.periods)),
        limit=reported.limit if math.isfinite(reported.limit) else None,
        n_uncensored=int((~reported.is_censored).sum()),
        uncensored_share=reported.uncensored_share,
        nominal=nominal,
        specification=limits,
        leaks=tuple(leaks),
        seed=seed,
        domain_share=float(kept.in_domain.mean()),
        **_of_errors(kept, seed),
        **_of_intervals(kept, nominal),
        **_of_limits(kept, limits),
    )


def _of_errors(rows: ForwardRows, seed: int) -> dict[str, Any]:
    """Errors of model and baselines, their ratios, and what is explained."""
    reported = rows.reported
    errors = {name: _errors(reported, one) for name, one in rows.baselines.items()}
    own = _errors(reported, rows.predicted)
    baselines = {name: _root_mean_square(one) for name, one in errors.items()}
    best = min(baselines, key=lambda name: baselines[name])
    measured, codes = ~reported.is_censored, _numbers(rows.codes)
    return {
        "rmse": _root_mean_square(own),
        "rmse_uncensored": _root_mean_square(own[measured]) if measured.any() else None,
        "baselines": baselines,
        "best_baseline": best,
        "ratio_by_lots": error_ratio(own, errors[best], rows.lots, seed=seed),
        "ratio_by_periods": error_ratio(own, errors[best], rows.periods, seed=seed),
        "ratio_uncensored": _ratio_of(own, errors, measured, rows, seed),
        "ratio_held_out": _ratio_held_out(rows, errors[best], seed),
        "r2": _r2(reported.values, own, np.zeros(len(own), dtype=np.int64)),
        "within_code_r2": _r2(reported.values, own, codes),
        "within_code_r2_uncensored": _r2(reported.values[measured], own[measured], codes[measured]),
    }


def _kept(rows: ForwardRows) -> ForwardRows:
    if not rows.baselines:
        raise DataError("nothing says what a model must beat: give a baseline")
    parts = [rows.reported.values, rows.predicted, *rows.baselines.values()]
    is_whole = np.asarray(~np.isnan(np.stack(parts)).any(axis=0), dtype=np.bool_)
    if rows.held_out is not None:
        is_whole = is_whole & ~np.isnan(rows.held_out)
    if int(is_whole.sum()) < 2:
        raise DataError(
            f"{rows.attribute}: {int(is_whole.sum())} rows have a result, a prediction and a "
            "baseline; 2 are needed: give more rows, or earlier ones to learn from"
        )
    places = np.flatnonzero(is_whole).tolist()
    return ForwardRows(
        rows.attribute,
        rows.unit,
        rows.reported.rows(is_whole),
        rows.predicted[is_whole],
        {name: one[is_whole] for name, one in rows.baselines.items()},
        rows.lower[is_whole],
        rows.upper[is_whole],
        [rows.codes[k] for k in places],
        [rows.lots[k] for k in places],
        [rows.periods[k] for k in places],
        rows.in_domain[is_whole],
        None if rows.held_out is None else rows.held_out[is_whole],
    )


def _errors(reported: Reported, predicted: Floats) -> Floats:
    return reported.errors(reported.reportable(predicted))


def _root_mean_square(errors: Floats) -> float:
    return math.sqrt(float(np.mean(errors**2)))


def _ratio_of(
    own: Floats, errors: Mapping[str, Floats], chosen: Bools, rows: ForwardRows, seed: int
) -> ErrorRatio | None:
    """Over some rows, against the baseline that is best on these."""
    if int(chosen.sum()) < 2:
        return None
    best = min(errors.values(), key=lambda one: float(np.sum(one[chosen] ** 2)))
    if not np.any(best[chosen]):
        return None
    lots = [lot for lot, is_in in zip(rows.lots, chosen, strict=True) if is_in]
    return error_ratio(own[chosen], best[chosen], lots, seed=seed)


def _ratio_held_out(rows: ForwardRows, best: Floats, seed: int) -> ErrorRatio | None:
    if rows.held_out is None:
        return None
    return error_ratio(_errors(rows.reported, rows.held_out), best, rows.lots, seed=seed)


def _numbers(names: Sequence[str]) -> Any:
    return np.unique(list(names), return_inverse=True)[1]


def _r2(values: Floats, errors: Floats, codes: Any) -> float | None:
    """Share of the squares about each code's own mean that is explained."""
    if len(values) < 2:
        return None
    counts = np.maximum(np.bincount(codes), 1)
    means = np.bincount(codes, values) / counts
    squares = float(np.sum((values - means[codes]) ** 2))
    return 1.0 - float(np.sum(errors**2)) / squares if squares > 0 else None


def _of_intervals(rows: ForwardRows, nominal: float) -> dict[str, Any]:
    reported, is_there = rows.reported, ~np.isnan(rows.lower)
    names = ("n_intervals", "coverage", "coverage_p_value", "worst_code_p_value", "mean_width",
             "mean_interval_score", "coverage_in_domain")  # fmt: skip
    n = int(is_there.sum())
    if not n:
        return dict.fromkeys(names) | {"n_intervals": 0}
    low, high = reported.reportable(rows.lower), reported.reportable(rows.upper)
    is_held = is_there & (low <= reported.values) & (reported.values <= high)
    inside = is_there & rows.in_domain
    scores = interval_score(reported, rows.lower, rows.upper, nominal)
    values = (
        n,
        float(is_held.sum() / n),
        binomial_p_value(int(is_held.sum()), n, nominal),
        _worst_code(is_held, is_there, rows.codes, nominal),
        float(np.mean((high - low)[is_there])),
        float(np.mean(scores[is_there])),
        float(is_held[inside].mean()) if inside.any() else None,
    )
    return dict(zip(names, values, strict=True))


def _worst_code(
    is_held: Bools, is_there: Bools, codes: Sequence[str], nominal: float
) -> float | None:
    names = np.asarray(codes, dtype=object)
    found = []
    for code in set(codes):
        own = is_there & (names == code)
        if int(own.sum()) >= _LEAST_OF_CODE:
            held = int((is_held & own).sum())
            found.append(binomial_p_value(held, int(own.sum()), nominal))
    return min(1.0, min(found) * len(found)) if found else None


def _of_limits(rows: ForwardRows, limits: Specification) -> dict[str, Any]:
    """Failures that an interval within the limits would have let pass, and room for it."""
    y = rows.reported.values
    is_outside = (y < limits.lower) | (y > limits.upper)
    is_passed = (rows.lower >= limits.lower) & (rows.upper <= limits.upper)
    is_there = ~np.isnan(rows.lower)
    room = min(float(y.mean()) - limits.lower, limits.upper - float(y.mean()))
    share = None
    if limits.is_given and is_there.any() and room > 0:
        half = 0.5 * float(np.mean((rows.upper - rows.lower)[is_there]))
        share = half / room
    return {
        "n_outside": int(is_outside.sum()) if limits.is_given else 0,
        "n_outside_missed": int((is_outside & is_passed).sum()) if limits.is_given else 0,
        "width_in_room": share,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
