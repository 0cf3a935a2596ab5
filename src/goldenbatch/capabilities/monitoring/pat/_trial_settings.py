"""Settings of the trial of a calibration: all that is fixed before a result is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from goldenbatch.capabilities.monitoring.pat.calibration import ChoiceTable

if TYPE_CHECKING:
    from goldenbatch.science.spectra import CalibrateSettings


class CalibrationTrialSettings(ChoiceTable):
    """Settings of the trial `monitoring.calibration`, with those of `ChoiceTable`.

    Attributes:
        master: Role of the instrument that the others take over from; empty: the first one.
        n_standards: Training samples measured on both instruments that a transfer may use.
        n_components_max: Largest number of components that is tried.
        outliers: What is done with results that left-out prediction does not meet.
        fitted_groups: Groups that the model is fitted on; the others take part in the choice only.
        reference_error: Standard deviation of one reference result, in its unit; 0: not known.
        confidence: Of the limits of T2 and SPE.
        coverage: Of the prediction interval.
        limits: Which limits of T2 and SPE are in force.
    """

    master: str = ""
    n_standards: int = Field(default=15, ge=4)
    n_components_max: int = Field(default=12, ge=1)
    outliers: Literal["report", "set aside"] = "set aside"
    fitted_groups: tuple[str, ...] = ()
    reference_error: float = Field(default=0.0, ge=0)
    confidence: float = Field(default=0.99, gt=0.5, lt=1)
    coverage: float = Field(default=0.95, gt=0.5, lt=1)
    limits: Literal["left-out", "theoretical"] = "left-out"

    def method(self, target: str) -> CalibrateSettings:
        """The settings of the method."""
        from goldenbatch.science.latent import LimitKind
        from goldenbatch.science.spectra import CalibrateSettings, Outliers

        return CalibrateSettings(
            choice=self.choice(self.n_components_max),
            outliers=Outliers(self.outliers),
            n_deviations=self.n_deviations,
            reference_error=self.reference_error,
            confidence=self.confidence,
            coverage=self.coverage,
            limit_kind=LimitKind(self.limits),
            target=target,
        )
