"""The own recipe of a model of the library, as a study changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin.study import Study
    from goldenbatch.science.process.library import Entry
    from goldenbatch.science.process.recipe import Recipe

Start = tuple[dict[str, Any], dict[str, Any]]


def own_recipe(study: Study) -> Recipe:
    """The own recipe of the study's model.

    Raises:
        BadInputError: The model has none.
        DataError: The recipe has no such setting.
    """
    entry = _entry(study)
    found = entry.default_recipe(study.recipe.settings, study.model.settings)
    if found is None:
        raise BadInputError(
            f"{entry.name} has no recipe of its own.",
            hint="Give duration, interval and inputs in place of `use`.",
            key="recipe.use",
        )
    return found


def start_of(study: Study) -> Start:
    """Initial states and parameters of a study: of its model's own batch, and what it sets."""
    initial: Mapping[str, Any] = {}
    parameters: Mapping[str, Any] = {}
    if study.recipe.use:
        entry = _entry(study)
        initial, parameters = entry.default_start(study.recipe.settings, study.model.settings)
    return {**initial, **study.model.initial}, {**parameters, **study.model.parameters}


def changed(own: Recipe, given: Recipe, *, has_interval: bool) -> Recipe:
    """The own recipe with what a study gives.

    Events of the own recipe after a shorter duration do not happen.

    Args:
        own: The model's.
        given: What the study says, with the duration and interval that are to be.
        has_interval: Whether the study names the interval.

    Raises:
        BadInputError: Another interval, although controllers act in the own one.
    """
    if has_interval and own.controllers and given.interval != own.interval:
        raise BadInputError(
            f"the controllers of the model's own recipe act every {own.interval:g}, not "
            f"{given.interval:g}.",
            hint="Leave the interval out.",
            key="recipe.interval",
        )
    kept = tuple(one for one in own.events if one.at <= given.duration)
    return replace(
        own,
        duration=given.duration,
        interval=given.interval,
        inputs={**own.inputs, **given.inputs},
        events=(*kept, *given.events),
        controllers=(*own.controllers, *given.controllers),
        faults=(*own.faults, *given.faults),
    )


def _entry(study: Study) -> Entry:
    from goldenbatch.science.process import library

    if not study.model.use:
        raise BadInputError(
            "only models of the library have a recipe of their own.",
            hint="Name the model by `use`, or give duration, interval and inputs.",
            key="recipe.use",
        )
    return library.entry(study.model.use)
