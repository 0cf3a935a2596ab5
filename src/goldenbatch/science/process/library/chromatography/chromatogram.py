"""What a column gave: outlet and inlet over time, and whether its amounts add up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from goldenbatch.science.errors import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Balance:
    """Amounts of each component, in concentration times m3. Shapes `(n_components,)`.

    Attributes:
        start: In the column at the start.
        fed: Through the inlet.
        left: Through the outlet.
        end: In the column at the end.
    """

    start: Floats
    fed: Floats
    left: Floats
    end: Floats

    @property
    def gap(self) -> Floats:
        """What is missing or too much, as a share of what was there and was fed."""
        whole = np.abs(self.start) + np.abs(self.fed)
        missing = self.start + self.fed - self.left - self.end
        return np.abs(missing) / np.where(whole > 0.0, whole, 1.0)


@dataclass(frozen=True)
class Chromatogram:
    """A run of a column.

    Attributes:
        time_s: Shape `(n,)`.
        components: Their names.
        outlet: Concentrations that leave. Shape `(n, n_components)`.
        inlet: Concentrations that enter. Shape `(n, n_components)`.
        unit: Of concentrations.
        flow_m3_s: Volumetric flow; of one square metre of column where no area is told.
        balance: Amounts.
        status: `complete`, or `failed` where the solver gave up.
        reason: Why it failed.
        state: Last state of the column's model; another run may start there.
    """

    time_s: Floats
    components: tuple[str, ...]
    outlet: Floats = field(repr=False)
    inlet: Floats = field(repr=False)
    unit: str
    flow_m3_s: float
    balance: Balance = field(repr=False)
    status: Literal["complete", "failed"]
    reason: str
    state: Floats = field(repr=False)

    def __getitem__(self, component: str) -> Floats:
        """Outlet concentration of a component. Shape `(n,)`.

        Raises:
            DataError: There is none of that name.
        """
        column: Floats = self.outlet[:, self.index(component)]
        return column

    def index(self, component: str) -> int:
        """Place of a component.

        Raises:
            DataError: There is none of that name.
        """
        if component not in self.components:
            raise DataError(
                f"the chromatogram has no component {component!r}.",
                hint=f"It has: {', '.join(self.components)}.",
            )
        return self.components.index(component)

    @property
    def volume_m3(self) -> Floats:
        """Volume that has passed since the start. Shape `(n,)`."""
        volume: Floats = (self.time_s - self.time_s[0]) * self.flow_m3_s
        return volume
