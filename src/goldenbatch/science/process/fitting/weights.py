"""Errors of measurement: declared, in proportion to the prediction, or not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.process.declarations import Noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting.evaluator import Evaluator


def first_errors(here: Evaluator) -> NDArray[np.float64]:
    """Errors of measurement before anything is known of the predictions. Shape `(n_data,)`.

    Those in proportion to the value are taken at the measured one, not below a thousandth of
    the largest of the output; those not known are the spread of the output's data.
    """
    return errors_of(here, here.rows.value, None)


def errors_of(
    here: Evaluator, at: NDArray[np.float64], residuals: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Errors at values, and where they are not known by residuals. Shape `(n_data,)`."""
    sd = np.empty(here.rows.value.size)
    noises = here.problem.noises
    for number, output in enumerate(here.model.outputs):
        mine = here.rows.output == number
        if not mine.any():
            continue
        noise = noises[output.name]
        if noise is None:
            sd[mine] = _spread(
                here.rows.value[mine], None if residuals is None else residuals[mine]
            )
        else:
            sd[mine] = _declared(noise, at[mine])
    return sd


def _declared(noise: Noise, at: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.sqrt(noise.sd**2 + (noise.relative * at) ** 2)
    floor = 1e-3 * float(found.max())
    return np.maximum(found, floor or 1.0)


def _spread(values: NDArray[np.float64], residuals: NDArray[np.float64] | None) -> float:
    own = float(values.std()) or float(np.abs(values).max()) or 1.0
    if residuals is None:
        return own
    return max(float(np.sqrt(np.mean(residuals**2))), 1e-9 * own)


def unbiased(here: Evaluator, sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Errors that were estimated, corrected for the unknowns that the residuals were fitted by."""
    free = sd.size - len(here.unknowns)
    if free <= 0:
        return sd
    noises = here.problem.noises
    unknown = [k for k, one in enumerate(here.model.outputs) if noises.get(one.name, 1) is None]
    return np.where(np.isin(here.rows.output, unknown), sd * np.sqrt(sd.size / free), sd)


def noises_of(here: Evaluator, sd: NDArray[np.float64]) -> dict[str, Noise]:
    """Noise of each measured output, estimated where it was not known."""
    place = {one.name: k for k, one in enumerate(here.model.outputs)}
    return {
        name: noise or Noise(sd=float(sd[here.rows.output == place[name]][0]))
        for name, noise in here.problem.noises.items()
        if (here.rows.output == place[name]).any()
    }
