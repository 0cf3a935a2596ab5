"""How the model of running batches is made, as settings say it: variables by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.latent.batch import Alignment, BatchSettings, Landmark, PhaseSettings


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LandmarkChoice(_Closed):
    """A point that every batch passes.

    Attributes:
        variable: Which.
        level: That it crosses for the first time, in its unit.
        rising: Crosses upwards.
    """

    variable: str
    level: float
    rising: bool = True


class PhaseChoice(_Closed):
    """A phase that the model is valid in.

    Attributes:
        name: As the records call it.
        align: `clock` (time since the phase began), `indicator` (a variable that only rises or
            only falls), `landmarks` or `warping` (open-end DTW to a golden batch).
        by: The indicator, or the variables that are warped by (none: all).
        landmarks: Points in between, in their order.
        variables: That are watched; none: all, less the indicator.
        n_points: Of the grid of maturity.
        reach: The golden course ends where at least this share of the golden batches got to.
        band: Of warping, a share of the course.
        elapsed: Elapsed time is watched as a variable; left out: unless aligned by the clock.
    """

    name: str
    align: Literal["clock", "indicator", "landmarks", "warping"] = "clock"
    by: tuple[str, ...] = ()
    landmarks: tuple[LandmarkChoice, ...] = ()
    variables: tuple[str, ...] = ()
    n_points: int = Field(default=100, ge=4, le=5000)
    reach: float = Field(default=0.25, gt=0, le=1)
    band: float = Field(default=0.25, gt=0, le=1)
    elapsed: bool | None = None

    def settings(self, columns: Sequence[str]) -> PhaseSettings:
        """With places instead of names.

        Raises:
            BadInputError: A name is none of the model's variables.
        """
        marks = tuple(
            Landmark(_place(self, one.variable, columns), one.level, one.rising)
            for one in self.landmarks
        )
        by = tuple(_place(self, name, columns) for name in self.by)
        alignment = Alignment(self.align, by, marks, self.reach, self.band)
        own = tuple(_place(self, name, columns) for name in self.variables)
        return PhaseSettings(self.name, alignment, own, self.n_points, self.elapsed)


def _place(phase: PhaseChoice, name: str, columns: Sequence[str]) -> int:
    if name not in columns:
        raise BadInputError(
            f"phase {phase.name!r} names {name!r}, which is no variable of the model.",
            hint=f"It has: {', '.join(columns)}.",
            key="phases",
        )
    return list(columns).index(name)


class BatchRunChoice(_Closed):
    """The model of running batches.

    Attributes:
        phases: Those it is valid in; outside it is silent.
        unfolding: `observation` (one model over all maturities) or `batch` (one row a batch).
        n_components: Of each phase.
        memory: Weight of the newest sample in the moving average beside each variable; 0: none.
        false_alarm_rate: Share of good batches that may give a quality alarm, over all phases,
            statistics and samples together.
        persistence: Samples in a row beyond a limit that make an alarm.
        max_hold: Samples that a missing value is held for.
        forecasts: Outcomes that are predicted while the batch runs; `end` is its end time.
        forecast_components: Of each.
        coverage: Of their intervals.
        domain_confidence: Share of good batches that all checks of the domain together let pass.
        n_folds: Parts of the golden batches that are left out in turn; 0: each alone.
    """

    phases: tuple[PhaseChoice, ...] = Field(min_length=1)
    unfolding: Literal["observation", "batch"] = "observation"
    n_components: int = Field(default=3, ge=1)
    memory: float = Field(default=0.1, ge=0, lt=1)
    false_alarm_rate: float = Field(default=0.1, gt=0, lt=1)
    persistence: int = Field(default=5, ge=1)
    max_hold: int = Field(default=5, ge=0)
    forecasts: tuple[str, ...] = ("end",)
    forecast_components: int = Field(default=2, ge=1)
    coverage: float = Field(default=0.9, gt=0, lt=1)
    domain_confidence: float = Field(default=0.99, gt=0.5, lt=1)
    n_folds: int = Field(default=0, ge=0)

    def settings(self, columns: Sequence[str], time_unit: str) -> BatchSettings:
        """For the fit.

        Raises:
            BadInputError: A name is none of the model's variables.
        """
        given = {name: getattr(self, name) for name in BatchRunChoice.model_fields}
        given["phases"] = tuple(one.settings(columns) for one in self.phases)
        return BatchSettings(columns=tuple(columns), time_unit=time_unit, **given)
