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
from goldenbatch.capabilities.twin.recipes import model_ref
from goldenbatch.capabilities.twin.study import MAX_RUNS, Study, load_study
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.science.process.ensembles import Executor
    from goldenbatch.science.process.ensembles.design_space import DesignSpace
    from goldenbatch.science.process.ensembles.sensitivity import Sensitivity
    from goldenbatch.science.process.ensembles.stress import Margin, Stressed, StressReport


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
    read = load_study(study)
    found = design_space_of(read, members, in_processes(jobs))
    return write_space(found, read.name, target, out)


def design_space_of(study: Study, n_members: int, executor: Executor[Any, Any]) -> DesignSpace:
    """The probability that a study meets all its limits, on the grid of its factors.

    Args:
        study: As read.
        n_members: At each point; 0: as the study says.
        executor: Runs the chunks.

    Raises:
        BadInputError: More runs than are taken at once.
    """
    from goldenbatch.science.process.ensembles.design_space import map_design_space

    asked = asked_of(study)
    levels = [one.n for one in study.factors]
    if prod(levels) * (n_members or study.members) > 100 * MAX_RUNS:
        raise BadInputError(
            f"a grid of {prod(levels):,} points with {n_members or study.members:,} members each "
            f"is more than {100 * MAX_RUNS:,} runs.",
            hint="Take fewer points (`n`) or members.",
            key="factors",
        )
    members = members_of(study, asked.load(), n_members)
    return map_design_space(asked, members, levels, executor=executor)


def write_space(found: DesignSpace, study: str, target: float, out: Path) -> dict[str, Any]:
    """Write table, document and picture of a design space; returns what it came to."""
    volume = found.volume(target)
    answer = {
        "study": study,
        "status": "complete",
        "model": f"{found.provenance.model} {found.provenance.version}",
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
    read = load_study(study)
    return write_sensitivity(sensitivity_of(read, rows, in_processes(jobs)), read.name, out)


def sensitivity_of(study: Study, n_rows: int, executor: Executor[Any, Any]) -> Sensitivity:
    """Sobol' indices of a study's parameters with a prior, and of its factors."""
    from goldenbatch.science.process.ensembles.sensitivity import sobol_sensitivity

    asked = asked_of(study)
    needs_measures(study)
    fixed = set(start_of(study)[1])
    names = [p.name for p in asked.load().parameters if p.prior is not None and p.name not in fixed]
    return sobol_sensitivity(asked, n_rows, study.seed, parameters=names, executor=executor)


def write_sensitivity(found: Sensitivity, study: str, out: Path) -> dict[str, Any]:
    """Write the document of indices; returns what it came to."""
    tables = [
        {
            "measure": name, "input": of.names[k], "first": of.first[k], "total": of.total[k],
            "total lower": of.total_interval[k][0], "total upper": of.total_interval[k][1],
        }
        for name, of in found.indices.items()
        for k in sorted(range(len(of.names)), key=lambda k: -of.total[k])
    ]  # fmt: skip
    answer = {
        "study": study,
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
    read = load_study(study)
    report = stress_of(read, members, at, in_processes(jobs))
    return write_stress(report, read, out)


def stress_of(
    study: Study, n_members: int, at: float, executor: Executor[Any, Any]
) -> StressReport:
    """The standard faults on a study.

    Args:
        study: As read.
        n_members: 0: as the study says.
        at: When faults begin; -1: at a third of the run.
        executor: Runs the chunks.
    """
    from goldenbatch.science.process.ensembles.hazards import standard_faults
    from goldenbatch.science.process.ensembles.stress import stress_test

    asked = asked_of(study)
    model = asked.load()
    return stress_test(
        asked,
        standard_faults(model, asked.recipe, at=None if at < 0.0 else at),
        members=members_of(study, model, n_members),
        initial=start_of(study)[0],
        executor=executor,
    )


def write_stress(report: StressReport, study: Study, out: Path) -> dict[str, Any]:
    """Write table and document of a stress test; returns what it came to."""
    import pyarrow.parquet as pq

    model = model_ref(study).load()
    answer = {
        "study": study.name,
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
