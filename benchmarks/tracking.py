"""Tracking: a filter's step of one process hour beside a plain SciPy one; false and true alarms.

    python -m benchmarks.tracking [--hours N] [--rounds N] [--batches N] [--faulty N]
        [--penicillin N] [--out FILE]

The extended filter (exact sensitivities of CVODES) follows the CHO fed-batch (9 states, 3
parameters) and the penicillin one (33 states) hour by hour. The peer is what one would write: an
extended Kalman filter on the same equations (the compiled right-hand side) with SciPy's LSODA
at the same tolerances and finite differences (BDF for penicillin). CPU seconds, interleaved,
medians of the rounds.

With `--batches N` N batches without fault, and `--faulty N` of each fault, are simulated with
parameters drawn 5 % about the twin's, and followed with a bank of ten hypotheses every 4 h: how
many raise a finding, and how many of the faults are named, alone or among others, before the
batch ends. With `--penicillin N` N batches of the published penicillin plant with its quirks,
drawn parameters and disturbances, without and with two of its faults, are followed for 40 h by
another model: the corrected one with mean parameters.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp
from scipy.stats import beta

from goldenbatch.science.process import Noise, Settings, simulate
from goldenbatch.science.process.faults import Altered, SensorDrift, Weakened
from goldenbatch.science.process.library import penicillin
from goldenbatch.science.process.library.mammalian import default_recipe, fed_batch
from goldenbatch.science.process.library.penicillin import tables
from goldenbatch.science.process.plan import plan
from goldenbatch.science.process.posterior import prior
from goldenbatch.science.process.tracking import (
    Observed,
    Setup,
    Tracker,
    Varied,
    diagnose,
    hypothesis,
    nominal,
    none_of_these,
    predict,
    sensor_fault,
    start_belief,
    update,
)

TARGET_MS = 10.0
SOLVER = Settings(rtol=1e-5, atol=1e-7)
ONLINE, LAB = "DO", ("VCD", "viability", "glucose", "glutamine", "lactate", "ammonium", "titre")
NOISE = {
    "V": Noise(relative=5e-4), "Xd": Noise(0.002, 0.01), "P": Noise(1e-4, 0.004),
    "O2": Noise(sd=8e-4), **{name: Noise(0.002, 0.006) for name in ("Xv", "G", "Gn", "L", "A")},
}  # fmt: skip
START_SD = {"Xv": 0.02, "G": 0.5, "Gn": 0.2, "L": 0.1, "A": 0.1, "P": 1e-3, "Xd": 0.01, "V": 0.01,
            "O2": 0.01}  # fmt: skip


def cho_setup(names=("mu_max", "q_mab", "q_O2")) -> Setup:
    """The CHO twin with its trust in itself."""
    varied = tuple(Varied(name) for name in names)
    return Setup(
        fed_batch(), noise=NOISE, varied=varied, initial_sd=START_SD, settings=SOLVER
    )  # fmt: skip


class ScipyEkf:
    """What one would write: SciPy's solver and finite differences, on the same equations."""

    def __init__(self, setup: Setup, method: str) -> None:
        model = setup.model
        self.setup, self.method, self.n_x = setup, method, model.n_x
        self.rhs, self.outputs = model.rhs, model.output_function
        self.scale = np.concatenate([setup.scale, [setup.p0[one.index] for one in setup.moving]])
        self.mean = np.concatenate([model.x0(setup.p0), self.scale[model.n_x :]])
        belief = start_belief(setup, nominal())
        sd = np.sqrt(np.diag(belief.cov))
        sd[: self.n_x] *= setup.scale
        for k, one in enumerate(setup.moving):
            sd[self.n_x + k] *= one.slope(one.start)
        self.cov = np.diag(sd**2)
        self.z = np.empty(0)

    def parameters(self, mean):
        """Parameters of a mean."""
        p = self.setup.p0.copy()
        for k, one in enumerate(self.setup.moving):
            p[one.index] = mean[self.n_x + k]
        return p

    def flow(self, mean, t, h, u):
        """Mean after an interval."""
        p = self.parameters(mean)

        def rhs(at, x):
            return np.array(self.rhs(at, x, self.z, u, p)[0]).ravel()

        found = solve_ivp(
            rhs, (t, t + h), mean[: self.n_x], self.method, rtol=SOLVER.rtol,
            atol=SOLVER.atol * self.scale[: self.n_x],
        )  # fmt: skip
        return np.concatenate([found.y[:, -1], mean[self.n_x :]])

    def seen(self, mean, t, u):
        """Expected readings."""
        y = self.outputs(t, mean[: self.n_x], self.z, u, self.parameters(mean))
        return np.array(y).ravel()[[k for k, _ in self.setup.measured]]

    def noise(self):
        """Process noise per hour."""
        rate = np.zeros(self.mean.size)
        absolute, relative = self.setup.walk_of_states
        rate[: self.n_x] = (absolute * self.setup.scale) ** 2
        rate[: self.n_x] += (relative * self.mean[: self.n_x]) ** 2
        return np.diag(rate)

    def slopes(self, function, *more):
        """A function's value and its derivatives by forward differences."""
        base, columns = function(self.mean, *more), []
        for k in range(self.mean.size):
            step = 1e-6 * self.scale[k]
            moved = self.mean.copy()
            moved[k] += step
            columns.append((function(moved, *more) - base) / step)
        return base, np.array(columns).T

    def step(self, t, h, u, readings):
        """One interval and the readings at its end."""
        self.cov = self.cov + 0.5 * h * self.noise()
        mean, matrix = self.slopes(self.flow, t, h, u)
        self.mean, self.cov = mean, matrix @ self.cov @ matrix.T + 0.5 * h * self.noise()
        y, rows = self.slopes(self.seen, t + h, u)
        for k, (_, one) in enumerate(self.setup.measured):
            if one.name in readings:
                row = rows[k]
                gain = self.cov @ row
                size = row @ gain + one.noise.at(float(y[k])) ** 2
                far = readings[one.name] - y[k] - row @ (self.mean - mean)
                self.mean = self.mean + gain / size * far
                self.cov = self.cov - np.outer(gain, gain) / size


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of something."""
    began = time.process_time()
    work()
    return time.process_time() - began


def hours_of(setup: Setup, run, n: int):
    """Inputs and readings hour by hour, as the sensors would show them."""
    names = setup.model.columns("inputs")
    found = []
    for k in range(1, n + 1):
        u = np.array([run.values[name][k - 1] for name in names])
        seen = {one.name: float(run.measured[one.name][k]) for _, one in setup.measured
                if np.isfinite(run.measured[one.name][k])}  # fmt: skip
        found.append((u, seen))
    return found


def speed(setup: Setup, hours, method: str, n_peer: int, rounds: int) -> dict[str, object]:
    """Milliseconds of CPU of an hour, ours and the peer's."""
    none = nominal()
    took: dict[str, list[float]] = {"ours": [], method: []}
    last: dict[str, float] = {}

    def ours() -> None:
        belief = start_belief(setup, none)
        for k, (u, seen) in enumerate(hours):
            belief = update(setup, none, predict(setup, none, belief, k + 1.0, u), seen, u).belief
            if k + 1 == n_peer:
                last["ours"] = float(belief.mean[1] * setup.scale[1])

    def peer() -> None:
        filtered = ScipyEkf(setup, method)
        for k, (u, seen) in enumerate(hours[:n_peer]):
            filtered.step(float(k), 1.0, u, seen)
        last[method] = float(filtered.mean[1])

    cpu(ours)  # compile
    for _ in range(rounds):
        took["ours"].append(1e3 * cpu(ours) / len(hours))
        took[method].append(1e3 * cpu(peer) / n_peer)
    median = {name: round(statistics.median(values), 3) for name, values in took.items()}
    return {
        "states": setup.model.n_x, "parameters": len(setup.moving), "hours": len(hours),
        "hours_of_peer": n_peer, "ms_cpu_per_hour": median,
        "ratio": round(median[method] / median["ours"], 1),
        "second_state_after_the_peers_hours": {n: float(f"{v:.6g}") for n, v in last.items()},
    }  # fmt: skip


