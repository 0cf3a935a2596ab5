"""The optimal feed of 14 days by collocation beside single shooting with SciPy.

Both choose fourteen daily feeds of the CHO fed-batch of the library (nine states, fast dissolved
oxygen) so that the antibody in the vessel after 14 days is largest and the vessel never
overflows. Ours: Radau collocation and IPOPT, the checking simulation included. The peer:
`scipy.optimize.minimize(method="SLSQP")` over the feeds, each tried by `solve_ivp(method="LSODA")`
with a right-hand side in plain Python, gradients by differences. Both begin at the same feed;
what both found is judged by the common simulator. CPU seconds, interleaved, medians. Prints JSON.

    python -m benchmarks.optimal [--rounds 3] [--elements 2]
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
from scipy.optimize import minimize

from goldenbatch.science.process import simulate
from goldenbatch.science.process.library.mammalian import DAY, KINETICS, daily_feeds, fed_batch
from goldenbatch.science.process.optimal import Control, Options, Problem, Term, optimise

DAYS, MOST, FIRST, ROOM = 14, 0.004, 0.001, 1.0
K = {name: value for name, _, value, _, _ in KINETICS}


def rates(t: float, y: np.ndarray, F: float) -> list[float]:
    """The library's equations in plain Python."""
    V, Xv, Xd, G, N, L, A, P, O2 = y.tolist()
    breath = O2 / (K["K_O2"] + O2)
    mu = K["mu_max"] * breath * G / (K["K_glc"] + G) * N / (K["K_gln"] + N)
    mu *= K["KI_lac"] / (K["KI_lac"] + L) * K["KI_amm"] / (K["KI_amm"] + A)
    dead = K["k_d"] * L / (K["KD_lac"] + L) * A / (K["KD_amm"] + A)
    glucose = mu / K["Y_glc"] + K["m_glc"] * G / (0.1 * K["K_glc"] + G)
    glutamine = mu / K["Y_gln"] + K["a_1"] * N / (K["a_2"] + N)
    amm = K["Y_amm"] * mu / K["Y_gln"] - K["r_amm"] * A / (0.1 * K["KI_amm"] + A)
    D = F / V
    return [
        F, (mu - dead - D) * Xv, dead * Xv - D * Xd, D * (400.0 - G) - glucose * Xv,
        D * (40.0 - N) - glutamine * Xv, K["Y_lac"] * glucose * Xv - D * L, amm * Xv - D * A,
        K["q_mab"] * Xv - D * P, K["kLa"] * (K["O2_sat"] - O2) - K["q_O2"] * breath * Xv - D * O2,
    ]  # fmt: skip


def shooting() -> tuple[np.ndarray, int]:
    """Feeds found by SLSQP, and how many batches it tried."""
    start = fed_batch().x0()
    tried = 0

    def lost(parts: np.ndarray) -> float:
        nonlocal tried
        tried += 1
        y = start
        for day, part in enumerate(parts):
            span = (DAY * day, DAY * (day + 1))
            args = (float(part) * MOST,)
            y = solve_ivp(rates, span, y, "LSODA", args=args, rtol=1e-6, atol=1e-8).y[:, -1]
        return -float(y[0] * y[7])

    room = {"type": "ineq", "fun": lambda parts: ROOM - DAY * MOST * parts.sum()}
    found = minimize(
        lost, np.full(DAYS, FIRST / MOST), method="SLSQP", bounds=[(0.0, 1.0)] * DAYS,
        constraints=[room], options={"maxiter": 200, "ftol": 1e-7},
    )  # fmt: skip
    return np.clip(found.x, 0.0, 1.0) * MOST, tried


def collocation(elements: int) -> Any:
    """Feeds found by ours, model and programme built anew."""
    control = Control("F", upper=MOST, guess=FIRST)
    problem = Problem(fed_batch(), (control,), (Term("product"),), DAY * DAYS, DAYS)
    return optimise(problem, Options(elements=elements))


def judged(feeds: np.ndarray) -> dict[str, Any]:
    """What the common simulator says of feeds."""
    run = simulate(fed_batch(working_volume_L=2.0 + 1e-4), daily_feeds(tuple(map(float, feeds))))
    return {"product_g": run.final("product"), "volume_L": run.final("V"), "status": run.status}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--elements", type=int, default=2)
    asked = parser.parse_args()
    ours_s, peer_s, ours, peer, tried = [], [], None, None, 0
    for _ in range(asked.rounds):
        began = time.process_time()
        ours = collocation(asked.elements)
        ours_s.append(time.process_time() - began)
        began = time.process_time()
        peer, tried = shooting()
        peer_s.append(time.process_time() - began)
    assert ours is not None and peer is not None
    print(json.dumps({
        "task": "14 daily feeds of a CHO fed-batch, 9 states",
        "load": os.getloadavg()[0], "rounds": asked.rounds,
        "collocation": {
            "cpu_s": statistics.median(ours_s), "elements_a_day": asked.elements,
            "status": ours.status, "difference": ours.difference,
            **judged(ours.controls["F"]),
        },
        "slsqp_lsoda": {"cpu_s": statistics.median(peer_s), "batches": tried, **judged(peer)},
        "ratio": statistics.median(peer_s) / statistics.median(ours_s),
    }, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
