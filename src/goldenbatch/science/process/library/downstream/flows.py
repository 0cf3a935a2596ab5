"""What an operation takes and leaves, in the form that a footprint is reckoned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
