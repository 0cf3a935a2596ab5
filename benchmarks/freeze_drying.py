"""Primary drying of 1,000 vials: the batch kernel beside a loop with a root finder in each step.

    python -m benchmarks.freeze_drying [--vials N] [--looped N] [--rounds N] [--cycles N]

The peer is what LyoPRONTO does: one vial after another, an implicit integrator (SciPy's BDF) of
the dried layer and SciPy's `fsolve` for the temperature of the ice at every call. It is timed on
some of the same vials, in between rounds of the kernel, and its time is taken in proportion.
CPU seconds. Both give the same drying times: the largest difference is reported.

With `--cycles` the fit of a cycle is tried on simulated ones (about 1 CPU second each): how many
of its 95 % intervals hold the end of a vial without thermocouple.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import fsolve

from benchmarks._freeze_drying_cycles import coverage
from goldenbatch.science._arrays import Floats
from goldenbatch.science.process.library.freeze_drying.containers import (
    Cake,
    Formulation,
    HeatTransfer,
    Vial,
    Vials,
)
from goldenbatch.science.process.library.freeze_drying.primary import Conditions, Drying, dry
from goldenbatch.science.process.library.freeze_drying.properties import PIKAL, TORR_Pa
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule

SEED, TARGET_RATIO = 20261123, 300.0
KINDS = ("to 9 h", "to the loss of ice", "with its level")


def load(n_vials: int) -> tuple[Vials, Conditions]:
    """The published standard case with variation between vials."""
    rng = np.random.default_rng(SEED)
    spread = np.exp(rng.normal(size=(2, n_vials)) * np.array([[0.08], [0.10]]))
    vials = Vials.of(
        Vial.of(3.8, 3.14, 2.0), Formulation(50.0), Cake.pikal(1.4 * spread[1], 16.0 * spread[1]),
        HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46).scaled(spread[0]),
    )  # fmt: skip
    shelf = Schedule.ramps(238.15, [(293.15, 100.0)], rate_per_min=1.0)
    return vials, Conditions(shelf, Schedule.hold(0.15 * TORR_Pa))


def looped(vials: Vials, conditions: Conditions, index: int) -> float:
    """End of drying of one vial, with an integrator and a root finder of SciPy; seconds."""
    height, area = float(vials.height_m), float(vials.inner_area_m2)
    per_flux = height * area / float(vials.ice_kg)
    pressure = float(conditions.pressure_Pa.at(0.0))
    one = vials.pick(slice(index, index + 1))
    kv = one.heat.coefficient_W_m2_K(pressure).item() * float(vials.outer_area_m2) / area
    r0, a1 = np.asarray(one.cake.r0_m_s).item(), np.asarray(one.cake.a1_1_s).item()
    latent, k_ice = PIKAL.sublimation_J_kg, PIKAL.conductivity_W_m_K

    def rate(now: float, dried: Floats) -> list[float]:
        resistance = r0 + a1 * dried[0]
        shelf = float(np.interp(now, conditions.shelf_K.times_s, conditions.shelf_K.values))

        def balance(ice: Floats) -> Floats:
            flux = (np.exp(PIKAL.log_pressure - PIKAL.slope_K / ice) - pressure) / resistance
            bottom = ice + latent * flux * (height - dried[0]) / k_ice
            return np.asarray(latent * flux - kv * (shelf - bottom))

        ice = fsolve(balance, 238.15)[0]
        vapour = np.exp(PIKAL.log_pressure - PIKAL.slope_K / ice)
        return [max((vapour - pressure) / resistance, 0.0) * per_flux]

    def through(_: float, dried: Floats) -> float:
        return float(height - dried[0])

    setattr(through, "terminal", True)  # noqa: B010 - SciPy reads it off the function
    begin, corner = [0.0], float(conditions.shelf_K.times_s[1])
    for span in ((0.0, corner), (corner, 7.2e5)):
        run = solve_ivp(rate, span, begin, method="BDF", events=through, rtol=1e-5, atol=1e-9)
        if len(run.t_events[0]):
            return float(run.t_events[0][0])
        begin = [float(run.y[0, -1])]
    return float("nan")


def timed_kernel(vials: Vials, conditions: Conditions) -> tuple[float, Drying]:
    began = time.process_time()
    run = dry(vials, conditions)
    return time.process_time() - began, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vials", type=int, default=1000)
    parser.add_argument("--looped", type=int, default=20, help="vials of the peer in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cycles", type=int, default=0, help="simulated cycles of each kind")
    chosen = parser.parse_args()
    vials, conditions = load(chosen.vials)
    timed_kernel(vials, conditions)
    kernel, peer, apart = [], [], 0.0
    for index in range(chosen.rounds):
        seconds, run = timed_kernel(vials, conditions)
        kernel.append(seconds)
        some = range(index * chosen.looped, (index + 1) * chosen.looped)
        began = time.process_time()
        ends = [looped(vials, conditions, one % chosen.vials) for one in some]
        peer.append((time.process_time() - began) / chosen.looped * chosen.vials)
        apart = max(apart, float(np.abs(ends - run.end_s[np.array(some) % chosen.vials]).max()))
    one, alone = load(1)
    single = min(timed_kernel(one, alone)[0] for _ in range(5))
    ratio = statistics.median(peer) / statistics.median(kernel)
    print(json.dumps({
        "vials": chosen.vials, "seed": SEED,
        "kernel_cpu_s": round(statistics.median(kernel), 5),
        "scalar_loop_cpu_s": round(statistics.median(peer), 2),
        "looped_vials": chosen.looped * chosen.rounds,
        "ratio": round(ratio, 1), "target_ratio": TARGET_RATIO,
        "largest_difference_s": round(apart, 2),
        "end_h_p5_p50_p95": np.percentile(run.end_s / 3600, [5, 50, 95]).round(3).tolist(),
        "one_vial_cpu_s": round(single, 5),
        **({"coverage": {how: coverage(chosen.cycles, how, SEED) for how in KINDS}}
           if chosen.cycles else {}),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
