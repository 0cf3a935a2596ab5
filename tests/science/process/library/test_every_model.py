"""What holds for every model of the library: laws, identity, help texts, a first run."""

from __future__ import annotations

import inspect
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from goldenbatch.science.errors import DataError
from goldenbatch.science.process import Model, Recipe, simulate
from goldenbatch.science.process.library import ENTRIES, Entry, entry

MOST_INTERVALS = 350
EVERY = [pytest.param(one, id=one.name) for one in ENTRIES]


def point(quantities, random: np.random.Generator) -> np.ndarray:
    """Values about the declared ones, within the bounds."""
    parts = []
    for one in quantities:
        spread = 0.3 * np.maximum(np.abs(one.value), 0.1 * one.scale)
        drawn = np.array(one.value) + spread * random.uniform(0.0, 1.0, one.size)
        parts.append(np.clip(drawn, one.lower, one.upper))
    return np.concatenate(parts) if parts else np.empty(0)


def beginning(recipe: Recipe) -> Recipe:
    """The first intervals of a long recipe; whole batches are replayed by their own tests."""
    duration = min(recipe.duration, MOST_INTERVALS * recipe.interval)
    return replace(
        recipe, duration=duration, events=tuple(e for e in recipe.events if e.at <= duration)
    )


def test_names_are_unique() -> None:
    names = [one.name for one in ENTRIES]
    assert len(set(names)) == len(names)
    with pytest.raises(DataError, match="no model"):
        entry("no such")


@pytest.mark.parametrize("one", EVERY)
def test_a_model_says_what_it_is_and_what_it_is_for(one: Entry) -> None:
    model = one.load()
    assert one.title and one.context_of_use
    assert model.title and model.references
    for quantity in (*model.inputs, *model.parameters):
        assert quantity.help or getattr(quantity, "source", ""), quantity.name
    for state in (*model.states, *model.algebraics):
        assert state.help, state.name
    assert model.outputs


@pytest.mark.parametrize("one", EVERY)
def test_conservation_laws_hold_at_random_points(one: Entry) -> None:
    model: Model = one.load()
    assert model.laws, "a model of a process conserves something"
    random = np.random.default_rng(6)
    for _ in range(5):
        at = [point(q, random) for q in (model.states, model.algebraics, model.inputs,
                                         model.parameters)]  # fmt: skip
        amounts, rates, inflows = (
            np.array(part, dtype=float).ravel() for part in model.law_functions(0.7, *at)
        )
        size = np.maximum(np.abs(rates), np.abs(inflows)) + 1e-9 * np.abs(amounts) + 1e-9
        worst = np.abs(rates - inflows) / size
        assert worst.max() < 1e-6, model.laws[int(worst.argmax())].name


@pytest.mark.parametrize("one", EVERY)
def test_the_same_settings_build_the_same_model(one: Entry) -> None:
    module, _, function = one.ref.target.partition(":")
    build = inspect.unwrap(getattr(import_module(module), function))
    assert build(**dict(one.settings)).digest == one.load().digest


@pytest.mark.parametrize("one", EVERY)
def test_the_recipe_runs(one: Entry) -> None:
    recipe = one.default_recipe()
    if recipe is None:
        pytest.skip(f"{one.name} is run by functions of its own")
    run = simulate(one.load(), beginning(recipe))
    assert run.status != "failed", run.reason
    assert all(np.isfinite(column).all() for column in run.values.values())
