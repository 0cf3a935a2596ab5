"""A line of vials from its file: vials an hour, what each station does, how long each lot takes."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

from pydantic import Field

from goldenbatch.capabilities.twin._documents import beside, write_document
from goldenbatch.capabilities.twin._line_document import (
    Mapper,
    ScenarioPart,
    Serial,
    read_part,
    read_parts,
    read_toml,
    variants,
)
from goldenbatch.capabilities.twin._line_plots import draw_states, height_of, write_table
from goldenbatch.capabilities.twin.study_parts import Part
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.science.lines.fill_line import FillLine, VialLot, check_fill_line
from goldenbatch.science.lines.fill_reading import read_fill_line, vial_lots
from goldenbatch.science.lines.fill_study import FillStudy, compare_fill_lines, study_fill_line
from goldenbatch.science.lines.simulation import Columns

FIGURES = {
    "vials_per_hour": ("rate", 60.0), "hours": ("minutes", 1 / 60), "good_share": ("good_share", 1),
    "oee": ("oee", 1), "n_over_dwell": ("n_over", 1),
}  # fmt: skip
"""Figure of the answer to figure of the study and factor."""
MAX_VIALS = 100_000_000
"""Of all lots; a run of more would not end soon, and a slip of the pen is likelier."""


class LotsPart(Part):
    """The table of lots, in the order in which they are filled.

    Attributes:
        table: CSV file beside the line.
        lot, kind, vials: its columns.
    """

    table: str
    lot: str = "Lot ID"
    kind: str = "Type"
    vials: str = "Vials"


class VialStudyPart(Part):
    """How the line is studied.

    Attributes:
        station: At which the OEE is taken; empty: the slowest as declared.
        n_replications: Independent runs.
        confidence: Of the intervals.
        seed: Of all streams.
    """

    station: str = ""
    n_replications: int = Field(default=10, ge=2, le=10_000)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    seed: int = Field(default=1, ge=0)


@dataclass(frozen=True)
class VialFile:
    """What a file declares: scenarios by name, lots in order, and the study."""

    scenarios: dict[str, FillLine]
    lots: tuple[VialLot, ...]
    study: VialStudyPart


def load_vial_line(path: Path) -> VialFile:
    """Read a line of vials with its lots and its study.

    Raises:
        NotFoundError: There is no such file, or no table of lots.
        BadInputError: An entry is missing, unknown or impossible; it is named.
    """
    given = read_toml(path)
    study = read_part(VialStudyPart, given.pop("study", {}), path, "study")
    scenarios = read_parts(ScenarioPart, given.pop("scenarios", []), path, "scenarios")
    part = read_part(LotsPart, given.pop("lots", {}), path, "lots")
    lots = read_lots(beside(path.parent, part.table, "lots.table"), part)

    def read(one: Mapping[str, Any]) -> FillLine:
        line = read_fill_line(one)
        check_fill_line(line, lots)
        return line

    return VialFile(variants(given, scenarios, path, read), lots, study)


def read_lots(path: Path, part: LotsPart) -> tuple[VialLot, ...]:
    """Read the table of lots; a row that is wrong is refused with its line.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: A column is missing, a cell is empty or no number, a lot is there twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
            header = reader.fieldnames or []
    except FileNotFoundError as error:
        raise NotFoundError(
            f"table of lots {path} does not exist.", hint="Lay it beside the line."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(
            f"no CSV: {error}.", hint="Save it as UTF-8.", file=str(path)
        ) from error
    for name in (part.lot, part.kind, part.vials):
        if name not in header:
            there = f"It has: {', '.join(header)}." if header else "It is empty."
            raise BadInputError(f"there is no column {name!r}.", hint=there, file=str(path))
    if not rows:
        raise BadInputError("there are no lots.", hint="Give 1 or more.", file=str(path))
    given = [_lot(row, part, path, line) for line, row in rows]
    try:
        lots = vial_lots(given)
    except BadInputError as error:
        raise BadInputError(error.message, hint=error.hint, file=str(path)) from error
    if (n_vials := sum(lot.n_vials for lot in lots)) > MAX_VIALS:
        raise BadInputError(
            f"{n_vials:,} vials are more than {MAX_VIALS:,}.", hint="Give fewer.", file=str(path)
        )
    return lots


def _lot(
    row: Mapping[str, str | None], part: LotsPart, path: Path, line: int
) -> tuple[str, str, int]:
    lot, kind, vials = ((row[name] or "").strip() for name in (part.lot, part.kind, part.vials))
    if not lot or not kind or not vials.isascii() or not vials.isdigit() or int(vials) < 1:
        raise BadInputError(
            f"lot {lot!r}, type {kind!r}, vials {vials!r} is no lot.",
            hint="Give a number, a type, and a whole number of vials from 1 up.",
            file=str(path),
            line=line,
        )
    return lot, kind, int(vials)


def run_file(path: Path, out: Path, mapper: Mapper | None = None) -> dict[str, Any]:
    """Run the lots over the line many times; writes line.json, tables, a plot.

    Args:
        path: Of the line.
        out: Folder of the results.
        mapper: Runs the scenarios; None: here, one after another.
    """
    read = load_vial_line(path)
    found = (mapper or Serial()).map(_study, read.scenarios.values(), repeat(read), repeat(path))
    studies = dict(zip(read.scenarios, found, strict=True))
    answer = {
        "figures": [row for name, study in studies.items() for row in _figures(name, study)],
        "differences": _differences(studies),
        "stations": [row for n, s in studies.items() for row in _stations(n, s)],
        "lots": [row for n, s in studies.items() for row in _lots(n, s, read.lots)],
        "stops": [row for n, s in studies.items() for row in _stops(n, s)],
        "dwell": [row for n, s in studies.items() for row in _dwell(n, s)],
        "notes": _notes(read),
    }
    return {**answer, "files": _write(answer, studies, out)}


def _study(line: FillLine, read: VialFile, path: Path) -> FillStudy:
    slowest = min(line.stations, key=lambda one: one.speed).name
    try:
        return study_fill_line(
            line, read.lots, seed=read.study.seed, station=read.study.station or slowest,
            n_replications=read.study.n_replications, confidence=read.study.confidence,
        )  # fmt: skip
    except BadInputError as error:
        raise BadInputError(error.message, hint=error.hint, file=str(path)) from error


def _figures(scenario: str, study: FillStudy) -> list[dict[str, Any]]:
    return [
        {"scenario": scenario, "figure": name, "mean": one.mean * factor,
         "lower": max(0.0, one.lower * factor), "upper": one.upper * factor}
        for name, (source, factor) in FIGURES.items()
        for one in [study.figure(source)]
    ]  # fmt: skip


def _differences(studies: Mapping[str, FillStudy]) -> list[dict[str, Any]]:
    """Each scenario against the line as declared; all intervals hold together (Bonferroni)."""
    first, *others = studies.values()
    rows = []
    for scenario, study in zip(list(studies)[1:], others, strict=True):
        sure = 1 - (1 - first.confidence) / len(others)
        for name, (source, factor) in FIGURES.items():
            found = compare_fill_lines(first, study, source, sure).difference
            rows.append({"scenario": scenario, "figure": name, "difference": found.mean * factor,
                         "lower": found.lower * factor,
                         "upper": found.upper * factor})  # fmt: skip
    return rows


def _stations(scenario: str, study: FillStudy) -> list[dict[str, Any]]:
    shares, figures = study.states(), study.station_figures()
    rows = []
    for unit in dict.fromkeys(shares["unit"].tolist()):
        row: dict[str, Any] = {"scenario": scenario, "station": unit}
        for columns, key in ((shares, "state"), (figures, "figure")):
            for i in (columns["unit"] == unit).nonzero()[0]:
                name = str(columns[key][i])
                row[name] = round(float(columns["mean"][i]), 9) + 0.0
                if name == "availability":
                    row["availability_lower"] = float(columns["lower"][i])
                    row["availability_upper"] = min(1.0, float(columns["upper"][i]))
        rows.append(row)
    return rows


def _lots(scenario: str, study: FillStudy, lots: Sequence[VialLot]) -> list[dict[str, Any]]:
    found = study.lot_figures()
    rows = []
    for lot in lots:
        means = {}
        for i in (found["lot"] == lot.lot).nonzero()[0]:
            means[str(found["figure"][i])] = tuple(
                float(found[end][i]) for end in ("mean", "lower", "upper")
            )
        mean, lower, upper = (value / 60 for value in means["minutes"])
        rows.append({"scenario": scenario, "lot": lot.lot, "type": lot.kind, "n_vials": lot.n_vials,
                     "hours": mean, "lower": lower, "upper": upper,
                     "clearance_minutes": means["clearance"][0],
                     "good_share": means["good_share"][0]})  # fmt: skip
    return rows


def _stops(scenario: str, study: FillStudy) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(name for run in study.runs for name in run.n_stops))
    n_runs = len(study.runs)
    return [
        {"scenario": scenario, "station": station, "stop": stop,
         "n_per_run": sum(run.n_stops.get((station, stop), 0) for run in study.runs) / n_runs}
        for station, stop in names
    ]  # fmt: skip


