"""The estimator that PCA, dynamic PCA, CVA and multi-block models of rows in time order share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OutlierMixin, clone

from goldenbatch.science._arrays import Bools, Floats, matrix
from goldenbatch.science.errors import DataError, DesignError, NotFittedYetError
from goldenbatch.science.latent._dynamic_fit import Part, averaged, enough, filled_rows
from goldenbatch.science.latent.alarm_limits import AlarmLimit, FalseAlarms, LimitSource
from goldenbatch.science.latent.alarm_rates import (
    correlation_rows,
    measured_rate,
    order_limit,
    predictive_limit,
)
from goldenbatch.science.latent.alarm_settings import AlarmSettings
from goldenbatch.science.latent.dynamic_facts import DynamicArrays, DynamicFacts
from goldenbatch.science.latent.dynamic_plan import DynamicPlan
from goldenbatch.science.latent.limits import box_limit
from goldenbatch.science.latent.pca import centre_and_scale
from goldenbatch.science.latent.selection import contiguous_folds

MAX_WINDOW = 4096
"""Values of a window: the covariance of more would fill the memory, and no plant has the rows."""
_LEFT_OUT = "training rows left out of the fit, in blocks of time"


class DynamicModel(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """A model whose statistics are sums of squares of projections of windows of rows.

    Fitted attributes:
        centre_, scale_: shape (p,).
        statistics_: names.
        limits_: every limit that was made, with its measured false-alarm rate.
        left_out_: statistics of training rows left out of the fit, shape (n, K).
        false_alarms_: share of rows where any statistic is above its limit in force.
    """

    kind = "dynamic"
    alarms: AlarmSettings
    lags: int

    @abstractmethod
    def _parts(self, rows: Floats, y: Any) -> list[Part]:
        """Fit on standardised rows, shape (n, p); NaN rows break windows."""

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Fit the model and its limits.

        Args:
            X: good rows in time order, shape (n, p); NaN marks a missing value, and a row with
                too many of them a break in time.
            y: targets, for models that have some.

        Raises:
            DataError: too few rows, or a column without values.
            DesignError: settings that give no model.
        """
        rows = matrix(X, "X")
        self.n_features_in_, self.n_rows_ = rows.shape[1], len(rows)
        _check_lags(self.lags, rows.shape[1])
        self._learn(rows, y)
        self.left_out_ = self._left_out(rows, y)
        self._make_limits()
        return self

    def calibrate(self, X: ArrayLike) -> Self:
        """Add limits from held-out good rows; the rates of the other limits are measured there.

        Args:
            X: good rows in time order that the model was not fitted on, shape (n, p).

        Raises:
            DataError: too few rows for the rate asked for.
        """
        scores, _ = self.plan(in_force=self._sources()[0]).score(matrix(X, "X"))
        values = scores.values[scores.is_scored]
        self._add(LimitSource.HELD_OUT, values, self._order_limits)
        words = "held-out rows that nothing was fitted on"
        for source in self._sources():
            if source is not LimitSource.HELD_OUT:
                own = [one.value for one in self.limits_ if one.source is source]
                self._set_limits(source, own, values, values > np.array(own), words)
        return self

    def predict(self, X: ArrayLike) -> Any:
        """Return -1 for alarms and 1 for other rows, shape (n,); rows follow one another."""
        return np.where(self.plan().score(X)[0].is_alarm, -1, 1)

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return 1 - severity, shape (n,): negative for alarms; NaN for rows not scored."""
        return np.asarray(1.0 - self.plan().score(X)[0].severity)

    def score_samples(self, X: ArrayLike) -> Floats:
        """Return -severity, shape (n,): the lower, the worse."""
        return np.asarray(-self.plan().score(X)[0].severity)

    def plan(
        self,
        columns: Sequence[str] | None = None,
        *,
        in_force: LimitSource | None = None,
        fitted_until: int | None = None,
    ) -> DynamicPlan:
        """Return the frozen plan of the fitted model.

        Args:
            columns: names of the tags; x0, x1, ... if left out.
            in_force: source of the limits that decide; that of the settings if left out.
            fitted_until: end (exclusive) of the training rows, index or time.

        Raises:
            DesignError: there are no such limits.
        """
        if not hasattr(self, "parts_"):
            message = f"this {type(self).__name__} is not fitted; call fit first"
            raise NotFittedYetError(message)
        source = in_force or self.alarms.source
        if source not in self._sources():
            message = (
                f"there are no {source.value} limits, only "
                f"{', '.join(one.value for one in self._sources())}; held-out ones are made by "
                "calibrate, theoretical ones only for single rows (smoothing 1)"
            )
            raise DesignError(message)
        names = tuple(columns or (f"x{i}" for i in range(self.n_features_in_)))
        return self._plan(names, self.limits_, source, fitted_until)

    def _learn(self, rows: Floats, y: Any) -> None:
        is_good = enough(rows, self.alarms.max_missing_fraction)
        kept = np.where(is_good[:, None], rows, np.nan)
        self.centre_, self.scale_ = centre_and_scale(kept, is_scaled=True)
        filled = filled_rows((rows - self.centre_) / self.scale_, is_good, has_order=self.lags > 0)
        self.precision_ = filled.precision
        self.parts_ = self._parts(filled.rows, y)
        self.statistics_ = tuple(part.name for part in self.parts_)

    def _left_out(self, rows: Floats, y: Any) -> Floats:
        """Statistics of rows that were left out of the fit, with those beside them."""
        gap = self.alarms.gap(self.lags)
        found = np.full((len(rows), len(self.parts_)), np.nan)
        for fold in contiguous_folds(len(rows), self.alarms.n_folds):
            first, last = int(fold[0]), int(fold[-1]) + 1
            kept = rows.copy()
            kept[max(first - gap, 0) : last + gap] = np.nan
            other = clone(self)
            other.n_features_in_, other.n_rows_ = self.n_features_in_, self.n_rows_
            other._learn(kept, y)  # noqa: SLF001 - a clone of this very model
            before = max(first - self.lags, 0)
            found[first:last] = other._raw(rows[before:last])[first - before :]  # noqa: SLF001
        return found

    def _raw(self, rows: Floats) -> Floats:
        source = LimitSource.CROSS_VALIDATED
        ones = [AlarmLimit(name, 1.0, source, self.alarms.rate) for name in self.statistics_]
        names = tuple(f"x{i}" for i in range(self.n_features_in_))
        return self._plan(names, ones, source, None, is_raw=True).score(rows)[0].raw

    def _plan(
        self,
        names: tuple[str, ...],
        limits: Sequence[AlarmLimit],
        source: LimitSource,
        fitted_until: int | None,
        *,
        is_raw: bool = False,
    ) -> DynamicPlan:
        facts = DynamicFacts(
            kind=self.kind,
            columns=names,
            lags=self.lags,
            statistics=self.statistics_,
            widths=tuple(len(part.rows) for part in self.parts_),
            limits=tuple(limits),
            in_force=source,
            smoothing=1.0 if is_raw else self.alarms.smoothing,
            is_log=self.alarms.is_log and not is_raw,
            n_rows=self.n_rows_,
            false_alarms=None if is_raw else self.any_[source],
            max_missing_fraction=self.alarms.max_missing_fraction,
            fitted_until=fitted_until,
        )
        start = np.zeros(len(self.parts_)) if is_raw else self.start_
        projection = np.concatenate([part.rows for part in self.parts_])
        arrays = DynamicArrays(self.centre_, self.scale_, projection, start, self.precision_)
        return DynamicPlan(facts, arrays)

    def _make_limits(self) -> None:
        is_known = ~np.isnan(self.left_out_).any(axis=1)
        if int(is_known.sum()) < 2 * self.alarms.n_folds:
            message = "too few training rows could be left out and scored; give more rows"
            raise DataError(message)
        raw, settings = self.left_out_[is_known], self.alarms
        none = np.zeros(raw.shape[1])
        self.start_ = averaged(raw, none, 1.0, is_log=settings.is_log).mean(axis=0)
        values = averaged(raw, self.start_, settings.smoothing, is_log=settings.is_log)
        self.limits_: tuple[AlarmLimit, ...] = ()
        self.any_: dict[LimitSource, FalseAlarms] = {}
        self._add(LimitSource.CROSS_VALIDATED, values, self._left_out_limits)
        theory = [part.theoretical for part in self.parts_]
        if settings.smoothing == 1.0 and all(one is not None for one in theory):
            own = np.array(theory, dtype=np.float64)
            own = np.log(own) if settings.is_log else own
            source = LimitSource.THEORETICAL
            self._set_limits(source, own.tolist(), values, values > own, _LEFT_OUT)
        self.false_alarms_ = self.any_.get(settings.source)

    def _add(self, source: LimitSource, values: Floats, limits: Any) -> None:
        """Make limits of all rows; measure each fold by limits of the other folds only."""
        is_over = np.zeros(values.shape, dtype=np.bool_)
        for fold in contiguous_folds(len(values), self.alarms.n_folds):
            others = np.setdiff1d(np.arange(len(values)), fold)
            is_over[fold] = values[fold] > np.array(limits(values[others]))
        kind = _LEFT_OUT if source is LimitSource.CROSS_VALIDATED else "held-out rows"
        words = f"{kind}, each block by limits of the other blocks"
        self._set_limits(source, limits(values), values, is_over, words)

    def _left_out_limits(self, values: Floats) -> list[float]:
        rate = self.alarms.rate
        if self.alarms.is_log or self.alarms.smoothing < 1.0:
            return [predictive_limit(column, rate) for column in values.T]
        return [box_limit(column, 1.0 - rate) for column in values.T]

    def _order_limits(self, values: Floats) -> list[float]:
        return [order_limit(column, self.alarms.rate) for column in values.T]

    def _set_limits(
        self, source: LimitSource, limits: list[float], values: Floats, is_over: Bools, words: str
    ) -> None:
        block = max(correlation_rows(column) for column in values.T)
        block = min(block, max(1, len(values) // 5))

        def measure(alarms: Bools) -> FalseAlarms:
            seed = self.alarms.seed
            return measured_rate([alarms], block_rows=block, measured_on=words, seed=seed)

        own = tuple(
            AlarmLimit(name, limits[k], source, self.alarms.rate, measure(is_over[:, k]))
            for k, name in enumerate(self.statistics_)
        )
        self.limits_ = tuple(one for one in self.limits_ if one.source is not source) + own
        self.any_ = {**self.any_, source: measure(np.asarray(is_over.any(axis=1)))}
        self.false_alarms_ = self.any_.get(self.alarms.source)

    def _sources(self) -> list[LimitSource]:
        return list(dict.fromkeys(one.source for one in self.limits_))


def _check_lags(lags: object, n_tags: int) -> None:
    """Refuse windows that nobody could fit.

    Raises:
        DesignError: lags are no whole number from 0 on, or windows would be too wide.
    """
    if not isinstance(lags, int | np.integer) or lags < 0:
        message = f"lags {lags!r} is no whole number from 0 on"
        raise DesignError(message)
    if (wide := n_tags * (int(lags) + 1)) > MAX_WINDOW:
        message = (
            f"windows of {n_tags} tags and {lags} lags have {wide} values, more than "
            f"{MAX_WINDOW}; take fewer lags, or rows further apart"
        )
        raise DesignError(message)
