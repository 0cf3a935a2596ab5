"""Logs of freeze-dryers: text lines into columns, with every fault named by file and line.

Two forms are read: clock times that start again at midnight (`CycleTime`), and full time stamps
or elapsed seconds. Lines before the header and comment lines are skipped.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from goldenbatch.core.errors import BadInputError
from goldenbatch.science._arrays import Floats
from goldenbatch.science.process.library.freeze_drying.containers import Formulation, Vial
from goldenbatch.science.process.library.freeze_drying.cycle import Cycle
from goldenbatch.science.process.library.freeze_drying.posterior import Batch
from goldenbatch.science.process.library.freeze_drying.properties import TORR_Pa, kelvin

TIME_COLUMNS = ("CycleTime", "Timestamp", "Time", "DateTime", "Elapsed [s]", "Time [hr]")
STAMPS = (
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y",
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d",
)  # fmt: skip
DAY_s = 86400.0


@dataclass(frozen=True, slots=True)
class LogForm:
    """How a log is written.

    Attributes:
        time: name of the time column; empty finds one of the usual names.
        absent: readings that mean an open thermocouple.
        longest_gap_s: a longer silence is refused, for nobody knows what happened in it.
        has_gaps: take a log with longer gaps all the same.
    """

    time: str = ""
    absent: tuple[float, ...] = (999.0, 999.9)
    longest_gap_s: float = 600.0
    has_gaps: bool = False


@dataclass(frozen=True, slots=True)
class LyoLog:
    """A log.

    Attributes:
        times_s: from the first row, rising, shape (n_rows,).
        columns: numbers by name, NaN where a sensor is absent.
        first_line: line number of the first row.
    """

    times_s: Floats
    columns: Mapping[str, Floats]
    first_line: int


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column is what. Pressures are in mTorr and temperatures in degrees Celsius."""

    shelf_set: str = "ShelfSetPT"
    shelf: str = "TShelfSurface"
    pressure_set: str = "VacSetPT"
    pressure: str = "VacCPM"
    pirani: str = "VacPirani"
    products: tuple[str, ...] = field(default=())


def read_log(lines: Iterable[str], *, file: str = "", form: LogForm | None = None) -> LyoLog:
    """Read a log.

    Args:
        lines: of the file.
        file: its name, for messages.
        form: how it is written.

    Raises:
        BadInputError: no header, a row that cannot be read, time that stands or runs back, a gap.
    """
    form = form or LogForm()
    numbered = [(n, line.strip()) for n, line in enumerate(lines, start=1)]
    numbered = [(n, line) for n, line in numbered if line and not line.startswith("#")]
    at, names, time = _header(numbered, form, file)
    rows = [(n, _cells(line)) for n, line in numbered[at + 1 :]]
    if len(rows) < 2:
        raise BadInputError(
            "the log has fewer than two rows.", hint="Export the whole run.", file=file
        )
    for n, cells in rows:
        if len(cells) != len(names):
            raise BadInputError(
                f"{len(cells)} values under {len(names)} column names.",
                hint="Repair or remove this line.", file=file, line=n,
            )  # fmt: skip
    place = names.index(time)
    times = _times([(n, cells[place]) for n, cells in rows], time, file)
    _check_times(times, [n for n, _ in rows], form, file)
    columns = {
        name: _numbers([(n, cells[i]) for n, cells in rows], name, form, file)
        for i, name in enumerate(names) if i != place
    }  # fmt: skip
    return LyoLog(times - times[0], columns, rows[0][0])


def _cells(line: str) -> list[str]:
    delimiter = ";" if line.count(";") > line.count(",") else ","
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]


def _header(
    numbered: Sequence[tuple[int, str]], form: LogForm, file: str
) -> tuple[int, list[str], str]:
    wanted = (form.time,) if form.time else TIME_COLUMNS
    for at, (_, line) in enumerate(numbered):
        names = _cells(line)
        found = [name for name in wanted if name in names]
        if found and len(names) > 1:
            return at, names, found[0]
    raise BadInputError(
        f"no line names a time column ({', '.join(wanted)}).",
        hint="Name the time column in the form of the log.", file=file,
    )  # fmt: skip


def _times(cells: Sequence[tuple[int, str]], name: str, file: str) -> Floats:
    """Seconds; a clock without a date gains a day where it falls back by more than half of one."""
    seconds, days = np.empty(len(cells)), 0.0
    for i, (line, text) in enumerate(cells):
        value, is_clock = _seconds(text, name, file, line)
        if is_clock and i and value + days < seconds[i - 1] - DAY_s / 2:
            days += DAY_s
        seconds[i] = value + (days if is_clock else 0.0)
    return seconds


