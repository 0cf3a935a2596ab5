"""The footprint of a study's batch and dose: its flows, summed up by versioned factors."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.capabilities.twin._documents import beside, names_its_file, write_document
from goldenbatch.capabilities.twin._own_recipes import start_of
from goldenbatch.capabilities.twin.commands import OutPath, StudyPath
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.quantities import Quantity, conversion
from goldenbatch.science.process.recipe import Happening

if TYPE_CHECKING:
    from collections.abc import Mapping

    from goldenbatch.capabilities.twin.study import Study
    from goldenbatch.capabilities.twin.study_asks import FlowPart
    from goldenbatch.science.process.footprint import Flow, Footprint
    from goldenbatch.science.process.footprint_factors import FactorTable
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.recipe import Recipe
    from goldenbatch.science.process.result import Simulation

STEAM_K, FEED_K = 394.25, 353.15
"""Saturated steam of 121.1 Cel from feed water of 80 Cel."""


@names_its_file
def footprint_command(session: Any, study: StudyPath, out: OutPath = Path("twin-out")) -> None:
    """Energy, water, mass and CO2e of a batch and a dose; writes footprint.json and .csv.

    Ends with exit code 1 where the batch does not come to its end, with the reason.
    """
    from goldenbatch.capabilities.twin.study import load_study

    answer = footprint_of(load_study(study), out)
    session.show(answer)
    if answer["status"] != "complete":
        session.exit_code = 1


def footprint_of(study: Study, out: Path) -> dict[str, Any]:
    """Run a study, reckon its footprint and write it; returns the answer.

    Raises:
        BadInputError: The study maps no flows, names no product, or a unit does not fit.
        UnknownFactorError: An item has no factor for the year and was not left out.
    """
    from goldenbatch.capabilities.twin.recipes import model_ref, recipe_of
    from goldenbatch.science.process.footprint import FootprintSettings, footprint
    from goldenbatch.science.process.simulation import simulate

    ask = study.footprint
    _check_asked(study)
    model = model_ref(study).load()
    recipe = recipe_of(study, model)
    initial, parameters = start_of(study)
    run = simulate(model, recipe, initial=initial, parameters=parameters)
    answer: dict[str, Any] = {
        "study": study.name, "status": run.status, "reason": run.reason,
        "model": f"{model.name} {model.version}", "is_extrapolated": run.is_extrapolated,
    }  # fmt: skip
    found = None
    provenance = asdict(run.provenance)
    if run.is_complete:
        product_kg = _product_kg(run, ask.product)
        found = footprint(
            [_flow(model, recipe, run, one) for one in ask.flows],
            product_kg=product_kg,
            settings=FootprintSettings(ask.year, ask.left_out, seed=study.seed),
            n_doses=product_kg / _mass_kg(ask.dose, "footprint.dose") if ask.dose else ask.doses,
            factors=factors_of(study),
        )
        answer |= {"product": f"{product_kg:.6g} kg", **summary_of(found)}
        provenance |= found.provenance
    answer["provenance"] = provenance
    return {**answer, "files": _write(found, answer, out)}


def _check_asked(study: Study) -> None:
    if not study.footprint.flows or not study.footprint.product:
        raise BadInputError(
            "the study maps no flows or names no product.",
            hint="Give [footprint] with `product`, and [[footprint.flows]].",
            key="footprint",
        )


def summary_of(found: Footprint) -> dict[str, Any]:
    """What a footprint came to, for people and for JSON."""
    told = {"batch": found.batch, "dose": found.dose}
    parts = {name: column.tolist() for name, column in found.parts.items()}
    return {
        **{name: [{"of": n, **asdict(one)} for n, one in rows.items()]
           for name, rows in told.items()},
        "process mass intensity": asdict(found.mass_intensity),
        "CO2e by stage, kg": [
            {"stage": stage or "-", "co2e": co2e} for stage, co2e in found.by_stage().items()
        ],
        "parts": [dict(zip(parts, row, strict=True)) for row in zip(*parts.values(), strict=True)],
        "without interval": list(found.without_interval),
        "left out": [{"item": n, "reason": why} for n, why in found.left_out.items()],
        "factors": f"{found.provenance['factors']}, version {found.provenance['factors_version']}, "
        f"year {found.provenance['year']}",
    }  # fmt: skip


def factors_of(study: Study) -> FactorTable:
    """The shipped factors, and before them those of the study's own file."""
    from goldenbatch.science.process.footprint_factors import read_factors, shipped_factors

    name = study.footprint.factors
    if not name:
        return shipped_factors()
    path = beside(study.folder, name, "footprint.factors")
    try:
        own = read_factors(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise NotFoundError(f"table of factors {path} does not exist.", hint="Lay it there.") from (
            error
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"no TOML: {error}.", hint="Correct it.", file=str(path)) from error
    return shipped_factors().with_items(own)


def summed_input(model: Model, recipe: Recipe, run: Simulation, name: str) -> tuple[float, str]:
    """An input summed up over a run, exactly, and its unit.

    Raises:
        NotFoundError: The model has no such input.
    """
    from goldenbatch.science.process.plan import plan

    units = {one.name: one.unit for one in model.inputs}
    if name not in units:
        raise NotFoundError(
            f"{name!r} is no input of {model.name}.", hint=f"It has: {', '.join(units) or 'none'}."
        )
    planned = plan(model, recipe)
    total = 0.0
    for t, h, value in zip(run.time[:-1], np.diff(run.time), run[name][:-1], strict=True):
        # A schedule in straight lines goes on within the interval, unless something else sets it.
        is_as_planned = value == planned.inputs(float(t)).get(name)
        slope = planned.slopes(float(t), float(h)).get(name, 0.0) if is_as_planned else 0.0
        total += h * (value + 0.5 * h * slope)
    return float(total), f"({units[name]}).({model.time_unit})"


def summed_jump(
    model: Model, recipe: Recipe, run: Simulation, jump: str, argument: str
) -> tuple[float, str]:
    """An argument of a jump, summed up over what happened in a run, and its unit.

    Raises:
        NotFoundError: The model has no such jump or argument.
    """
    from goldenbatch.science.process.model import to_unit

    known = {one.name: dict(one.arguments) for one in model.jumps}
    if argument not in known.get(jump, {}):
        listed = ", ".join(f"{n} ({', '.join(given)})" for n, given in known.items())
        raise NotFoundError(
            f"{model.name} has no jump {jump!r} with {argument!r}.", hint=f"It has: {listed}."
        )
    unit = known[jump][argument]
    events = [one for one in recipe.events if isinstance(one, Happening)]
    events += [one for fault in recipe.faults for one in fault.jumps()]
    given = [
        to_unit(one.arguments[argument], unit, f"{jump}.{argument}")
        for one in events
        if one.jump == jump and one.at <= run.time[-1] and argument in one.arguments
    ]
    return sum(given), unit


def _flow(model: Model, recipe: Recipe, run: Simulation, one: FlowPart) -> Flow:
    from goldenbatch.science.process.footprint import flow, steam_flow

    where = f"footprint.flows of {one.item}"
    if one.steam:
        kg = _mass_kg(one.steam, where)
        return steam_flow(kg, steam_K=STEAM_K, feed_K=FEED_K, stage=one.stage)
    if one.input:
        value, unit = summed_input(model, recipe, run, one.input)
    elif one.jump:
        value, unit = summed_jump(model, recipe, run, one.jump, one.argument)
    elif one.column:
        value, unit = run.final(one.column), run.units[one.column]
    elif one.amount:
        value, unit = _measured(one.amount, where)
    else:
        value, unit = _measured(one.power, where)
        value, unit = value * float(run.time[-1]), f"({unit}).({model.time_unit})"
    if one.times:
        factor, per = _measured(one.times, where)
        value, unit = value * factor, f"({unit}).({per})"
    return flow(one.item, value, unit, one.stage)


def _measured(text: str, where: str) -> tuple[float, str]:
    read = Quantity.parse(text)
    if read.operator:
        raise BadInputError(f"{where} is only known as {text!r}.", hint="Give a value.")
    return read.float, read.unit


def _product_kg(run: Simulation, product: str) -> float:
    """Mass of the product, kg: a column's last value, or a given mass."""
    if product in run.values:
        value, unit = run.final(product), run.units[product]
        scale, _ = conversion(unit, "kg")
        return value * scale
    return _mass_kg(product, "footprint.product")


def _mass_kg(text: str, where: str) -> float:
    from goldenbatch.science.process.model import to_unit

    return to_unit(text, "kg", where)


def _write(found: Footprint | None, answer: Mapping[str, Any], out: Path) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    # What an earlier command left must not be taken for this one's.
    (out / "footprint.csv").unlink(missing_ok=True)
    files = ["footprint.json"]
    if found is not None:
        with (out / "footprint.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(found.parts))
            table.writeheader()
            table.writerows(answer["parts"])
        files.append("footprint.csv")
    write_document(answer, out / "footprint.json", files)
    return [str(out / name) for name in files]
