"""Primary drying: quasi-steady sublimation from many vials at once.

Heat from the shelf sublimes ice under a dried layer that resists the vapour. The layer's
thickness is the only state; the temperature of the ice follows from the heat balance

    H (p(T) - P) / R(L) = Kv a (Ts - Tb),   Tb = T + H (p(T) - P) / R(L) h(L) / k,

with a the ratio of outer to inner area and h the height of ice that is left. The left side rises
with T and is convex, so that Newton's steps converge from any start.

References:
    Pikal (1985), J. Parenter. Sci. Technol. 39:115 (the model).
    Shivkumar and others (2019), AAPS PharmSciTech 20:328, doi:10.1208/s12249-019-1532-7
    (conventions and reference runs of LyoPRONTO).
"""

# ruff: noqa: N802, N815 - names end in SI units

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.library.freeze_drying._interpolation import ends, hermite
from goldenbatch.science.process.library.freeze_drying.containers import Vials
from goldenbatch.science.process.library.freeze_drying.properties import HOUR_s, Ice
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule

N_NEWTON, N_NEWTON_COLD, N_NEWTON_MAX = 3, 12, 60
MAX_CORNERS = 40


@dataclass(frozen=True, slots=True)
class Front:
    """State of the sublimation front; every field has the same shape.

    Attributes:
        ice_K: temperature of the ice at the front.
        bottom_K: at the bottom of the vial, where thermocouples sit.
        flux_kg_m2_s: of vapour, on the inner area.
        dried_share: of the height.
    """

    ice_K: Floats
    bottom_K: Floats
    flux_kg_m2_s: Floats
    dried_share: Floats


@dataclass(frozen=True, slots=True)
class Conditions:
    """Course of the shelf and of the chamber."""

    shelf_K: Schedule
    pressure_Pa: Schedule


@dataclass(frozen=True, slots=True)
class DryingSettings:
    """How to integrate.

    Attributes:
        step_s: longest step; steps end at the corners of the schedules.
        limit_s: drying that takes longer is cut off and its end is NaN.
    """

    step_s: float = 900.0
    limit_s: float = 200.0 * HOUR_s


@dataclass(frozen=True, slots=True)
class Drying:
    """A run of primary drying.

    Attributes:
        vials: that were dried.
        conditions: under which.
        times_s: ends of steps, shape (n_steps + 1,).
        dried_m: thickness of the dried layer, shape (n_steps + 1, n_vials).
        rates_m_s: its growth, the same shape.
        end_s: when the last ice went, shape (n_vials,); NaN where it did not.
    """

    vials: Vials
    conditions: Conditions
    times_s: Floats
    dried_m: Floats
    rates_m_s: Floats
    end_s: Floats

    def at(self, times_s: ArrayLike) -> Front:
        """State at these times, each field of shape (n_times, n_vials).

        After its end a vial has the shelf's temperature and no flux; how fast it warms up is not
        part of the model.
        """
        times = np.atleast_1d(np.asarray(times_s, dtype=np.float64))
        dried = hermite(times, self.times_s, self.dried_m, self.rates_m_s)
        is_over = times[:, None] >= np.where(np.isnan(self.end_s), np.inf, self.end_s)
        height = self.vials.height_m
        dried = np.minimum(np.where(is_over, height, dried), height)
        shelf, pressure = self._surroundings(times)
        front = front_at(self.vials, dried, shelf, pressure)
        shelf = np.broadcast_to(shelf, dried.shape)
        return Front(
            np.where(is_over, shelf, front.ice_K),
            np.where(is_over, shelf, front.bottom_K),
            np.where(is_over, 0.0, front.flux_kg_m2_s),
            front.dried_share,
        )

    def _surroundings(self, times: Floats) -> tuple[Floats, Floats]:
        shelf, pressure = self.conditions.shelf_K.at(times), self.conditions.pressure_Pa.at(times)
        return (
            shelf if shelf.ndim == 2 else shelf[:, None],
            pressure if pressure.ndim == 2 else pressure[:, None],
        )

    def pick(self, rows: slice) -> Drying:
        """Some of the vials; their schedules must be shared.

        Raises:
            DesignError: every vial has a schedule of its own.
        """
        if max(self.conditions.shelf_K.n_vials, self.conditions.pressure_Pa.n_vials) > 1:
            raise DesignError("vials with schedules of their own are not picked; dry them anew")
        return Drying(
            self.vials.pick(rows), self.conditions, self.times_s, self.dried_m[:, rows],
            self.rates_m_s[:, rows], self.end_s[rows],
        )  # fmt: skip

    def hottest_K(self, n_times: int = 400) -> Floats:
        """Highest temperature of the bottom while there is ice, shape (n_vials,)."""
        finish = np.where(np.isnan(self.end_s), self.times_s[-1], self.end_s)
        times = np.union1d(np.linspace(0.0, finish.max(), n_times), self.times_s)
        bottom = np.where(times[:, None] < finish, self.at(times).bottom_K, -np.inf)
        last = front_at(
            self.vials,
            np.minimum(hermite(finish, self.times_s, self.dried_m, self.rates_m_s).diagonal(),
                       self.vials.height_m),
            _own(self.conditions.shelf_K, finish), _own(self.conditions.pressure_Pa, finish),
        )  # fmt: skip
        return np.asarray(np.maximum(bottom.max(axis=0), last.bottom_K))

    def sublimed_kg(self, n_times: int = 2000) -> Floats:
        """Mass that left each vial, integrated from the flux, shape (n_vials,)."""
        times = np.linspace(0.0, self.times_s[-1], n_times)
        flux = self.at(times).flux_kg_m2_s * self.vials.inner_area_m2
        return np.asarray(np.trapezoid(flux, times, axis=0))


