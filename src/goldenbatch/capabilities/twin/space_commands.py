"""Commands on a study's factors and faults: where it is feasible, what matters, what breaks it."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite, prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.capabilities.twin._documents import names_its_file, write_document
from goldenbatch.capabilities.twin._own_recipes import start_of
from goldenbatch.capabilities.twin.asking import asked_of, in_processes, members_of
from goldenbatch.capabilities.twin.commands import OutPath, StudyPath
from goldenbatch.capabilities.twin.ensemble_commands import (
    JobsOption,
    MembersOption,
    needs_measures,
)
from goldenbatch.capabilities.twin.study import MAX_RUNS, load_study
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.science.process.ensembles.design_space import DesignSpace
    from goldenbatch.science.process.ensembles.stress import Margin, Stressed


@names_its_file
def design_space_command(
    study: StudyPath,
    out: OutPath = Path("twin-out"),
    members: MembersOption = 0,
    target: Annotated[float, typer.Option(min=0.0, max=1.0, help="Probability wanted.")] = 0.95,
    jobs: JobsOption = 1,
) -> dict[str, Any]:
    """Map where in its factors a study meets all limits, and how surely.

    Writes design-space.parquet, .json and, for one or two factors, .png.
    """
    from goldenbatch.science.process.ensembles.design_space import map_design_space

    read = load_study(study)
    asked = asked_of(read)
    model = asked.load()
    levels = [one.n for one in read.factors]
    if prod(levels) * (members or read.members) > 100 * MAX_RUNS:
        raise BadInputError(
            f"a grid of {prod(levels):,} points with {members or read.members:,} members each "
            f"is more than {100 * MAX_RUNS:,} runs.",
            hint="Take fewer points (`n`) or members.",
            key="factors",
        )
    found = map_design_space(
        asked, members_of(read, model, members), levels, executor=in_processes(jobs)
    )
    volume = found.volume(target)
    answer = {
        "study": read.name,
        "status": "complete",
        "model": f"{model.name} {model.version}",
        "n_points": len(found.points),
        "n_members": found.n_members,
        "n_failed": int(found.n_failed.sum()),
        "nominal share of the range": found.nominal_volume,
        "highest probability": float(found.probability.max()),
        "at": found.best(),
        "target": target,
        "share of the range": {
            "estimated": volume.estimated, "certain": volume.certain, "possible": volume.possible,
        },
    }  # fmt: skip
    return {**answer, "files": _write_space(found, answer, target, out)}


def _write_space(found: DesignSpace, answer: dict[str, Any], target: float, out: Path) -> list[str]:
    import pyarrow.parquet as pq

    out.mkdir(parents=True, exist_ok=True)
    pq.write_table(found.to_arrow(), out / "design-space.parquet")
    files = ["design-space.parquet", "design-space.json"]
    if len(found.factors) <= 2:
        _plot(found, str(answer["study"]), target, out / "design-space.png")
        files.append("design-space.png")
    document = {**answer, "provenance": asdict(found.provenance)}
    write_document(document, out / "design-space.json", files)
    return [str(out / name) for name in files]


def _plot(found: DesignSpace, title: str, target: float, path: Path) -> None:
    from goldenbatch.capabilities.twin.plots import figure

    page = figure(7.0, 5.2)
    axes = page.add_subplot()
    axes.set_title(f"{title}: probability that all limits are met", fontsize=10, loc="left")
    names = [f"{one.name}, {unit}" if unit != "1" else one.name
             for one, unit in zip(found.factors, found.units, strict=True)]  # fmt: skip
    axes.set_xlabel(names[0], fontsize=9)
    if len(found.factors) == 1:
        lower, upper = found.interval
        axes.fill_between(found.points[:, 0], lower, upper, color="#1b4f72", alpha=0.2)
        axes.plot(found.points[:, 0], found.probability, color="#1b4f72")
        axes.axhline(target, color="#9aa5ad", linestyle=":")
        axes.set_ylim(0.0, 1.02)
    else:
        share = found.as_grid(found.probability).T
        drawn = axes.pcolormesh(*found.grid, share, cmap="viridis", vmin=0, vmax=1, shading="auto")
        page.colorbar(drawn, label="probability")
        nominal = found.as_grid(found.is_nominal.astype(float)).T
        _outline(axes, found, nominal, 0.5, "white")
        _outline(axes, found, share, target, "#ff7f0e")
        axes.set_ylabel(names[1], fontsize=9)
        axes.text(0.99, 1.01, f"white: nominal limit; orange: {target:.0%}", fontsize=7,
                  transform=axes.transAxes, ha="right")  # fmt: skip
    page.savefig(path, dpi=110)


def _outline(axes: Any, found: DesignSpace, values: Any, level: float, colour: str) -> None:
    # A contour that is nowhere would be a warning of matplotlib's.
    if values.min() < level <= values.max():
        axes.contour(*found.grid, values, levels=[level], colors=colour, linewidths=1.2)


@names_its_file
def sensitivity_command(
    study: StudyPath,
    out: OutPath = Path("twin-out"),
    rows: Annotated[
        int, typer.Option(min=8, max=2**17, help="Rows of the design, a power of two.")
    ] = 128,
    jobs: JobsOption = 1,
) -> dict[str, Any]:
    """Shares of the variance by each parameter and factor (Sobol'); writes sensitivity.json."""
    from goldenbatch.science.process.ensembles.sensitivity import sobol_sensitivity

    read = load_study(study)
    asked = asked_of(read)
    needs_measures(read)
    fixed = set(start_of(read)[1])
    names = [p.name for p in asked.load().parameters if p.prior is not None and p.name not in fixed]
    found = sobol_sensitivity(asked, rows, read.seed, parameters=names, executor=in_processes(jobs))
    tables = [
        {
            "measure": name, "input": of.names[k], "first": of.first[k], "total": of.total[k],
            "total lower": of.total_interval[k][0], "total upper": of.total_interval[k][1],
        }
        for name, of in found.indices.items()
        for k in sorted(range(len(of.names)), key=lambda k: -of.total[k])
    ]  # fmt: skip
    answer = {
        "study": read.name,
        "status": "complete",
        "n_runs": found.ensemble.n,
        "n_failed": found.ensemble.n_failed,
        "indices": [{n: float(v) if isinstance(v, float) else v for n, v in row.items()}
                    for row in tables],
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    write_document(
        {**answer, "provenance": asdict(found.ensemble.provenance)}, out / "sensitivity.json"
    )
    return {**answer, "files": [str(out / "sensitivity.json")]}


@names_its_file
def stress_command(
    study: StudyPath,
    out: OutPath = Path("twin-out"),
    members: MembersOption = 0,
    at: Annotated[float, typer.Option(help="When faults begin (-1: a third of the run).")] = -1.0,
    jobs: JobsOption = 1,
) -> dict[str, Any]:
    """Try the standard faults on a study; writes stress.parquet and stress.json.

    For each fault: the margins at its worst, and the smallest severity that breaks a limit.
    """
    import pyarrow.parquet as pq

    from goldenbatch.science.process.ensembles.hazards import standard_faults
    from goldenbatch.science.process.ensembles.stress import stress_test

    read = load_study(study)
    asked = asked_of(read)
    model = asked.load()
    hazards = standard_faults(model, asked.recipe, at=None if at < 0.0 else at)
    report = stress_test(
        asked,
        hazards,
        members=members_of(read, model, members),
        initial=start_of(read)[0],
        executor=in_processes(jobs),
    )
    answer = {
        "study": read.name,
        "status": "complete",
        "model": f"{model.name} {model.version}",
        "without a fault": [_margin(one) for one in report.baseline],
        "faults": [_row(one) for one in report.rows],
    }
    out.mkdir(parents=True, exist_ok=True)
    pq.write_table(report.to_arrow(), out / "stress.parquet")
    provenance = {"model": model.name, "version": model.version, "model_digest": model.digest,
                  "recipe_digest": report.recipe_digest, "members": report.members}  # fmt: skip
    document = {**answer, "provenance": provenance}
    write_document(document, out / "stress.json", ["stress.parquet"])
    return {**answer, "files": [str(out / "stress.parquet"), str(out / "stress.json")]}


def _margin(one: Margin) -> dict[str, Any]:
    in_sd = one.in_sd if isfinite(one.in_sd) else None
    return {"limit on": one.criterion, "value": one.value, "margin": one.distance,
            "margin in sd": in_sd, "unit": one.unit}  # fmt: skip


def _row(one: Stressed) -> dict[str, Any]:
    tightest = min(one.margins, key=lambda m: m.distance if isfinite(m.distance) else -1e300)
    return {
        "fault": one.hazard, "worst": one.worst, "unit": one.unit,
        "breaks at": one.breaks_at, "holds at": one.holds_at, "breaks": ", ".join(one.breaks),
        "least margin at worst": tightest.distance, "of": tightest.criterion, "ended": one.ended,
    }  # fmt: skip
