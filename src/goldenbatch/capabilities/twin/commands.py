"""Commands of the twins that need no home: a study goes in, tables and plots come out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
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


def run_command(
    study: StudyPath,
    out: OutPath = Path("twin-out"),
    noise: Annotated[bool, typer.Option(help="Measure with the declared noise.")] = False,
) -> dict[str, Any]:
    """Run the recipe of a study once; writes run.parquet, run.json and run.png."""
    from goldenbatch.capabilities.twin.recipes import model_ref, recipe_of
    from goldenbatch.capabilities.twin.study import load_study
    from goldenbatch.science.process.simulation import simulate

    read = load_study(study)
    model = model_ref(read).load()
    run = simulate(
        model,
        recipe_of(read, model),
        initial=read.model.initial,
        parameters=read.model.parameters,
        seed=read.seed if noise else None,
    )
    files = write_run(run, read.name, out)
    return {**summary_of(run), "files": files}


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
    document = {**summary_of(run), "provenance": asdict(run.provenance)}
    (out / "run.json").write_text(json.dumps(document, indent=2, default=str) + "\n", "utf-8")
    names = [name for name in run.values if "[" not in name]
    if run.time.size:
        plot_run(run, names, f"{title}: {run.status}", out / "run.png")
    return [str(out / name) for name in ("run.parquet", "run.json", "run.png")]
