"""A calibration from spectra to a frozen sensor: choice, outlier checks, honest error, interval.

The interval is that of the next laboratory result. It is as wide as left-out results ask for
(split-conformal on left-out residuals), never narrower than the reference method's own error, and
wider where the spectrum is far from the middle of the calibration.

References:
    ASTM E1655-17 (practice of infrared multivariate analysis).
    DiFoggio (1995), Appl. Spectrosc. 49:67, doi:10.1366/0003702953963247, and Faber and Kowalski
    (1997), Appl. Spectrosc. 51:660, doi:10.1366/0003702971940738 (error of the reference method
    in the apparent error of prediction).
    Barber et al. (2021), Ann. Stat. 49:486, doi:10.1214/20-AOS1965 (left-out residuals).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from goldenbatch.science._arrays import Bools, Floats, vector
from goldenbatch.science.errors import DesignError
from goldenbatch.science.latent.plan import LimitKind, ScoringPlan
from goldenbatch.science.latent.pls import PLS
from goldenbatch.science.latent.selection import CrossValidation
from goldenbatch.science.latent.steps import apply_steps
from goldenbatch.science.spectra._paths import Split
from goldenbatch.science.spectra.choice import Choice, ChoiceSettings, checked, choose
from goldenbatch.science.spectra.outliers import OutlierReport, examine
from goldenbatch.science.spectra.preprocess import fit_steps
from goldenbatch.science.spectra.sensor import SensorFacts, SoftSensor
from goldenbatch.science.statistics.intervals import conformal_half_width


class Outliers(StrEnum):
    """What is done with results that left-out prediction does not meet.

    `report` keeps them in the fit. `set aside` fits without them; they stay in the stated error
    and in the report either way.
    """

    REPORT = "report"
    SET_ASIDE = "set aside"


@dataclass(frozen=True, slots=True)
class CalibrateSettings:
    """What is fixed before a reference result is seen.

    Attributes:
        choice: candidates and the rule.
        outliers: see `Outliers`.
        n_deviations: robust standard deviations that a left-out residual may reach.
        reference_error: standard deviation of one reference result, in its unit; 0: not known.
        confidence: of the limits of T2 and SPE.
        coverage: of the prediction interval.
        limit_kind: limits in force.
        target: name of what is predicted.
    """

    choice: ChoiceSettings = field(default_factory=ChoiceSettings)
    outliers: Outliers = Outliers.REPORT
    n_deviations: float = 3.0
    reference_error: float = 0.0
    confidence: float = 0.99
    coverage: float = 0.95
    limit_kind: LimitKind = LimitKind.LEFT_OUT
    target: str = "value"


@dataclass(frozen=True, slots=True)
class ErrorStatement:
    """Error of left-out rows against the laboratory, and what of it is the sensor's own.

    Attributes:
        apparent: RMSE against reference results.
        reference_error: standard deviation of one reference result; 0: not known.
        corrected: RMSE against the true value: apparent squared less reference error squared;
            0 where the reference error explains all of it.
    """

    apparent: float
    reference_error: float
    corrected: float


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A calibrated sensor with all that its calibration found.

    Attributes:
        sensor: the frozen plan with its facts.
        choice: of the treatment and the number of components.
        outliers: signs of every calibration spectrum.
        is_used: rows that the fit was made on, shape (n,).
        error: of left-out rows; of rows of groups that were not fitted on, if there are such.
        error_used: the same without rows that were set aside.
    """

    sensor: SoftSensor
    choice: Choice
    outliers: OutlierReport
    is_used: Bools
    error: ErrorStatement
    error_used: ErrorStatement


def error_statement(apparent: float, reference_error: float = 0.0) -> ErrorStatement:
    """Split an apparent error of prediction into the reference method's and the sensor's own.

    References:
        DiFoggio (1995), equation 4.

    >>> round(error_statement(5.0, 3.0).corrected, 3)
    4.0
    """
    if reference_error < 0:
        message = f"the reference error is {reference_error}; give a standard deviation"
        raise DesignError(message)
    own = max(apparent * apparent - reference_error * reference_error, 0.0)
    return ErrorStatement(apparent, reference_error, float(np.sqrt(own)))


def calibrate(
    spectra: ArrayLike,
    axis: ArrayLike,
    reference: ArrayLike,
    settings: CalibrateSettings | None = None,
    groups: Sequence[Hashable] | None = None,
    fitted: Sequence[Hashable] | None = None,
) -> Calibration:
    """Choose, check, fit and freeze.

    Args:
        spectra: shape (n, p), complete.
        axis: of the spectra, rising, shape (p,).
        reference: results of the laboratory, shape (n,), complete.
        settings: chosen beforehand.
        groups: scale, lot or instrument of each row; each is left out as a whole.
        fitted: groups whose rows the final model is fitted on; all where none are named.

    Raises:
        DataError: fewer than 8 spectra, missing values, or numbers that do not match.
        DesignError: settings that give no model.

    >>> generator = np.random.default_rng(1)
    >>> y, axis = generator.uniform(0, 10, 20), np.arange(30.0)
    >>> spectra = np.outer(y, np.exp(-0.1 * (axis - 15) ** 2)) + 0.01 * generator.random((20, 30))
    >>> found = calibrate(spectra, axis, y, CalibrateSettings(ChoiceSettings(n_components_max=3)))
    >>> bool(found.sensor.predict(spectra[0]).in_domain[0]), found.error.apparent < 0.1
    (True, True)
    """
    settings = settings or CalibrateSettings()
    rows, results = checked(spectra, reference)
    found = choose(rows, axis, results, settings.choice, groups)
    is_fitted = np.ones(len(rows), dtype=bool)
    if fitted and groups is not None:
        is_fitted = np.array([one in set(fitted) for one in groups])
    is_trusted = np.ones(len(rows), dtype=bool)
    if settings.outliers is Outliers.SET_ASIDE:
        off = found.predicted - results
        off = off - np.median(off)
        spread = 1.4826 * float(np.median(np.abs(off)))
        is_trusted = np.abs(off) <= settings.n_deviations * spread
    data = _Data(rows, results, vector(axis, "axis"), is_fitted, is_trusted)
    return _frozen(settings, found, data)


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    """Rows of a calibration; which may be fitted on, and which are trusted."""

    rows: Floats
    results: Floats
    axis: Floats
    is_fitted: Bools
    is_trusted: Bools

    @property
    def is_used(self) -> Bools:
        """Rows of the fit."""
        return np.asarray(self.is_fitted & self.is_trusted)

    def splits(self, found: Choice) -> tuple[Split, ...]:
        """Who is judged by whom: groups that are not fitted on by those that are."""
        if self.is_fitted.all():
            return found.splits
        return ((np.flatnonzero(self.is_fitted), np.flatnonzero(~self.is_fitted)),)


