"""Checking a study in the node, without an engine: its form, its names and its units.

What only the engine can tell (a state out of its bounds, a recipe that cannot be) is told by the
worker as the run begins.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenbatch.capabilities.twin.study import SCHEMA, Study, load_study
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.quantities import Quantity, UnitError, conversion

LINES = ("goldenbatch/line/1", "goldenbatch/fill-line/1", "goldenbatch/tablet-line/1")
WORKS: Mapping[str, str] = {
    "run": "Run the recipe once",
    "ensemble": "Run it many times over what is not known",
    "design-space": "Where in its factors all limits are met",
    "stress": "What the standard faults cost",
    "sensitivity": "What the spread of its measures comes from",
    "footprint": "Energy, water, mass and CO2e of a batch and a dose",
    "line": "Simulate a line or a plant",
}
"""What can be asked, and what it means."""
LOADERS = ("load_line", "load_vial_line", "load_tablet_line")
MAX_LINE_RUNS = 2_000
MAX_RUNS_ASKED = 200_000
"""Members times points of one question to the studio; larger ones are the command line's."""


@dataclass(frozen=True)
class Checked:
    """A study that holds together.

    Attributes:
        name: Of the study or of the line.
        digest: SHA-256 of what it says; of a line, of its text.
        model: Name in the library; empty for a line.
        n_runs: How many simulations the question takes, as far as it can be told.
    """

    name: str
    digest: str
    model: str
    seed: int
    n_runs: int


def checked_study(path: Path, work: str, models: Mapping[str, Any], members: int = 0) -> Checked:
    """Check a study that lies in a folder of its own.

    Args:
        path: The TOML file; other files that it names lie beside it.
        work: What is asked: one of `WORKS`, a line excepted.
        models: The catalogue's models.
        members: Of an ensemble; 0: as the study says.

    Raises:
        BadInputError: An entry is missing, unknown, impossible, or in a wrong unit.
    """
    study = load_study(path)
    if study.model.target:
        raise BadInputError(
            "the studio runs models of the library only.",
            hint="Code of one's own runs on the command line: goldenbatch twin run.",
            key="model.target",
        )
    model = models.get(study.model.use)
    if model is None or "problem" in model:
        why = "" if model is None else f": {model['problem']}"
        raise BadInputError(
            f"the library has no model {study.model.use!r}{why}.",
            hint=f"It has: {', '.join(models)}.",
            key="model.use",
        )
    _check_names(study, model)
    _check_asked(study, work, model)
    n_runs = _n_runs(study, work, members)
    if n_runs > MAX_RUNS_ASKED:
        raise BadInputError(
            f"this takes {n_runs:,} simulations; the studio takes {MAX_RUNS_ASKED:,}.",
            hint="Take fewer members or points, or run the study on the command line.",
            key="members",
        )
    return Checked(study.name, study.digest, study.model.use, study.seed, n_runs)


def schema_of(text: str) -> str:
    """The schema that a document says it has.

    Raises:
        BadInputError: It is no TOML, or none that is run here.
    """
    try:
        schema = str(tomllib.loads(text).get("schema", ""))
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"no TOML: {error}.", hint="Correct it.", key="study") from error
    if schema != SCHEMA and schema not in LINES:
        raise BadInputError(
            f"schema {schema!r} is not run here.",
            hint=f"Begin with schema = one of {', '.join((SCHEMA, *LINES))}.",
            key="schema",
        )
    return schema


def _n_runs(study: Study, work: str, members: int) -> int:
    n = members or study.members
    if work == "design-space":
        points = 1
        for one in study.factors:
            points *= one.n
        return n * points
    if work == "sensitivity":
        return 128 * (len(study.factors) + 24)
    return n if work in ("ensemble", "stress") else 1


def _check_asked(study: Study, work: str, model: Mapping[str, Any]) -> None:
    """Refuse a question for which the study lacks something, before anyone waits."""
    limited = [one for one in study.measures if one.lower is not None or one.upper is not None]
    needs = {
        "ensemble": (bool(study.measures), "measures nothing", "measures"),
        "sensitivity": (bool(study.measures), "measures nothing", "measures"),
        "stress": (bool(limited), "has no measure with a limit", "measures"),
        "design-space": (
            bool(limited) and bool(study.factors),
            "needs a measure with a limit, and a factor that is varied",
            "factors",
        ),
        "footprint": (bool(study.footprint.flows), "maps no flows", "footprint"),
    }
    is_met, problem, key = needs.get(work, (True, "", ""))
    if not is_met:
        raise BadInputError(f"the study {problem}.", hint=f"Add it: {WORKS[work]}.", key=key)
    if study.recipe.use and model.get("recipe") is None:
        raise BadInputError(
            f"{study.model.use} has no recipe of its own.",
            hint="Give duration, interval and inputs.",
            key="recipe.use",
        )


