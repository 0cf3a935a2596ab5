"""A tablet line from its file: what passes unseen, what is diverted, and whether mass is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, PositiveFloat

from goldenbatch.capabilities.twin._documents import write_document
from goldenbatch.capabilities.twin._line_document import (
    Mapper,
    ScenarioPart,
    Serial,
    read_part,
    read_parts,
    read_toml,
    variants,
)
from goldenbatch.capabilities.twin._line_plots import write_table
from goldenbatch.capabilities.twin._tablet_plot import plot_tablets
from goldenbatch.capabilities.twin.study_parts import Part
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.lines.tablet_line import TabletLine
from goldenbatch.science.lines.tablet_reading import read_tablet_line
from goldenbatch.science.lines.tablet_study import Pulse, TabletSettings, TabletStudy, study_tablets

MAX_POINTS = 2_000_000
"""Of a grid of times; more is a step too small for its line."""
_TAILS = 28.0
"""Mean times after which a single tank has lost all but 1e-12."""


class DisturbancePart(Part):
    """A pulse that comes from the feeders.

    Attributes:
        name: For tables.
        duration_s: Of the pulse.
        content: Of the drug meanwhile, relative to its target; 0 for none at all.
    """

    name: str
    duration_s: float = Field(gt=0)
    content: float = Field(ge=0)


class TabletStudyPart(Part):
    """How the line is studied.

    Attributes:
        duration_s, step_s: Of the run.
        pulses_s: Durations of the funnel's pulses; empty: from a step to four mean times.
        tail: Share of a disturbance that the diversion by residence times may miss at each end.
    """

    duration_s: float = Field(default=3600.0, gt=0)
    step_s: float = Field(default=1.0, gt=0)
    pulses_s: tuple[PositiveFloat, ...] = ()
    tail: float = Field(default=0.001, gt=0, lt=0.5)


@dataclass(frozen=True)
class TabletFile:
    """What a file declares: scenarios by name, and the study."""

    scenarios: dict[str, TabletLine]
    settings: TabletSettings


def load_tablet_line(path: Path) -> TabletFile:
    """Read a tablet line with its study.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: An entry is missing, unknown or impossible; it is named.
    """
    given = read_toml(path)
    study = read_part(TabletStudyPart, given.pop("study", {}), path, "study")
    scenarios = read_parts(ScenarioPart, given.pop("scenarios", []), path, "scenarios")
    parts = read_parts(DisturbancePart, given.pop("disturbances", []), path, "disturbances")
    lines = variants(given, scenarios, path, read_tablet_line)
    longest = max([study.duration_s, *study.pulses_s, *(one.duration_s for one in parts)])
    for line in lines.values():
        ends = longest + sum(one.dead_time + _TAILS * one.tau for one in line.chain)
        if ends / study.step_s > MAX_POINTS:
            raise BadInputError(
                f"steps of {study.step_s:g} s over {ends:.3g} s are too many.",
                hint="Make the step longer, or the run shorter.",
                file=str(path),
                key="study.step_s",
            )
    pulses = tuple(Pulse(one.name, one.duration_s, one.content) for one in parts)
    settings = TabletSettings(study.duration_s, study.step_s, study.pulses_s, pulses, study.tail)
    return TabletFile(lines, settings)


def run_file(path: Path, out: Path, mapper: Mapper | None = None) -> dict[str, Any]:
    """Run a tablet line; writes line.json, tables of run, step response and funnel, a plot.

    Args:
        path: Of the line.
        out: Folder of the results.
        mapper: Runs the scenarios; None: here, one after another.
    """
    read = load_tablet_line(path)
    found = (mapper or Serial()).map(_study, read.scenarios.values(), repeat(read), repeat(path))
    studies = dict(zip(read.scenarios, found, strict=True))
    answer = {
        "figures": [
            {"scenario": scenario, "figure": name, "value": value, "unit": unit}
            for scenario, study in studies.items()
            for name, (value, unit) in study.figures().items()
        ],
        "funnel": [{"scenario": n, **row} for n, s in studies.items() for row in _rows(s.funnel)],
        "disturbances": [
            {"scenario": n, **row} for n, s in studies.items() for row in _rows(s.disturbances)
        ],
        "compaction": [
            {"scenario": n, **row} for n, s in studies.items() for row in _rows(s.compaction)
        ],
        "notes": [f"{n}: {note}" for n, s in studies.items() for note in s.notes()],
    }
    return {**answer, "files": _write(answer, studies, read, out)}


def _study(line: TabletLine, read: TabletFile, path: Path) -> TabletStudy:
    try:
        return study_tablets(line, read.settings)
    except (DataError, DesignError) as error:
        raise BadInputError(error.message, hint=error.hint, file=str(path)) from error


def _rows(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    values = [column.tolist() for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _write(
    answer: dict[str, Any], studies: Mapping[str, TabletStudy], read: TabletFile, out: Path
) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    files = ["line.json"]
    for number, study in enumerate(studies.values(), start=1):
        end = "" if len(studies) == 1 else f"-{number}"
        tables = {"run": study.columns(), "step": study.step, "funnel": study.funnel,
                  "disturbances": study.disturbances}  # fmt: skip
        for name, columns in tables.items():
            write_table(columns, out / f"{name}{end}.csv")
            files.append(f"{name}{end}.csv")
    plot_tablets(studies, out / "line.png")
    files.append("line.png")
    first = next(iter(studies.values()))
    provenance = {
        name: {"line": study.line.name, "line_digest": study.line.digest,
               "duration_s": read.settings.duration_s, "step_s": read.settings.step_s,
               "numpy": np.__version__}
        for name, study in studies.items()
    }  # fmt: skip
    document = {"study": first.line.name, **answer, "provenance": provenance}
    write_document(document, out / "line.json", files)
    return [str(out / name) for name in files]