def _dwell(scenario: str, study: FillStudy) -> list[dict[str, Any]]:
    limits = study.runs[0].dwell
    return [
        {"scenario": scenario, "after": after, "before": limits["before"][i],
         "limit_minutes": float(limits["limit"][i]),
         "longest_minutes": max(float(run.dwell["longest"][i]) for run in study.runs),
         "n_over_per_run": sum(int(run.dwell["n_over"][i]) for run in study.runs)
         / len(study.runs)}
        for i, after in enumerate(limits["after"].tolist())
    ]  # fmt: skip


def _notes(read: VialFile) -> list[str]:
    """What is allowed and yet seldom meant: types without a speed, conveyors that hold too few."""
    line = next(iter(read.scenarios.values()))
    known = {kind for station in line.stations for kind, _ in station.speeds}
    unknown = sorted({lot.kind for lot in read.lots} - known) if known else []
    notes = [f"no station has a speed of its own for type {kind!r}; `speed` is taken"
             for kind in unknown]  # fmt: skip
    for one in line.stations[:-1]:
        if one.buffer is not None and one.buffer < one.travel * one.speed:
            notes.append(
                f"behind {one.name} {one.buffer} vials fit, and each is {one.travel:g} min on its "
                f"way: no more than {one.buffer / one.travel:.0f} vials a minute can pass"
            )
    return notes


