"""Secondary drying: water desorbs from the cake by first order with an Arrhenius rate.

    dc/dt = -k (c - ce),   k = kr exp(-E / R (1/T - 1/Tr))

Desorption is slow beside heat transfer, but not at once after a ramp; the product follows the
shelf with a time constant. No parameters are built in: they are a property of the formulation
and are fitted to samples taken during drying.

References:
    Pikal, Shah, Roy and Putman (1990), Int. J. Pharm. 60:203, doi:10.1016/0378-5173(90)90074-E.
    Fissore, Pisano and Barresi (2011), J. Pharm. Sci. 100:732, doi:10.1002/jps.22311.
    Gordon and Taylor (1952), J. Appl. Chem. 2:493, doi:10.1002/jctb.5010020901.
"""

# ruff: noqa: N802, N815 - names end in SI units

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from goldenbatch.science._arrays import Floats, complete, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.library.freeze_drying.properties import (
    GAS_CONSTANT_J_mol_K,
    Many,
)
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Desorption:
    """Kinetics of a formulation; each field one number, or one per vial.

    Attributes:
        rate_1_s: at the reference temperature.
        energy_J_mol: of activation.
        reference_K: temperature that the rate is given at.
        equilibrium: moisture that is never left, kg of water per kg of solids.
    """

    rate_1_s: Many
    energy_J_mol: Many
    reference_K: float = 298.15
    equilibrium: Many = 0.0

    def at_1_s(self, temperature_K: ArrayLike) -> Floats:
        """Rate at a temperature.

        >>> kinetics = Desorption(1e-4, 40e3)
        >>> bool(kinetics.at_1_s(308.15) > kinetics.at_1_s(298.15))
        True
        """
        inverse = 1.0 / np.asarray(temperature_K, dtype=np.float64) - 1.0 / self.reference_K
        gain = np.exp(-np.asarray(self.energy_J_mol) / GAS_CONSTANT_J_mol_K * inverse)
        return np.asarray(self.rate_1_s * gain)


