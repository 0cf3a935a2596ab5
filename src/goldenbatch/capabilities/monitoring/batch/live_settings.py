"""Settings of the analyst that follows batches at a place."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from goldenbatch.capabilities.monitoring._common import AnalystSettings
from goldenbatch.capabilities.monitoring.batch.run_settings import BatchRunChoice
from goldenbatch.core.equipment import EquipmentStatus
from goldenbatch.core.findings import Severity
from goldenbatch.science.latent.batch import BatchSettings
from goldenbatch.science.latent.batch.settings import END

UNIT_US = {"s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
WHOLE = "batch"
"""Name of the phase that stands for a whole batch where none are recorded."""


class BatchRunsSettings(AnalystSettings):
    """Settings of `monitoring.batch_runs`.

    Attributes:
        place: Where the batches run.
        product: Only of this; empty: of all.
        tags: Variable of the model to the tag that it is read from.
        model: How the plan is made, and the phases that it is valid in. A phase named `batch`,
            alone, is the whole of each batch at the place.
        golden: Batches that the plan is made from, by name or with `*`.
        except_batches: That are no pattern although `golden` names them.
        outcomes: Outcome of `model.forecasts` to the attribute of the batch's results.
        interval_s: Time from one sample to the next, counted from the start of each phase.
        max_age_s: A reading older than this is missing; ten intervals if left out.
        wait_s: A sample is judged once readings came that are this much later; one interval if
            left out.
        time_unit: Of lengths and times in findings and in the model.
        silent: Equipment statuses in which nothing is judged, whatever runs.
        n_back: Samples without an alarm, one after the other, that close a finding.
        is_logged: Statistics, limits and forecasts are logged as `<place>/<analyst>_<name>`.
        severity: Of a finding that a batch left the golden batches.
        domain_severity: Of a finding that a batch is outside the domain of the plan.
    """

    place: str = Field(min_length=1)
    product: str = ""
    tags: dict[str, str] = Field(min_length=1)
    model: BatchRunChoice
    golden: tuple[str, ...] = ()
    except_batches: tuple[str, ...] = ()
    outcomes: dict[str, str] = Field(default_factory=dict)
    interval_s: float = Field(gt=0)
    max_age_s: float | None = Field(default=None, gt=0)
    wait_s: float | None = Field(default=None, ge=0)
    time_unit: Literal["s", "min", "h", "d"] = "h"
    silent: tuple[EquipmentStatus, ...] = (
        EquipmentStatus.TO_BE_CLEANED,
        EquipmentStatus.OUT_OF_SERVICE,
    )
    n_back: int = Field(default=10, ge=1)
    is_logged: bool = True
    severity: Severity = Severity.MAJOR
    domain_severity: Severity = Severity.MINOR

    @model_validator(mode="after")
    def _is_whole(self) -> BatchRunsSettings:
        missing = sorted(set(self.model.forecasts) - {END} - set(self.outcomes))
        if missing:
            raise ValueError(f"outcome {missing[0]!r} has no attribute in `outcomes`")
        names = [one.name for one in self.model.phases]
        if WHOLE in names and len(names) > 1:
            raise ValueError(f"{WHOLE!r} is the whole batch and stands alone")
        self.plan_settings()
        return self

    def plan_settings(self) -> BatchSettings:
        """Settings of the plan."""
        return self.model.settings(self.columns, self.time_unit)

    @property
    def columns(self) -> tuple[str, ...]:
        """Variables of the model: in alphabetical order, as a table has none."""
        return tuple(sorted(self.tags))

    @property
    def tag_list(self) -> list[str]:
        """Tags of the variables, in their order."""
        return [self.tags[name] for name in self.columns]

    @property
    def is_whole(self) -> bool:
        """Whether batches are followed as a whole, without phases."""
        return self.model.phases[0].name == WHOLE

    @property
    def phases(self) -> tuple[str, ...]:
        """Phases in which samples count; none: the whole batch."""
        return () if self.is_whole else tuple(one.name for one in self.model.phases)

    @property
    def interval_us(self) -> int:
        """Time between samples in microseconds."""
        return round(self.interval_s * 1e6)

    @property
    def max_age_us(self) -> int:
        """Age at which a reading counts as missing."""
        return round((self.max_age_s or 10 * self.interval_s) * 1e6)

    @property
    def wait_us(self) -> int:
        """How long late readings are waited for."""
        return round((self.interval_s if self.wait_s is None else self.wait_s) * 1e6)

    @property
    def unit_us(self) -> int:
        """The unit of time in microseconds."""
        return UNIT_US[self.time_unit]

    def output(self, analyst: str, what: str) -> str:
        """Tag that a number is logged under."""
        return f"{self.place}/{analyst}_{what}"
