"""What an operation takes and leaves, in the form that a footprint is reckoned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goldenbatch.science.process.footprint import Flow


@dataclass(frozen=True)
class Flows:
    """Consumption of one operation.

    Attributes:
        product_kg: Product that goes on.
        buffers_m3: Volume of each buffer, by name.
        water_m3: Water beside that of the buffers: rinsing, flushing, discharges.
        energy_j: Electrical energy of drives and pumps, where it is reckoned.
        media_m2: Area of membranes and filters that are used up.
        waste_m3: Liquid that is thrown away.
    """

    product_kg: float = 0.0
    buffers_m3: Mapping[str, float] = field(default_factory=dict)
    water_m3: float = 0.0
    energy_j: float = 0.0
    media_m2: float = 0.0
    waste_m3: float = 0.0

    @property
    def liquid_m3(self) -> float:
        """All buffers and water."""
        return self.water_m3 + sum(self.buffers_m3.values())

    def for_footprint(
        self,
        stage: str,
        *,
        electricity: str = "electricity.GB",
        water: str = "water.mains",
        waste: str = "waste water",
        media: str = "filter area",
    ) -> tuple[Flow, ...]:
        """What `footprint` reckons with: buffers as the water in them, media as an area.

        Salts of buffers are not among the flows: add them as materials of your own. The area of
        filters and membranes has no shipped factor and is refused by name until you give one.

        Args:
            stage: Step of the process.
            electricity: Name of the grid in the table of factors.
            water: Name of the water.
            waste: Name of the waste water.
            media: Name of the area used up.

        >>> flows = Flows(1.0, {"wash": 2.0}, water_m3=1.0, energy_j=7.2e6).for_footprint("capture")
        >>> [(one.item, float(one.amount[0]), one.unit) for one in flows]
        [('water.mains', 3.0, 'm3'), ('electricity.GB', 7200000.0, 'J')]
        """
        from goldenbatch.science.process.footprint import flow

        amounts = (
            (water, self.liquid_m3, "m3"),
            (electricity, self.energy_j, "J"),
            (waste, self.waste_m3, "m3"),
            (media, self.media_m2, "m2"),
        )
        return tuple(flow(item, amount, unit, stage) for item, amount, unit in amounts if amount)

    def __add__(self, other: Flows) -> Flows:
        """Both operations; the product is that of the later one.

        >>> one = Flows(1.0, {"wash": 2.0}) + Flows(0.9, {"wash": 1.0}, water_m3=1.0)
        >>> one.product_kg, one.buffers_m3, one.liquid_m3
        (0.9, {'wash': 3.0}, 4.0)
        """
        names = dict.fromkeys((*self.buffers_m3, *other.buffers_m3))
        buffers = {n: self.buffers_m3.get(n, 0.0) + other.buffers_m3.get(n, 0.0) for n in names}
        return Flows(
            other.product_kg, buffers, self.water_m3 + other.water_m3,
            self.energy_j + other.energy_j, self.media_m2 + other.media_m2,
            self.waste_m3 + other.waste_m3,
        )  # fmt: skip
