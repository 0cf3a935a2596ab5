"""Settings of the trial of a calibration: all that is fixed before a result is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from goldenbatch.capabilities.monitoring._common import AnalystSettings

if TYPE_CHECKING:
    from goldenbatch.science.spectra import CalibrateSettings


class CalibrationTrialSettings(AnalystSettings):
    """Settings of the trial `monitoring.calibration`.

    Attributes:
        master: Role of the instrument that the others take over from; empty: the first one.
        n_standards: Training samples measured on both instruments that a transfer may use.
        ranges: Ranges of the axis that are tried; none: the whole axis.
        orders: Orders of treatments that are tried; none: the usual ones.
        windows: Windows of the Savitzky-Golay filter that are tried.
        derivatives: Derivatives that are tried.
        rule: How one candidate is taken among many.
        outliers: What is done with results that left-out prediction does not meet.
        n_deviations: Robust standard deviations that such a result is off.
        fitted_groups: Groups that the model is fitted on; the others take part in the choice only.
        reference_error: Standard deviation of one reference result, in its unit; 0: not known.
    """

    master: str = ""
    n_standards: int = Field(default=15, ge=4)
    ranges: tuple[tuple[float, float], ...] = ()
    orders: tuple[tuple[str, ...], ...] = ()
    windows: tuple[int, ...] = (15, 25)
    degree: int = 2
    derivatives: tuple[int, ...] = (1, 2)
    n_components_max: int = Field(default=12, ge=1)
    n_folds: int = Field(default=10, ge=2)
    n_repeats: int = Field(default=5, ge=1)
    rule: Literal["auto", "best", "one-standard-error"] = "auto"
    outliers: Literal["report", "set aside"] = "set aside"
    n_deviations: float = Field(default=3.0, gt=0)
    fitted_groups: tuple[str, ...] = ()
    reference_error: float = Field(default=0.0, ge=0)
    confidence: float = Field(default=0.99, gt=0.5, lt=1)
    coverage: float = Field(default=0.95, gt=0.5, lt=1)
    limits: Literal["left-out", "theoretical"] = "left-out"
    seed: int = 1

    def method(self, target: str) -> CalibrateSettings:
        """The settings of the method."""
        from goldenbatch.science.latent import LimitKind
        from goldenbatch.science.spectra import CalibrateSettings, ChoiceSettings, Outliers
        from goldenbatch.science.spectra.choice import Rule

        return CalibrateSettings(
            choice=ChoiceSettings(
                treatments=self._treatments(),
                n_components_max=self.n_components_max,
                n_folds=self.n_folds,
                n_repeats=self.n_repeats,
                rule=Rule(self.rule),
                seed=self.seed,
            ),
            outliers=Outliers(self.outliers),
            n_deviations=self.n_deviations,
            reference_error=self.reference_error,
            confidence=self.confidence,
            coverage=self.coverage,
            limit_kind=LimitKind(self.limits),
            target=target,
        )

    def _treatments(self) -> tuple[Treatment, ...]:
        from goldenbatch.science.spectra import Treatment, candidate_treatments

        ranges = self.ranges or (None,)
        if not self.orders:
            return candidate_treatments(ranges, self.windows[0])
        found: dict[Treatment, None] = {}
        for limits in ranges:
            for order in self.orders:
                is_filtered = "savitzky-golay" in order
                sizes = [(w, d) for w in self.windows for d in self.derivatives]
                for window, derivative in sizes if is_filtered else sizes[:1]:
                    lower, upper = limits or (None, None)
                    one = Treatment(lower, upper, order, window, self.degree, derivative)
                    found[one] = None
        return tuple(found)


if TYPE_CHECKING:
    from goldenbatch.science.spectra import Treatment
