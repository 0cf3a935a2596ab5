"""The command that compares: what the twin says of a batch beside what was measured of it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from goldenbatch.capabilities.twin._documents import names_its_file, write_document
from goldenbatch.capabilities.twin._home_runs import words_of
from goldenbatch.capabilities.twin._study_batches import Taken, site_for, take
from goldenbatch.capabilities.twin.asking import load_posterior
from goldenbatch.capabilities.twin.commands import OutPath, StudyPath
from goldenbatch.capabilities.twin.plots import MAX_PANELS, figure, label_panel
from goldenbatch.capabilities.twin.recipes import model_ref
from goldenbatch.capabilities.twin.study import Study, load_study
from goldenbatch.capabilities.twin.study_data import ANY, DataPart
from goldenbatch.core.errors import NotFoundError
from goldenbatch.science.process.fitting import (
    Asked,
    Measured,
    Problem,
    baselines,
    predict,
    score,
)
from goldenbatch.science.process.fitting.prediction import by_name
from goldenbatch.science.process.posterior import Posterior
from goldenbatch.science.process.simulation import simulate

if TYPE_CHECKING:
    from goldenbatch.science.process.fitting import Prediction
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.result import Simulation

INK, WARN = "#1b4f72", "#b9770e"
N_CURVE = 60
"""Points of a curve between the measurements."""
FILES = ("compare.csv", "compare.png")


@dataclass(frozen=True)
class Compared:
    """A batch beside its twin.

    Attributes:
        taken: As it was read.
        predictions: Of each output, at a dense grid and at the times of its measurements.
        posterior: That was drawn from; None: declared parameters, so that no interval is told.
        run: With the parameters' mean.
    """

    taken: Taken
    predictions: Mapping[str, Prediction]
    posterior: Posterior | None
    run: Simulation

    def measured(self, name: str) -> Prediction:
        """The prediction of an output at its measurements."""
        whole, times = self.predictions[name], self.taken.batch.data[name].times
        rows = np.searchsorted(whole.time, times)
        columns = ("time", "median", "lower", "upper", "model_lower", "model_upper")
        picked = {column: getattr(whole, column)[rows] for column in columns}
        return replace(whole, **picked, draws=whole.draws[:, rows])


@names_its_file
def compare_command(
    session: Any,
    study: StudyPath,
    batch: Annotated[str, typer.Option(help="Batch of the home, or of the study's tables.")],
    posterior: Annotated[
        Path | None, typer.Option(help="Posterior of a fit (default: the study's).")
    ] = None,
    out: OutPath = Path("twin-out"),
) -> dict[str, Any]:
    """Run the twin with a batch's own inputs beside what was measured of it.

    Writes compare.json, compare.csv and compare.png.
    """
    read = load_study(study)
    model = model_ref(read).load()
    part = part_of(read, batch)
    others = [one for one in read.data if _is_another(one, part)]
    with site_for(session, [part, *others]) as site:
        taken = take(read, model, part, site)
        rest = [take(read, model, one, site) for one in others]
    drawn = _posterior(read, posterior)
    return compare_study(read, model, (taken, rest), drawn, out)


def part_of(study: Study, batch: str) -> DataPart:
    """How a study reads a batch: as it says of it, or else of any (`*`), or of its first.

    Raises:
        NotFoundError: The study says nothing of batches of a home.
    """
    named = [one for one in study.data if one.batch == batch]
    of_home = [one for one in study.data if one.source == "home"]
    pattern = [one for one in of_home if one.is_pattern] or of_home
    if not named and not pattern:
        names = ", ".join(one.batch for one in study.data) or "none"
        raise NotFoundError(
            f"study {study.name!r} does not say how batch {batch!r} is read.",
            hint=f"Add [[data]] with source = 'home' and batch = '{ANY}'. It has: {names}.",
        )
    return named[0] if named else pattern[0].model_copy(update={"batch": batch})


def _is_another(one: DataPart, part: DataPart) -> bool:
    return not (one.is_pattern or one.held_out or one.batch == part.batch)


def _posterior(study: Study, given: Path | None) -> Posterior | None:
    if given is not None:
        return load_posterior(given)
    return load_posterior(study.folder / study.model.posterior) if study.model.posterior else None


def compare_study(
    study: Study,
    model: Model,
    batches: tuple[Taken, Sequence[Taken]],
    posterior: Posterior | None,
    out: Path,
) -> dict[str, Any]:
    """Compare a batch with its twin; writes compare.json, compare.csv and compare.png.

    Args:
        study: The study.
        model: Its model.
        batches: That which is compared, and others for the naive prediction.
        posterior: Of a fit; None: the parameters of the study.
        out: Folder for the files.

    Raises:
        DataError: The posterior is of another model, or the twin could not be run.
    """
    taken, others = batches
    found = _compared(study, model, taken, posterior, others)
    answer = _answer(study, model, found, others)
    out.mkdir(parents=True, exist_ok=True)
    _table(found, out / FILES[0])
    _plot(found, f"{study.name}: {taken.part.batch}", out / FILES[1])
    provenance = {
        **asdict(found.run.provenance), "posterior": answer["posterior"],
        "seed": study.seed if posterior else None,
        "home": [one.run.basis for one in (taken, *others) if one.run is not None],
    }  # fmt: skip
    write_document({**answer, "provenance": provenance}, out / "compare.json", FILES)
    return {**answer, "files": [str(out / name) for name in ("compare.json", *FILES)]}


def _answer(study: Study, model: Model, found: Compared, others: Sequence[Taken]) -> dict[str, Any]:
    """What the comparison came to, for people and for JSON."""
    taken, naive = found.taken, _naive(model, found, others)
    rows = [_row(model, found, naive, name) for name in taken.batch.data]
    return {
        "study": study.name,
        "batch": taken.part.batch,
        "status": found.run.status,
        "reason": found.run.reason,
        "model": f"{model.name} {model.version}",
        "posterior": found.posterior.digest if found.posterior else "",
        "is_extrapolated": any(one.is_extrapolated for one in found.predictions.values()),
        "outputs": rows,
        "in words": [_words(row, study.fit.level) for row in rows],
        "notes": [*_notes(found), *words_of(taken.run.notes if taken.run else ())],
    }


def _compared(
    study: Study,
    model: Model,
    taken: Taken,
    posterior: Posterior | None,
    others: Sequence[Taken],
) -> Compared:
    """The twin with the batch's own inputs, at its measurements and between them."""
    drawn = posterior or _declared(model)
    drawn.check(model)
    mean = dict(zip(drawn.names, map(float, drawn.mean), strict=True))
    held = {name.partition("[")[0] for name in mean}
    kept = {n: v for n, v in study.model.parameters.items() if n not in held}
    batch = replace(taken.batch, parameters={**kept, **taken.batch.parameters})
    Problem(model, (batch,))  # refuses controllers: what was done is known
    grid = np.linspace(0.0, batch.recipe.duration, N_CURVE + 1)
    union = {name: np.union1d(grid, one.times) for name, one in batch.data.items()}
    dense = {name: Measured(times, np.full(times.size, np.nan)) for name, times in union.items()}
    asked = Asked(study.fit.level, study.seed, domain=_domain(others))
    predictions = predict(model, replace(batch, data=dense), drawn, asked)
    base = model.parameter_vector(batch.parameters)
    fitted = by_name(model, "parameters", mean, base)
    run = simulate(model, batch.recipe, initial=batch.initial,
                   parameters={**fitted, **batch.parameters})  # fmt: skip
    return Compared(replace(taken, batch=batch), predictions, posterior, run)


