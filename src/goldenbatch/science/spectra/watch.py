"""Is a sensor in use still what it was: verification samples, and the level of its distances.

Verification samples say bias and slope against the laboratory. Between them, the level of T2 and
SPE says that spectra move away from the calibration while each is still within its limit.

References:
    ISO 12099:2017, section 9 (bias, slope and standard error of prediction with their limits).
    Page (1954), Biometrika 41:100, doi:10.1093/biomet/41.1-2.100 (CUSUM).
    Jackson (1991), A User's Guide to Principal Components, section 2.7 (logarithms of T2 and Q).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtri, stdtrit

from goldenbatch.science._arrays import Floats, complete, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.charts import ChartDesign, ChartKind, ChartSettings

_N_MIN = 3


@dataclass(frozen=True, slots=True)
class Verification:
    """A sensor beside the laboratory on samples that it was not calibrated on.

    Attributes:
        n: samples.
        bias: mean of predicted less reference.
        bias_limit: that an unbiased sensor passes with a chance of 1 - confidence.
        slope: of reference on predicted; 1 is ideal; NaN where the values do not vary.
        slope_limit: that |slope - 1| of a sound sensor passes with a chance of 1 - confidence.
        sep: standard deviation of predicted less reference.
        sep_limit: of a sensor whose error is that of the calibration.
    """

    n: int
    bias: float
    bias_limit: float
    slope: float
    slope_limit: float
    sep: float
    sep_limit: float

    @property
    def is_biased(self) -> bool:
        """The bias is more than chance."""
        return abs(self.bias) > self.bias_limit

    @property
    def is_skewed(self) -> bool:
        """The slope is off by more than chance."""
        return abs(self.slope - 1.0) > self.slope_limit

    @property
    def is_noisier(self) -> bool:
        """The error is larger than that of the calibration by more than chance."""
        return self.sep > self.sep_limit

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def verify(
    predicted: ArrayLike,
    reference: ArrayLike,
    calibration_error: float,
    n_calibration: int,
    confidence: float = 0.95,
) -> Verification:
    """Compare a sensor with the laboratory.

    Args:
        predicted: by the sensor, shape (n,).
        reference: of the laboratory, shape (n,).
        calibration_error: RMSE of left-out rows when the sensor was calibrated.
        n_calibration: rows of the calibration.
        confidence: of each limit.

    Raises:
        DataError: fewer than 3 samples, missing values, or numbers that do not match.

    References:
        ISO 12099:2017, sections 9.3 (bias), 9.4 (standard error) and 9.5 (slope).

    >>> found = verify([1.1, 2.2, 3.0, 4.1, 5.2], [0.0, 1.0, 2.1, 3.0, 4.1], 0.1, 50)
    >>> found.is_biased, found.is_skewed, round(found.bias, 2)
    (True, False, 1.08)
    """
    y, x = (
        complete(vector(one, name), name)
        for one, name in ((reference, "reference"), (predicted, "predicted"))
    )
    n = len(x)
    if len(y) != n or n < _N_MIN:
        message = f"{n} predictions with {len(y)} results; give at least 3 of each"
        raise DataError(message)
    tail = 0.5 + 0.5 * confidence
    errors = x - y
    sep = float(errors.std(ddof=1))
    factor = math.sqrt(float(fdtri(n - 1, max(n_calibration - 1, 1), confidence)))
    slope, slope_error = _slope(x, y)
    return Verification(
        n=n,
        bias=float(errors.mean()),
        bias_limit=float(stdtrit(n - 1, tail)) * sep / math.sqrt(n),
        slope=slope,
        slope_limit=float(stdtrit(n - 2, tail)) * slope_error,
        sep=sep,
        sep_limit=calibration_error * factor,
    )


def bias_chart(prediction_error: float, shift: float = 1.0, threshold: float = 5.0) -> ChartDesign:
    """Return a CUSUM of predicted less reference, sample by sample.

    Args:
        prediction_error: standard deviation that an unbiased sensor shows.
        shift: bias that matters, in such standard deviations.
        threshold: h; with a shift of 1 and 5, one false alarm in 465 samples.

    >>> bias_chart(2.0).sigma
    2.0
    """
    if not prediction_error > 0:
        message = f"a prediction error of {prediction_error} gives no chart; it must be > 0"
        raise DesignError(message)
    settings = ChartSettings(kind=ChartKind.CUSUM, slack=0.5 * shift, threshold=threshold)
    return ChartDesign(settings, centre=0.0, sigma=prediction_error)


def level(distances: ArrayLike) -> float:
    """Return the level of a block of T2 or SPE: the mean logarithm, which one outlier moves little.

    >>> round(level([1.0, 10.0, 100.0]), 3)
    2.303
    """
    values = complete(vector(distances, "distances"), "distances")
    return float(np.mean(np.log(np.maximum(values, 1e-300))))


def _slope(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope of reference on predicted with its standard error; NaN where nothing varies."""
    spread = float(np.sum((x - x.mean()) ** 2))
    if not spread > 0:
        return math.nan, math.nan
    slope = float(np.sum((x - x.mean()) * (y - y.mean()))) / spread
    rest = y - y.mean() - slope * (x - x.mean())
    return slope, math.sqrt(float(np.sum(rest**2)) / (len(x) - 2) / spread)