def _own(schedule: Schedule, times_s: Floats) -> Floats:
    """Value for each vial at its own time."""
    values = schedule.at(times_s)
    return values if values.ndim == 1 else np.asarray(values.diagonal())


def front_at(
    vials: Vials,
    dried_m: ArrayLike,
    shelf_K: ArrayLike,
    pressure_Pa: ArrayLike,
    *,
    guess_K: Floats | None = None,
) -> Front:
    """Quasi-steady state of the front; where the vapour cannot leave, nothing sublimes.

    Args:
        vials: their parameters.
        dried_m: thickness of the dried layer, shape (..., n_vials).
        shelf_K: broadcasts with it.
        pressure_Pa: of the chamber, broadcasts with it.
        guess_K: temperature of the ice to start from.

    >>> from goldenbatch.science.process.library.freeze_drying.containers import *
    >>> one = Vials.of(Vial.of(3.8, 3.14, 2.0), Formulation(50.0), Cake.pikal(1.4, 16.0),
    ...                HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46))
    >>> state = front_at(one, [0.0], 238.15, 0.15 * 133.322368)
    >>> round(float(state.ice_K[0]) - 273.15, 3)
    -35.858
    """
    dried = np.asarray(dried_m, dtype=np.float64)
    shelf, pressure = np.asarray(shelf_K, np.float64), np.asarray(pressure_Pa, np.float64)
    ice, kv = vials.ice, vials.heat.coefficient_W_m2_K(pressure)
    per_area = kv * (vials.outer_area_m2 / vials.inner_area_m2)
    height = np.maximum(vials.height_m - dried, 0.0)
    resistance = vials.cake.resistance_m_s(dried)
    conducted = (1.0 + per_area * height / ice.conductivity_W_m_K) / np.maximum(resistance, 1e-300)
    vapour = _ice_temperature(
        ice, conducted * ice.sublimation_J_kg, per_area, shelf, pressure, guess_K
    )
    flux = np.maximum((ice.pressure_Pa(vapour) - pressure) / resistance, 0.0)
    bottom = vapour + flux * ice.sublimation_J_kg * height / ice.conductivity_W_m_K
    still, share = flux <= 0.0, dried / vials.height_m
    return Front(np.where(still, shelf, vapour), np.where(still, shelf, bottom), flux, share)


def _ice_temperature(
    ice: Ice, gain: Floats, per_area: Floats, shelf: Floats, pressure: Floats, guess: Floats | None
) -> Floats:
    """Root of gain (p(T) - P) - per_area (Ts - T), rising and convex in T.

    It lies between the shelf and the ice that has the chamber's pressure; from the warmer of the
    two Newton's steps go down to it.
    """
    still = ice.temperature_K(pressure)
    coldest, warmest = np.minimum(still, shelf), np.maximum(still, shelf)
    shape = np.broadcast_shapes(gain.shape, np.shape(per_area), shelf.shape, pressure.shape)
    is_warm = guess is not None and guess.shape == shape
    root = np.clip(guess if is_warm and guess is not None else warmest, coldest, warmest)
    for n_steps in range(N_NEWTON_MAX):
        inverse = ice.slope_K / root
        vapour = np.exp(ice.log_pressure - inverse)
        value = gain * (vapour - pressure) + per_area * (root - shelf)
        step = value / (gain * vapour * inverse / root + per_area)
        root = np.clip(root - step, coldest, warmest)
        is_due = n_steps + 1 >= (N_NEWTON if is_warm else N_NEWTON_COLD)
        if is_due and not np.max(np.abs(step), initial=0.0) > 1e-7:
            return np.asarray(root)
    raise DataError("the heat balance of a vial has no root; its parameters are not finite")