def cho_speed(n: int, rounds: int) -> dict[str, object]:
    """The CHO fed-batch."""
    setup = cho_setup()
    run = simulate(setup.model, replace(default_recipe(), interval=1.0), seed=1)
    return speed(setup, hours_of(setup, run, n), "LSODA", min(n, 24), rounds)


def penicillin_speed(n: int, rounds: int) -> dict[str, object]:
    """The penicillin fed-batch; inputs of every hour are those of its last interval."""
    model = penicillin.model("corrected")
    run = penicillin.batch(penicillin.nominal(), mode="corrected", seed=1)
    states = {name: Noise(relative=0.01) for name in ("S", "P", "a0", "a1", "a3")}
    setup = Setup(
        model, noise=states, initial=penicillin.nominal().states(),
        parameters=dict(penicillin.nominal().parameters),
        outputs=("pH", "temperature"), settings=SOLVER,
    )  # fmt: skip
    names = model.columns("inputs")
    hours = []
    for k in range(1, n + 1):
        row = 5 * k
        u = np.mean([[run.values[name][j] for name in names] for j in range(row - 5, row)], axis=0)
        seen = {name: float(run.measured[name][row]) for name in ("pH", "temperature")}
        hours.append((u, seen))
    return speed(setup, hours, "BDF", min(n, 3), rounds)


