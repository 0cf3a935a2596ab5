"""A 230 h penicillin batch with CVODES beside SciPy's BDF on the same equations.

Both run the same recipe, controllers, disturbances and floors, one solver call for each control
interval of 0.2 h. The peers solve with `scipy.integrate.solve_ivp(method="BDF")` and a right-hand
side in Python: once with NumPy's functions, as ports of the published simulator are written, once
with plain floats, the fastest that Python gives. CPU seconds, interleaved, medians; the product
of all is compared, so that nobody is fast by being wrong. Prints JSON.

    python -m benchmarks.penicillin [--rounds 3] [--hours 230] [--rtol 1e-5]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from goldenbatch.science.process import Settings
from goldenbatch.science.process.library.penicillin import batch, constants, draw, variables
from goldenbatch.science.process.library.penicillin._algebra import Kit, Numbers
from goldenbatch.science.process.library.penicillin.equations import Now, balances
from goldenbatch.science.process.library.penicillin.modes import Corrections
from goldenbatch.science.process.library.penicillin.start import BatchStart
from goldenbatch.science.process.library.penicillin.twin import COUNTERS, recipe
from goldenbatch.science.process.recipe import Steps, value_at

H = 0.2


class NumpyNumbers(Numbers):
    """NumPy's functions on its scalars."""

    exp = staticmethod(np.exp)
    log = staticmethod(np.log)
    tanh = staticmethod(np.tanh)
    sqrt = staticmethod(np.sqrt)


def peer(start: BatchStart, rtol: float, algebra: Numbers) -> np.ndarray:
    """Penicillin at the end of each interval, by SciPy."""
    kit = Kit(constants.numbers(), algebra, Corrections())
    drawn = variables.Drawn(**dict(start.parameters))
    is_plain = type(algebra) is Numbers

    def rates(t: float, y: np.ndarray, feeds: Any, upsets: Any) -> tuple[float, ...]:
        values = tuple(y.tolist()) if is_plain else tuple(y)
        return balances(Now(t, variables.Broth.of(values), feeds, upsets, drawn), kit).rates

    plant, x, product = Plant(start), begun(start), []
    for k in range(start.n_intervals):
        t = round(k * H, 12)
        values = plant.inputs(t, x)
        flows = (variables.Feeds(*values[:13]), variables.Upsets(*values[13:]))
        for name in COUNTERS:
            x[variables.INDEX[name]] = 0.0
        found = solve_ivp(rates, (t, t + H), x, "BDF", args=flows, rtol=rtol, atol=1e-3 * rtol)
        x = found.y[:, -1]
        for adjust in plant.recipe.adjustments:
            x = adjust(t + H, x).copy()
        product.append(x[variables.INDEX["P"]])
    return np.array(product)


class Plant:
    """Recipe and controllers, as the common simulator drives them."""

    def __init__(self, start: BatchStart) -> None:
        self.recipe = recipe(start)
        self.declared = {one.name: one.value for one in (*variables.FLOWS, *variables.DISTURBANCES)}
        self.memories = {one.name: one.start() for one in self.recipe.controllers}

    def inputs(self, t: float, x: np.ndarray) -> list[float]:
        """Flows and disturbances of the interval that begins."""
        inputs = {**self.declared, **{n: self.held(n, t) for n in self.recipe.inputs}}
        for one in self.recipe.controllers:
            memory = self.memories[one.name]
            self.memories[one.name], given = one.step(memory, t, shown(x), inputs)
            inputs = {**inputs, **given}
        return list(inputs.values())

    def held(self, name: str, t: float) -> float:
        """What the recipe says of an input."""
        profile = self.recipe.inputs[name]
        if isinstance(profile, Steps):
            return value_at(profile, [float(value) for value in profile.values], t)
        return float(profile)


def begun(start: BatchStart) -> np.ndarray:
    """States at the start."""
    states = {"Viscosity": 4.0, **start.states()}
    return np.array([states.get(name, 0.0) for name in variables.STATE_NAMES])


def shown(x: np.ndarray) -> dict[str, float]:
    """What the controllers see."""
    at = variables.INDEX
    paa = float(x[at["PAA"]])
    return {"pH": float(-np.log10(x[at["H"]])), "temperature": float(x[at["T"]]), "PAA": paa,
            "paa_signal": paa, "growth": float(x[at["mu_X_calc"]])}  # fmt: skip


def timed(task: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    began = time.process_time()
    found = task()
    return time.process_time() - began, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hours", type=float, default=230.0)
    parser.add_argument("--rtol", type=float, default=1e-5)
    options = parser.parse_args()
    start = replace(draw(1), length_h=options.hours)
    settings = Settings(rtol=options.rtol, atol=1e-2 * options.rtol)
    tasks: dict[str, Callable[[], np.ndarray]] = {
        "goldenbatch": lambda: batch(start, settings=settings)["P"][1:],
        "scipy_bdf_numpy": lambda: peer(start, options.rtol, NumpyNumbers()),
        "scipy_bdf_floats": lambda: peer(start, options.rtol, Numbers()),
    }
    first, _ = timed(tasks["goldenbatch"])
    spent: dict[str, list[float]] = {name: [] for name in tasks}
    product: dict[str, np.ndarray] = {}
    for _ in range(options.rounds):
        for name, task in tasks.items():
            seconds, product[name] = timed(task)
            spent[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in spent.items()}
    ours = medians["goldenbatch"]
    peak = float(product["goldenbatch"].max())
    print(json.dumps({
        "cpu_s": {"first_with_build": first, **medians},
        "times_faster": {name: value / ours for name, value in medians.items()
                         if name != "goldenbatch"},
        "difference_percent_of_peak": {
            name: 100.0 * float(np.abs(values - product["goldenbatch"]).max()) / peak
            for name, values in product.items() if name != "goldenbatch"},
        "hours": options.hours, "rtol": options.rtol, "rounds": options.rounds,
        "load": os.getloadavg()[0],
    }, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
