"""How a soft sensor is calibrated: choices that are fixed before its results are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from goldenbatch.capabilities.monitoring._common import AnalystSettings
from goldenbatch.core.findings import Severity

if TYPE_CHECKING:
    from goldenbatch.science.spectra import (
        CalibrateSettings,
        ChoiceSettings,
        SensorSettings,
        Treatment,
    )


class LaterSettings(AnalystSettings):
    """Settings that gained fields: those at their default are left out of what is written.

    So the digest of settings that were adopted before a field came stays what it was.
    """

    ADDED: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _plain(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        for name in self.ADDED:
            if getattr(self, name) == fields[name].default:
                plain.pop(name, None)
        return plain


class ChoiceTable(AnalystSettings):
    """Table `choice` of a calibration: the candidates, and how one is taken.

    Attributes:
        ranges: Ranges of the axis that are tried; none: the whole axis.
        orders: Orders of treatments that are tried; none: the usual ones.
        windows: Windows of the Savitzky-Golay filter that are tried.
        degree: Of its polynomial.
        derivatives: Derivatives that are tried.
        n_folds: Folds of each repetition, where no groups are left out.
        n_repeats: Repetitions of the folds.
        rule: How one candidate is taken among many.
        outliers: What is done with results that left-out prediction does not meet.
        n_deviations: Robust standard deviations that such a result is off.
        seed: Of the shuffled folds.
    """

    ranges: tuple[tuple[float, float], ...] = ()
    orders: tuple[tuple[str, ...], ...] = ()
    windows: tuple[int, ...] = Field(default=(15, 25), min_length=1)
    degree: int = 2
    derivatives: tuple[int, ...] = Field(default=(1, 2), min_length=1)
    n_folds: int = Field(default=10, ge=2)
    n_repeats: int = Field(default=5, ge=1)
    rule: Literal["auto", "best", "one-standard-error"] = "auto"
    outliers: Literal["report", "set aside"] = "report"
    n_deviations: float = Field(default=3.0, gt=0)
    seed: int = 1

    def choice(self, n_components_max: int) -> ChoiceSettings:
        """The settings of the method."""
        from goldenbatch.science.spectra import ChoiceSettings
        from goldenbatch.science.spectra.choice import Rule

        return ChoiceSettings(
            treatments=self._treatments(),
            n_components_max=n_components_max,
            n_folds=self.n_folds,
            n_repeats=self.n_repeats,
            rule=Rule(self.rule),
            seed=self.seed,
        )

    def _treatments(self) -> tuple[Treatment, ...]:
        from goldenbatch.science.spectra import Treatment, candidate_treatments

        ranges = self.ranges or (None,)
        if not self.orders:
            return candidate_treatments(ranges, self.windows[0])
        sizes = [(w, d) for w in self.windows for d in self.derivatives]
        found = (
            Treatment(lower, upper, order, window, self.degree, derivative)
            for lower, upper in (limits or (None, None) for limits in ranges)
            for order in self.orders
            for window, derivative in (sizes if "savitzky-golay" in order else sizes[:1])
        )
        return tuple(dict.fromkeys(found))


class SensorChoice(ChoiceTable):
    """Table `choice` of a soft sensor's calibration.

    Attributes:
        group_by: What is left out as a whole: the batch or the lot of each sample.
    """

    group_by: Literal["", "batch", "lot"] = ""


class TransferTable(AnalystSettings):
    """Table `transfer` of a soft sensor: it takes over the model of another instrument.

    Attributes:
        model: Name of the soft sensor whose model is taken over.
        samples: Standards as they were measured there, with one `*`; what it stands for is the
            name of the standard, which is the same in `calibration.samples`.
        tag: Array tag of the standards' spectra there.
    """

    model: str
    samples: str = Field(pattern=r"^[^*]*\*[^*]*$")
    tag: str


class DriftSettings(AnalystSettings):
    """Table `drift` of a soft sensor: how it watches itself inside its domain.

    Attributes:
        block: Spectra that make one point of the level of T2 and SPE.
        n_reference: Points, the first with a model, that the charts of the level are made from.
        weight: Of the newest point in the chart.
        width: Limits of the chart, in standard deviations of its statistic.
        shift: Bias that matters, in standard deviations of a prediction error.
        n_verify: Newest laboratory results that bias, slope and error are stated over.
        severity: Of the findings.
    """

    block: int = Field(default=60, ge=1)
    n_reference: int = Field(default=50, ge=10)
    weight: float = Field(default=0.1, gt=0, le=1)
    width: float = Field(default=4.0, gt=0)
    shift: float = Field(default=1.0, gt=0)
    n_verify: int = Field(default=20, ge=3)
    severity: Severity = Severity.MINOR


class CalibrationSettings(LaterSettings):
    """Table `calibration` of a soft sensor: fixed before its results are seen.

    Attributes:
        samples: Samples that carry the reference results; `*` stands for any letters.
        tag: Array tag of the calibration spectra; that of the sensor by default.
        lower: Lower end of the range of the axis that is used.
        upper: Upper end.
        order: Treatments in order: line, detrend, snv, msc, emsc, savitzky-golay.
        n_components_max: Largest number of components that is tried.
        limits: Which limits of T2 and SPE are in force.
        choice: Candidates among which treatment and components are chosen, in place of
            `lower` to `derivative`; see `SensorChoice`.
        reference_error: Standard deviation of one reference result; 0: not known.
        transfer: Take over the model of another instrument; see `TransferTable`.
    """

    ADDED: ClassVar[frozenset[str]] = frozenset({"choice", "reference_error", "transfer"})

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
    choice: SensorChoice | None = None
    reference_error: float = Field(default=0.0, ge=0)
    transfer: TransferTable | None = None

    def sensor_settings(self, target: str) -> SensorSettings:
        """The settings of the method, where the treatment is given."""
        from goldenbatch.science.latent import LimitKind
        from goldenbatch.science.spectra import SensorSettings

        return SensorSettings(
            treatment=self._treatment(),
            n_components_max=self.n_components_max,
            confidence=self.confidence,
            coverage=self.coverage,
            limit_kind=LimitKind(self.limits),
            target=target,
        )

    def calibrate_settings(self, target: str) -> CalibrateSettings:
        """The settings of the method, where the treatment is chosen or the reference errs."""
        from goldenbatch.science.latent import LimitKind
        from goldenbatch.science.spectra import CalibrateSettings, ChoiceSettings, Outliers

        table = self.choice
        given = ChoiceSettings((self._treatment(),), self.n_components_max)
        return CalibrateSettings(
            choice=table.choice(self.n_components_max) if table is not None else given,
            outliers=Outliers(table.outliers if table is not None else "report"),
            n_deviations=table.n_deviations if table is not None else 3.0,
            reference_error=self.reference_error,
            confidence=self.confidence,
            coverage=self.coverage,
            limit_kind=LimitKind(self.limits),
            target=target,
        )

    def _treatment(self) -> Treatment:
        from goldenbatch.science.spectra import Treatment

        return Treatment(
            lower=self.lower,
            upper=self.upper,
            order=self.order,
            window=self.window,
            degree=self.degree,
            derivative=self.derivative,
        )
