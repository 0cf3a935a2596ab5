"""How a soft sensor is calibrated: choices that are fixed before its results are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from goldenbatch.capabilities.monitoring._common import AnalystSettings

if TYPE_CHECKING:
    from goldenbatch.science.spectra import SensorSettings


class CalibrationSettings(AnalystSettings):
    """Table `calibration` of a soft sensor: fixed before its results are seen.

    Attributes:
        samples: Samples that carry the reference results; `*` stands for any letters.
        tag: Array tag of the calibration spectra; that of the sensor by default.
        lower: Lower end of the range of the axis that is used.
        upper: Upper end.
        order: Treatments in order: line, snv, msc, savitzky-golay.
        n_components_max: Largest number of components that is tried.
        limits: Which limits of T2 and SPE are in force.
    """

    samples: str
    tag: str = ""
    lower: float | None = None
    upper: float | None = None
    order: tuple[str, ...] = ("line", "savitzky-golay")
    window: int = 15
    degree: int = 2
    derivative: int = 1
    n_components_max: int = Field(default=8, ge=1)
    confidence: float = Field(default=0.99, gt=0.5, lt=1)
    coverage: float = Field(default=0.95, gt=0.5, lt=1)
    limits: Literal["left-out", "theoretical"] = "left-out"

    def sensor_settings(self, target: str) -> SensorSettings:
        """The settings of the method."""
        from goldenbatch.science.latent import LimitKind
        from goldenbatch.science.spectra import SensorSettings, Treatment

        return SensorSettings(
            treatment=Treatment(
                lower=self.lower,
                upper=self.upper,
                order=self.order,
                window=self.window,
                degree=self.degree,
                derivative=self.derivative,
            ),
            n_components_max=self.n_components_max,
            confidence=self.confidence,
            coverage=self.coverage,
            limit_kind=LimitKind(self.limits),
            target=target,
        )