def _check_names(study: Study, model: Mapping[str, Any]) -> None:
    """Names that the model has, and values in units that convert."""
    units = {kind: {one["name"]: one["unit"] for one in model[kind]}
             for kind in ("states", "inputs", "parameters", "outputs")}  # fmt: skip
    columns = {**units["states"], **units["inputs"], **units["outputs"]}
    time = model["time_unit"]
    for where, value, unit in _valued(study, units, time):
        _check_unit(where, value, unit)
    for number, one in enumerate(study.measures, start=1):
        if one.column:
            unit = _known(one.column, columns, f"measures.{number}.column")
            if one.take in ("final", "maximum", "minimum", "mean", "at"):
                for name in ("lower", "upper", "level"):
                    _check_unit(f"measures.{number}.{name}", getattr(one, name), unit)


def _valued(
    study: Study, units: Mapping[str, Mapping[str, str]], time: str
) -> Iterable[tuple[str, Any, str]]:
    """Each value of a study with its place and the unit that it must convert to."""
    recipe = study.recipe
    yield "recipe.duration", recipe.duration, time
    yield "recipe.interval", recipe.interval, time
    for kind, part, given in (
        ("parameters", "model.parameters", study.model.parameters),
        ("states", "model.initial", study.model.initial),
        ("inputs", "recipe.inputs", recipe.inputs),
    ):
        for name, one in given.items():
            unit = _known(name, units[kind], f"{part}.{name}")
            for value in _values_of(one):
                yield f"{part}.{name}", value, unit
            for at in getattr(one, "times", ()):
                yield f"{part}.{name}.times", at, time
    for number, fault in enumerate(recipe.faults, start=1):
        yield f"recipe.faults.{number}.start", fault.start, time
        yield f"recipe.faults.{number}.end", fault.end, time
    for number, factor in enumerate(study.factors, start=1):
        for kind, name in (("inputs", factor.input), ("parameters", factor.parameter),
                           ("states", factor.initial)):  # fmt: skip
            if name:
                unit = _known(name, units[kind], f"factors.{number}")
                yield f"factors.{number}.low", factor.low, unit
                yield f"factors.{number}.high", factor.high, unit


def _values_of(one: Any) -> list[Any]:
    if isinstance(one, list):
        return one
    return list(getattr(one, "values", ())) if hasattr(one, "values") else [one]


def _known(name: str, units: Mapping[str, str], where: str) -> str:
    """The unit of a name; an element of a vector (`N[3]`) has that of the vector."""
    unit = units.get(name, units.get(name.partition("[")[0]))
    if unit is None:
        raise BadInputError(
            f"the model has no {name!r}.", hint=f"It has: {', '.join(units)}.", key=where
        )
    return unit


def _check_unit(where: str, value: Any, unit: str) -> None:
    """Refuse a text with a unit that does not convert; a number is in the declared unit."""
    if not isinstance(value, str) or not value:
        return
    try:
        conversion(Quantity.parse(value).unit, unit)
    except (UnitError, BadInputError, ValueError) as error:
        raise BadInputError(
            f"{value!r} is no value in {unit}: {error}",
            hint=f"Write a number in {unit}, or a number with a unit that converts to it.",
            key=where,
        ) from error


def checked_line(path: Path) -> Checked:
    """Check a line or a plant that lies in a folder of its own; its engine is not needed.

    Args:
        path: The TOML file; tables that it names lie beside it.

    Raises:
        BadInputError: An entry is missing, unknown or impossible.
    """
    import hashlib

    from goldenbatch.capabilities.twin.line_commands import module_of

    module: Any = module_of(path)
    load = next(getattr(module, name) for name in LOADERS if hasattr(module, name))
    read = load(path)
    study = getattr(read, "study", None) or getattr(read, "settings", None)
    seed = int(getattr(read, "seed", getattr(study, "seed", 0)))
    n_runs = len(read.scenarios) * int(getattr(study, "n_replications", 1))
    if n_runs > MAX_LINE_RUNS:
        raise BadInputError(
            f"this takes {n_runs:,} runs of a line; the studio takes {MAX_LINE_RUNS:,}.",
            hint="Take fewer replications or scenarios.",
            key="study.n_replications",
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = next(iter(read.scenarios.values())).name
    return Checked(name, digest, "", seed, n_runs)