@dataclass(frozen=True, slots=True)
class SecondaryDrying:
    """A run of secondary drying.

    Attributes:
        times_s: shape (n_times,).
        product_K: shape (n_times, n_vials).
        moisture: kg of water per kg of solids, shape (n_times, n_vials).
    """

    times_s: Floats
    product_K: Floats
    moisture: Floats

    def reaches_s(self, target: float) -> Floats:
        """When each vial's moisture comes down to a target; NaN where it does not.

        >>> run = dry_secondary(Desorption(1e-4, 40e3), 0.05, Schedule.hold(298.15), 4e4)
        >>> bool(abs(run.reaches_s(0.05 / np.e)[0] - 1e4) < 1.0)
        True
        """
        is_dry = self.moisture <= target
        after = np.maximum(is_dry.argmax(axis=0), 1)
        vial = np.arange(self.moisture.shape[1])
        high, low = self.moisture[after - 1, vial], self.moisture[after, vial]
        share = np.clip((high - target) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
        at = self.times_s[after - 1] + share * (self.times_s[after] - self.times_s[after - 1])
        return np.where(is_dry.any(axis=0), np.where(is_dry[0], 0.0, at), np.nan)


def dry_secondary(
    desorption: Desorption,
    moisture: ArrayLike,
    shelf_K: Schedule,
    duration_s: float,
    *,
    start_K: ArrayLike | None = None,
    lag_s: float = 0.0,
    step_s: float = 60.0,
) -> SecondaryDrying:
    """Desorb water from vials over one course of the shelf.

    Args:
        desorption: kinetics.
        moisture: at the start, kg/kg, one or one per vial.
        shelf_K: course of the shelf.
        duration_s: of the run.
        start_K: temperature of the product at the start; the shelf's if not given.
        lag_s: time constant with which the product follows the shelf.
        step_s: each is solved exactly at the temperature of its middle.

    Raises:
        DesignError: a negative moisture, duration, step or lag.
    """
    begin = np.atleast_1d(np.asarray(moisture, dtype=np.float64))
    if (begin < 0).any() or duration_s <= 0 or step_s <= 0 or lag_s < 0:
        raise DesignError("moisture and lag are zero or more, duration and step above zero")
    times = np.linspace(0.0, duration_s, int(np.ceil(duration_s / step_s)) + 1)
    shelf = shelf_K.at(times)
    first = shelf[0] if start_K is None else start_K
    fields = np.broadcast_arrays(begin, np.atleast_1d(first), np.atleast_1d(desorption.rate_1_s))
    water, product, step = [fields[0].astype(float)], [fields[1].astype(float)], times[1]
    stays = np.exp(-step / lag_s) if lag_s else 0.0
    for i in range(1, len(times)):
        warm = shelf[i] + (product[-1] - shelf[i]) * stays
        rate = desorption.at_1_s((warm + product[-1]) / 2.0)
        left = desorption.equilibrium + (water[-1] - desorption.equilibrium) * np.exp(-rate * step)
        product.append(np.broadcast_to(warm, fields[0].shape))
        water.append(np.asarray(left))
    return SecondaryDrying(times, np.asarray(product), np.asarray(water))


@dataclass(frozen=True, slots=True)
class DesorptionFit:
    """Kinetics fitted to samples.

    Attributes:
        desorption: the best.
        log_rate_sd: standard error of the logarithm of the rate at the reference temperature.
        energy_sd_J_mol: standard error of the energy of activation.
        correlation: of the two.
        error: root mean square of the residuals, kg/kg.
    """

    desorption: Desorption
    log_rate_sd: float
    energy_sd_J_mol: float
    correlation: float
    error: float


def fit_desorption(
    times_s: ArrayLike,
    temperatures_K: ArrayLike,
    moistures: ArrayLike,
    initial: float,
    *,
    equilibrium: float = 0.0,
) -> DesorptionFit:
    """Fit rate and energy of activation to samples dried at constant temperatures.

    The reference temperature is the middle of those sampled, where rate and energy are least
    correlated.

    Args:
        times_s: that each sample was dried, shape (n_samples,).
        temperatures_K: at which.
        moistures: found in it, kg/kg.
        initial: moisture of all at the start.
        equilibrium: moisture that is never left.

    Raises:
        DataError: fewer than three samples, or all at one temperature.
    """
    times, kelvins, found = _samples(times_s, temperatures_K, moistures)
    middle = float(np.mean(kelvins))

    def residual(p: Floats) -> Floats:
        rate = Desorption(float(np.exp(p[0])), float(p[1] * 1e4), middle).at_1_s(kelvins)
        return np.asarray(equilibrium + (initial - equilibrium) * np.exp(-rate * times) - found)

    begin = np.log(1.0 / np.median(times[times > 0]))
    best = least_squares(residual, [begin, 4.0], bounds=([-30.0, 0.0], [5.0, 40.0]))
    n_free = max(len(found) - 2, 1)
    covariance = np.linalg.pinv(best.jac.T @ best.jac) * float(best.fun @ best.fun) / n_free
    sd = np.sqrt(np.diag(covariance))
    product = float(sd[0] * sd[1])
    correlation = float(covariance[0, 1] / product) if product else 0.0
    kinetics = Desorption(float(np.exp(best.x[0])), float(best.x[1] * 1e4), middle, equilibrium)
    error = float(np.sqrt(np.mean(best.fun**2)))
    return DesorptionFit(kinetics, float(sd[0]), float(sd[1] * 1e4), correlation, error)


def _samples(
    times_s: ArrayLike, temperatures_K: ArrayLike, moistures: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Samples that can tell rate and energy of activation."""
    times, kelvins = complete(vector(times_s), "times_s"), complete(vector(temperatures_K), "T")
    found = complete(vector(moistures), "moistures")
    if len({len(times), len(kelvins), len(found)}) > 1 or len(found) < 3:
        raise DataError("three or more samples are needed, each with time, temperature, moisture")
    if np.ptp(kelvins) < 1.0:
        raise DataError("samples at one temperature say nothing of the energy of activation")
    return times, kelvins, found


def glass_transition_K(
    moisture: ArrayLike, *, solids_K: float, water_K: float = 136.0, k: float = 0.2
) -> Floats:
    """Glass transition of moist solids, above which a cake softens (Gordon and Taylor).

    Args:
        moisture: kg of water per kg of solids.
        solids_K: glass transition of the dry solids.
        water_K: of water.
        k: Gordon and Taylor's constant, weight of the solids to that of water.

    >>> round(float(glass_transition_K(0.0, solids_K=348.0)))
    348
    """
    water = np.asarray(moisture, dtype=np.float64)
    water = water / (1.0 + water)
    solids = k * (1.0 - water)
    return np.asarray((solids * solids_K + water * water_K) / (solids + water))