def _frozen(settings: CalibrateSettings, found: Choice, data: _Data) -> Calibration:
    is_used = data.is_used
    rows, results = data.rows[is_used], data.results[is_used]
    steps = fit_steps(found.treatment, rows, data.axis)
    treated = apply_steps(steps, data.rows)
    model = PLS(
        found.n_components,
        is_scaled=False,
        confidence=settings.confidence,
        coverage=settings.coverage,
    ).fit(treated[is_used], results)
    left = _left_out(model, treated, data, data.splits(found))
    is_judged = ~np.isnan(left.t2)
    counted = is_judged & data.is_trusted
    model.use_cross_validation(data.results[counted], _part(left, counted))
    names = [f"{place:g}" for place in data.axis]
    plan = model.plan(names, [settings.target], limit_kind=settings.limit_kind, steps=steps)
    residuals = left.predicted[:, 0] - data.results
    plan = with_interval(plan, residuals[is_judged], settings)
    sensor = SoftSensor(plan, _facts(plan, found, (rows, results), residuals[is_judged]))
    outliers = _examined(settings, found, data, plan, left)
    errors = [
        error_statement(float(np.sqrt(np.mean(residuals[part] ** 2))), settings.reference_error)
        for part in (is_judged, counted)
    ]
    return Calibration(sensor, found, outliers, is_used, errors[0], errors[1])


def _examined(
    settings: CalibrateSettings,
    found: Choice,
    data: _Data,
    plan: ScoringPlan,
    left: CrossValidation,
) -> OutlierReport:
    scores = plan.score(data.rows)
    return examine(
        scores.scores,
        np.where(np.isnan(left.spe), scores.spe, left.spe),
        found.predicted - data.results,
        confidence=settings.confidence,
        n_deviations=settings.n_deviations,
    )


def with_interval(plan: ScoringPlan, residuals: Floats, settings: CalibrateSettings) -> ScoringPlan:
    """Return the plan with an interval for the next laboratory result.

    Its half width at the centre of the model covers the wanted share of left-out residuals, and is
    at least that of the reference method alone.
    """
    variance = float(np.mean(residuals**2))
    floor = float(ndtri(0.5 + 0.5 * settings.coverage)) * settings.reference_error
    half = conformal_half_width(residuals, settings.coverage)
    wanted = float(np.sqrt(variance)) * float(plan.targets.quantile[0])
    half = max(half if np.isfinite(half) else wanted, floor)
    quantile = np.array([half / np.sqrt(variance)])
    targets = replaced(plan.targets, variance=np.array([variance]), quantile=quantile)
    return replaced(plan, targets=targets)


def _left_out(model: PLS, treated: Floats, data: _Data, splits: Sequence[Split]) -> CrossValidation:
    """Predictions, T2 and SPE by fits without the row, means over repetitions; NaN if none."""
    from sklearn.base import clone

    n = len(treated)
    total, count = np.zeros((3, n)), np.zeros(n)
    for kept, left in splits:
        used = kept[data.is_used[kept]]
        part = clone(model).fit(treated[used], data.results[used])
        scores = part.plan().score(treated[left])
        total[:, left] += np.stack([scores.values[:, 0], scores.t2, scores.spe])
        count[left] += 1
    predicted, t2, spe = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return CrossValidation(
        np.zeros(0), model.n_components, predicted[:, None], t2, spe, len(splits)
    )


def _part(found: CrossValidation, kept: Bools) -> CrossValidation:
    return replaced(found, predicted=found.predicted[kept], t2=found.t2[kept], spe=found.spe[kept])


def _facts(
    plan: ScoringPlan, found: Choice, used: tuple[Floats, Floats], residuals: Floats
) -> SensorFacts:
    rows, results = used
    half = conformal_half_width(residuals, plan.facts.coverage)
    fitted = plan.score(rows).values[:, 0]
    return SensorFacts(
        n_reference=len(rows),
        n_components=found.n_components,
        n_folds=len(found.splits),
        rmse_training=float(np.sqrt(np.mean((fitted - results) ** 2))),
        rmse_left_out=float(np.sqrt(np.mean(residuals**2))),
        rmse_by_components=tuple(found.rmse[found.place].tolist()),
        conformal_half_width=half if np.isfinite(half) else None,
        reference_lower=float(results.min()),
        reference_upper=float(results.max()),
        limits=dict(plan.facts.limits),
        plan_digest=plan.digest,
    )
