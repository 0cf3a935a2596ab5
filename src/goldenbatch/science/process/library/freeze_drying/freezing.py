"""Freezing of vials: cooling, nucleation, the plateau of crystallisation, cooling of the ice.

The content of a vial has one temperature. It follows the shelf with a time constant until its
nucleation temperature is reached; the heat of fusion lifts it to the freezing point, where it
stays until the shelf has taken the heat that is left; then the frozen plug follows the shelf.
Nucleation is a matter of chance: give each vial its own temperature, or one for all where it is
controlled.

References:
    Shivkumar and others (2019), doi:10.1208/s12249-019-1532-7 (the balance and its constants).
    Searles, Carpenter and Randolph (2001), J. Pharm. Sci. 90:860, doi:10.1002/jps.1039 (the ice
    nucleation temperature determines the primary drying rate).
"""

# ruff: noqa: N815 - names end in SI units

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.library.freeze_drying.containers import Formulation, Vial
from goldenbatch.science.process.library.freeze_drying.properties import PIKAL, Ice, Many
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Freezing:
    """What is frozen; each field one number, or one per vial.

    Attributes:
        start_K: temperature of the filled solution.
        freezing_K: at which the solution freezes.
        nucleation_K: at which ice appears; below the freezing temperature.
        transfer_W_m2_K: heat transfer from shelf to vial, on the outer area.
        solution_J_kg_K: heat capacity of the solution.
    """

    start_K: Many
    freezing_K: Many
    nucleation_K: Many
    transfer_W_m2_K: Many
    solution_J_kg_K: float = 4000.0


@dataclass(frozen=True, slots=True)
class Frozen:
    """A run of freezing.

    Attributes:
        times_s: shape (n_times,).
        product_K: shape (n_times, n_vials).
        nucleated_s: shape (n_vials,); NaN where it never came to it.
        solid_s: when all was ice; NaN where it never came to it.
    """

    times_s: Floats
    product_K: Floats
    nucleated_s: Floats
    solid_s: Floats


def freeze(
    vial: Vial,
    formulation: Formulation,
    freezing: Freezing,
    shelf_K: Schedule,
    duration_s: float,
    *,
    step_s: float = 30.0,
    ice: Ice = PIKAL,
) -> Frozen:
    """Freeze all vials over one course of the shelf.

    Steps solve the linear balance exactly, so that their length only sets how finely events are
    seen; these are found within a step by a straight line.

    Raises:
        DesignError: ice would appear above the freezing temperature, or a size is impossible.

    >>> run = freeze(Vial.of(3.8, 3.14, 2.0), Formulation(0.0),
    ...              Freezing(288.95, 271.61, 267.31, 38.0),
    ...              Schedule.ramps(283.15, [(233.15, 3.0)], rate_per_min=1.0), 3600.0)
    >>> round(float(run.nucleated_s[0]) / 3600, 3), round(float(run.solid_s[0]) / 3600, 2)
    (0.414, 0.87)
    """
    if np.any(np.asarray(freezing.nucleation_K) >= np.asarray(freezing.freezing_K)):
        raise DesignError("ice appears below the freezing temperature; lower the nucleation's")
    if step_s <= 0 or duration_s <= 0 or np.any(np.asarray(freezing.transfer_W_m2_K) <= 0):
        raise DesignError("freezing needs a duration, a step and a heat transfer above zero")
    taken = _Balance.of(vial, formulation, freezing, ice)
    times = np.linspace(0.0, duration_s, int(np.ceil(duration_s / step_s)) + 1)
    shelf = shelf_K.at(times)
    shelf = shelf if shelf.ndim == 2 else shelf[:, None]
    return _follow(taken, freezing, times, np.broadcast_to(shelf, (len(times), taken.n_vials)))


