"""The part of a study that fits are made from: batches as measured, and what is fitted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from goldenbatch.capabilities.twin.study_parts import InputPart, Part, Value


class DataPart(Part):
    """Measurements of one batch for a fit, in a table beside the study.

    Attributes:
        batch: Its name.
        table: CSV or XLSX file. Units stand in its header, as in `titre [g/L]`, or in `units`.
        sheet: Of an XLSX file; empty: the first.
        time: Its column of times; empty: the first column.
        columns: Output to its column; an empty cell is a missing measurement.
        units: Of columns whose header states none, or a wrong one.
        longest_gap: A longer silence, in the unit of the times, is refused; 0: any.
        initial: Initial states of this batch.
        unknown_initial: States whose start is fitted; a relative standard deviation about
            their value above, or 0 for anywhere within their bounds.
        inputs: Inputs of this batch in place of the recipe's: a value, or a schedule.
        parameters: Parameters that are known to be different in this batch.
        duration: Of this batch; empty: to the last row of its table.
        held_out: Not fitted but predicted.
    """

    batch: str
    table: str
    sheet: str = ""
    time: str = ""
    columns: dict[str, str] = Field(min_length=1)
    units: dict[str, str] = Field(default_factory=dict)
    longest_gap: float = Field(default=0.0, ge=0)
    initial: dict[str, Value] = Field(default_factory=dict)
    unknown_initial: dict[str, float] = Field(default_factory=dict)
    inputs: dict[str, Value | InputPart] = Field(default_factory=dict)
    parameters: dict[str, Value] = Field(default_factory=dict)
    duration: Value | None = None
    held_out: bool = False


class FitPart(Part):
    """What is fitted, and how.

    Attributes:
        parameters: Names; empty: all with a prior.
        per_batch: Names of parameters that differ from batch to batch.
        bounds: Narrower than the declared ones, by name.
        loss: `squares`, or a robust one.
        unknown_noise: Outputs whose error of measurement is estimated from the residuals.
        starts: Of the search.
        uses_priors: Whether the declared priors count.
        draws: Of the posterior.
        level: Of intervals.
        profiles: Also profile the likelihood of each unknown: slower, exact.
    """

    parameters: list[str] = Field(default_factory=list)
    per_batch: list[str] = Field(default_factory=list)
    bounds: dict[str, tuple[float, float]] = Field(default_factory=dict)
    loss: Literal["squares", "huber", "soft_l1", "student"] = "squares"
    unknown_noise: list[str] = Field(default_factory=list)
    starts: int = Field(default=4, ge=1)
    uses_priors: bool = True
    draws: int = Field(default=500, ge=10)
    level: float = Field(default=0.95, gt=0, lt=1)
    profiles: bool = False
