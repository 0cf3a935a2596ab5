"""What a batch plan is made with; fixed before any batch is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from goldenbatch.science.errors import DesignError
from goldenbatch.science.latent.batch.alignment import Alignment

Unfolding = Literal["observation", "batch"]
END = "end"
"""Name of the target that is the time from the begin of a phase to the end of the last one."""


@dataclass(frozen=True, slots=True)
class PhaseSettings:
    """One phase that the plan is valid in.

    Attributes:
        name: of the phase, as the records call it.
        alignment: how batches are brought to one maturity.
        columns: places of the variables that are watched in it; empty: all, less the indicator.
        n_points: of the grid of maturity.
        has_elapsed: the elapsed time is watched too, as a variable: it tells a batch that goes
            through its phase too fast or too slowly. None: unless aligned by the clock.
    """

    name: str
    alignment: Alignment = field(default_factory=Alignment)
    columns: tuple[int, ...] = ()
    n_points: int = 100
    has_elapsed: bool | None = None

    @property
    def watches_elapsed(self) -> bool:
        """Whether elapsed time is one of the variables."""
        is_warped = self.alignment.kind != "clock"
        return is_warped if self.has_elapsed is None else self.has_elapsed


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Settings of a batch plan.

    Attributes:
        columns: names of the variables, in the order of the rows.
        phases: those it is valid in, in their order; the plan is silent outside.
        unfolding: observation: one model of the variables over all maturities (Wold); batch:
            one row a batch, the future taken as trimmed scores say (Nomikos-MacGregor).
        n_components: of the model of each phase.
        memory: weight of the newest sample in the moving average that stands beside each
            variable in observation-wise models; 0: none.
        false_alarm_rate: share of good batches that may give a quality alarm, over all phases,
            statistics and samples together.
        persistence: samples in a row that a statistic must lie beyond its limit.
        max_hold: samples that a missing value is held for; then the batch is not scored.
        forecasts: outcomes that are predicted while the batch runs; `end` is the end time.
        forecast_components: of each forecast.
        coverage: of the forecasts' intervals.
        domain_confidence: share of good batches that all checks of the domain together let pass.
        n_folds: parts of the golden batches that are left out in turn; 0: each batch alone.
        time_unit: of elapsed time.
    """

    columns: tuple[str, ...]
    phases: tuple[PhaseSettings, ...]
    unfolding: Unfolding = "observation"
    n_components: int = 3
    memory: float = 0.1
    false_alarm_rate: float = 0.05
    persistence: int = 5
    max_hold: int = 5
    forecasts: tuple[str, ...] = ()
    forecast_components: int = 2
    coverage: float = 0.9
    domain_confidence: float = 0.99
    n_folds: int = 0
    time_unit: str = "h"

    def __post_init__(self) -> None:
        """Refuse settings that give no plan.

        Raises:
            DesignError: it names the setting.
        """
        problems = {
            "columns": len(set(self.columns)) != len(self.columns) or not self.columns,
            "phases": not self.phases or len({one.name for one in self.phases}) < len(self.phases),
            "unfolding": self.unfolding not in ("observation", "batch"),
            "n_components": self.n_components < 1 or self.forecast_components < 1,
            "memory": not 0 <= self.memory < 1,
            "false_alarm_rate": not 0 < self.false_alarm_rate < 1,
            "persistence": self.persistence < 1 or self.max_hold < 0,
            "coverage": not (0 < self.coverage < 1 and 0.5 < self.domain_confidence < 1),
            "n_folds": self.n_folds < 0 or self.n_folds == 1,
            "n_points": any(one.n_points < 4 for one in self.phases),
            "phase columns": any(
                not 0 <= place < len(self.columns)
                for one in self.phases
                for place in (*one.columns, *one.alignment.columns)
            ),
        }
        wrong = [name for name, is_wrong in problems.items() if is_wrong]
        if wrong:
            message = f"the settings of the batch plan cannot be: look at {', '.join(wrong)}"
            raise DesignError(message)