@dataclass(frozen=True, slots=True)
class _Balance:
    """Time constants and the heat of the plateau, each of shape (n_vials,)."""

    liquid_s: Floats
    solid_s: Floats
    plateau_K_s: Floats
    n_vials: int

    @classmethod
    def of(cls, vial: Vial, mix: Formulation, freezing: Freezing, ice: Ice) -> _Balance:
        taken = np.asarray(freezing.transfer_W_m2_K) * np.asarray(vial.outer_area_m2)
        mass = mix.solution_kg_m3 * np.asarray(vial.fill_m3, dtype=np.float64)
        frozen = mix.height_m(vial, ice) * vial.inner_area_m2 * ice.density_kg_m3
        undercooling = np.asarray(freezing.freezing_K) - np.asarray(freezing.nucleation_K)
        left = ice.fusion_J_kg - freezing.solution_J_kg_K * undercooling
        if np.any(left <= 0):
            raise DesignError("undercooled so far, all of it would freeze at once; check the units")
        fields = (
            mass * freezing.solution_J_kg_K / taken, frozen * ice.heat_capacity_J_kg_K / taken,
            mass * left / taken, np.asarray(freezing.start_K, dtype=np.float64),
        )  # fmt: skip
        liquid, solid, plateau, _ = np.broadcast_arrays(*(np.atleast_1d(one) for one in fields))
        return cls(liquid, solid, plateau, len(liquid))


def _follow(taken: _Balance, freezing: Freezing, times: Floats, shelf: Floats) -> Frozen:
    """Step all vials; each is liquid, on its plateau, or solid."""
    n = taken.n_vials
    point, nucleation = (np.broadcast_to(np.asarray(one, dtype=np.float64), n)
                         for one in (freezing.freezing_K, freezing.nucleation_K))  # fmt: skip
    product = np.empty((len(times), n))
    product[0] = freezing.start_K
    nucleated, solid = np.full(n, np.nan), np.full(n, np.nan)
    heat = taken.plateau_K_s.copy()
    for i in range(1, len(times)):
        step, now = times[i] - times[i - 1], product[i - 1]
        ends = shelf[i - 1], shelf[i]
        is_liquid, is_solid = np.isnan(nucleated), ~np.isnan(solid)
        cooled = _relaxed(now, ends, step, np.where(is_solid, taken.solid_s, taken.liquid_s))
        nucleates = is_liquid & (cooled <= nucleation)
        share = np.where(nucleates, _share(now, cooled, nucleation), 0.0)
        nucleated = np.where(nucleates, times[i - 1] + share * step, nucleated)
        on_plateau = ~is_solid & (nucleates | ~is_liquid)
        drawn = np.where(on_plateau, point - (ends[0] + ends[1]) / 2.0, 0.0) * (1.0 - share) * step
        freezes = on_plateau & (heat <= drawn)
        left = np.where(freezes, 1.0 - np.clip(heat / np.where(drawn > 0, drawn, 1.0), 0.0, 1.0), 0)
        solid = np.where(freezes, times[i] - left * (1.0 - share) * step, solid)
        heat = np.where(on_plateau, heat - drawn, heat)
        after = _relaxed(point, ends, np.where(freezes, times[i] - solid, step), taken.solid_s)
        product[i] = np.where(on_plateau, np.where(freezes, after, point), cooled)
    return Frozen(times, product, nucleated, solid)


def _relaxed(
    now: Floats, shelf: tuple[Floats, Floats], step: float | Floats, constant: Floats
) -> Floats:
    """Exact solution of T' = (Ts - T) / c over a step in which the shelf ramps."""
    rate = (shelf[1] - shelf[0]) / np.maximum(step, 1e-12)
    lag = rate * constant
    return np.asarray(shelf[1] - lag + (now - shelf[0] + lag) * np.exp(-step / constant))


def _share(now: Floats, later: Floats, level: Floats) -> Floats:
    fall = np.where(now > later, now - later, 1.0)
    return np.asarray(np.clip((now - level) / fall, 0.0, 1.0))
