"""Design of a chart by the run length that is wanted, with what it then takes to see a shift.

One place for all kinds: parameters from exact run lengths, and a table of run lengths by shift.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics.rules import joint_run_length, rules_named
from goldenbatch.science.statistics.run_length import (
    cusum_arl,
    cusum_threshold,
    ewma_arl,
    ewma_width,
    shewhart_arl,
    shewhart_width,
)
from goldenbatch.science.statistics.run_length_autocorrelated import (
    adjusted_ewma_arl,
    adjusted_ewma_width,
    adjusted_shewhart_arl,
    adjusted_shewhart_width,
    residual_arl,
)
from goldenbatch.science.statistics.run_length_multivariate import (
    hotelling_arl,
    hotelling_limit,
    mewma_arl,
    mewma_limit,
)

SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
_BEST_WEIGHTS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75)


class DesignKind(StrEnum):
    """Charts that can be designed.

    `residual` charts residuals of a first-order autoregression, `adjusted-*` the values
    themselves with limits for autocorrelated values.
    """

    INDIVIDUALS = "individuals"
    XBAR = "xbar"
    EWMA = "ewma"
    CUSUM = "cusum"
    HOTELLING = "hotelling"
    MEWMA = "mewma"
    RESIDUAL = "residual"
    ADJUSTED_INDIVIDUALS = "adjusted-individuals"
    ADJUSTED_EWMA = "adjusted-ewma"


@dataclass(frozen=True, slots=True)
class DesignAsked:
    """What a chart is designed for.

    Attributes:
        in_control_arl: values (subgroups) between false alarms.
        shift: of the mean that matters, in sigma of single values (Mahalanobis length for
            several attributes); it chooses weight and slack where they are not given.
        weight: of the newest value; chosen for the shift if None.
        slack: k of a CUSUM; half of the shift if None.
        n_attributes: of a multivariate chart.
        n_per_subgroup: values a subgroup.
        phi: lag-1 autocorrelation, for residual and adjusted charts.
    """

    in_control_arl: float = 370.4
    shift: float = 1.0
    weight: float | None = None
    slack: float | None = None
    n_attributes: int = 2
    n_per_subgroup: int = 1
    phi: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no chart can be designed for."""
        if not (self.shift > 0 and self.n_per_subgroup >= 1 and self.n_attributes >= 1):
            message = f"no chart is designed for {self}"
            raise DesignError(message)


@dataclass(frozen=True, slots=True)
class DesignedChart:
    """Parameters of a chart and its run lengths.

    Attributes:
        kind: of chart.
        parameters: by name: `width`, `weight`, `slack`, `threshold` or `limit`.
        run_lengths: (shift in sigma of single values, average run length).
    """

    kind: DesignKind
    parameters: dict[str, float]
    run_lengths: tuple[tuple[float, float], ...]


def design_chart(
    kind: DesignKind, asked: DesignAsked | None = None, shifts: Sequence[float] = SHIFTS
) -> DesignedChart:
    """Return the parameters that give the run length asked for, and the run lengths they give.

    Args:
        kind: of chart.
        asked: run length, shift and what is fixed beforehand.
        shifts: of the table, in sigma of single values.

    Raises:
        DesignError: no such chart has the run length.

    >>> round(design_chart(DesignKind.CUSUM, DesignAsked(465.4)).parameters["threshold"], 2)
    5.0
    """
    asked, chosen = asked or DesignAsked(), DesignKind(kind)
    parameters, length_of = _MAKERS[chosen](asked)
    root = math.sqrt(asked.n_per_subgroup)
    table = tuple((float(shift), length_of(float(shift) * root)) for shift in shifts)
    return DesignedChart(chosen, parameters, table)


