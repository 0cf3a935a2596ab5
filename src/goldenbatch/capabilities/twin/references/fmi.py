"""Export: models of the library as FMI 3.0 units, run by FMPy with its own solver."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from goldenbatch.capabilities.twin.exchange import ForeignUnit, export_fmu
from goldenbatch.capabilities.twin.references import Case, Row
from goldenbatch.science.process import library
from goldenbatch.science.process.integrate import Settings
from goldenbatch.science.process.model import Model
from goldenbatch.science.process.plan import plan
from goldenbatch.science.process.recipe import Linear, Recipe
from goldenbatch.science.process.simulation import simulate

LIMIT = 1e-4
_TIGHT = Settings(rtol=1e-8, atol=1e-10)


def replay(files: Sequence[Path]) -> Iterator[Row]:
    """Every model of the library whose own recipe is a schedule of steps."""
    with tempfile.TemporaryDirectory() as folder:
        for entry in library.ENTRIES:
            recipe = entry.default_recipe()
            if recipe is None or not _is_schedule(recipe):
                continue
            yield _row(entry.name, entry.load(), recipe, Path(folder) / f"{entry.name}.fmu")


def _is_schedule(recipe: Recipe) -> bool:
    """Whether a unit can be given it: units know no jumps, controllers and faults."""
    rest = (recipe.events, recipe.controllers, recipe.faults, recipe.adjustments, recipe.resets)
    return not any(rest) and not any(isinstance(one, Linear) for one in recipe.inputs.values())


def _row(name: str, model: Model, recipe: Recipe, path: Path) -> Row:
    made = export_fmu(model, path)
    resolved = plan(model, recipe)
    begins = resolved.borders[:-1]
    given = np.array([model.input_vector(resolved.inputs(t)) for t in begins])
    inputs = {n: (list(begins), list(given[:, k])) for k, n in enumerate(model.columns("inputs"))}
    own = simulate(model, recipe, settings=_TIGHT)
    states = [column for column in model.columns("states") if np.abs(own[column]).max() > 0.0]
    run = ForeignUnit(path, made.sha256).run(
        recipe.duration, recipe.interval, inputs=inputs, outputs=states, rtol=1e-8
    )
    if run.status == "failed" or own.status != "complete":
        return Row(name, "runs", f"{run.status}: {run.reason or own.reason}", 1.0, "failed", 0.0)
    worst, at = 0.0, ""
    for column in states:
        there = np.interp(own.time, run.time, run[column])
        error = float(np.abs(there - own[column]).max() / np.abs(own[column]).max())
        worst, at = max((worst, at), (error, column))
    return Row(
        f"{name}: {len(states)} states", "our own run", f"worst: {at}", worst,
        "largest difference / largest value", LIMIT,
    )  # fmt: skip


CASES = (
    Case(
        name="fmi",
        model="cho.monod",
        title="Units exported as FMI 3.0",
        kind="verification",
        against="other code",
        context_of_use="What we export computes elsewhere what the model computes here.",
        source="FMPy (BSD-2) with CVode, from the exported sources compiled on this machine",
        folder="",
        pattern="",
        replay="fmi:replay",
    ),
)
