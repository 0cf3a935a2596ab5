"""A study as TOML, with a recipe that was found in place of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isinf
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.twin.study import SCHEMA
from goldenbatch.science.process.recipe import Constant, Linear, Steps

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin.study import Study
    from goldenbatch.science.process.recipe import Profile, Recipe, Value

_BARE = re.compile(r"[A-Za-z0-9_-]+")
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
    plain = [f"{name} = {_toml(one)}" for name, one in words.items() if not _is_table(one)]
    lines = [f"# Found by `twin optimise` for the study {study.digest[:16]}.", *plain]
    for name, one in words.items():
        if isinstance(one, Mapping):
            lines += ["", f"[{name}]", *(f"{_key(n)} = {_toml(v)}" for n, v in one.items())]
        elif _is_table(one):
            for row in one:
                lines += ["", f"[[{name}]]", *(f"{_key(n)} = {_toml(v)}" for n, v in row.items())]
    return "\n".join(lines) + "\n"


def _profile(one: Profile | Value) -> Any:
    if isinstance(one, Constant):
        return one.value
    if isinstance(one, Steps | Linear):
        line = {"line": True} if isinstance(one, Linear) else {}
        return {"times": list(one.times), "values": list(one.values), **line}
    return one


def _is_table(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, Mapping) for one in value)
    return isinstance(value, Mapping)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _toml(value: Any) -> str:
    """A value on one line; what is None is left out of its table."""
    if isinstance(value, Mapping):
        inner = (f"{_key(n)} = {_toml(v)}" for n, v in value.items() if v is not None)
        return f"{{ {', '.join(inner)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, float) and isinf(value):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