def _declared(model: Model) -> Posterior:
    """One draw that changes nothing."""
    return Posterior(model.name, model.digest, (), np.zeros((1, 0)), "declared")


def _domain(others: Sequence[Taken]) -> dict[str, tuple[float, float]]:
    """What was measured of each output in the other batches of the study."""
    found: dict[str, list[float]] = {}
    for one in others:
        for name, data in one.batch.data.items():
            found.setdefault(name, []).extend(data.values[np.isfinite(data.values)].tolist())
    return {name: (min(values), max(values)) for name, values in found.items() if values}


def _naive(model: Model, found: Compared, others: Sequence[Taken]) -> dict[str, dict[str, float]]:
    """Errors of naive predictions by name and output."""
    batch = found.taken.batch
    rivals = baselines(Problem(model, tuple(one.batch for one in others) or (batch,)), batch)
    if not others:
        rivals.pop("mean of the others")
    if found.posterior is None:
        rivals.pop("declared parameters")  # that is what is compared
    return rivals


def _row(
    model: Model, found: Compared, naive: Mapping[str, Mapping[str, float]], name: str
) -> dict[str, Any]:
    """What the prediction of an output was worth, beside the naive ones."""
    data, prediction = found.taken.batch.data[name], found.measured(name)
    worth = score(prediction, data)
    noise = next(one.noise for one in model.outputs if one.name == name)
    row = {"output": name, "unit": prediction.unit, "n": worth.n, "rmse": worth.rmse,
           "bias": worth.bias, "rmse in sd": None, "n_inside": None, "coverage": None,
           "width": None}  # fmt: skip
    if noise is not None:
        sd = np.sqrt(noise.sd**2 + (noise.relative * prediction.median) ** 2)
        row["rmse in sd"] = float(
            np.sqrt(np.nanmean(((data.values - prediction.median) / sd) ** 2))
        )
    if found.posterior is not None:
        row |= {"coverage": worth.coverage, "width": worth.width,
                "n_inside": round(worth.coverage * worth.n)}  # fmt: skip
    rivals = {f"rmse of {one}": of[name] for one, of in naive.items() if name in of}
    return {**row, **rivals, "is_extrapolated": prediction.is_extrapolated}


