"""Preprocessing of spectra: pure functions, plan steps, and chemotools transformers beside them.

The functions run the kernels that a scoring plan runs, so a spectrum is treated the same in the
laboratory notebook and on the line; tests hold them equal to chemotools to 1e-10.

References:
    Barnes, Dhanoa and Lister (1989), Appl. Spectrosc. 43:772, doi:10.1366/0003702894202201 (SNV).
    Geladi, MacDougall and Martens (1985), Appl. Spectrosc. 39:491, doi:10.1366/0003702854248656
    (MSC).
    Savitzky and Golay (1964), Anal. Chem. 36:1627, doi:10.1021/ac60214a047.
    Rinnan, van den Berg and Engelsen (2009), Trends Anal. Chem. 28:1201,
    doi:10.1016/j.trac.2009.07.007 (review).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import savgol_coeffs
from sklearn.base import BaseEstimator, TransformerMixin

from goldenbatch.science._arrays import Floats, complete, matrix, vector
from goldenbatch.science.errors import DesignError, NotFittedYetError
from goldenbatch.science.latent.steps import Step, StepKind, apply_steps

TREATMENTS = ("line", "detrend", "snv", "msc", "emsc", "savitzky-golay")
_BASELINE_DEGREE_MAX = 6


@dataclass(frozen=True, slots=True)
class Treatment:
    """How spectra are treated, in this order: range cut, then `order`.

    Attributes:
        lower, upper: of the range, in the unit of the axis; both None for the whole axis. As in
            chemotools the column nearest to `upper` is left out.
        order: treatments, each of line, detrend, snv, msc, emsc, savitzky-golay.
        window: columns of the Savitzky-Golay filter, odd.
        degree: of its polynomial.
        derivative: that it gives; 0 smooths.
        baseline_degree: of the polynomial over the columns that detrend and emsc take out.
    """

    lower: float | None = None
    upper: float | None = None
    order: tuple[str, ...] = ("line", "savitzky-golay")
    window: int = 15
    degree: int = 2
    derivative: int = 1
    baseline_degree: int = 2

    def __post_init__(self) -> None:
        """Refuse what gives no treatment."""
        object.__setattr__(self, "order", tuple(self.order))
        unknown = [name for name in self.order if name not in TREATMENTS]
        if unknown:
            message = f"unknown treatments {unknown}; choose from {TREATMENTS}"
            raise DesignError(message)
        if self.window % 2 == 0 or not 0 <= self.derivative <= self.degree < self.window:
            size = (self.window, self.degree, self.derivative)
            message = f"Savitzky-Golay needs an odd window > degree >= derivative, not {size}"
            raise DesignError(message)
        if not 0 <= self.baseline_degree <= _BASELINE_DEGREE_MAX:
            message = f"the degree of the baseline is {self.baseline_degree}; take 0 to 6"
            raise DesignError(message)
        if (self.lower is None) != (self.upper is None):
            message = "give both ends of the range, or neither"
            raise DesignError(message)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; `Treatment(**...)` reads them back."""
        return asdict(self) | {"order": list(self.order)}


def fit_steps(treatment: Treatment, spectra: ArrayLike, axis: ArrayLike) -> tuple[Step, ...]:
    """Return the steps of a treatment; MSC and EMSC refer to the mean of these spectra.

    Args:
        treatment: what to do.
        spectra: shape (n, p); the training spectra.
        axis: wavenumbers or wavelengths, rising, shape (p,).

    Raises:
        DesignError: the axis does not rise, or the range holds fewer columns than the window.

    >>> steps = fit_steps(Treatment(2.0, 5.0, ("snv",)), np.eye(6), np.arange(6.0))
    >>> [step.kind.value for step in steps], steps[0].numbers.tolist()
    (['cut', 'snv'], [2.0, 5.0])
    """
    rows, places = matrix(spectra, "spectra"), complete(vector(axis, "axis"), "axis")
    if len(places) != rows.shape[1] or not (np.diff(places) > 0).all():
        message = f"the axis has {len(places)} values for {rows.shape[1]} columns, or does not rise"
        raise DesignError(message)
    steps: list[Step] = []
    if treatment.lower is not None and treatment.upper is not None:
        first, end = (int(np.abs(places - x).argmin()) for x in (treatment.lower, treatment.upper))
        steps.append(Step(StepKind.CUT, np.array([first, end], dtype=np.float64)))
        rows = rows[:, first:end]
    if rows.shape[1] < max(2, treatment.window * ("savitzky-golay" in treatment.order)):
        message = f"the range holds {rows.shape[1]} columns; widen it or narrow the filter"
        raise DesignError(message)
    for name in treatment.order:
        step = _step(name, treatment, rows)
        rows = step.apply(rows)
        steps.append(step)
    return tuple(steps)


def snv(spectra: ArrayLike) -> Floats:
    """Return spectra with mean 0 and standard deviation 1 each, shape (n, p).

    >>> snv([[1.0, 2.0, 3.0]]).round(3).tolist()
    [[-1.225, 0.0, 1.225]]
    """
    return Step(StepKind.SNV).apply(matrix(spectra, "spectra"))


