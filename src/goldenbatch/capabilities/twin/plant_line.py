"""A plant from its file: how much, what waits for what, and which scenario is better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from goldenbatch.capabilities.twin._documents import write_document
from goldenbatch.capabilities.twin._line_document import Mapper
from goldenbatch.capabilities.twin._line_plots import plot_states, write_table
from goldenbatch.capabilities.twin.line_files import LineFile, load_line
from goldenbatch.science.errors import DataError
from goldenbatch.science.lines.study import Comparison, Study, compare_lines, study_line

FIGURES = ("throughput", "amount_rate", "cycle_time", "work_in_progress", "n_finished", "n_lost",
           "makespan")  # fmt: skip


def run_file(path: Path, out: Path, mapper: Mapper | None = None) -> dict[str, Any]:
    """Simulate a plant; writes line.json, a table each of states and events, a plot.

    Args:
        path: Of the plant.
        out: Folder of the results.
        mapper: Runs the replications; None: here, one after another.
    """
    read = load_line(path)
    where: Any = {"twins": read.twins, "executor": mapper}
    if len(read.scenarios) > 1:
        compared = compare_lines(read.scenarios, read.settings, seed=read.seed, **where)
        studies, differences = dict(compared.studies), _differences(compared)
    else:
        name, only = next(iter(read.scenarios.items()))
        studies = {name: study_line(only, read.settings, seed=read.seed, **where)}
        differences = []
    answer = {
        "figures": [row for name, study in studies.items() for row in _figures(name, study)],
        "differences": differences,
        "bottlenecks": [row for n, s in studies.items() for row in _bottlenecks(n, s, read)],
        "failed": [
            {"scenario": n, "replication": one.replication, "reason": one.reason}
            for n, s in studies.items()
            for one in s.failed
        ],
        "warm_up": _counted_from(studies),
        "warm_ups": [_warm_up(n, s, read) for n, s in studies.items()],
    }
    files = _write(answer, studies, out)
    return {**answer, "files": files}


def _counted_from(studies: dict[str, Study]) -> float:
    return max(float(s.runs[0].provenance["settings"]["warm_up"]) for s in studies.values())


def _warm_up(scenario: str, study: Study, read: LineFile) -> dict[str, Any]:
    """How much of the beginning is left out, by which rule, and whether the rule is trusted."""
    from goldenbatch.science.lines.study import N_SLOTS

    found = study.warm_up
    if found is None:
        return {"scenario": scenario, "left_out": float(study.settings.warm_up),
                "method": "as given", "is_reliable": None, "note": ""}  # fmt: skip
    note = "" if found.is_reliable else "not settled by half of it; make the horizon longer"
    left_out = found.n_left_out * read.settings.horizon / N_SLOTS
    return {"scenario": scenario, "left_out": left_out, "method": found.method,
            "is_reliable": found.is_reliable, "note": note}  # fmt: skip


def _bottlenecks(scenario: str, study: Study, read: LineFile) -> list[dict[str, Any]]:
    """Machines by the share of time in which they are the bottleneck, over all runs."""
    from goldenbatch.science.lines.bottleneck import bottleneck_shares, moving_bottleneck

    if not read.has_bottleneck:
        return []
    shares = bottleneck_shares(study.runs, study.settings.confidence)
    criterion = moving_bottleneck(study.runs[0]).criterion
    rows = zip(*(column.tolist() for column in shares.values()), strict=True)
    return [
        {"scenario": scenario, "unit": name, "share": mean, "lower": max(0.0, lower),
         "upper": min(1.0, upper), "n_runs": len(study.runs), "criterion": criterion}
        for name, mean, lower, upper in rows
    ]  # fmt: skip


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


def _write(answer: dict[str, Any], studies: dict[str, Study], out: Path) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    provenance = {name: dict(study.provenance) for name, study in studies.items()}
    study = next(iter(studies.values()))
    document = {"study": study.line, **answer, "provenance": provenance}
    files = ["line.json"]
    for number, study in enumerate(studies.values(), start=1):
        end = "" if len(studies) == 1 else f"-{number}"
        for kind, columns in (("states", study.states()), ("events", study.events())):
            write_table(columns, out / f"{kind}{end}.csv")
            files.append(f"{kind}{end}.csv")
    plot_states({name: study.states() for name, study in studies.items()}, out / "line.png")
    files.append("line.png")
    write_document(document, out / "line.json", files)
    return [str(out / name) for name in files]
