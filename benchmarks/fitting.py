"""Eight parameters from three fed-batches of cells, beside SciPy's usual way to do it.

Three CHO fed-batches of 14 days with different feeds, six assays a day, five per cent error: 252
values. Ours: shooting with exact sensitivities. The peer: `scipy.optimize.least_squares` with
finite differences over `solve_ivp` (LSODA) of the same equations in plain Python, same start,
bounds, scaling and weights. Both in one run, in turn. Prints JSON: CPU seconds, the objective,
and errors of the estimates.

    python -m benchmarks.fitting [--rounds 1]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

from goldenbatch.science.process import Noise, simulate
from goldenbatch.science.process.fitting import (
    Batch,
    Measured,
    Problem,
    Search,
    fit,
    identifiability,
)
from goldenbatch.science.process.library.mammalian import daily_feeds, fed_batch

FITTED = ("mu_max", "k_d", "K_gln", "Y_glc", "Y_gln", "Y_lac", "m_glc", "q_mab")
OUTPUTS = ("VCD", "glucose", "glutamine", "lactate", "ammonium", "titre")
STATES = ("Xv", "G", "Gn", "L", "A", "P")
OFF = (1.4, 0.6, 2.0, 1.3, 0.75, 1.25, 0.7, 1.3)
DAY = 24.0


def problem(seed: int = 1) -> Problem:
    """The three batches, their data made with declared parameters and noise."""
    model = fed_batch()
    random = np.random.default_rng(seed)
    batches, spans = [], dict.fromkeys(OUTPUTS, 0.0)
    for number, rate in enumerate((0.0006, 0.0012, 0.002)):
        recipe = daily_feeds([0.0, 0.0, *[rate * (1 + 0.1 * day) for day in range(12)]])
        run = simulate(model, recipe)
        times = run.time[1:]
        true = {name: run[name][1:] for name in OUTPUTS}
        spans = {name: max(spans[name], float(true[name].max())) for name in OUTPUTS}
        batches.append((f"batch {number + 1}", recipe, times, true))
    noise = {name: Noise(sd=0.05 * span) for name, span in spans.items()}
    measured = tuple(
        Batch(name, recipe, {
            output: Measured(times, true[output] + noise[output].sd
                             * random.standard_normal(times.size)) for output in OUTPUTS
        })
        for name, recipe, times, true in batches
    )  # fmt: skip
    declared = {one.name: one.value[0] for one in model.parameters}
    start = {n: declared[n] * off for n, off in zip(FITTED, OFF, strict=True)}
    return Problem(model, measured, fitted=FITTED, parameters=start, noise=noise)


def peer(of: Problem) -> tuple[dict[str, float], float, int]:
    """SciPy: estimates, objective, right-hand sides evaluated."""
    model = of.model
    names = model.columns("parameters")
    base = dict(zip(names, of.parameters_of(of.batches[0]), strict=True))
    bounds = {one.name: (one.lower, one.upper) for one in model.parameters}
    place = [model.columns("states").index(state) for state in STATES]
    sd = [of.noises[name].sd for name in OUTPUTS]
    n_evaluated = 0

    def residuals(logs: np.ndarray) -> np.ndarray:
        nonlocal n_evaluated
        k = {**base, **dict(zip(FITTED, np.exp(logs), strict=True))}
        parts = []
        for batch in of.batches:
            steps = batch.recipe.inputs["F"]
            x, found = model.x0(), []
            for at, feed in zip(steps.times, steps.values, strict=True):
                end = solve_ivp(rhs, (at, at + DAY), x, "LSODA", args=(k, feed),
                                rtol=1e-7, atol=1e-9)  # fmt: skip
                n_evaluated += end.nfev
                x = end.y[:, -1]
                found.append(x[place])
            for column, output in enumerate(OUTPUTS):
                y = np.array(found)[:, column]
                parts.append((y - batch.data[output].values) / sd[column])
        return np.concatenate(parts)

    found = least_squares(
        residuals, np.log([base[name] for name in FITTED]),
        bounds=np.log([bounds[name] for name in FITTED]).T, x_scale="jac",
        diff_step=1e-4, xtol=1e-8, ftol=1e-8, gtol=1e-8,
    )  # fmt: skip
    return dict(zip(FITTED, np.exp(found.x), strict=True)), 2.0 * found.cost, n_evaluated


def rhs(t: float, x: np.ndarray, k: dict[str, float], feed: float) -> list[float]:
    """The equations of `library.mammalian.fed_batch` in plain Python."""
    V, Xv, Xd, G, Gn, L, A, P, O2 = x.tolist()
    breath = O2 / (k["K_O2"] + O2)
    mu = (k["mu_max"] * G / (k["K_glc"] + G) * Gn / (k["K_gln"] + Gn) * k["KI_lac"]
          / (k["KI_lac"] + L) * k["KI_amm"] / (k["KI_amm"] + A) * breath)  # fmt: skip
    death = k["k_d"] * L / (k["KD_lac"] + L) * A / (k["KD_amm"] + A)
    q_g = mu / k["Y_glc"] + k["m_glc"] * G / (0.1 * k["K_glc"] + G)
    q_gn = mu / k["Y_gln"] + k["a_1"] * Gn / (k["a_2"] + Gn)
    q_a = k["Y_amm"] * mu / k["Y_gln"] - k["r_amm"] * A / (0.1 * k["KI_amm"] + A)
    D = feed / V
    return [
        feed, (mu - death - D) * Xv, death * Xv - D * Xd, D * (400.0 - G) - q_g * Xv,
        D * (40.0 - Gn) - q_gn * Xv, k["Y_lac"] * q_g * Xv - D * L, q_a * Xv - D * A,
        k["q_mab"] * Xv - D * P, k["kLa"] * (k["O2_sat"] - O2) - k["q_O2"] * breath * Xv - D * O2,
    ]  # fmt: skip


def check(of: Problem) -> float:
    """Largest relative difference of both right-hand sides at a point of the run."""
    model = of.model
    x = np.array([1.1, 3.0, 0.2, 20.0, 1.5, 12.0, 2.0, 0.4, 0.15])
    p = model.parameter_vector()
    k = dict(zip(model.columns("parameters"), p, strict=True))
    ours = np.array(model.rhs(0.0, x, [], [0.001, 400.0, 40.0], p)[0]).ravel()
    return float(np.abs(np.array(rhs(0.0, x, k, 0.001)) / ours - 1.0).max())


def relative_errors(found: dict[str, float], of: Problem) -> dict[str, float]:
    declared = {one.name: one.value[0] for one in of.model.parameters}
    return {name: round(found[name] / declared[name] - 1.0, 4) for name in FITTED}


def measure(rounds: int, with_peer: bool) -> dict[str, Any]:
    """CPU seconds of both, in turn."""
    of = problem()
    ours_s: list[float] = []
    peer_s: list[float] = []
    answer: dict[str, Any] = {"rhs_difference": check(of)}
    for _ in range(rounds):
        begun = time.process_time()
        found = fit(of, Search())
        ours_s.append(time.process_time() - begun)
        if with_peer:
            begun = time.process_time()
            theirs, objective, n_evaluated = peer(of)
            peer_s.append(time.process_time() - begun)
            answer["scipy"] = {
                "cpu_s": statistics.median(peer_s), "objective": objective,
                "n_rhs": n_evaluated, "relative_errors": relative_errors(theirs, of),
            }  # fmt: skip
    begun = time.process_time()
    told = identifiability(of, found)
    answer["goldenbatch"] = {
        "cpu_s": statistics.median(ours_s), "objective": found.objective,
        "status": found.status, "n_runs": found.starts[0].n_runs, "n_data": found.n_data,
        "relative_errors": relative_errors(found.values, of),
        "relative_se": {name: round(found[name].se / found[name].value, 4) for name in FITTED},
        "identifiability_cpu_s": time.process_time() - begun,
        "statements": told.statements, "condition": told.condition,
    }  # fmt: skip
    if peer_s:
        answer["ratio"] = statistics.median(peer_s) / statistics.median(ours_s)
    answer["budget_cpu_s"] = 15.0
    answer["load"] = os.getloadavg()[0]
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--without-peer", action="store_true")
    options = parser.parse_args()
    print(json.dumps(measure(options.rounds, not options.without_peer), indent=2))


if __name__ == "__main__":
    main()
