"""What the tables of a study share: no unknown entries, values with units, schedules."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Value = float | str
"""A number in the declared unit, or text with a unit, such as `0.3 L/h`."""


class Part(BaseModel):
    """A table of a study: unknown entries are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InputPart(Part):
    """A schedule of an input.

    Attributes:
        times: Rising times, as numbers in the model's time unit or as text with a unit.
        values: One for each time.
        line: Straight lines between the points in place of steps.
        table: CSV or XLSX file beside the study, in place of times and values. Units stand in its
            header, as in `feed [mL/h]`, or below.
        sheet: Of an XLSX file; empty: the first.
        time_column: Its column of times; empty: the first column.
        column: Its column of values, without a gap.
        time_unit: Of the times, where the header states none; empty: the model's.
        unit: Of the values, likewise; empty: the declared one.
    """

    times: list[Value] = []
    values: list[Value] = []
    line: bool = False
    table: str = ""
    sheet: str = ""
    time_column: str = ""
    column: str = ""
    time_unit: str = ""
    unit: str = ""