def _write(answer: dict[str, Any], studies: Mapping[str, FillStudy], out: Path) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    files = ["line.json"]
    for number, study in enumerate(studies.values(), start=1):
        end = "" if len(studies) == 1 else f"-{number}"
        tables = {"states": study.states(), "stations": study.station_figures(),
                  "lots": study.lot_figures()}  # fmt: skip
        for name, columns in tables.items():
            write_table(columns, out / f"{name}{end}.csv")
            files.append(f"{name}{end}.csv")
    _plot(studies, answer["lots"], out / "line.png")
    files.append("line.png")
    first = next(iter(studies.values()))
    provenance = {
        name: {**study.runs[0].provenance, "n_replications": len(study.runs)}
        for name, study in studies.items()
    }
    document = {"study": first.line, **answer, "provenance": provenance}
    write_document(document, out / "line.json", files)
    return [str(out / name) for name in files]


def _plot(studies: Mapping[str, FillStudy], lots: list[dict[str, Any]], path: Path) -> None:
    """States of the stations, and hours of each lot with its interval."""
    from goldenbatch.capabilities.twin.plots import figure

    states: dict[str, Columns] = {name: study.states() for name, study in studies.items()}
    page = figure(9.0, height_of(states) + 2.6)
    above, below = page.subplots(2, 1, height_ratios=[height_of(states), 2.6])
    draw_states(above, states)
    for number, scenario in enumerate(studies):
        rows = [row for row in lots if row["scenario"] == scenario]
        reach = [row["upper"] - row["hours"] for row in rows]
        hours = [row["hours"] for row in rows]
        at = [i + 0.12 * number for i in range(len(rows))]
        below.errorbar(at, hours, yerr=reach, fmt="o", ms=4, capsize=3, label=scenario)
        below.set_xticks(range(len(rows)), [row["lot"] for row in rows], fontsize=7)
    below.set_ylabel("hours of the lot", fontsize=8)
    below.set_ylim(bottom=0.0)
    below.tick_params(labelsize=7)
    below.legend(fontsize=7, frameon=False)
    page.savefig(path, dpi=110)