def msc(spectra: ArrayLike, reference: ArrayLike) -> Floats:
    """Return spectra with offset and slope against a reference taken out, shape (n, p).

    >>> msc([[3.0, 5.0, 7.0]], [1.0, 2.0, 3.0]).tolist()
    [[1.0, 2.0, 3.0]]
    """
    return Step(StepKind.MSC, vector(reference, "reference")).apply(matrix(spectra, "spectra"))


def savitzky_golay(
    spectra: ArrayLike, window: int = 15, degree: int = 2, derivative: int = 1
) -> Floats:
    """Return smoothed or differentiated spectra per column step, shape (n, p).

    Beyond the ends the outermost value is repeated.

    >>> savitzky_golay([[0.0, 1.0, 2.0, 3.0, 4.0]], 3, 1, 1).round(6).tolist()
    [[0.5, 1.0, 1.0, 1.0, 0.5]]
    """
    treatment = Treatment(order=(), window=window, degree=degree, derivative=derivative)
    return _step("savitzky-golay", treatment, np.zeros((0, 0))).apply(matrix(spectra, "spectra"))


def subtract_line(spectra: ArrayLike) -> Floats:
    """Return spectra less the straight line through their first and last value, shape (n, p).

    >>> subtract_line([[1.0, 5.0, 3.0]]).tolist()
    [[0.0, 3.0, 0.0]]
    """
    return Step(StepKind.LINE).apply(matrix(spectra, "spectra"))


class SpectraTreatment(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The steps of a treatment as a scikit-learn transformer.

    Args:
        treatment: what to do.
        axis: wavenumbers or wavelengths, shape (p,).

    >>> model = SpectraTreatment(Treatment(order=("snv",)), np.arange(3.0))
    >>> model.fit_transform([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]]).shape
    (2, 3)
    """

    def __init__(self, treatment: Treatment, axis: ArrayLike) -> None:
        self.treatment = treatment
        self.axis = axis

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Make the steps; only MSC and EMSC look at the spectra."""
        del y
        self.steps_ = fit_steps(self.treatment, X, self.axis)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Return treated spectra, shape (n, p_after)."""
        if not hasattr(self, "steps_"):
            message = "this treatment is not fitted; call fit first"
            raise NotFittedYetError(message)
        return apply_steps(self.steps_, matrix(X, "spectra"))


def chemotools_pipeline(treatment: Treatment, axis: ArrayLike) -> Any:
    """Return the same treatment as a scikit-learn pipeline of chemotools transformers.

    For notebooks and as the independent check; scoring runs the plan's own kernels.

    >>> chemotools_pipeline(Treatment(order=("snv",)), np.arange(3.0)).steps[0][0]
    '0-snv'
    """
    from chemotools.baseline import LinearCorrection, PolynomialCorrection
    from chemotools.derivative import SavitzkyGolay
    from chemotools.feature_selection import RangeCut
    from chemotools.scatter import (
        ExtendedMultiplicativeScatterCorrection,
        MultiplicativeScatterCorrection,
        StandardNormalVariate,
    )
    from sklearn.pipeline import Pipeline

    places = vector(axis, "axis")
    stages: list[tuple[str, Any]] = []
    if treatment.lower is not None and treatment.upper is not None:
        cut = RangeCut(start=treatment.lower, end=treatment.upper, x_axis=places)
        stages.append(("cut", cut))
    makers = {
        "line": LinearCorrection,
        "snv": StandardNormalVariate,
        "msc": MultiplicativeScatterCorrection,
        "detrend": lambda: PolynomialCorrection(order=treatment.baseline_degree),
        "emsc": lambda: ExtendedMultiplicativeScatterCorrection(order=treatment.baseline_degree),
        "savitzky-golay": lambda: SavitzkyGolay(
            window_length=treatment.window,
            polyorder=treatment.degree,
            deriv=treatment.derivative,
        ),
    }
    stages.extend((f"{i}-{name}", makers[name]()) for i, name in enumerate(treatment.order))
    return Pipeline(stages)


def _step(name: str, treatment: Treatment, rows: Floats) -> Step:
    if name == "msc":
        reference = complete(rows, "spectra of the MSC reference").mean(axis=0)
        return Step(StepKind.MSC, reference)
    if name == "detrend":
        basis, _ = np.linalg.qr(_polynomials(rows.shape[1], treatment.baseline_degree))
        return Step(StepKind.DETREND, np.ascontiguousarray(basis.T))
    if name == "emsc":
        reference = complete(rows, "spectra of the EMSC reference").mean(axis=0)
        parts = _polynomials(rows.shape[1], treatment.baseline_degree)
        basis = np.column_stack([reference, parts])
        return Step(StepKind.EMSC, np.vstack([np.linalg.pinv(basis), basis.T]))
    if name == "savitzky-golay":
        size = (treatment.window, treatment.degree)
        filtered = savgol_coeffs(*size, deriv=treatment.derivative, use="dot")
        # An odd derivative has no weight in the middle: keep it an exact zero, not 1e-17.
        is_tiny = np.abs(filtered) < 1e-14 * float(np.abs(filtered).max())
        return Step(StepKind.SAVITZKY_GOLAY, np.where(is_tiny, 0.0, filtered))
    return Step(StepKind(name))


def _polynomials(n_columns: int, degree: int) -> Floats:
    """Powers 0 to degree of the place of a column from -1 to 1, shape (n_columns, degree + 1)."""
    return np.vander(np.linspace(-1.0, 1.0, n_columns), degree + 1, increasing=True)