def dry(vials: Vials, conditions: Conditions, settings: DryingSettings | None = None) -> Drying:
    """Dry all vials until the last ice is gone, by fourth-order Runge-Kutta steps.

    Args:
        vials: n of them.
        conditions: shelf and chamber.
        settings: steps and limit.

    Raises:
        DesignError: the schedules are for another number of vials.

    >>> from goldenbatch.science.process.library.freeze_drying.containers import *
    >>> one = Vials.of(Vial.of(3.8, 3.14, 2.0), Formulation(50.0), Cake.pikal(1.4, 16.0),
    ...                HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46))
    >>> shelf = Schedule.ramps(238.15, [(293.15, 30.0)], rate_per_min=1.0)
    >>> run = dry(one, Conditions(shelf, Schedule.hold(0.15 * 133.322368)))
    >>> round(float(run.end_s[0]) / 3600, 2), round(float(run.hottest_K()[0]) - 273.15, 2)
    (6.65, -14.77)
    """
    settings = settings or DryingSettings()
    for schedule in (conditions.shelf_K, conditions.pressure_Pa):
        if schedule.n_vials not in (1, vials.n_vials):
            message = f"a schedule is for {schedule.n_vials} vials, not for {vials.n_vials}"
            raise DesignError(message)
    times, dried, rates = _march(vials, conditions, settings)
    over = ends(times, dried, rates, vials.height_m)
    return Drying(vials, conditions, times, dried, rates, over)


def _march(
    vials: Vials, conditions: Conditions, settings: DryingSettings
) -> tuple[Floats, Floats, Floats]:
    """Steps until all ice is gone: times, dried thickness, rates."""
    per_flux = np.asarray(vials.height_m * vials.inner_area_m2 / vials.ice_kg)
    guess: Floats | None = None

    def rate(time: float, dried: Floats) -> Floats:
        nonlocal guess
        shelf, pressure = conditions.shelf_K.at(time), conditions.pressure_Pa.at(time)
        capped = np.minimum(dried, vials.height_m)
        state = front_at(vials, capped, shelf, pressure, guess_K=guess)
        guess = state.ice_K
        return np.asarray(state.flux_kg_m2_s * per_flux)

    now, dried = 0.0, np.zeros(vials.n_vials)
    slope = rate(now, dried)
    times, all_dried, all_rates = [now], [dried], [slope]
    stops = _stops(conditions)
    while now < settings.limit_s and (dried < vials.height_m).any():
        step = _step(now, stops, settings)
        dried = dried + _runge_kutta(rate, now, dried, slope, step)
        now += step
        slope = rate(now, dried)
        times.append(now)
        all_dried.append(dried)
        all_rates.append(slope)
    return np.asarray(times), np.asarray(all_dried), np.asarray(all_rates)


def _runge_kutta(
    rate: Callable[[float, Floats], Floats], now: float, dried: Floats, slope: Floats, step: float
) -> Floats:
    second = rate(now + step / 2, dried + step / 2 * slope)
    third = rate(now + step / 2, dried + step / 2 * second)
    fourth = rate(now + step, dried + step * third)
    return np.asarray(step / 6 * (slope + 2 * second + 2 * third + fourth))


def _stops(conditions: Conditions) -> Floats:
    """Corners that steps end at; a course with very many has none that matter."""
    corners = [one.times_s for one in (conditions.shelf_K, conditions.pressure_Pa)]
    few = [one for one in corners if len(one) <= MAX_CORNERS]
    return np.unique(np.concatenate([np.zeros(1), *few]))


def _step(now: float, stops: Floats, settings: DryingSettings) -> float:
    """Equal steps to the next stop, none longer than allowed."""
    ahead = stops[stops > now + 1e-6]
    distance = min(float(ahead[0]) if len(ahead) else np.inf, settings.limit_s) - now
    n_steps = np.ceil(distance / settings.step_s - 1e-9)
    return float(distance / n_steps)
