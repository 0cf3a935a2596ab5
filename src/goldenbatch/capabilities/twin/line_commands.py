"""The command of line twins: how much, what waits for what, and which scenario is better."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.capabilities.twin._documents import write_document
from goldenbatch.science.errors import DataError

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin.line_files import LineFile
    from goldenbatch.science.lines.simulation import Columns
    from goldenbatch.science.lines.study import Comparison, Study

FIGURES = ("throughput", "amount_rate", "cycle_time", "work_in_progress", "n_finished", "n_lost",
           "makespan")  # fmt: skip


def line_command(
    line: Annotated[Path, typer.Argument(help="Line (TOML); see docs/how-to/line-twin.md.")],
    out: Annotated[Path, typer.Option(help="Directory for tables and plots.")] = Path("line-out"),
) -> dict[str, Any]:
    """Simulate a line or plant; writes line.json, a table each of states and events, a plot."""
    from goldenbatch.capabilities.twin.line_files import load_line
    from goldenbatch.science.lines.study import compare_lines, study_line

    read = load_line(line)
    if len(read.scenarios) > 1:
        compared = compare_lines(read.scenarios, read.settings, seed=read.seed, twins=read.twins)
        studies, differences = dict(compared.studies), _differences(compared)
    else:
        name, only = next(iter(read.scenarios.items()))
        studies = {name: study_line(only, read.settings, seed=read.seed, twins=read.twins)}
        differences = []
    answer = {
        "figures": [row for name, study in studies.items() for row in _figures(name, study)],
        "differences": differences,
        "bottlenecks": [_bottleneck(n, s, read) for n, s in studies.items() if read.has_bottleneck],
        "failed": [
            {"scenario": n, "replication": one.replication, "reason": one.reason}
            for n, s in studies.items()
            for one in s.failed
        ],
        "warm_up": max(s.runs[0].provenance["settings"]["warm_up"] for s in studies.values()),
    }
    files = _write(answer, studies, out)
    return {**answer, "files": files}


def _figures(scenario: str, study: Study) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name in FIGURES:
        try:
            found = study.figure(name)
        except DataError as error:
            rows.append(
                {
                    "scenario": scenario,
                    "figure": name,
                    "mean": None,
                    "note": str(error).split(";")[0],
                }
            )
            continue
        rows.append(
            {
                "scenario": scenario, "figure": name, "mean": found.mean, "lower": found.lower,
                "upper": found.upper, "note": "",
            }
        )  # fmt: skip
    return rows


def _differences(compared: Comparison) -> list[dict[str, Any]]:
    rows = []
    for scenario in list(compared.studies)[1:]:
        for name in FIGURES:
            try:
                found = compared.difference(name, scenario).difference
            except DataError:
                continue
            rows.append({"scenario": scenario, "figure": name, "difference": found.mean,
                         "lower": found.lower, "upper": found.upper})  # fmt: skip
    return rows


def _bottleneck(scenario: str, study: Study, read: LineFile) -> dict[str, Any]:
    from goldenbatch.science.lines.bottleneck import moving_bottleneck

    found = moving_bottleneck(study.runs[0])
    share = found.shares[found.name]
    return {"scenario": scenario, "unit": found.name, "share": share, "criterion": found.criterion}


def _write(answer: dict[str, Any], studies: dict[str, Study], out: Path) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    provenance = {name: dict(study.provenance) for name, study in studies.items()}
    study = next(iter(studies.values()))
    document = {"study": study.line, **answer, "provenance": provenance}
    files = ["line.json"]
    for number, study in enumerate(studies.values(), start=1):
        end = "" if len(studies) == 1 else f"-{number}"
        for kind, columns in (("states", study.states()), ("events", study.events())):
            _table(columns, out / f"{kind}{end}.csv")
            files.append(f"{kind}{end}.csv")
    _plot({name: study.states() for name, study in studies.items()}, out / "line.png")
    files.append("line.png")
    write_document(document, out / "line.json", files)
    return [str(out / name) for name in files]


def _table(columns: Columns, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


_COLOURS = {"busy": "#1b4f72", "down": "#b03a2e", "cleaning": "#48a9a6", "changeover": "#7d6b91"}


def _plot(states: dict[str, Columns], path: Path) -> None:
    """Share of time in each state, a bar a unit and scenario."""
    from goldenbatch.capabilities.twin.plots import figure

    bars = [(scenario, unit) for scenario, columns in states.items()
            for unit in dict.fromkeys(columns["unit"].tolist())]  # fmt: skip
    page = figure(9.0, 0.35 * len(bars) + 1.4)
    axes = page.add_subplot()
    kinds = list(dict.fromkeys(next(iter(states.values()))["state"].tolist()))
    greys = iter(["#c9d1d6", "#aab4bb", "#8b979f", "#dfe4e7", "#76828a", "#b9c2c8", "#99a5ad"])
    left = [0.0] * len(bars)
    for kind in kinds:
        widths = [_share(states[scenario], unit, kind) for scenario, unit in bars]
        colour = _COLOURS.get(kind) or next(greys, "#eeeeee")
        axes.barh(range(len(bars)), widths, left=left, color=colour, label=kind)
        left = [one + width for one, width in zip(left, widths, strict=True)]
    labels = [unit if len(states) == 1 else f"{unit}, {scenario}" for scenario, unit in bars]
    axes.set_yticks(range(len(bars)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("share of time", fontsize=8)
    axes.set_xlim(0.0, 1.0)
    axes.legend(fontsize=7, frameon=False, ncols=5, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    page.savefig(path, dpi=110)


def _share(columns: Columns, unit: str, kind: str) -> float:
    rows = (columns["unit"] == unit) & (columns["state"] == kind)
    return float(columns["mean"][rows].sum())
