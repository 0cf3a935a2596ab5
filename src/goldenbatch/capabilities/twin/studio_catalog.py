"""What the library holds, as plain data: made once by a worker process, read by the node.

So the node answers what a model has without importing an engine.
"""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.twin._documents import plain
from goldenbatch.capabilities.twin.study import SCHEMA

if TYPE_CHECKING:
    from goldenbatch.science.process.declarations import Quantity
    from goldenbatch.science.process.library import Entry
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.recipe import Recipe

MAX_ELEMENTS = 8
"""Of a vector that is listed element by element."""


def catalog() -> dict[str, Any]:
    """All models of the library by name; one that cannot be built says why."""
    from goldenbatch.science.process import library

    found = {}
    for entry in library.ENTRIES:
        try:
            found[entry.name] = described(entry)
        except Exception as error:  # one model that cannot be built must not hide the others
            found[entry.name] = {**_named(entry), "problem": f"{type(error).__name__}: {error}"}
    return {"models": found}


def described(entry: Entry) -> dict[str, Any]:
    """A model: what it declares, with units and ranges, its recipe, and what it was held against.

    Args:
        entry: Of the library.
    """
    model = entry.load()
    recipe = entry.default_recipe()
    initial, parameters = entry.default_start()
    found = {
        **_named(entry),
        "version": model.version,
        "digest": model.digest,
        "time_unit": model.time_unit,
        "references": list(model.references),
        "states": [_quantity(one, initial) for one in model.states],
        "inputs": [_quantity(one, {}) for one in model.inputs],
        "parameters": [_parameter(one, parameters) for one in model.parameters],
        "outputs": [
            {"name": one.name, "unit": one.unit, "help": one.help,
             "is_measured": one.noise is not None}
            for one in model.outputs
        ],
        "jumps": [{"name": one.name, "help": one.help, "arguments": dict(one.arguments)}
                  for one in model.jumps],
        "recipe": None if recipe is None else _recipe(recipe),
        "credibility": _cases(entry.name),
        "study": starting_study(entry, model, recipe),
    }  # fmt: skip
    told: dict[str, Any] = plain(found)
    return told


def _named(entry: Entry) -> dict[str, Any]:
    return {"name": entry.name, "title": entry.title, "context_of_use": entry.context_of_use}


def _quantity(one: Quantity, set_to: Any) -> dict[str, Any]:
    values = [float(set_to.get(name, value)) for name, value in
              zip(one.elements, one.value, strict=True)]  # fmt: skip
    return {
        "name": one.name, "unit": one.unit, "help": one.help, "size": one.size,
        "value": values[0] if one.size == 1 else values[:MAX_ELEMENTS],
        "lower": one.lower if isfinite(one.lower) else None,
        "upper": one.upper if isfinite(one.upper) else None,
        "valid": list(one.valid) if one.valid else None,
    }  # fmt: skip


def _parameter(one: Any, set_to: Any) -> dict[str, Any]:
    prior = None if one.prior is None else {"kind": one.prior.kind, "sd": one.prior.sd}
    return {**_quantity(one, set_to), "prior": prior, "source": one.source}


def _recipe(recipe: Recipe) -> dict[str, Any]:
    return {
        "duration": recipe.duration, "interval": recipe.interval,
        "inputs": {name: _profile(one) for name, one in recipe.inputs.items()},
        "controllers": [one.name for one in recipe.controllers],
        "n_events": len(recipe.events), "n_rules": len(recipe.adjustments),
    }  # fmt: skip


def _profile(one: Any) -> dict[str, Any]:
    """A profile in short: its kind, its ends, and its one value where it has one."""
    kind = type(one).__name__.lower()
    if kind in ("constant", "float", "int"):
        return {"kind": "constant", "value": float(getattr(one, "value", one))}
    values = [float(value) for value in getattr(one, "values", ())]
    if not values:
        return {"kind": kind}
    return {"kind": kind, "n": len(values), "low": min(values), "high": max(values)}


def _cases(name: str) -> list[dict[str, Any]]:
    """What the model is held against; only replaying it says what came out."""
    from goldenbatch.capabilities.twin.references import cases

    keys = ("name", "title", "kind", "against", "context_of_use", "source")
    return [
        {key: value for key, value in asdict(one).items() if key in keys}
        for one in cases()
        if one.model == name
    ]


def starting_study(entry: Entry, model: Model, recipe: Recipe | None) -> dict[str, Any]:
    """A study to begin with: the model's own recipe, and what it measures taken at the end."""
    measured = [one for one in model.outputs if one.noise is not None] or list(model.outputs)
    names = [one.name for one in measured] or [
        one.name for one in model.states if one.size == 1
    ]  # fmt: skip
    part: dict[str, Any] = {"use": "default"}
    if recipe is None:
        part = {"duration": 1.0, "interval": 0.1}
    return {
        "schema": SCHEMA,
        "name": entry.title,
        "seed": 1,
        "members": 100,
        "model": {"use": entry.name},
        "recipe": part,
        "measures": [{"name": f"{name} at the end", "column": name} for name in names[:4]],
    }
