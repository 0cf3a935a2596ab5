"""What a prediction was worth, beside naive ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.fitting.evaluator import FIT_SETTINGS
from goldenbatch.science.process.fitting.shooting import Shooter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting.prediction import Prediction
    from goldenbatch.science.process.fitting.problem import Batch, Measured, Problem


@dataclass(frozen=True)
class Score:
    """What a prediction was worth, in the unit of the output.

    Attributes:
        n: Measured values.
        rmse: Root mean square error of the median.
        mae: Mean absolute error.
        bias: Mean of measured minus predicted.
        coverage: Share of measured values inside the interval.
        width: Mean width of the interval.
        crps: Continuous ranked probability score of the draws (Gneiting & Raftery 2007,
            doi:10.1198/016214506000001437): the smaller the better.
    """

    n: int
    rmse: float
    mae: float
    bias: float
    coverage: float
    width: float
    crps: float


def score(prediction: Prediction, data: Measured) -> Score:
    """Hold a prediction against what was measured.

    Raises:
        DataError: The data have other times, or no value.
    """
    if not np.array_equal(prediction.time, data.times):
        raise DataError("prediction and data have different times.", hint="Predict at those.")
    there = np.isfinite(data.values)
    if not there.any():
        raise DataError(f"batch {prediction.batch!r} has no value to score.", hint="")
    y, median = data.values[there], prediction.median[there]
    low, high = prediction.lower[there], prediction.upper[there]
    return Score(
        int(there.sum()), float(np.sqrt(np.mean((y - median) ** 2))),
        float(np.abs(y - median).mean()), float((y - median).mean()),
        float(((y >= low) & (y <= high)).mean()), float((high - low).mean()),
        float(np.mean([crps(prediction.draws[:, k], v)
                       for k, v in zip(np.flatnonzero(there), y, strict=True)])),
    )  # fmt: skip


def crps(draws: NDArray[np.float64], value: float) -> float:
    """Continuous ranked probability score of draws against a value.

    >>> crps(np.array([1.0, 1.0]), 3.0)
    2.0
    """
    ordered = np.sort(draws)
    n = ordered.size
    weights = (2.0 * np.arange(1, n + 1) - n - 1.0) / n**2
    return float(np.abs(ordered - value).mean() - (weights * ordered).sum())


def baselines(problem: Problem, batch: Batch) -> dict[str, dict[str, float]]:
    """Root mean square errors of naive predictions of a batch, by name and output.

    `mean of the others`: the mean of all fitted data of the output; `first value`: that of the
    batch itself, held; `declared parameters`: the model as declared, unfitted.

    >>> from goldenbatch.science.process import ModelBuilder, Noise, Recipe
    >>> from goldenbatch.science.process.fitting import Batch, Measured, Problem
    >>> m = ModelBuilder("fall", version="1", title="First order", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0, lower=0.0)
    >>> m.derivative(c, -m.parameter("k", "1/h", value=0.5, lower=0.1, upper=2.0) * c)
    >>> m.output("y", c, "g/L", noise=Noise(0.01))
    >>> t = np.array([1.0, 4.0])
    >>> batch = Batch("a", Recipe(4.0, 4.0), {"y": Measured(t, np.exp(-0.4 * t))})
    >>> problem = Problem(m.build(), (batch,), fitted=("k",))
    >>> {name: round(rmse["y"], 3) for name, rmse in baselines(problem, batch).items()}
    {'mean of the others': 0.234, 'first value': 0.331, 'declared parameters': 0.065}
    """
    found: dict[str, dict[str, float]] = {
        "mean of the others": {}, "first value": {}, "declared parameters": {},
    }  # fmt: skip
    model = problem.loaded
    place = {one.name: k for k, one in enumerate(model.outputs)}
    for name, one in batch.data.items():
        there = np.isfinite(one.values)
        times, y = one.times[there], one.values[there]
        if not y.size:
            continue
        others = [b.data[name].values for b in problem.batches if name in b.data]
        rivals: dict[str, NDArray[np.float64] | float] = {"first value": float(y[times.argmin()])}
        if others:
            rivals["mean of the others"] = float(np.nanmean(np.concatenate(others)))
        rows, back = np.unique(times, return_inverse=True)
        p = model.parameter_vector(batch.parameters)
        shooter = Shooter(model, batch.recipe, rows, FIT_SETTINGS)
        ran, _ = shooter.run(p, model.x0(p, batch.initial))
        rivals["declared parameters"] = ran[back, place[name]]
        for rival, predicted in rivals.items():
            found[rival][name] = float(np.sqrt(np.mean((y - predicted) ** 2)))
    return found
