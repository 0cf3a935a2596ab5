"""What the charts of an analyst were told, result by result: for who wants to see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.charts.book import Judged
    from goldenbatch.core.records import Event
    from goldenbatch.science.statistics.multivariate import MultivariatePoint
    from goldenbatch.science.statistics.subgroups import SubgroupPoint


@dataclass(frozen=True)
class Charted:
    """What was put on a chart, and how it was judged.

    Attributes:
        key: Of the chart: `product|attribute`.
        event: Report of the results; of a subgroup the one that made it whole.
        batches: That it is of.
        values: By attribute; of a subgroup their mean.
        judged: None in the reference period, or where a value is missing.
    """

    key: str
    event: Event
    sample: str
    batches: tuple[str, ...]
    values: Mapping[str, float]
    judged: Judged | SubgroupPoint | MultivariatePoint | None
