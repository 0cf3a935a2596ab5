"""The command that fits: estimates, what the data cannot tell, and how it predicts batches."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from goldenbatch.capabilities.twin._run_tables import TableForm, read_run_table
from goldenbatch.capabilities.twin.asking import in_processes
from goldenbatch.capabilities.twin.commands import OutPath, StudyPath
from goldenbatch.capabilities.twin.recipes import build_recipe, model_ref, time_in
from goldenbatch.capabilities.twin.study import Study, load_study
from goldenbatch.capabilities.twin.study_data import DataPart
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.process.declarations import Prior
from goldenbatch.science.process.fitting import (
    Asked,
    Batch,
    Chains,
    Loss,
    Problem,
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
    from goldenbatch.science.process.fitting import Fit, Prediction
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.posterior import Posterior


def fit_command(
    study: StudyPath,
    out: OutPath = Path("twin-out"),
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
) -> dict[str, Any]:
    """Fit a study to its data; writes fit.json, posterior.json and fit.png."""
    read = load_study(study)
    model = model_ref(read).load()
    problem = problem_of(read, model)
    settings = Search(n_starts=read.fit.starts, seed=read.seed)
    found = fit(problem, settings, executor=in_processes(jobs))
    if found.status == "failed":
        return {"study": read.name, "status": "failed", "reason": found.reason}
    judged = identifiability(problem, found)
    inflation = max(found.reduced_chi2, 1.0) if np.isfinite(found.reduced_chi2) else 1.0
    posterior = draw(
        problem, found, read.fit.draws, chains=Chains(seed=read.seed, inflation=inflation)
    )
    predictions, held_out = _held_out(read, model, problem, found, posterior)
    answer: dict[str, Any] = {
        "study": read.name,
        "status": found.status,
        "reason": found.reason,
        "model": f"{model.name} {model.version}",
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
        "held out": held_out,
        "starts": [
            {"objective": one.objective, "status": one.status, "reason": one.reason}
            for one in found.starts
        ],
    }
    if read.fit.profiles:
        answer["profiles"] = [
            {"name": one.label, "lower": one.lower, "upper": one.upper, "shape": one.shape,
             "statement": one.statement}
            for one in profiles(problem, found, level=read.fit.level)
        ]  # fmt: skip
    return {**answer, "files": _write(answer, found, posterior, predictions, out)}


def problem_of(study: Study, model: Model) -> Problem:
    """The problem of fitting a study's data.

    Raises:
        BadInputError: There are no data to fit, or a table is not as the study says.
    """
    fitted = [part for part in study.data if not part.held_out]
    if not fitted:
        raise BadInputError("the study has no data to fit.", hint="Add [[data]].", key="data")
    names = study.fit.parameters or [
        one.name for one in model.parameters
        if one.prior is not None and one.name not in {*study.fit.per_batch, *study.model.parameters}
    ]  # fmt: skip
    return Problem(
        model_ref(study),
        tuple(batch_of(study, model, part) for part in fitted),
        fitted=tuple(names),
        per_batch=tuple(study.fit.per_batch),
        parameters=study.model.parameters,
        bounds=study.fit.bounds,
        priors="declared" if study.fit.uses_priors else {},
        noise=dict.fromkeys(study.fit.unknown_noise),
        loss=Loss(study.fit.loss),
    )


def batch_of(study: Study, model: Model, part: DataPart) -> Batch:
    """One batch of a study: its recipe and its table."""
    form = TableForm(part.time, part.sheet, part.longest_gap, part.units)
    table = read_run_table(study.folder / part.table, form)
    data = table.data(model, part.columns)
    end = float(table.times(model.time_unit)[-1])
    if part.duration is not None:
        end = time_in(model, part.duration, f"duration of {part.batch}")
    interval = min(time_in(model, study.recipe.interval, "recipe.interval"), end)
    recipe = study.recipe.model_copy(
        update={
            "duration": end,
            "interval": interval,
            "inputs": {**study.recipe.inputs, **part.inputs},
            "events": [
                one for one in study.recipe.events if time_in(model, one.at, "event") <= end
            ],
        }
    )
    unknown = {
        name: Prior.lognormal(spread, "study") if spread > 0.0 else None
        for name, spread in part.unknown_initial.items()
    }
    return Batch(
        part.batch,
        build_recipe(recipe, model, study.folder),
        data,
        {**study.model.initial, **part.initial},
        unknown,
        part.parameters,
    )


def _held_out(
    study: Study, model: Model, problem: Problem, found: Fit, posterior: Posterior
) -> tuple[list[Prediction], list[dict[str, Any]]]:
    """Batches that were not fitted: the error of their prediction beside naive ones."""
    rows: list[dict[str, Any]] = []
    made: list[Prediction] = []
    domain = domain_of(problem, found)
    asked = Asked(study.fit.level, study.seed, noise=found.noises, domain=domain)
    for part in (one for one in study.data if one.held_out):
        batch = batch_of(study, model, part)
        naive = baselines(problem, batch)
        for name, prediction in predict(model, batch, posterior, asked).items():
            worth = score(prediction, batch.data[name])
            made.append(prediction)
            rows.append(
                {
                    "batch": part.batch, "output": name, "unit": prediction.unit, "n": worth.n,
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
    answer: dict[str, Any], found: Fit, posterior: Posterior, predictions: list[Prediction],
    out: Path,
) -> list[str]:  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    provenance = {**asdict(found.provenance), "posterior": posterior.digest}
    document = {**answer, "provenance": provenance}
    (out / "fit.json").write_text(json.dumps(document, indent=2, default=str) + "\n", "utf-8")
    (out / "posterior.json").write_text(json.dumps(posterior.to_dict()) + "\n", "utf-8")
    _plot(found, predictions, answer["study"], out / "fit.png")
    return [str(out / name) for name in ("fit.json", "posterior.json", "fit.png")]


def _plot(found: Fit, predictions: list[Prediction], title: str, path: Path) -> None:
    """Measured and fitted, then measured and predicted with its interval."""
    from goldenbatch.capabilities.twin.plots import MAX_PANELS, figure

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
        _label(axes, f"{one.batch}: {one.output}, {one.unit} (fitted)")
    for number, held in enumerate(predictions[: n_panels - len(fitted)], start=len(fitted) + 1):
        axes = page.add_subplot(n_rows, 3, number)
        axes.fill_between(held.time, held.lower, held.upper, color="#1b4f72", alpha=0.2)
        axes.plot(held.time, held.median, color="#1b4f72", linewidth=1.4)
        _label(axes, f"{held.batch}: {held.output}, {held.unit} (predicted)")
    page.savefig(path, dpi=110)


def _label(axes: Any, title: str) -> None:
    axes.set_title(title, fontsize=9, loc="left")
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