FAULTS = {
    "feed pump delivers less": Weakened(start=150.0, inputs=("F",), factor=0.5),
    "feed without its glucose": Weakened(start=120.0, inputs=("G_in",), factor=0.5),
    "loss of aeration": Altered(start=150.0, values={"kLa": 0.6}),
    "contamination": Altered(start=120.0, values={"m_glc": 3.0, "q_O2": 1.8}),
    "sensor of DO": SensorDrift(start=150.0, output="DO", rate=0.3, most=15.0),
    "sensor of glucose": SensorDrift(start=150.0, output="glucose", offset=4.0),
}
"""What is wrong in the simulated batches; the bank names the same, of other size and time."""


def bank(setup: Setup):
    """Ten hypotheses."""
    model = setup.model
    sensors = (("DO", 0.0), ("glucose", 3.0), ("lactate", 3.0), ("VCD", 1.0))
    return (
        nominal(), *(sensor_fault(model, name, size) for name, size in sensors),
        hypothesis(Weakened(inputs=("F",), factor=0.0, what="feed pump delivers less")),
        hypothesis(Weakened(inputs=("G_in",), factor=0.0, what="feed without its glucose")),
        hypothesis(Altered(values={"kLa": 0.2}, what="loss of aeration")),
        hypothesis(Altered(values={"m_glc": 4.0, "q_O2": 2.0}, what="contamination"), upper=5.0),
        none_of_these(),
    )  # fmt: skip


