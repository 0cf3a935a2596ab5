"""Settings of `monitoring.process`: what is watched, how it is sampled, when it tells."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.capabilities.monitoring._common import AnalystSettings
from goldenbatch.core.equipment import EquipmentStatus
from goldenbatch.core.findings import Severity


class FitSettings(BaseModel):
    """What the model is fitted to: good rows in time order, first training, then limits.

    Attributes:
        start: Of the reference window, ISO 8601 with zone; from the first reading if left out.
        end: Of the reference window, not included; up to the last reading if left out.
        batches: Reference batches, patterns; only what they ran at the units counts.
        is_shared: One model for all units; else one of each unit's own.
        method: `pca`, `dpca` (the rows before count, too) or `cva`.
        lags: Rows before the newest one, for `dpca` and `cva`.
        n_components: Components, or states of `cva`; 0: half as many as tags.
        statistics: Of the method: `T2`, `SPE`, `combined`; of `cva` `Ts2`, `Tr2`, `Q`.
        smoothing: Weight of the newest row in the average of a statistic; 1: no average.
        is_log: Averages and limits are of the logarithm.
        rate: Share of good rows that may be above the limit of each statistic.
        training_share: Of the rows of each unit, from the first on: they make the model. The
            rest, held out, makes the limits; each block of it is judged by limits of the other
            blocks, which gives the false-alarm rate that is recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: str = ""
    end: str = ""
    batches: tuple[str, ...] = ()
    is_shared: bool = True
    method: Literal["pca", "dpca", "cva"] = "pca"
    lags: int = Field(default=2, ge=1, le=50)
    n_components: int = Field(default=0, ge=0)
    statistics: tuple[str, ...] = ()
    smoothing: float = Field(default=1.0, gt=0, le=1)
    is_log: bool = False
    rate: float = Field(default=0.005, gt=0, lt=0.5)
    training_share: float = Field(default=0.6, gt=0.1, lt=0.95)


class ProcessSettings(AnalystSettings):
    """Settings of `monitoring.process`.

    Attributes:
        units: Places that are watched, patterns such as `site/line*/mixer`.
        tags: Tags of each of them, relative to the place, such as `torque`.
        interval_s: Grid on which rows are made, counted from 1970-01-01 00:00 UTC.
        sampling: `last`: the newest value not older than `max_age_s`; `mean`: of the interval.
        max_age_s: How old a value may be; twice the interval if left out.
        wait_s: A row is made once a reading of its unit came that is this much later: what
            comes later still is not in it. One interval if left out.
        lost_after_s: A tag, or a unit, that is silent for this long is lost; ten intervals if
            left out.
        n_over: Rows above a limit, of the last `n_of` that were scored, that open a finding.
        n_of: See `n_over`.
        close_below: Rows count as back where no statistic is above this share of its limit.
        n_back: Rows back, one after the other, that close the finding.
        phases: Phases that the model is valid in; none: all of a batch at the unit.
        silent: Equipment statuses in which it is silent, whatever runs.
        is_always: It is valid whether a batch runs or not.
        settle_s: It is silent for so long after a window began.
        is_logged: Each row's statistics are logged as `<unit>/<analyst>_<statistic>`, and as
            `_severity` the largest of them in units of its limit.
        severity: Of a finding that a unit left its normal range.
        fit: How the model is fitted.
    """

    units: tuple[str, ...] = Field(min_length=1)
    tags: tuple[str, ...] = Field(min_length=2)
    interval_s: float = Field(gt=0)
    sampling: Literal["last", "mean"] = "last"
    max_age_s: float | None = Field(default=None, ge=0)
    wait_s: float | None = Field(default=None, ge=0)
    lost_after_s: float | None = Field(default=None, gt=0)
    n_over: int = Field(default=3, ge=1)
    n_of: int = Field(default=3, ge=1, le=60)
    close_below: float = Field(default=0.8, gt=0, le=1)
    n_back: int = Field(default=5, ge=1)
    phases: tuple[str, ...] = ()
    silent: tuple[EquipmentStatus, ...] = (
        EquipmentStatus.TO_BE_CLEANED,
        EquipmentStatus.OUT_OF_SERVICE,
    )
    is_always: bool = False
    settle_s: float = Field(default=0.0, ge=0)
    is_logged: bool = True
    severity: Severity = Severity.MAJOR
    fit: FitSettings | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.n_over > self.n_of:
            raise ValueError(f"n_over {self.n_over} of n_of {self.n_of} can never be")
        if len(set(self.tags)) < len(self.tags):
            raise ValueError("a tag is named twice")
        if round(self.interval_s * 1e6) < 1:
            raise ValueError("interval_s is less than a microsecond")
        return self

    @property
    def interval_us(self) -> int:
        """Grid in microseconds."""
        return round(self.interval_s * 1e6)

    @property
    def max_age_us(self) -> int:
        """How old a value may be, microseconds."""
        return 2 * self.interval_us if self.max_age_s is None else round(self.max_age_s * 1e6)

    @property
    def wait_us(self) -> int:
        """How much later a reading must be for a row to be made, microseconds."""
        return self.interval_us if self.wait_s is None else round(self.wait_s * 1e6)

    @property
    def lost_us(self) -> int:
        """Silence after which a tag is lost, microseconds."""
        if self.lost_after_s is None:
            return 10 * self.interval_us
        return round(self.lost_after_s * 1e6)

    def units_of(self, paths: Iterable[str]) -> list[str]:
        """Those of the plant's places that are watched, sorted."""
        return sorted(
            path
            for path in set(paths)
            if any(fnmatch.fnmatchcase(path, pattern) for pattern in self.units)
        )

    def tags_of(self, unit: str) -> list[str]:
        """Full names of a unit's tags, in the order of the model's columns."""
        return [f"{unit}/{tag}" for tag in self.tags]
