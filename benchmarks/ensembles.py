"""A thousand CHO fed-batches: CasADi, the compiled kernel and SciPy on the same equations.

    python -m benchmarks.ensembles [--members N] [--rounds N] [--bdf N] [--out FILE]

The model (`library.mammalian`) has 9 states, one of them dissolved oxygen, 500 times as fast as
growth, a feed that changes each of 14 days, and 21 parameters of 10 % lognormal spread; relative
tolerance 1e-6. SciPy gets the same equations as a plain Python function of numbers, the fastest
form for it, and runs day by day. CPU seconds; engines interleaved, medians of the rounds. The
kernel's compilation is stated apart (cold). LSODA runs all members, BDF the first `--bdf` of them
and is scaled. Accuracy is against CVODES at 1e-11.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

from goldenbatch.science.process import Settings, simulate
from goldenbatch.science.process.ensembles import Figure, Members, Study, run_ensemble
from goldenbatch.science.process.ensembles.kernel import kernel_of
from goldenbatch.science.process.library.mammalian import default_recipe, fed_batch
from goldenbatch.science.process.posterior import prior

TARGETS = {"casadi_vs_lsoda": 6.0, "kernel_vs_lsoda": 25.0}
STATES = fed_batch().columns("states")
FIGURES = tuple(Figure.final(name) for name in STATES)
RTOL, ATOL = 1e-6, 1e-8


def rhs(t, x, feed, p):
    """The equations of `library.mammalian.fed_batch`, written out for SciPy."""
    V, Xv, Xd, G, Gn, L, A, P, O2 = x
    (mu_max, k_d, K_glc, K_gln, KI_lac, KI_amm, KD_lac, KD_amm, Y_glc, Y_gln, Y_lac, Y_amm,
     r_amm, m_glc, a_1, a_2, q_mab, q_O2, K_O2, kLa, O2_sat) = p  # fmt: skip
    breath = O2 / (K_O2 + O2)
    limits = G / (K_glc + G) * Gn / (K_gln + Gn)
    mu = mu_max * limits * KI_lac / (KI_lac + L) * KI_amm / (KI_amm + A) * breath
    death = k_d * L / (KD_lac + L) * A / (KD_amm + A)
    q_G = mu / Y_glc + m_glc * G / (0.1 * K_glc + G)
    q_Gn = mu / Y_gln + a_1 * Gn / (a_2 + Gn)
    q_A = Y_amm * mu / Y_gln - r_amm * A / (0.1 * KI_amm + A)
    D = feed / V
    return [
        feed,
        (mu - death - D) * Xv,
        death * Xv - D * Xd,
        D * (400.0 - G) - q_G * Xv,
        D * (40.0 - Gn) - q_Gn * Xv,
        Y_lac * q_G * Xv - D * L,
        q_A * Xv - D * A,
        q_mab * Xv - D * P,
        kLa * (O2_sat - O2) - q_O2 * breath * Xv - D * O2,
    ]


def scipy_runs(method, members):
    """Final states of members, shape `(n, 9)`; the same tolerances."""
    feeds = default_recipe().inputs["F"].values
    scale = np.array([one.scale for one in fed_batch().states])
    finals = np.empty(members.starts.shape)
    for k, (p, start) in enumerate(zip(members.parameters, members.starts, strict=True)):
        x, values = start, tuple(map(float, p))
        for day, feed in enumerate(feeds):
            span = (24.0 * day, 24.0 * (day + 1))
            done = solve_ivp(
                rhs, span, x, method, rtol=RTOL, atol=ATOL * scale, args=(feed, values)
            )
            if not done.success:
                sys.exit(f"{method} failed: {done.message}")
            x = done.y[:, -1]
        finals[k] = x
    return finals


def cpu(work: Callable[[], object]) -> tuple[float, object]:
    began = time.process_time()
    made = work()
    return time.process_time() - began, made


def finals(ensemble):
    return np.column_stack([ensemble[one.name] for one in FIGURES])


def accuracy(model, members, found):
    """Largest relative error of the final states of 20 members, against CVODES at 1e-11."""
    tight = Settings(rtol=1e-11, atol=1e-13)
    worst, names = 0.0, model.columns("parameters")
    for k in range(20):
        p = dict(zip(names, members.parameters[k], strict=True))
        run = simulate(model, default_recipe(), parameters=p, settings=tight)
        exact = np.array([run.final(name) for name in STATES])
        worst = max(worst, float(np.abs(found[k] / exact - 1.0).max()))
    return worst


def measure(n_members, rounds, n_bdf):
    model = fed_batch()
    members = Members.of(model, prior(model, n_members, seed=1))
    study = {
        engine: Study(
            model, default_recipe(), FIGURES, settings=Settings(RTOL, ATOL), engine=engine
        )
        for engine in ("casadi", "kernel")
    }
    cold, _ = cpu(lambda: kernel_of(model))
    took = {"casadi": [], "kernel": [], "lsoda": [], "bdf": []}
    found = {}
    for _ in range(rounds):
        for engine, own in study.items():
            seconds, ensemble = cpu(lambda own=own: run_ensemble(own, members))
            took[engine].append(seconds)
            found[engine] = finals(ensemble)
            failed = ensemble.n_failed + int(ensemble.is_retried.sum())
            if failed:
                sys.exit(f"{failed} members failed or were retried by {engine}")
        seconds, found["lsoda"] = cpu(lambda: scipy_runs("LSODA", members))
        took["lsoda"].append(seconds)
    seconds, found["bdf"] = cpu(lambda: scipy_runs("BDF", members.take(slice(n_bdf))))
    took["bdf"].append(seconds * n_members / n_bdf)
    median = {name: statistics.median(values) for name, values in took.items()}
    return {
        "members": n_members, "rounds": rounds, "rtol": RTOL, "bdf_members_run": n_bdf,
        "cpu_s": {name: round(value, 3) for name, value in median.items()},
        "kernel_cold_cpu_s": round(cold + median["kernel"], 3),
        "kernel_compile_cpu_s": round(cold, 3),
        "casadi_vs_lsoda": round(median["lsoda"] / median["casadi"], 1),
        "kernel_vs_lsoda": round(median["lsoda"] / median["kernel"], 1),
        "casadi_vs_bdf": round(median["bdf"] / median["casadi"], 1),
        "kernel_vs_bdf": round(median["bdf"] / median["kernel"], 1),
        "largest_relative_error": {
            name: float(f"{accuracy(model, members, values):.2e}")
            for name, values in found.items() if len(values) >= 20
        },
        "targets": TARGETS,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bdf", type=int, default=100)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    made = {"load": round(os.getloadavg()[0], 2), **measure(given.members, given.rounds, given.bdf)}
    text = json.dumps(made, indent=2)
    if given.out:
        given.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
