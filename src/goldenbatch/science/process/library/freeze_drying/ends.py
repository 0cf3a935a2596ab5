"""The end of primary drying of a load, by the convention that a user chooses, and the soak.

A load has no single end: its vials finish one after another. The Pirani gauge reads the vapour in
the chamber, which falls only when so few vials still sublime that the pump could draw more than
they give; a mass fraction is reached earlier than the last vial's end.

References:
    Patel, Doen and Pikal (2010), AAPS PharmSciTech 11:73, doi:10.1208/s12249-009-9362-7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, complete, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.library.freeze_drying.cycle import EndConvention, pirani_end
from goldenbatch.science.process.library.freeze_drying.primary import Drying

VAPOUR_READING = 1.6
"""Pirani over capacitance gauge in pure water vapour, calibrated in nitrogen."""


@dataclass(frozen=True, slots=True)
class EndRule:
    """What is called the end.

    Attributes:
        convention: by gauge or by mass.
        fraction: of all ice of the load, for the convention of mass.
        drawn_share: vapour that the pump draws from a chamber that holds nothing else, as a
            share of the load's largest rate; it sets when the Pirani reading falls.
        step_s: of the simulated gauge.
    """

    convention: EndConvention
    fraction: float = 0.99
    drawn_share: float = 0.2
    step_s: float = 120.0


def pirani_ratio(load_kg_s: ArrayLike, drawn_kg_s: float) -> Floats:
    """Pirani over capacitance gauge of a load; nitrogen makes up what the vials do not give.

    >>> [round(float(one), 2) for one in pirani_ratio([0.0, 0.5, 1.0, 5.0], 1.0)]
    [1.0, 1.3, 1.6, 1.6]
    """
    if drawn_kg_s <= 0:
        raise DesignError("a pump draws more than nothing; give a rate above zero")
    vapour = np.minimum(np.asarray(load_kg_s, dtype=np.float64) / drawn_kg_s, 1.0)
    return np.asarray(1.0 + (VAPOUR_READING - 1.0) * vapour)


def load_end_s(run: Drying, rule: EndRule) -> float:
    """End of primary drying of a simulated load; seconds.

    Raises:
        DataError: vials of the load do not dry.
    """
    if np.isnan(run.end_s).any():
        n_wet = int(np.isnan(run.end_s).sum())
        raise DataError(f"{n_wet} of {len(run.end_s)} vials do not dry; the load has no end")
    last = float(run.end_s.max())
    times = np.arange(0.0, 1.3 * last + 2.0 * rule.step_s, rule.step_s)
    state = run.at(times)
    if rule.convention is EndConvention.MASS_FRACTION:
        ice = np.broadcast_to(run.vials.ice_kg, run.end_s.shape)
        gone = np.maximum.accumulate((state.dried_share * ice).sum(axis=1) / ice.sum())
        return float(np.interp(rule.fraction, gone, times))
    rate = (state.flux_kg_m2_s * run.vials.inner_area_m2).sum(axis=1)
    ratio = pirani_ratio(rate, rule.drawn_share * float(rate.max()))
    peak = float(times[int(rate.argmax())])
    window = max(rule.step_s * 9, 0.05 * last)
    return pirani_end(times, ratio, window_s=window, from_s=peak).by(rule.convention)


@dataclass(frozen=True, slots=True)
class Soak:
    """How long to wait after a declared end.

    Attributes:
        margin_s: from the declared end on.
        share: of the vials that are then dry.
        still_wet: share that is not at the declared end.
    """

    margin_s: float
    share: float
    still_wet: float


def soak(end_s: ArrayLike, declared_s: float, *, share: float = 0.999) -> Soak:
    """Soak that leaves no more than a stated share of vials with ice.

    Args:
        end_s: ends of vials, of a simulated load or drawn from a posterior.
        declared_s: end that the convention declares.
        share: of vials that are to be dry.

    Raises:
        DesignError: a share outside 0 to 1.
        DataError: a vial never dries, or there are too few to speak of such a share.

    >>> soak(np.linspace(1000.0, 2000.0, 1001), 1500.0, share=0.9).margin_s
    400.0
    """
    if not 0.0 < share < 1.0:
        raise DesignError(f"a share of {share} is none; give one between 0 and 1")
    ends = complete(vector(end_s, "end_s"), "end_s")
    if len(ends) * (1.0 - share) < 1.0 - 1e-9:
        raise DataError(f"{len(ends)} vials cannot show a share of {share}; simulate more")
    margin = float(np.quantile(ends, share)) - declared_s
    return Soak(max(margin, 0.0), share, float((ends > declared_s).mean()))
