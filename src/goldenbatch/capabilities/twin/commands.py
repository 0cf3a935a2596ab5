"""Commands of the twins that need no home: a study goes in, tables and plots come out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from goldenbatch.capabilities.twin._documents import names_its_file, write_document

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin.credibility import Credibility
    from goldenbatch.science.process.result import Simulation

StudyPath = Annotated[
    Path, typer.Argument(help="Study (TOML); see docs/reference/twin-studies.md.")
]
OutPath = Annotated[Path, typer.Option(help="Directory for tables and plots.")]


def models_command() -> list[dict[str, Any]]:
    """Models of the library, and what each may be used for."""
    from goldenbatch.science.process import library

    return [
        {"name": one.name, "title": one.title, "context of use": one.context_of_use}
        for one in library.ENTRIES
    ]


@names_its_file
def run_command(
    study: StudyPath,
    out: OutPath = Path("twin-out"),
    noise: Annotated[bool, typer.Option(help="Measure with the declared noise.")] = False,
    session: Any = None,
) -> dict[str, Any]:
    """Run the recipe of a study once; writes run.parquet, run.json and run.png.

    Ends with exit code 1 when no solver got through; a run that an event ended is a run.
    """
    from goldenbatch.capabilities.twin._own_recipes import start_of
    from goldenbatch.capabilities.twin.recipes import model_ref, recipe_of
    from goldenbatch.capabilities.twin.study import load_study
    from goldenbatch.science.process.simulation import simulate

    read = load_study(study)
    model = model_ref(read).load()
    initial, parameters = start_of(read)
    run = simulate(
        model,
        recipe_of(read, model),
        initial=initial,
        parameters=parameters,
        seed=read.seed if noise else None,
    )
    files = write_run(run, read.name, out)
    _leave(session, run)
    return {**summary_of(run), "files": files}


def _leave(session: Any, run: Simulation) -> None:
    if session is not None and run.status == "failed":
        session.exit_code = 1


def summary_of(run: Simulation) -> dict[str, Any]:
    """What a run came to, for people and for JSON."""
    outputs = {n: float(c[-1]) for n, c in run.values.items() if "[" not in n and c.size}
    return {
        "status": run.status,
        "reason": run.reason,
        "end": f"{run.time[-1] if run.time.size else 0.0:g} {run.units['time']}",
        "model": f"{run.provenance.model} {run.provenance.version}",
        "is_extrapolated": run.is_extrapolated,
        "final": [{"name": n, "value": v, "unit": run.units[n]} for n, v in outputs.items()],
        "notes": [asdict(note) for note in run.notes],
    }


def write_run(run: Simulation, title: str, out: Path) -> list[str]:
    """Write table, provenance and plot of a run; returns their names."""
    import pyarrow.parquet as pq

    from goldenbatch.capabilities.twin.plots import plot_run

    out.mkdir(parents=True, exist_ok=True)
    pq.write_table(run.to_arrow(), out / "run.parquet")
    files = ["run.parquet", "run.json"]
    if run.time.size:
        plot_run(run, shown_columns(run), f"{title}: {run.status}", out / "run.png")
        files.append("run.png")
    document = {"study": title, **summary_of(run), "provenance": asdict(run.provenance)}
    write_document(document, out / "run.json", files)
    return [str(out / name) for name in files]


def shown_columns(run: Simulation) -> list[str]:
    """Columns for a plot: outputs, inputs that change, then states that are no output."""
    changing = [name for name in run.inputs if np.ptp(run[name]) > 0.0]
    rest = [name for name in run.values if name not in (*run.outputs, *run.inputs)]
    curves: list[np.ndarray] = []
    found: list[str] = []
    for name in (*run.outputs, *changing, *rest):
        if "[" in name or any(np.array_equal(run[name], one) for one in curves):
            continue
        curves.append(run[name])
        found.append(name)
    return found


def verify_command(
    session: Any,
    data: Annotated[Path, typer.Option(help="Folder of the reference data.")],
    out: OutPath = Path("twin-out"),
    only: Annotated[list[str] | None, typer.Option(help="Only these references.")] = None,
) -> None:
    """Replay every third-party reference; writes credibility.json, .html and .pdf.

    Ends with exit code 1 when something lies outside its limit or could not be replayed.
    """
    import time

    import goldenbatch
    from goldenbatch.capabilities.twin._credibility_sheet import credibility_sheet
    from goldenbatch.capabilities.twin.credibility import verify
    from goldenbatch.ui.documents import write_whole
    from goldenbatch.ui.sheets import sheet_html, sheet_pdf

    with session.output.progress("References") as step:
        found = verify(data, only or (), step)
    document = {"study": "credibility", **found.to_dict()}
    out.mkdir(parents=True, exist_ok=True)
    sheet = credibility_sheet(found, goldenbatch.__version__, time.time_ns() // 1000)
    write_whole(out / "credibility.html", sheet_html(sheet).encode())
    write_whole(out / "credibility.pdf", sheet_pdf(sheet))
    written = ("credibility.html", "credibility.pdf")
    write_document(document, out / "credibility.json", written)
    session.show(document, lambda _: _show_credibility(session, found, out))
    if not (found.is_good and found.has_rows):
        session.exit_code = 1


def _show_credibility(session: Any, found: Credibility, out: Path) -> None:
    rows = [
        {
            "file": f"{line.case.name}/{line.file}",
            "kind": line.kind,
            "quantity": line.row.quantity if line.row else line.reason,
            "error": f"{line.row.error:.3g} {line.row.measure}" if line.row else "",
            "limit": line.row.limit if line.row else None,
            "outcome": line.outcome,
        }
        for line in found.lines
    ]
    session.output.table(rows, ["file", "kind", "quantity", "error", "limit", "outcome"])
    counts = ", ".join(f"{n} {outcome}" for outcome, n in found.counts.items())
    session.output.line(f"{len(found.lines)} lines: {counts}. Report: {out}/credibility.html, .pdf")


@names_its_file
def export_command(
    study: StudyPath,
    out: Annotated[Path, typer.Option(help="File to be written, such as reactor.fmu.")],
    source_only: Annotated[
        bool, typer.Option("--source-only", help="No binary for this platform.")
    ] = False,
) -> dict[str, Any]:
    """Write the model of a study as FMI 3.0 unit (model exchange)."""
    from goldenbatch.capabilities.twin.exchange import export_fmu
    from goldenbatch.capabilities.twin.recipes import model_ref
    from goldenbatch.capabilities.twin.study import load_study

    read = load_study(study)
    model = model_ref(read).load()
    made = export_fmu(
        model,
        out,
        parameters=read.model.parameters,
        initial=read.model.initial,
        has_binary=not source_only,
    )
    return {
        "file": str(made.path),
        "sha256": made.sha256,
        "model": f"{model.name} {model.version}",
        "binaries": ", ".join(made.platforms) or "none: sources only",
        "left out": f"jumps: {', '.join(j.name for j in model.jumps)}" if model.jumps else "",
    }


def unit_command(
    path: Annotated[Path, typer.Argument(help="FMI 2 or 3 unit of another tool.")],
    sha256: Annotated[str, typer.Option(help="Its digest: it runs as native code.")],
    duration: Annotated[float, typer.Option(help="In the unit's time unit.")],
    *,
    interval: Annotated[float, typer.Option(help="Between rows.")],
    value: Annotated[
        list[str] | None, typer.Option(help="Input that holds a value, as name=number.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="Start value, as name=number.")
    ] = None,
    out: OutPath = Path("twin-out"),
    session: Any = None,
) -> dict[str, Any]:
    """Run a unit of another tool; writes run.parquet, run.json and run.png.

    Ends with exit code 1 when the unit failed.
    """
    from goldenbatch.capabilities.twin.exchange import ForeignUnit

    run = ForeignUnit(path, sha256).run(
        duration, interval, inputs=_pairs(value), parameters=_pairs(parameter)
    )
    _leave(session, run)
    return {**summary_of(run), "files": write_run(run, path.stem, out)}


def _pairs(given: list[str] | None) -> dict[str, float]:
    from goldenbatch.core.errors import BadInputError

    found: dict[str, float] = {}
    for one in given or ():
        name, _, number = one.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError as error:
            raise BadInputError(f"{one!r} is not name=number.", hint="Such as F=0.5.") from error
    return found