def _seconds(text: str, name: str, file: str, line: int) -> tuple[float, bool]:
    clock = re.fullmatch(r"(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)", text)
    if clock:
        hours, minutes, rest = clock.groups()
        return int(hours) * 3600.0 + int(minutes) * 60.0 + float(rest), True
    for stamp in STAMPS:
        try:
            return (datetime.strptime(text, stamp) - datetime(2000, 1, 1)).total_seconds(), False
        except ValueError:
            continue
    try:
        return float(text) * (3600.0 if name.endswith("[hr]") else 1.0), False
    except ValueError as error:
        raise BadInputError(
            f"{text!r} is no time.", hint="Write times as in the other rows.",
            file=file, line=line, key=name,
        ) from error  # fmt: skip


def _check_times(times: Floats, lines: Sequence[int], form: LogForm, file: str) -> None:
    steps = np.diff(times)
    if not np.isfinite(times).all() or (steps <= 0).any():
        line = lines[int(np.argmax(~(steps > 0))) + 1]
        raise BadInputError(
            "time stands still or runs back.", hint="Remove doubled rows.", file=file, line=line
        )
    wide = int(steps.argmax())
    if steps[wide] > form.longest_gap_s and not form.has_gaps:
        raise BadInputError(
            f"nothing was recorded for {steps[wide] / 60.0:.1f} min before this line.",
            hint="Fill the gap from another record, cut the log there, or take it with gaps.",
            file=file, line=lines[wide + 1],
        )  # fmt: skip


def _numbers(cells: Sequence[tuple[int, str]], name: str, form: LogForm, file: str) -> Floats:
    values = np.empty(len(cells))
    for i, (line, text) in enumerate(cells):
        try:
            values[i] = float(text) if text else np.nan
        except ValueError as error:
            raise BadInputError(
                f"{text!r} is no number.", hint="Repair the cell or leave it empty.",
                file=file, line=line, key=name,
            ) from error  # fmt: skip
    return np.where(np.isin(values, form.absent), np.nan, values)


def cycle_of(log: LyoLog, roles: Roles | None = None, *, file: str = "") -> Cycle:
    """Columns of a log in the roles that the science knows, in SI.

    Without named product thermocouples all columns called TP and a number are taken.

    Raises:
        BadInputError: a column is not there, or no thermocouple has a reading.
    """
    roles = roles or Roles()
    products = roles.products or tuple(n for n in log.columns if re.fullmatch(r"TP\d+", n))

    def column(name: str) -> Floats:
        if name not in log.columns:
            raise BadInputError(
                f"the log has no column {name!r}.",
                hint=f"It has: {', '.join(log.columns)}. Name the columns by their roles.",
                file=file, line=log.first_line - 1,
            )  # fmt: skip
        return log.columns[name]

    present = {name: kelvin(column(name)) for name in products}
    present = {name: values for name, values in present.items() if np.isfinite(values).any()}
    if not present:
        raise BadInputError(
            "no product thermocouple has a reading.", hint="Name the columns.", file=file
        )
    milli = TORR_Pa / 1000.0
    return Cycle(
        log.times_s,
        kelvin(column(roles.shelf_set)), kelvin(column(roles.shelf)),
        column(roles.pressure_set) * milli, column(roles.pressure) * milli,
        column(roles.pirani) * milli, present,
    )  # fmt: skip


def batch_of(text: str, *, file: str = "") -> Batch:
    """Vial and fill by the description that comes with a log.

    Lines `type:` (a vial such as `10R` or `SiO2 10mL`), `fill:` in mL and `concentration:` in
    g of solids per mL are read; others are not looked at.

    Raises:
        BadInputError: one of them is missing or is no number.
    """
    found = {}
    for key in ("type", "fill", "concentration"):
        line = re.search(rf"^\s*{key}:\s*([^#\n]+)", text, re.MULTILINE)
        found[key] = line.group(1).strip() if line else ""
    size = re.search(r"(\d+)\s*(?:mL|R)\b", found["type"])
    try:
        fill, solids = float(found["fill"]), float(found["concentration"])
    except ValueError as error:
        raise _no_batch(file) from error
    if size is None or fill <= 0 or not 0 <= solids < 1:
        raise _no_batch(file)
    return Batch(Vial.iso(f"{size.group(1)}R", fill), Formulation(solids * 1000.0))


def _no_batch(file: str) -> BadInputError:
    return BadInputError(
        "the description lacks the size of the vial, the fill or the concentration.",
        hint="Give `type: 10R`, `fill: 3.0` (mL) and `concentration: 0.05` (g/mL).", file=file,
    )  # fmt: skip