def follow(setup: Setup, seed: int, fault) -> dict[str, object]:
    """One batch of a plant that is not its twin, followed as its results come."""
    model, recipe = setup.model, replace(default_recipe(), interval=1.0)
    drawn = prior(model, 1, seed).member(0)[0]
    declared = dict(zip(model.columns("parameters"), model.parameter_vector(), strict=True))
    # 10 % priors to the power 0.5: a plant that was fitted before, to 5 % a parameter.
    own = {name: declared[name] * (value / declared[name]) ** 0.5 for name, value in drawn.items()}
    faulty = replace(recipe, faults=() if fault is None else (fault,))
    run = simulate(model, faulty, parameters=own, seed=seed)
    if not run.is_complete:
        return {"failed": run.reason}
    commands, t = plan(model, recipe), [float(at) for at in run.time]
    inputs = {name: (t, [commands.inputs(at)[name] for at in t]) for name in ("F",)}
    readings = {ONLINE: (t, [float(v) for v in run.measured[ONLINE]])}
    delays = {one.name: one.delay for one in model.outputs}
    results = [(at, name, float(v), at + delays[name]) for name in LAB
               for at, v in zip(t, run.measured[name], strict=True) if np.isfinite(v)]  # fmt: skip
    all_ = bank(setup)
    tracker, before, greatest = Tracker(setup, all_, cadence=4.0, window=96.0), 0.0, 0.0
    found: dict[str, object] = {"first": None, "named": [], "likely": ""}
    for now in range(8, int(t[-1]) + 1, 8):
        known = [(at, name, v) for at, name, v, when in results if when <= now]
        new = [at for at, _, _, when in results if before < when <= now]
        tracker.advance(Observed(inputs, readings, known), now, min(new, default=None))
        said, before = diagnose(all_, tracker.records), float(now)
        greatest = max(greatest, said.evidence)
        if said.is_alarm:
            found["first"] = found["first"] or now
            found["named"] = [all_[k].name for k in said.candidates]
            found["likely"] = all_[said.leading].name
    answer = {**found, "greatest": round(greatest, 2)}
    print(seed, "none" if fault is None else fault.name, answer, file=sys.stderr, flush=True)
    return answer


def alarms(n: int, n_faulty: int) -> dict[str, object]:
    """How often it is wrong, and how often right."""
    setup = cho_setup(("mu_max", "q_mab", "q_O2", "Y_glc", "kLa"))
    quiet = [follow(setup, 1000 + k, None) for k in range(n)]
    n_false = sum(one["first"] is not None for one in quiet)
    upper = float(beta.ppf(0.95, n_false + 1, n - n_false)) if n_false < n else 1.0
    table = {}
    for place, (name, fault) in enumerate(FAULTS.items()):
        ran = [follow(setup, 2000 + 100 * place + k, fault) for k in range(n_faulty)]
        seen = [one for one in ran if one["first"] is not None]
        table[name] = {
            "batches": n_faulty, "raised_before_the_end": len(seen),
            "raised_before_the_fault": sum(one["first"] < fault.start for one in seen),
            "named_likeliest_at_last": sum(one["likely"] == name for one in seen),
            "named_alone_at_last": sum(one["named"] == [name] for one in seen),
            "named_among_others_at_last": sum(name in one["named"] for one in seen),
            "median_hours_to_finding": statistics.median(
                [one["first"] - fault.start for one in seen] or [float("nan")]
            ),
        }  # fmt: skip
    return {
        "batches_without_fault": n, "false_findings": n_false,
        "upper_95_bound_of_share": round(upper, 4),
        "greatest_evidence_without_fault": round(max(one["greatest"] for one in quiet), 2),
        "limit": 12.0, "faults": table,
    }  # fmt: skip


PENICILLIN_FAULTS = {0: "", 1: "aeration too low", 3: "sugar feed too low"}
"""Numbers of the reference's faults that begin within 30 h, and how the bank names them."""


def penicillin_bank(setup: Setup):
    """Seven hypotheses on the penicillin process."""
    flows = {"Fs": "sugar feed too low", "Fg": "aeration too low", "Fb": "base feed too low"}
    return (
        nominal(), sensor_fault(setup.model, "temperature"), sensor_fault(setup.model, "pH"),
        *(hypothesis(Weakened(inputs=(name,), factor=0.0, what=what), walk=0.3)
          for name, what in flows.items()),
        none_of_these(),
    )  # fmt: skip


