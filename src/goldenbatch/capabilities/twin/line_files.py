"""Files of lines: the declaration, how it is studied, its scenarios, and the unit twins' runs."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Literal

from pydantic import Field

from goldenbatch.capabilities.twin._documents import beside
from goldenbatch.capabilities.twin._line_document import (
    DECLARED,
    ScenarioPart,
    read_part,
    read_parts,
    read_toml,
    variants,
)
from goldenbatch.capabilities.twin.study_parts import Part
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.quantities import conversion
from goldenbatch.science.lines.declaration import Line
from goldenbatch.science.lines.reading import read_line
from goldenbatch.science.lines.study import StudySettings
from goldenbatch.science.lines.twins import TwinRuns, twin_runs


class StudyPart(Part):
    """How the line is studied; see `science.lines.study.StudySettings`."""

    horizon: float = Field(gt=0)
    warm_up: float | Literal["mser"] = 0.0
    n_replications: int = Field(default=20, ge=2, le=100_000)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    seed: int = Field(default=1, ge=0)
    bottleneck: bool = True


class TwinPart(Part):
    """Runs of a unit's twin in a table: durations, and shares that are left.

    Attributes:
        table: CSV file beside the line, such as `members.csv` of an ensemble.
        duration: Its column of durations.
        unit: Of the durations.
        yields: Its column of yields; empty: without loss.
        full: The yield that counts as 1.
    """

    table: str
    duration: str
    unit: str = "h"
    yields: str = ""
    full: float = Field(default=1.0, gt=0)


@dataclass(frozen=True)
class LineFile:
    """What a file declares.

    Attributes:
        scenarios: Name to line; the first is the line as declared.
        settings: Of the study.
        seed: Of all streams.
        twins: Runs of the unit twins.
        has_bottleneck: Whether it is looked for.
    """

    scenarios: dict[str, Line]
    settings: StudySettings
    seed: int
    twins: dict[str, TwinRuns]
    has_bottleneck: bool


def load_line(path: Path) -> LineFile:
    """Read a line with its study.

    Raises:
        NotFoundError: There is no such file, or one that it names.
        BadInputError: An entry is missing, unknown or impossible; it is named.
    """
    given = read_toml(path)
    study = read_part(StudyPart, given.pop("study", {}), path, "study")
    scenarios = read_parts(ScenarioPart, given.pop("scenarios", []), path, "scenarios")
    twins = given.pop("twins", {})
    if not isinstance(twins, dict):
        raise BadInputError(
            "this is no table of tables.", hint="Write [twins.NAME].", file=str(path), key="twins"
        )
    parts = {n: read_part(TwinPart, one, path, f"twins.{n}") for n, one in twins.items()}
    lines = variants(given, scenarios, path, read_line)
    settings = StudySettings(
        study.horizon, study.warm_up, study.n_replications, study.confidence,
        keeps_periods=study.bottleneck,
    )  # fmt: skip
    time_unit = lines[DECLARED].time_unit
    runs = {name: _runs(part, path.parent, time_unit) for name, part in parts.items()}
    return LineFile(lines, settings, study.seed, runs, study.bottleneck)


def _runs(part: TwinPart, folder: Path, time_unit: str) -> TwinRuns:
    names = (part.duration, part.yields) if part.yields else (part.duration,)
    durations, *yields = read_columns(beside(folder, part.table, "twins.table"), *names)
    factor, _ = conversion(part.unit, time_unit)
    shares = [one / part.full for one in yields[0]] if yields else None
    return twin_runs([one * factor for one in durations], shares)


def read_columns(path: Path, *names: str) -> tuple[list[float], ...]:
    """Columns of a CSV file as numbers; a gap is refused with its line.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: A column is missing, or a cell is empty or no number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise NotFoundError(
            f"table {path} does not exist.", hint="Lay it beside the line."
        ) from error
    found: tuple[list[float], ...] = tuple([] for _ in names)
    for line, row in enumerate(rows, start=2):
        for column, name in zip(found, names, strict=True):
            if name not in row:
                raise BadInputError(
                    f"there is no column {name!r}.",
                    hint=f"It has: {', '.join(row)}.",
                    file=str(path),
                )
            column.append(_number(row[name], path, line, name))
    return found


def _number(text: str | None, path: Path, line: int, name: str) -> float:
    try:
        value = float((text or "").strip())
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise BadInputError(
            f"column {name!r} holds {text!r}: runs have no gaps.",
            hint="Leave a run that failed out on purpose.",
            file=str(path),
            line=line,
        )
    return value
