"""The best recipe of a study: found by collocation, checked by the common simulator."""

from __future__ import annotations

from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.capabilities.twin._documents import beside, names_its_file, write_document
from goldenbatch.capabilities.twin._own_recipes import start_of
from goldenbatch.capabilities.twin._study_text import study_text
from goldenbatch.capabilities.twin.commands import OutPath, StudyPath
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from goldenbatch.capabilities.twin.study import Study
    from goldenbatch.capabilities.twin.study_asks import LimitPart
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.optimal import Limit, Optimum, Problem, Scenario
    from goldenbatch.science.process.recipe import Recipe

MOST_LEFT = 0.01
"""Of a limit, as a part of it: between the points of the programme it is not held exactly."""
JobsOption = Annotated[int, typer.Option(min=1, help="Worker processes.")]


@names_its_file
def optimise_command(
    session: Any, study: StudyPath, out: OutPath = Path("twin-out"), jobs: JobsOption = 1
) -> None:
    """Find the best recipe of a study; writes optimise.json, .png and found.toml.

    `found.toml` is the study with the recipe that was found; lay it beside the study and run it.
    Ends with exit code 1 where nothing was found, with the reason, or where the simulation leaves
    a limit by more than a hundredth of it.
    """
    from goldenbatch.capabilities.twin.study import load_study

    read = load_study(study)
    answer = optimised(read, out, jobs)
    session.show(answer)
    if answer["status"] == "failed" or answer["largest violation"] > MOST_LEFT:
        session.exit_code = 1


