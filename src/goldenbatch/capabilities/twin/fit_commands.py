"""The command that fits: estimates, what the data cannot tell, and how it predicts batches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.capabilities.twin._documents import names_its_file, write_document
from goldenbatch.capabilities.twin._study_batches import (
    Taken,
    home_rows,
    problem_of,
    site_for,
    take_all,
)
from goldenbatch.capabilities.twin.asking import in_processes
from goldenbatch.capabilities.twin.commands import OutPath, StudyPath
from goldenbatch.capabilities.twin.ensemble_commands import JobsOption
from goldenbatch.capabilities.twin.recipes import model_ref
from goldenbatch.capabilities.twin.study import Study, load_study
from goldenbatch.science.process.fitting import (
    Asked,
    Chains,
    Search,
    baselines,
    domain_of,
    draw,
    fit,
    identifiability,
    predict,
    score,
)
from goldenbatch.science.process.fitting.profiles import profiles

if TYPE_CHECKING:
    from goldenbatch.science.process.fitting import Fit, Prediction, Problem
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.posterior import Posterior


@names_its_file
def fit_command(
    session: Any,
    study: StudyPath,
    out: OutPath = Path("twin-out"),
    jobs: JobsOption = 1,
) -> dict[str, Any]:
    """Fit a study to its data; writes fit.json, posterior.json and fit.png."""
    read = load_study(study)
    model = model_ref(read).load()
    with site_for(session, read.data) as site:
        batches = take_all(read, model, site)
    return fit_study(read, model, batches, out, jobs)


def fit_study(
    read: Study, model: Model, batches: Sequence[Taken], out: Path, jobs: int = 1
) -> dict[str, Any]:
    """Fit a study to batches that were read; writes fit.json, posterior.json and fit.png.

    Args:
        read: The study.
        model: Its model.
        batches: Those that are fitted, and those held out.
        out: Folder for the files.
        jobs: Worker processes.

    Raises:
        BadInputError: There are no data to fit.
    """
    problem = problem_of(read, model, batches)
    settings = Search(n_starts=read.fit.starts, seed=read.seed)
    found = fit(problem, settings, executor=in_processes(jobs))
    if found.status == "failed":
        return {"study": read.name, "status": "failed", "reason": found.reason}
    judged = identifiability(problem, found)
    inflation = max(found.reduced_chi2, 1.0) if np.isfinite(found.reduced_chi2) else 1.0
    posterior = draw(
        problem, found, read.fit.draws, chains=Chains(seed=read.seed, inflation=inflation)
    )
    predictions, held_out = _held_out(read, batches, problem, found, posterior)
    answer = {
        "study": read.name,
        "model": f"{model.name} {model.version}",
        **_found(found, judged, posterior),
        "held out": held_out,
        **({"home": home} if (home := home_rows(batches)) else {}),
    }
    if read.fit.profiles:
        answer["profiles"] = _profiles(problem, found, read.fit.level)
    bases = [one.run.basis for one in batches if one.run is not None]
    provenance = {**asdict(found.provenance), "posterior": posterior.digest, "home": bases}
    document = {**answer, "provenance": provenance}
    return {**answer, "files": _write(document, found, posterior, predictions, out)}


def _profiles(problem: Problem, found: Fit, level: float) -> list[dict[str, Any]]:
    return [
        {"name": one.label, "lower": one.lower, "upper": one.upper, "shape": one.shape,
         "statement": one.statement}
        for one in profiles(problem, found, level=level)
    ]  # fmt: skip


def _found(found: Fit, judged: Any, posterior: Posterior) -> dict[str, Any]:
    """What was found, for people and for JSON."""
    return {
        "status": found.status,
        "reason": found.reason,
        "n_data": found.n_data,
        "n_missing": found.n_missing,
        "reduced chi2": found.reduced_chi2,
        "cannot be told": list(judged.statements),
        "posterior": posterior.digest,
        "posterior method": posterior.method,
        "estimates": _estimates(found, judged),
        "residuals": [
            {"batch": r.batch, "output": r.output, "rmse": r.rmse, "unit": r.unit, "n": len(r.time)}
            for r in found.residuals
        ],
        "starts": [
            {"objective": one.objective, "status": one.status, "reason": one.reason}
            for one in found.starts
        ],
    }


def _held_out(
    study: Study, batches: Sequence[Taken], problem: Problem, found: Fit, posterior: Posterior
) -> tuple[list[Prediction], list[dict[str, Any]]]:
    """Batches that were not fitted: the error of their prediction beside naive ones."""
    rows: list[dict[str, Any]] = []
    made: list[Prediction] = []
    domain = domain_of(problem, found)
    asked = Asked(study.fit.level, study.seed, noise=found.noises, domain=domain)
    for batch in (one.batch for one in batches if one.part.held_out):
        naive = baselines(problem, batch)
        for name, prediction in predict(problem.loaded, batch, posterior, asked).items():
            worth = score(prediction, batch.data[name])
            made.append(prediction)
            rows.append(
                {
                    "batch": batch.name, "output": name, "unit": prediction.unit, "n": worth.n,
                    "rmse": worth.rmse, "coverage": worth.coverage, "width": worth.width,
                    **{f"rmse of {one}": of[name] for one, of in naive.items() if name in of},
                    "is_extrapolated": prediction.is_extrapolated,
                    "notes": "; ".join(note.text for note in prediction.notes),
                }
            )  # fmt: skip
    return made, rows


def _estimates(found: Fit, judged: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": unknown.label, "value": one.value, "se": one.se, "unit": one.unit,
            "verdict": held.verdict, "not told apart from": ", ".join(held.others),
        }
        for unknown, one, held in zip(found.unknowns, found.estimates, judged.held, strict=True)
    ]  # fmt: skip


def _write(
    document: dict[str, Any], found: Fit, posterior: Posterior, predictions: list[Prediction],
    out: Path,
) -> list[str]:  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    (out / "posterior.json").write_text(json.dumps(posterior.to_dict()) + "\n", "utf-8")
    _plot(found, predictions, document["study"], out / "fit.png")
    files = ("fit.json", "posterior.json", "fit.png")
    write_document(document, out / "fit.json", files)
    return [str(out / name) for name in files]


def _plot(found: Fit, predictions: list[Prediction], title: str, path: Path) -> None:
    """Measured and fitted, then measured and predicted with its interval."""
    from goldenbatch.capabilities.twin.plots import MAX_PANELS, figure, label_panel

    n_panels = min(len(found.residuals) + len(predictions), MAX_PANELS)
    n_rows = (n_panels + 2) // 3
    page = figure(12.0, 2.6 * n_rows + 0.6)
    page.suptitle(title, fontsize=11)
    fitted = found.residuals[:n_panels]
    for number, one in enumerate(fitted, start=1):
        axes = page.add_subplot(n_rows, 3, number)
        axes.errorbar(one.time, one.measured, yerr=one.sd, fmt=".", color="#b9770e", markersize=4,
                      linewidth=0.8)  # fmt: skip
        order = np.argsort(one.time)
        axes.plot(one.time[order], one.predicted[order], color="#1b4f72", linewidth=1.4)
        label_panel(axes, f"{one.batch}: {one.output}, {one.unit} (fitted)")
    for number, held in enumerate(predictions[: n_panels - len(fitted)], start=len(fitted) + 1):
        axes = page.add_subplot(n_rows, 3, number)
        axes.fill_between(held.time, held.lower, held.upper, color="#1b4f72", alpha=0.2)
        axes.plot(held.time, held.median, color="#1b4f72", linewidth=1.4)
        label_panel(axes, f"{held.batch}: {held.output}, {held.unit} (predicted)")
    page.savefig(path, dpi=110)