def rules_table(
    names: Sequence[str], width: float = 3.0, *, seed: int = 0, n_runs: int = 2000
) -> dict[str, float]:
    """Return the run length of run rules alone and together, on independent normal values.

    Args:
        names: of the rules.
        width: of the one-point rule.
        seed: of the simulation, where the figure is not exact.
        n_runs: simulated runs.

    Returns:
        By rule, and `together` with `standard_error` (0 where exact).

    >>> round(rules_table(["nelson-1", "nelson-2"])["together"], 1)
    216.7
    """
    alone = {
        name: joint_run_length(rules_named([name], width), seed, n_runs).mean for name in names
    }
    joint = joint_run_length(rules_named(names, width), seed, n_runs)
    return {**alone, "together": joint.mean, "standard_error": joint.standard_error}


_Made = tuple[dict[str, float], Callable[[float], float]]


def _individuals(asked: DesignAsked) -> _Made:
    width = shewhart_width(asked.in_control_arl)
    return {"width": width}, lambda shift: shewhart_arl(shift, width)


def _ewma(asked: DesignAsked) -> _Made:
    def made(weight: float) -> _Made:
        width = ewma_width(asked.in_control_arl, weight)
        return {"weight": weight, "width": width}, lambda shift: ewma_arl(shift, weight, width)

    return _best(asked, made)


def _cusum(asked: DesignAsked) -> _Made:
    slack = 0.5 * asked.shift * math.sqrt(asked.n_per_subgroup)
    slack = slack if asked.slack is None else asked.slack
    threshold = cusum_threshold(asked.in_control_arl, slack)
    parameters = {"slack": slack, "threshold": threshold}
    return parameters, lambda shift: cusum_arl(shift, slack, threshold)


def _hotelling(asked: DesignAsked) -> _Made:
    p, limit = asked.n_attributes, hotelling_limit(asked.in_control_arl, asked.n_attributes)
    return {"limit": limit}, lambda shift: hotelling_arl(shift, p, limit)


def _mewma(asked: DesignAsked) -> _Made:
    p = asked.n_attributes

    def made(weight: float) -> _Made:
        limit = mewma_limit(asked.in_control_arl, p, weight)
        return {"weight": weight, "limit": limit}, lambda shift: mewma_arl(shift, p, weight, limit)

    # One search over weights costs seconds; the best EWMA weight is close to the best here.
    weight = asked.weight if asked.weight is not None else _ewma(asked)[0]["weight"]
    return made(weight)


def _residual(asked: DesignAsked) -> _Made:
    weight = 1.0 if asked.weight is None else asked.weight
    width = ewma_width(asked.in_control_arl, weight)
    parameters = {"weight": weight, "width": width, "phi": asked.phi}
    return parameters, lambda shift: residual_arl(asked.phi, shift, weight, width)


def _adjusted_individuals(asked: DesignAsked) -> _Made:
    width = adjusted_shewhart_width(asked.in_control_arl, asked.phi)
    parameters = {"width": width, "phi": asked.phi}
    return parameters, lambda shift: adjusted_shewhart_arl(asked.phi, shift, width)


def _adjusted_ewma(asked: DesignAsked) -> _Made:
    weight = 0.2 if asked.weight is None else asked.weight
    width = adjusted_ewma_width(asked.in_control_arl, asked.phi, weight)
    parameters = {"weight": weight, "width": width, "phi": asked.phi}
    return parameters, lambda shift: adjusted_ewma_arl(asked.phi, shift, weight, width)


def _best(asked: DesignAsked, made: Callable[[float], _Made]) -> _Made:
    """The chart of the weight given, or of the one that sees the shift soonest."""
    if asked.weight is not None:
        return made(asked.weight)
    at = asked.shift * math.sqrt(asked.n_per_subgroup)
    return min((made(weight) for weight in _BEST_WEIGHTS), key=lambda one: one[1](at))


_MAKERS: dict[DesignKind, Callable[[DesignAsked], _Made]] = {
    DesignKind.INDIVIDUALS: _individuals,
    DesignKind.XBAR: _individuals,
    DesignKind.EWMA: _ewma,
    DesignKind.CUSUM: _cusum,
    DesignKind.HOTELLING: _hotelling,
    DesignKind.MEWMA: _mewma,
    DesignKind.RESIDUAL: _residual,
    DesignKind.ADJUSTED_INDIVIDUALS: _adjusted_individuals,
    DesignKind.ADJUSTED_EWMA: _adjusted_ewma,
}
