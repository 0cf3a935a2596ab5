"""A soft sensor on spectra that says how sure it is, and when it should not be believed.

PLS on treated spectra. The number of components is chosen on left-out rows; T2 and SPE limits
come from theory and from left-out rows, and both are kept; the interval is built on the error
of left-out rows. A reading outside the domain is a reason to ask the laboratory, not a number.

References:
    ASTM E1655-17 (multivariate infrared analysis: outliers, leverage, validation).
    Faber and Kowalski (1997), J. Chemom. 11:181 (prediction interval, leverage form).
    Nomikos and MacGregor (1995), doi:10.1080/00401706.1995.10485888 (limits).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, Integers, complete, matrix, vector
from goldenbatch.science.errors import DataError, PlanError
from goldenbatch.science.latent.plan import Contributions, LimitKind, ScoringPlan
from goldenbatch.science.latent.pls import PLS, cross_validate
from goldenbatch.science.latent.selection import (
    CrossValidation,
    grouped_folds,
    interleaved_folds,
)
from goldenbatch.science.latent.steps import apply_steps
from goldenbatch.science.spectra.preprocess import Treatment, fit_steps
from goldenbatch.science.statistics.baselines import rmse
from goldenbatch.science.statistics.intervals import conformal_half_width

_N_LEAVE_ONE_OUT_MAX = 40
_N_REFERENCE_MIN = 8


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """What is chosen before the reference results are seen.

    Attributes:
        treatment: of the spectra.
        n_components_max: largest number of components tried.
        n_folds: interleaved folds; None leaves one row out up to 40 rows, else 10 folds.
        confidence: of the limits of T2 and SPE.
        coverage: of the prediction interval.
        limit_kind: limits in force.
        target: name of what is predicted.
    """

    treatment: Treatment = field(default_factory=Treatment)
    n_components_max: int = 8
    n_folds: int | None = None
    confidence: float = 0.99
    coverage: float = 0.95
    limit_kind: LimitKind = LimitKind.LEFT_OUT
    target: str = "value"


@dataclass(frozen=True, slots=True)
class SensorFacts:
    """What the calibration found.

    Attributes:
        n_reference: calibration spectra.
        n_components: chosen on left-out rows.
        n_folds: of the cross-validation.
        rmse_training: of the rows that the model was fitted on: flattering by nature.
        rmse_left_out: of left-out rows, with the chosen number of components.
        rmse_by_components: of left-out rows for 1, 2, ... components.
        conformal_half_width: of left-out residuals at the interval's coverage; None if too few.
        reference_lower, reference_upper: range of the calibration results.
        limits: theoretical and left-out limits of T2 and SPE.
        plan_digest: of the scoring plan.
    """

    n_reference: int
    n_components: int
    n_folds: int
    rmse_training: float
    rmse_left_out: float
    rmse_by_components: tuple[float, ...]
    conformal_half_width: float | None
    reference_lower: float
    reference_upper: float
    limits: Mapping[str, float | None]
    plan_digest: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"rmse_by_components": list(self.rmse_by_components)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**{**plain, "rmse_by_components": tuple(plain["rmse_by_components"])})


@dataclass(frozen=True, slots=True, eq=False)
class SensorReadings:
    """Readings of n spectra, arrays of shape (n,); NaN where a spectrum cannot be scored.

    Attributes:
        value: predicted.
        lower, upper: of the prediction interval; they hold in the domain only.
        t2, spe: distances in and from the model plane.
        in_domain: both within their limits.
        is_extrapolated: the value lies outside the calibrated range.
        contributions: of each channel to T2 and SPE.
    """

    value: Floats
    lower: Floats
    upper: Floats
    t2: Floats
    spe: Floats
    in_domain: Bools
    is_extrapolated: Bools
    contributions: Contributions


@dataclass(frozen=True, slots=True)
class SoftSensor:
    """A calibrated soft sensor: its plan and what the calibration found."""

    plan: ScoringPlan
    facts: SensorFacts

    def __post_init__(self) -> None:
        """Check that plan and facts belong together.

        Raises:
            PlanError: the plan is another one.
        """
        if self.plan.digest != self.facts.plan_digest:
            message = f"the plan is not {self.facts.plan_digest}; take both from one calibration"
            raise PlanError(message)

    def predict(self, spectra: ArrayLike) -> SensorReadings:
        """Read spectra, shape (n, p), or one spectrum, shape (p,).

        Raises:
            DataError: the number of channels is another, or a value is infinite.
        """
        scores = self.plan.score(spectra)
        value = scores.values[:, 0]
        is_out = (value < self.facts.reference_lower) | (value > self.facts.reference_upper)
        return SensorReadings(
            value=value,
            lower=scores.lower[:, 0],
            upper=scores.upper[:, 0],
            t2=scores.t2,
            spe=scores.spe,
            in_domain=scores.in_domain,
            is_extrapolated=np.asarray(is_out),
            contributions=self.plan.contributions(spectra),
        )


def fit_soft_sensor(
    spectra: ArrayLike,
    wavenumbers: ArrayLike,
    reference: ArrayLike,
    settings: SensorSettings | None = None,
    groups: Sequence[Hashable] | None = None,
) -> SoftSensor:
    """Calibrate a soft sensor.

    Args:
        spectra: shape (n, p), complete.
        wavenumbers: axis of the spectra, rising, shape (p,).
        reference: results of the laboratory, shape (n,), complete.
        settings: chosen beforehand.
        groups: lot, batch or instrument of each spectrum; a group is left out as a whole.

    Raises:
        DataError: fewer than 8 spectra, missing values, or numbers that do not match.
        DesignError: settings that give no model.

    >>> generator = np.random.default_rng(1)
    >>> y = generator.uniform(0, 10, 20)
    >>> axis = np.arange(30.0)
    >>> spectra = np.outer(y, np.exp(-0.1 * (axis - 15) ** 2)) + 0.01 * generator.random((20, 30))
    >>> sensor = fit_soft_sensor(spectra, axis, y, SensorSettings(Treatment(order=())))
    >>> sensor.facts.n_components, bool(sensor.predict(spectra[0]).in_domain[0])
    (1, True)
    """
    settings = settings or SensorSettings()
    rows = complete(matrix(spectra, "spectra"), "spectra")
    results = complete(vector(reference, "reference"), "reference")
    if len(rows) != len(results) or len(rows) < _N_REFERENCE_MIN:
        message = f"{len(rows)} spectra with {len(results)} results; give at least 8 of each"
        raise DataError(message)
    steps = fit_steps(settings.treatment, rows, wavenumbers)
    treated = apply_steps(steps, rows)
    found = _cross_validated(treated, results, settings, groups)
    model = _model(settings, found.n_components).fit(treated, results)
    model.use_cross_validation(results, found)
    names = [f"{place:g}" for place in vector(wavenumbers, "wavenumbers")]
    plan = model.plan(names, [settings.target], limit_kind=settings.limit_kind, steps=steps)
    return SoftSensor(plan, _facts(plan, found, rows, results))


def _model(settings: SensorSettings, n_components: int) -> PLS:
    return PLS(
        n_components,
        is_scaled=False,
        confidence=settings.confidence,
        coverage=settings.coverage,
    )


def _cross_validated(
    treated: Floats,
    results: Floats,
    settings: SensorSettings,
    groups: Sequence[Hashable] | None,
) -> CrossValidation:
    """MSC's reference is the one thing made on all rows: it holds no result of the laboratory."""
    folds: tuple[Integers, ...]
    if groups is not None:
        folds = grouped_folds(groups)
    else:
        n = len(treated)
        n_folds = settings.n_folds or (n if n <= _N_LEAVE_ONE_OUT_MAX else 10)
        folds = interleaved_folds(n, n_folds)
    model = _model(settings, 1)
    return cross_validate(model, treated, results, folds, settings.n_components_max)


def _facts(plan: ScoringPlan, found: CrossValidation, rows: Floats, results: Floats) -> SensorFacts:
    residuals = results - found.predicted[:, 0]
    half = conformal_half_width(residuals, plan.facts.coverage)
    return SensorFacts(
        n_reference=len(rows),
        n_components=found.n_components,
        n_folds=found.n_folds,
        rmse_training=rmse(results, plan.score(rows).values[:, 0]),
        rmse_left_out=rmse(results, found.predicted[:, 0]),
        rmse_by_components=tuple(found.rmse.tolist()),
        conformal_half_width=half if np.isfinite(half) else None,
        reference_lower=float(results.min()),
        reference_upper=float(results.max()),
        limits=dict(plan.facts.limits),
        plan_digest=plan.digest,
    )
