"""The part of a study that fits are made from: batches as measured, and what is fitted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from goldenbatch.capabilities.twin.study_parts import InputPart, Part, Value

ANY = "*"
OF_TABLES = ("table", "sheet", "time", "columns", "units")
OF_HOMES = ("phase", "run", "tags", "every", "take", "results", "inputs_from")


class DataPart(Part):
    """Measurements of one batch: a table beside the study, or a batch of the plant's home.

    A home's time zero is the start of the batch, or of the phase. Readings of bad quality are
    left out and counted; results count at the time when their sample was taken, unless they
    were invalidated or are no plain number.

    Attributes:
        batch: Its name. With a home, `*` says how any other batch is read: it is compared, not
            fitted.
        source: `table`, or `home`: the batch is read from the home given by `--home`.
        table: CSV or XLSX file. Units stand in its header, as in `titre [g/L]`, or in `units`.
        sheet: Of an XLSX file; empty: the first.
        time: Its column of times; empty: the first column.
        columns: Output to its column; an empty cell is a missing measurement.
        units: Of columns whose header states none, or a wrong one.
        phase: Of a home: only this phase of the batch, not all of it.
        run: Of a home: which run of the phase, where it ran more than once.
        tags: Of a home: output to its tag. Units are those that the plant declares.
        every: Of a home: readings in so much time make one measurement; empty: the recipe's
            interval.
        take: Their mean at their mean time, or the last of them.
        results: Of a home: output to the test or attribute that the laboratory reports.
        inputs_from: Of a home: input to its tag; its mean over each interval of the recipe.
        longest_gap: A longer silence of a table is refused, in the unit of its times; of an
            input's tag, in the model's time unit. 0: any in a table; of a tag three times its
            declared cadence, but at least the recipe's interval.
        initial: Initial states of this batch.
        unknown_initial: States whose start is fitted; a relative standard deviation about
            their value above, or 0 for anywhere within their bounds.
        inputs: Inputs of this batch in place of the recipe's: a value, or a schedule.
        parameters: Parameters that are known to be different in this batch.
        duration: Of this batch; empty: to the last row of its table, or to its recorded end.
        held_out: Not fitted but predicted.
    """

    batch: str = Field(min_length=1)
    source: Literal["table", "home"] = "table"
    table: str = ""
    sheet: str = ""
    time: str = ""
    columns: dict[str, str] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)
    phase: str = ""
    run: int = Field(default=0, ge=0)
    tags: dict[str, str] = Field(default_factory=dict)
    every: Value | None = None
    take: Literal["mean", "last"] = "mean"
    results: dict[str, str] = Field(default_factory=dict)
    inputs_from: dict[str, str] = Field(default_factory=dict)
    longest_gap: float = Field(default=0.0, ge=0)
    initial: dict[str, Value] = Field(default_factory=dict)
    unknown_initial: dict[str, float] = Field(default_factory=dict)
    inputs: dict[str, Value | InputPart] = Field(default_factory=dict)
    parameters: dict[str, Value] = Field(default_factory=dict)
    duration: Value | None = None
    held_out: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> DataPart:
        is_home = self.source == "home"
        strange = [n for n in (OF_TABLES if is_home else OF_HOMES) if n in self.model_fields_set]
        if strange:
            raise ValueError(f"`{strange[0]}` does not go with source = {self.source!r}")
        if not is_home and not (self.table and self.columns):
            raise ValueError("name a table and its columns, or write source = 'home'")
        if is_home and not (self.tags or self.results):
            raise ValueError("name at least one output's tag or result")
        twice = sorted(set(self.tags) & set(self.results) or set(self.inputs) & {*self.inputs_from})
        if twice:
            raise ValueError(f"{twice[0]!r} is given twice")
        if self.batch == ANY and not is_home:
            raise ValueError("`*` is for batches of a home")
        return self

    @property
    def is_pattern(self) -> bool:
        """Whether it says how any batch is read, and is none itself."""
        return self.batch == ANY


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
    starts: int = Field(default=4, ge=1, le=1000)
    uses_priors: bool = True
    draws: int = Field(default=500, ge=10, le=100_000)
    level: float = Field(default=0.95, gt=0, lt=1)
    profiles: bool = False
