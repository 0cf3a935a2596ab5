"""Settings of the trial `monitoring.process_faults`, and the models that it compares."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from goldenbatch.capabilities.monitoring._common import AnalystSettings
from goldenbatch.science.latent.alarm_limits import LimitSource
from goldenbatch.science.latent.alarm_settings import AlarmSettings
from goldenbatch.science.latent.cva import CVA
from goldenbatch.science.latent.dynamic_pca import DynamicPCA
from goldenbatch.science.statistics.persistence import Persistence

Model = DynamicPCA | CVA


class FaultTrialSettings(AnalystSettings):
    """Settings of `monitoring.process_faults`; everything is fixed before a test file is opened.

    Attributes:
        fault_at: Rows of each test file before its fault; they are good.
        interval_minutes: From one row to the next.
        excluded_faults: Numbers of faults that the mean leaves out: those of which everybody
            says that the measured tags do not show them. They stand in the table by fault.
        n_over: Rows above a limit, of the last `n_of` that were scored, that open an event.
        n_of: See `n_over`.
        n_back: Scored rows one after the other that end an event.
        close_below: Such rows are at or below this share of their limit.
        method: `cva`, `dpca` or `pca`.
        n_components: Components, or states of `cva`.
        lags: Rows before the newest one, for `dpca` and `cva`.
        n_future: Rows that the states of `cva` are to foretell.
        ridge: Share of unity in the covariances of `cva`.
        statistics: Of the method; all of them if none is named.
        smoothing: Weight of the newest row in the average of a statistic; 1: no average.
        is_log: Averages and limits are of the logarithm.
        rate: Share of good rows that may be above the limit of each statistic.
        n_folds: Blocks of the training rows that are left out in turn, for the limits.
        gap_rows: Rows beside such a block that are left out too; as many as lags and averages
            remember if not given.
        n_components_pca: Of the plain PCA that stands beside.
        n_components_dpca: Of the dynamic PCA that stands beside.
        lags_dpca: Its lags.
        rate_beside: Rate that the limits of PCA and DPCA, single rows, are made for.
    """

    fault_at: int = Field(default=160, ge=1)
    interval_minutes: float = Field(default=3.0, gt=0)
    excluded_faults: tuple[int, ...] = (3, 9, 15)
    n_over: int = Field(default=6, ge=1)
    n_of: int = Field(default=6, ge=1)
    n_back: int = Field(default=20, ge=1)
    close_below: float = Field(default=1.0, gt=0)
    method: Literal["cva", "dpca", "pca"] = "cva"
    n_components: int = Field(default=29, ge=1)
    lags: int = Field(default=2, ge=0)
    n_future: int = Field(default=2, ge=1)
    ridge: float = Field(default=1e-6, ge=0, lt=1)
    statistics: tuple[str, ...] = ()
    smoothing: float = Field(default=0.1, gt=0, le=1)
    is_log: bool = True
    rate: float = Field(default=0.005, gt=0, lt=0.5)
    n_folds: int = Field(default=10, ge=3)
    gap_rows: int | None = Field(default=None, ge=0)
    n_components_pca: int = Field(default=11, ge=1)
    n_components_dpca: int = Field(default=29, ge=1)
    lags_dpca: int = Field(default=2, ge=1)
    rate_beside: float = Field(default=0.01, gt=0, lt=0.5)

    @model_validator(mode="after")
    def _check(self) -> FaultTrialSettings:
        if self.n_over > self.n_of:
            raise ValueError(f"n_over {self.n_over} of n_of {self.n_of} can never be")
        return self

    @property
    def rule(self) -> Persistence:
        """When rows above a limit become an event."""
        return Persistence(self.n_over, self.n_of, self.n_back, self.close_below)

    def model(self) -> Model:
        """The method under trial, not fitted."""
        alarms = AlarmSettings(
            rate=self.rate,
            smoothing=self.smoothing,
            is_log=self.is_log,
            n_folds=self.n_folds,
            gap_rows=self.gap_rows,
        )
        if self.method == "cva":
            return CVA(
                self.n_components,
                lags=self.lags,
                n_future=self.n_future,
                ridge=self.ridge,
                statistics=self.statistics or ("Ts2", "Tr2", "Q"),
                alarms=alarms,
            )
        return DynamicPCA(
            self.n_components,
            lags=self.lags if self.method == "dpca" else 0,
            statistics=self.statistics or ("T2", "SPE"),
            alarms=alarms,
        )

    def beside(self) -> dict[str, Model]:
        """What is done at present: PCA and DPCA of single rows, limits by theory."""
        # Their limits are those of theory: few folds are enough to go on.
        alarms = AlarmSettings(rate=self.rate_beside, source=LimitSource.THEORETICAL, n_folds=3)
        return {
            "pca": DynamicPCA(self.n_components_pca, alarms=alarms),
            "dpca": DynamicPCA(self.n_components_dpca, lags=self.lags_dpca, alarms=alarms),
        }
