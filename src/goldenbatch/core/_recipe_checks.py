"""What makes a recipe sound as a whole: its level, its names, and what points to what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goldenbatch.core.recipe import Recipe


def check_recipe(recipe: Recipe) -> None:
    """Refuse a recipe that contradicts itself or its level.

    Raises:
        ValueError: What is wrong, naming the entry.
    """
    _check_names(recipe)
    _check_level(recipe)
    _check_risks(recipe)
    _check_references(recipe)
    if (recipe.size is None) != (recipe.size_unit == ""):
        raise ValueError("size and size_unit are given together")


def _check_names(recipe: Recipe) -> None:
    _once("risk", (one.risk for one in recipe.risks))
    _once("unit", (one.unit for one in recipe.equipment))
    _once("material", (one.material for one in recipe.materials))
    _once("parameter", (one.name for one in recipe.parameters))
    _once("attribute", (f"{one.name} of {one.material}" for one in recipe.attributes))
    _once("unit procedure", (one.unit_procedure for one in recipe.procedure))
    for unit_procedure in recipe.procedure:
        _once(
            f"operation of {unit_procedure.unit_procedure}",
            (one.operation for one in unit_procedure.operations),
        )
        for operation in unit_procedure.operations:
            _once(f"phase of {operation.operation}", (one.phase for one in operation.phases))


def _once(what: str, names: Iterable[str]) -> None:
    twice = sorted(name for name, n_times in Counter(names).items() if n_times > 1)
    if twice:
        raise ValueError(f"{what} {twice[0]!r} is there twice")


def _check_level(recipe: Recipe) -> None:
    level = recipe.level.value
    places = {one.unit: one.place for one in recipe.equipment}
    rules = {
        "general": (
            (not recipe.site, "names no site"),
            (not recipe.equipment, "is free of equipment"),
        ),
        "site": ((recipe.site, "names its site"), (not recipe.equipment, "is free of equipment")),
        "master": (
            (recipe.process_cell, "names its process_cell"),
            (recipe.equipment, "has equipment requirements"),
            (not any(places.values()), "says which class of equipment, not which place"),
        ),
        "control": (
            (recipe.batch, "names its batch"),
            (recipe.derived_from, "names the master recipe that it was derived from"),
            (all(places.values()), "names the place of each unit"),
        ),
    }
    for holds, words in rules[level]:
        if not holds:
            raise ValueError(f"a {level} recipe {words}")
    if level in ("general", "site"):
        bound = [one.name for one in recipe.parameters if one.equipment is not None]
        if bound or recipe.process_cell:
            what = f"equipment range of parameter {bound[0]!r}" if bound else "process_cell"
            raise ValueError(f"a {level} recipe is free of equipment: remove the {what}")
    if level != "control" and recipe.batch:
        raise ValueError(f"a {level} recipe names no batch")


def _check_risks(recipe: Recipe) -> None:
    known = {one.risk for one in recipe.risks}
    for kind, entries in (("parameter", recipe.parameters), ("attribute", recipe.attributes)):
        for one in entries:
            if one.critical and not one.risk:
                raise ValueError(
                    f"{kind} {one.name!r} is critical but points to no risk record; "
                    "name it in `risk`"
                )
            if one.risk and one.risk not in known:
                raise ValueError(
                    f"{kind} {one.name!r} points to the risk record {one.risk!r}, "
                    "which does not exist"
                )


def _check_references(recipe: Recipe) -> None:
    materials = {one.material for one in recipe.materials}
    parameters = {one.name for one in recipe.parameters}
    units = {one.unit for one in recipe.equipment}
    for attribute in recipe.attributes:
        if attribute.material and attribute.material not in materials:
            raise ValueError(
                f"attribute {attribute.name!r} is of the unknown material {attribute.material!r}"
            )
    for unit_procedure in recipe.procedure:
        if units and unit_procedure.unit not in units:
            raise ValueError(
                f"unit procedure {unit_procedure.unit_procedure!r} runs in the unit "
                f"{unit_procedure.unit!r}, which is not among the equipment"
            )
        if unit_procedure.unit and not units:
            raise ValueError(
                f"unit procedure {unit_procedure.unit_procedure!r} names a unit, but the "
                "recipe is free of equipment"
            )
    for _, operation, phase in recipe.phases():
        where = f"phase {phase.phase!r} of {operation.operation!r}"
        _known(where, "parameter", phase.parameters, parameters)
        _known(where, "material", phase.materials, materials)


def _known(where: str, what: str, names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{where} uses the unknown {what} {name!r}")
