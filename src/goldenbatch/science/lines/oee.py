"""Overall equipment effectiveness and its three factors, as ISO 22400-2 names them.

References:
    ISO 22400-2:2014 with Amd 1:2017, Key performance indicators for manufacturing operations
    management: time model (clause 8) and indicators (clause 9: availability, effectiveness,
    quality ratio, OEE index).
"""

from __future__ import annotations

from dataclasses import dataclass

from goldenbatch.science.errors import DesignError


@dataclass(frozen=True, slots=True)
class Effectiveness:
    """OEE and what it is made of; all shares of 1.

    Attributes:
        availability: actual production time over planned busy time (APT / PBT).
        effectiveness: planned run time per item times produced quantity over APT.
        quality_ratio: good quantity over produced quantity.
        oee: the product of the three.
    """

    availability: float
    effectiveness: float
    quality_ratio: float
    oee: float


def oee(
    *,
    planned_busy_time: float,
    actual_production_time: float,
    planned_run_time_per_item: float,
    n_produced: float,
    n_good: float,
) -> Effectiveness:
    """Return the index and its factors.

    The product reduces to planned run time per item times good quantity over planned busy time,
    which is a second way to the same figure.

    Args:
        planned_busy_time: in which the unit was to be busy (PBT).
        actual_production_time: in which it produced (APT), in the same unit, at most PBT.
        planned_run_time_per_item: at planned speed (PRI), in that unit.
        n_produced: quantity (PQ).
        n_good: quantity that needs no rework (GQ), at most PQ.

    Raises:
        DesignError: figures that contradict one another.

    References:
        ISO 22400-2:2014, clause 9 (availability, effectiveness, quality ratio, OEE index).

    >>> found = oee(planned_busy_time=480.0, actual_production_time=400.0,
    ...     planned_run_time_per_item=0.01, n_produced=36_000, n_good=35_640)
    >>> round(found.availability, 4), round(found.effectiveness, 4), found.quality_ratio
    (0.8333, 0.9, 0.99)
    >>> round(found.oee, 4)
    0.7425
    """
    if not 0 < actual_production_time <= planned_busy_time:
        raise DesignError(
            f"production took {actual_production_time} of {planned_busy_time} planned; "
            "give more than 0 and no more than planned"
        )
    if not 0 <= n_good <= n_produced or n_produced <= 0 or planned_run_time_per_item <= 0:
        raise DesignError(f"{n_good} good of {n_produced} produced: give 0 <= good <= produced")
    availability = actual_production_time / planned_busy_time
    effectiveness = planned_run_time_per_item * n_produced / actual_production_time
    quality_ratio = n_good / n_produced
    return Effectiveness(
        availability, effectiveness, quality_ratio, availability * effectiveness * quality_ratio
    )
