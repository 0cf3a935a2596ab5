"""A study as TOML, with a recipe that was found in place of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.twin.study import SCHEMA
from goldenbatch.capabilities.twin.toml_text import to_toml
from goldenbatch.science.process.recipe import Constant, Linear, Steps

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin.study import Study
    from goldenbatch.science.process.recipe import Profile, Recipe, Value

_KEPT = ("note", "seed", "members", "model", "measures", "factors", "footprint")


def study_text(study: Study, recipe: Recipe) -> str:
    """The study with another recipe of inputs only; what is measured and asked of runs stays.

    Args:
        study: As read.
        recipe: That takes the place of its own; its start is set out in words.
    """
    from goldenbatch.capabilities.twin._own_recipes import start_of

    said = study.model_dump(mode="json", exclude_unset=True)
    initial, parameters = start_of(study)
    model = {**said["model"], "initial": initial, "parameters": parameters}
    words = {
        "schema": SCHEMA,
        "name": f"{study.name}, optimised",
        **{name: said[name] for name in _KEPT if name in said},
        "model": {name: one for name, one in model.items() if one},
        "recipe": {
            "duration": recipe.duration,
            "interval": recipe.interval,
            "inputs": {name: _profile(one) for name, one in recipe.inputs.items()},
        },
    }
    found = to_toml({name: one for name, one in words.items() if one is not None})
    return f"# Found by `twin optimise` for the study {study.digest[:16]}.\n{found}"


def _profile(one: Profile | Value) -> Any:
    if isinstance(one, Constant):
        return one.value
    if isinstance(one, Steps | Linear):
        line = {"line": True} if isinstance(one, Linear) else {}
        return {"times": list(one.times), "values": list(one.values), **line}
    return one