def optimised(study: Study, out: Path, jobs: int = 1) -> dict[str, Any]:
    """Optimise a study and write what was found; returns the answer."""
    from goldenbatch.capabilities.twin.asking import in_processes
    from goldenbatch.capabilities.twin.recipes import model_ref, recipe_of
    from goldenbatch.science.process.optimal import Options, check, optimise

    ref = model_ref(study)
    model = ref.load()
    recipe = recipe_of(study, model)
    problem, posterior = problem_of(study, model, recipe)
    ask = study.optimise
    options = Options(
        elements=ask.elements, n_starts=ask.starts, seed=study.seed, max_cpu_s=ask.most_cpu_s
    )
    found = optimise(problem, options, executor=in_processes(jobs), ref=ref)
    provenance = {**found.provenance, "study_digest": study.digest, "posterior": posterior}
    most = check.largest(problem, found.violations)
    answer = {
        "study": study.name, **summary_of(found, model), "largest violation": most,
        "provenance": provenance,
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    return {**answer, "files": _write(study, problem, found, answer, out)}


def problem_of(study: Study, model: Model, recipe: Recipe) -> tuple[Problem, str]:
    """What a study asks to be optimised, and the digest of its posterior.

    Raises:
        BadInputError: Nothing is asked, or the recipe has what collocation does not take.
    """
    from goldenbatch.science.process import optimal

    ask = study.optimise
    if not ask.controls or not ask.goal:
        raise BadInputError(
            "the study asks for no optimum.",
            hint="Give [[optimise.controls]] and [[optimise.goal]].",
            key="optimise",
        )
    _check_plain(recipe)
    chosen = {one.input for one in ask.controls}
    scenarios, posterior = _scenarios(study, model)
    problem = optimal.Problem(
        model=model,
        controls=tuple(
            optimal.Control(one.input, one.low, one.high, one.guess, one.move_price)
            for one in ask.controls
        ),
        goal=tuple(optimal.Term(one.column, one.price, one.when) for one in ask.goal),
        duration=_duration(study, model, recipe),
        n_controls=ask.n,
        limits=tuple(map(_limit, ask.limits)),
        inputs={name: one for name, one in recipe.inputs.items() if name not in chosen},
        scenarios=scenarios,
        risk=ask.risk,
    )
    return problem, posterior


def _limit(one: LimitPart) -> Limit:
    from goldenbatch.science.process.optimal import Limit

    low, high = -inf if one.lower is None else one.lower, inf if one.upper is None else one.upper
    return Limit(one.column, low, high, one.when)


def _check_plain(recipe: Recipe) -> None:
    for kind in ("events", "controllers", "faults", "adjustments", "resets"):
        if getattr(recipe, kind):
            raise BadInputError(
                f"the recipe has {kind}, which an optimisation does not take: it chooses inputs.",
                hint="Leave them out, or give the recipe in words.",
                key="recipe",
            )


def _duration(study: Study, model: Model, recipe: Recipe) -> float | tuple[float, float]:
    from goldenbatch.capabilities.twin.recipes import time_in

    given = study.optimise.duration
    if given is None:
        return recipe.duration
    low, high = (time_in(model, one, "optimise.duration") for one in given)
    return low, high


def _scenarios(study: Study, model: Model) -> tuple[tuple[Scenario, ...], str]:
    """The ways that things may be, each with what the study sets, and the posterior's digest."""
    from goldenbatch.capabilities.twin.asking import load_posterior
    from goldenbatch.science.process.optimal import Scenario
    from goldenbatch.science.process.posterior import prior

    initial, known = start_of(study)
    if not study.optimise.draws:
        return (Scenario(known, initial),), ""
    digest = ""
    if study.model.posterior:
        drawn = load_posterior(beside(study.folder, study.model.posterior, "model.posterior"))
        drawn.check(model)
        digest = drawn.digest
    else:
        drawn = prior(model, study.optimise.draws, study.seed)
    scenarios = Scenario.of(drawn, study.optimise.draws)
    return tuple(
        Scenario({**one.parameters, **known}, {**one.initial, **initial}) for one in scenarios
    ), digest


def summary_of(found: Optimum, model: Model) -> dict[str, Any]:
    """What was found, for people and for JSON."""
    units = {one.name: one.unit for one in model.inputs}
    return {
        "status": found.status,
        "reason": found.reason,
        "model": f"{model.name} {model.version}",
        "goal": found.goal,
        "goal by simulation": found.simulated_goal,
        "difference": found.difference,
        "violations": [{"limit": n, "by": v} for n, v in found.violations.items()],
        "is_extrapolated": any(run.is_extrapolated for run in found.simulations),
        "end": f"{found.end:g} {model.time_unit}",
        "controls": [
            {"input": name, "unit": units[name], "values": values.tolist()}
            for name, values in found.controls.items()
        ],
        "starts": [
            {name: value for name, value in asdict(one).items() if name != "controls"}
            for one in found.starts
        ],
    }


def _write(
    study: Study, problem: Problem, found: Optimum, answer: Mapping[str, Any], out: Path
) -> list[str]:
    # What an earlier search left must not be taken for this one's.
    for name in ("optimise.png", "found.toml"):
        (out / name).unlink(missing_ok=True)
    files = ["optimise.json"]
    if found.recipe is not None and found.simulations:
        _plot(study, problem, found, out / "optimise.png")
        files.append("optimise.png")
        if found.is_solved:
            (out / "found.toml").write_text(study_text(study, found.recipe), encoding="utf-8")
            files.append("found.toml")
    write_document(answer, out / "optimise.json", files)
    return [str(out / name) for name in files]


def _plot(study: Study, problem: Problem, found: Optimum, path: Path) -> None:
    import numpy as np

    from goldenbatch.capabilities.twin.plots import plot_bands, plot_run

    asked = (*(one.name for one in problem.goal), *(one.name for one in problem.limits))
    named = (*found.controls, *asked)
    columns = list(dict.fromkeys(n for n in named if n != "time"))
    columns += [one.name for one in problem.model.outputs if one.name not in columns]
    run = found.simulations[0]
    title = f"{study.name}: {found.status}, goal {found.simulated_goal:.4g}"
    if len({len(one.time) for one in found.simulations}) > 1 or len(found.simulations) == 1:
        plot_run(run, columns, title, path)
        return
    whole = {n: np.array([one[n] for one in found.simulations]) for n in columns}
    bands = {n: (v.min(axis=0), np.median(v, axis=0), v.max(axis=0)) for n, v in whole.items()}
    plot_bands(run.time, bands, run.units, f"{title}; lowest, median, highest", path)