def _words(row: Mapping[str, Any], level: float) -> str:
    """One line of what an engineer asks: does the twin hold, and does it beat a guess?"""
    rivals = {k.removeprefix("rmse of "): v for k, v in row.items() if k.startswith("rmse of ")}
    said = f"{row['output']}: RMSE {row['rmse']:.3g} {row['unit']}"
    if row["rmse in sd"] is not None:
        said += f", {row['rmse in sd']:.2g} standard deviations of a measurement"
    if rivals:
        best = min(rivals, key=lambda one: rivals[one])
        verdict = "better" if row["rmse"] < rivals[best] else "not better"
        said += f"; {verdict} than the best naive prediction ({best}: {rivals[best]:.3g})"
    if row["n_inside"] is not None:
        said += f"; {row['n_inside']} of {row['n']} inside the {level:.0%} interval"
    return f"{said}."


def _notes(found: Compared) -> list[str]:
    """What was extrapolated, bounded or failed, each once."""
    said: list[str] = []
    for one in found.predictions.values():
        said += [note.text for note in one.notes]
        if one.n_failed:
            said.append(f"{one.n_failed} draws could not be run: {'; '.join(one.failures[:3])}")
    return list(dict.fromkeys(said))


def _table(found: Compared, path: Path) -> None:
    """All curves with what was measured, one row a time of an output."""
    has_interval = found.posterior is not None
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        unit = found.run.units["time"]
        rows.writerow(
            ["output", "unit", f"time [{unit}]", "measured", "predicted", "lower", "upper"]
        )
        for name, one in found.predictions.items():
            data = found.taken.batch.data[name]
            measured = dict(zip(data.times.tolist(), data.values.tolist(), strict=True))
            for k, t in enumerate(one.time.tolist()):
                ends = [one.lower[k], one.upper[k]] if has_interval else ["", ""]
                rows.writerow([name, one.unit, t, measured.get(t, ""), one.median[k], *ends])


def _plot(found: Compared, title: str, path: Path) -> None:
    """Outputs with what was measured of them, then the inputs that were applied."""
    run = found.run
    moving = [name for name in run.inputs if np.ptp(run[name]) > 0.0]
    shown = [*found.predictions, *moving][:MAX_PANELS]
    n_rows = (len(shown) + 2) // 3
    page = figure(12.0, 2.6 * n_rows + 0.6)
    page.suptitle(title, fontsize=11)
    for number, name in enumerate(shown, start=1):
        axes = page.add_subplot(n_rows, 3, number)
        if name in found.predictions:
            _panel(axes, found, name)
        else:
            axes.plot(run.time, run[name], color=INK, linewidth=1.2, drawstyle="steps-post")
        kind = "output" if name in found.predictions else "input as applied"
        label_panel(axes, f"{name}, {run.units[name]} ({kind})", run.units["time"])
    page.savefig(path, dpi=110)


def _panel(axes: Any, found: Compared, name: str) -> None:
    one, data = found.predictions[name], found.taken.batch.data[name]
    if found.posterior is not None:
        axes.fill_between(one.time, one.lower, one.upper, color=INK, alpha=0.2, linewidth=0)
    axes.plot(one.time, one.median, color=INK, linewidth=1.4, label="twin")
    axes.plot(data.times, data.values, ".", color=WARN, markersize=5, label="measured")
    axes.legend(fontsize=7, frameon=False)
