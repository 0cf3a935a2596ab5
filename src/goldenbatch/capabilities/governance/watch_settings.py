"""Settings of the analysts that watch models, with their defaults."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.capabilities.governance.live_rows import RowSettings
from goldenbatch.capabilities.governance.watch_charts import ChartSettings
from goldenbatch.core.equipment import EquipmentStatus
from goldenbatch.core.findings import Severity


class WatchSettings(BaseModel):
    """Settings of `governance.watch`.

    Attributes:
        uses: Uses that are watched; none: all that have an active version.
        arl0: Mean number of units (batches) to a false alarm of all charts of one model.
        slack: Half of the shift that matters, in standard deviations of a batch's mean.
        n_reference: Batches that must be known before one is judged; those that the version
            was trained on count where this home has them.
        block_rows: A unit is so many rows instead of a batch; for work without batches. Rows
            of a block must be as good as independent of those of the next.
        max_age_s: How old the reading of an input may be.
        wait_s: How long a row waits for inputs that come late, by the time of the first input.
        most_features: Channels beyond them are taken together in bands.
        allowed: Share of units without a valid prediction that is no alarm.
        detected: Share of them that is to be found.
        unit_share: A unit is without one if more than this share of its rows is.
        silent: Equipment statuses in which it is silent, whatever runs.
        is_always: It watches whether a batch runs or not.
        severity: Of drift of inputs and output.
        severity_of_errors: Of drift of residuals, and of missing predictions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uses: tuple[str, ...] = ()
    arl0: float = Field(default=200.0, ge=20, le=10_000)
    slack: float = Field(default=0.5, gt=0, le=2)
    n_reference: int = Field(default=15, ge=5, le=200)
    block_rows: int = Field(default=0, ge=0)
    max_age_s: float = Field(default=300.0, ge=0)
    wait_s: float = Field(default=900.0, ge=0)
    most_features: int = Field(default=20, ge=1, le=60)
    allowed: float = Field(default=0.05, gt=0, lt=1)
    detected: float = Field(default=0.25, gt=0, lt=1)
    unit_share: float = Field(default=0.5, ge=0, lt=1)
    silent: tuple[EquipmentStatus, ...] = (
        EquipmentStatus.TO_BE_CLEANED,
        EquipmentStatus.OUT_OF_SERVICE,
    )
    is_always: bool = False
    severity: Severity = Severity.MINOR
    severity_of_errors: Severity = Severity.MAJOR

    @model_validator(mode="after")
    def _is_ordered(self) -> WatchSettings:
        if not self.allowed < self.detected:
            raise ValueError("detected must be above allowed")
        return self

    @property
    def charts(self) -> ChartSettings:
        """Design of the charts."""
        names = ("arl0", "slack", "n_reference", "allowed", "detected", "unit_share")
        return ChartSettings(**{name: getattr(self, name) for name in names})

    @property
    def rows(self) -> RowSettings:
        """How rows are made."""
        silent = tuple(one.value for one in self.silent)
        ages = (int(self.max_age_s * 1e6), int(self.wait_s * 1e6))
        return RowSettings(*ages, silent, self.is_always)


class ShadowSettings(BaseModel):
    """Settings of `governance.shadow`.

    Attributes:
        uses: Uses whose shadows it runs; none: all.
        max_age_s: How old the reading of an input may be.
        wait_s: How long a row waits for inputs that come late, by the time of the first input.
        silent: Equipment statuses in which it is silent, whatever runs.
        is_always: It runs whether a batch does or not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uses: tuple[str, ...] = ()
    max_age_s: float = Field(default=300.0, ge=0)
    wait_s: float = Field(default=900.0, ge=0)
    silent: tuple[EquipmentStatus, ...] = (
        EquipmentStatus.TO_BE_CLEANED,
        EquipmentStatus.OUT_OF_SERVICE,
    )
    is_always: bool = False

    @property
    def rows(self) -> RowSettings:
        """How rows are made."""
        silent = tuple(one.value for one in self.silent)
        ages = (int(self.max_age_s * 1e6), int(self.wait_s * 1e6))
        return RowSettings(*ages, silent, self.is_always)


SEE = "`how-to/watch-a-model.md`"
"""Where the settings are described."""