def penicillin_setup() -> Setup:
    """The corrected model with its mean parameters: not the plant that is followed."""
    twin, mean = penicillin.model("corrected"), penicillin.nominal()
    noise = {name: Noise(relative=0.01) for name in twin.columns("states")}
    # The temperature of the coolant and what acidifies the broth are not known to the twin.
    own = {"T": (1.0, 0.0), "H": (0.0, 0.3), "P": (0.001, 0.01), "V": (0.0, 0.001),
           "Wt": (0.0, 0.001), "S": (0.02, 0.03)}  # fmt: skip
    noise |= {name: Noise(*one) for name, one in own.items()}
    sd = {"S": 0.1, "DO2": 0.5, "V": 500.0, "Wt": 500.0, "T": 0.5, "PAA": 50.0, "NH3": 50.0,
          "a0": 0.02, "a1": 0.03, "H": 1e-7}  # fmt: skip
    seen = [o.name for o in twin.outputs if o.noise is not None and o.name != "paa_signal"]
    return Setup(
        twin, noise=noise, varied=(Varied("mu_x"),), initial=mean.states(), initial_sd=sd,
        parameters=dict(mean.parameters), outputs=tuple(seen),
        settings=Settings(rtol=1e-4, atol=1e-6),
    )  # fmt: skip


def follow_penicillin(setup: Setup, number: int, seed: int, until: float) -> dict[str, object]:
    """A batch of the published plant, with drawn parameters and disturbances."""
    start = penicillin.draw(seed)
    run = penicillin.batch(start, mode="compatible", fault=number, seed=seed)
    twin, t = setup.model, [float(at) for at in run.time if at <= until]
    recipe = plan(twin, penicillin.recipe(penicillin.nominal(), mode="corrected"))
    inputs = {}
    for name in twin.columns("inputs"):
        if name in tables.TABLES:  # as commanded: the fault is not
            inputs[name] = (t, [recipe.inputs(at)[name] for at in t])
        elif name not in start.disturbances:
            inputs[name] = (t, [float(v) for v in run.values[name][: len(t)]])
    online = ("pH", "temperature")
    readings = {name: (t, [float(v) for v in run.measured[name][: len(t)]]) for name in online}
    results = [
        (at, one.name, float(v), at + one.delay)
        for _, one in setup.measured if one.name not in online
        for at, v in zip(t, run.measured[one.name], strict=False) if np.isfinite(v)
    ]  # fmt: skip
    all_ = penicillin_bank(setup)
    tracker, before = Tracker(setup, all_, cadence=1.0, window=48.0), 0.0
    found: dict[str, object] = {"first": None, "named": [], "greatest": 0.0}
    for now in range(4, int(until) + 1, 4):
        known = [(at, name, v) for at, name, v, when in results if when <= now]
        new = [at for at, _, _, when in results if before < when <= now]
        tracker.advance(Observed(inputs, readings, known), now, min(new, default=None))
        said, before = diagnose(all_, tracker.records), float(now)
        found["greatest"] = max(found["greatest"], round(said.evidence, 1))
        if said.is_alarm:
            found["first"] = found["first"] or now
            found["named"] = [all_[k].name for k in said.candidates]
    print(seed, penicillin.FAULTS[number], found, file=sys.stderr, flush=True)
    return found


def penicillin_alarms(n: int, until: float = 40.0) -> dict[str, object]:
    """The published simulator with its quirks, followed by the corrected model's mean batch."""
    setup = penicillin_setup()
    return {
        f"fault {number}: {name or 'none'}": [
            follow_penicillin(setup, number, 10 * number + k, until) for k in range(1, n + 1)
        ]
        for number, name in PENICILLIN_FAULTS.items()
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=0)
    parser.add_argument("--faulty", type=int, default=6)
    parser.add_argument("--penicillin", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    found: dict[str, object] = {
        "load": os.getloadavg()[0], "target_ms_per_hour": TARGET_MS,
        "cho": cho_speed(asked.hours, asked.rounds),
        "penicillin": penicillin_speed(min(asked.hours, 24), asked.rounds),
    }  # fmt: skip
    if asked.batches:
        found["alarms"] = alarms(asked.batches, asked.faulty)
    if asked.penicillin:
        found["penicillin_alarms"] = penicillin_alarms(asked.penicillin)
    text = json.dumps(found, indent=2)
    if asked.out is not None:
        asked.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
