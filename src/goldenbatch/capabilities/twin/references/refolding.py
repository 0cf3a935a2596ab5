"""Refolding: real fed-batch runs; each is fitted alone and predicts all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from goldenbatch.capabilities.twin._run_tables import RunTable, read_run_table
from goldenbatch.capabilities.twin.references import Case, Row
from goldenbatch.core.errors import BadInputError, GoldenbatchError
from goldenbatch.science.process.fitting import (
    Asked,
    Batch,
    Fit,
    Measured,
    Problem,
    Search,
    baselines,
    domain_of,
    fit,
    identifiability,
    predict,
    score,
)
from goldenbatch.science.process.fitting.prediction import without_values
from goldenbatch.science.process.library.refolding import recipe_of, refolding
from goldenbatch.science.process.model import to_unit

FITTED = ("an", "bn", "aa", "ba")
OUTPUTS = {"c_I": "c_I", "c_N": "c_N", "c_A": "c_A"}
FLOWS = {"F1": "u_0", "F2": "u_1", "F3": "u_2", "F_out": "u_out"}
INSIDE = ("I", "N", "A", "D")
FEEDS = ("cSR1", "cDR1", "cSR2", "cDR2", "cSR3", "cDR3")


def read_refolding(path: Path) -> Batch:
    """A run as its authors wrote it: samples and flows on the first sheet, feeds on another.

    The first sample gives the initial states; the others are the data.

    Raises:
        BadInputError: A sheet, a column or a feed is missing, or the volume does not close.
    """
    model = refolding()
    table = read_run_table(path)
    times = table.times(model.time_unit)
    flows = {name: table.column(column, "L/h", is_complete=True) for name, column in FLOWS.items()}
    volume = table.column("V", "L", is_complete=True)
    try:
        recipe = recipe_of(times, volume, flows, _feeds(path))
    except ValueError as error:
        raise BadInputError(str(error), hint="", file=str(path)) from error
    data = {
        name: Measured(one.times[1:], one.values[1:])
        for name, one in table.data(model, OUTPUTS).items()
    }
    return Batch(path.stem, recipe, data, initial=_start(table))


def _start(table: RunTable) -> dict[str, float]:
    """Initial states by the first sample; an assay just below zero is zero."""
    found = {
        state: float(table.column(column, unit, is_complete=state in ("D", "V"))[0])
        for state, column, unit in (
            ("I", "c_I", "g/L"), ("N", "c_N", "g/L"), ("A", "c_A", "g/L"),
            ("D", "c_D", "mol/L"), ("V", "V", "L"),
        )
    }  # fmt: skip
    missing = [state for state, value in found.items() if np.isnan(value)]
    if missing:
        raise BadInputError(
            f"the first sample has no {missing[0]}.",
            hint="A run begins with a whole sample.", file=table.file, line=table.lines[0],
        )  # fmt: skip
    return {state: max(value, 0.0) for state, value in found.items()}


def _feeds(path: Path) -> dict[str, float]:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    if "input_parameters" not in book.sheetnames:
        raise BadInputError(
            "there is no sheet 'input_parameters'.", hint="It names the feeds.", file=str(path)
        )
    rows = [row[:3] for row in book["input_parameters"].iter_rows(values_only=True) if row[0]]
    found = {}
    for name, unit, value in rows:
        if name in FEEDS:
            target = "g/L" if "cS" in name else "mol/L"
            text = f"{value} {str(unit).strip('[]')}"
            found[name.replace("R", "")] = to_unit(text, target, f"feed {name}")
    return found


def fitted(*runs: Batch, n_starts: int = 3) -> tuple[Problem, Fit]:
    """Runs together; the errors of their assays are not published and are estimated."""
    problem = Problem(refolding(), runs, fitted=FITTED, noise=dict.fromkeys(OUTPUTS))
    return problem, fit(problem, Search(n_starts=n_starts, seed=1, tolerance=1e-6))


def replay(files: Sequence[Path]) -> Iterator[Row]:
    """Published parameters; each run fitted alone and the others predicted; then each left out."""
    runs = []
    for path in files:
        try:
            runs.append(read_refolding(path))
        except GoldenbatchError as error:
            yield _lost(f"run {path.name}", error)
    for run in runs:
        yield _published(run)
    for run in runs:
        yield from _from((run,), [other for other in runs if other is not run])
    if len(runs) > 2:
        for run in runs:
            yield from _from(tuple(other for other in runs if other is not run), [run])


def _from(known: tuple[Batch, ...], others: Sequence[Batch]) -> Iterator[Row]:
    """Fit some runs, say what they do not hold, predict others."""
    name = known[0].name if len(known) == 1 else f"all {len(known) + 1} but {others[0].name}"
    try:
        problem, found = fitted(*known)
        told = identifiability(problem, found)
    except GoldenbatchError as error:
        yield _lost(f"fit of {name}", error)
        return
    yield Row(
        f"native protein, {name} fitted, g/L", "measured", f"RMSE {found.rmse('c_N'):.4f}",
        found.rmse("c_N"), "RMSE, g/L", kind="calibration", note=" ".join(told.statements),
    )  # fmt: skip
    held = not told.unidentified and not any(one.is_at_bound for one in found.estimates)
    for other in others:
        try:
            yield _predicted(problem, found, other, name, is_judged=held)
        except GoldenbatchError as error:
            yield _lost(f"{other.name} predicted from {name}", error)


def _lost(what: str, error: Exception) -> Row:
    """What could not be done is outside its limit, with the reason."""
    return Row(what, "measured", "none", float("nan"), "none", 0.0, note=str(error))


def _published(run: Batch) -> Row:
    rivals = baselines(Problem(refolding(), (run,), fitted=FITTED), run)
    rmse = rivals["declared parameters"]["c_N"]
    return Row(
        f"native protein, {run.name} by the published parameters, g/L", "measured",
        f"RMSE {rmse:.4f}", rmse, "RMSE, g/L", kind="calibration",
        note="the parameters were fitted by their authors to runs of this series",
    )  # fmt: skip


def _predicted(problem: Problem, found: Fit, other: Batch, name: str, *, is_judged: bool) -> Row:
    posterior = found.posterior(120, seed=2)
    asked = Asked(noise=found.noises, seed=3, domain=domain_of(problem, found, INSIDE))
    got = predict(refolding(), without_values(other), posterior, asked)["c_N"]
    of = score(got, other.data["c_N"])
    rivals = baselines(problem, other)
    naive = min(rivals["first value"]["c_N"], rivals["mean of the others"]["c_N"])
    note = (
        f"RMSE {of.rmse:.4f} g/L; first value held {rivals['first value']['c_N']:.4f}, mean of the "
        f"fitted {rivals['mean of the others']['c_N']:.4f}, published parameters "
        f"{rivals['declared parameters']['c_N']:.4f}; {of.coverage:.0%} of {of.n} inside the 95 % "
        f"interval of mean width {of.width:.3f} g/L"
    )
    out = [one.text for one in got.notes if one.kind == "extrapolation"]
    if out:
        note += f"; extrapolated: {'; '.join(out)}"
    if not is_judged:
        note += "; not judged: what was fitted does not hold all parameters"
    judged = is_judged and not out
    return Row(
        f"native protein, {other.name} predicted from {name}", "measured",
        f"RMSE {of.rmse:.4f} g/L", of.rmse / naive, "RMSE / RMSE of the better naive prediction",
        1.0 if judged else None, kind="validation", note=note,
    )  # fmt: skip


CASES = (
    Case(
        name="refolding",
        model="refolding",
        title="Fed-batch protein refolding",
        kind="validation",
        against="laboratory data",
        context_of_use="Predicting native protein of a run from another of the same protein and "
        "process; feeds of more than 12 g/L are outside the range of the model.",
        source="fed-batch refolding runs, published without a licence: reference only",
        folder="refolding",
        pattern="*.xlsx",
        replay="refolding:replay",
        is_whole_folder=True,
    ),
)
