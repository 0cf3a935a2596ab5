"""Simulated cycles with parameters drawn from the priors: how many intervals hold the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.process.library.freeze_drying._sampler import SamplerSettings
from goldenbatch.science.process.library.freeze_drying.containers import Formulation, Vial
from goldenbatch.science.process.library.freeze_drying.posterior import (
    SHARED,
    Batch,
    Problem,
    Trace,
    fit_cycle,
)
from goldenbatch.science.process.library.freeze_drying.primary import (
    Conditions,
    Drying,
    DryingSettings,
    dry,
)
from goldenbatch.science.process.library.freeze_drying.properties import TORR_Pa
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule

HOUR_s, EVERY_s = 3600.0, 900.0
BATCH = Batch(Vial.iso("10R", 3.0), Formulation(50.0))
CONDITIONS = Conditions(
    Schedule.ramps(233.15, [(263.15, 200.0)], rate_per_min=0.5), Schedule.hold(0.1 * TORR_Pa)
)
_NONE = tuple(Trace(name, np.zeros(1), np.zeros(1), 0.0) for name in ("a", "b"))
FEW = SamplerSettings(n_particles=200, n_moves=5, n_last_moves=10)


def drawn(rng: np.random.Generator) -> tuple[Drying, float, float, Floats]:
    """Two vials with thermocouple and one without; error, memory and the particle."""
    problem = Problem(BATCH, CONDITIONS, _NONE)
    while True:
        particle = rng.standard_normal((1, problem.n_dimensions))
        effects = particle[:, len(SHARED) :].reshape(1, 2, 2)
        effects = np.concatenate([effects, rng.standard_normal((1, 1, 2))], axis=1)
        run = dry(problem.vials(particle, effects), CONDITIONS, DryingSettings(step_s=1800.0))
        if np.isfinite(run.end_s).all():
            shared = problem.shared(particle)
            return run, float(shared["error"][0]), float(shared["memory"][0]) * HOUR_s, particle


def trace(
    rng: np.random.Generator, run: Drying, vial: int, residual: tuple[float, float], how: str
) -> Trace:
    """What a thermocouple shows: to 9 h, or to its loss of ice with or without its level."""
    end, (error, memory) = float(run.end_s[vial]), residual
    lost = 9.0 * HOUR_s if how == "to 9 h" else rng.uniform(0.65, 0.95) * end
    times = np.arange(1.5 * HOUR_s, max(lost, 3.0 * HOUR_s), EVERY_s)
    decay = np.exp(-EVERY_s / memory)
    away = [error * rng.standard_normal()]
    for shock in rng.standard_normal(len(times) - 1):
        away.append(decay * away[-1] + error * np.sqrt(1.0 - decay**2) * shock)
    settled = end * (1.0 + rng.uniform(0.0, 0.3)) if how == "with its level" else float("nan")
    return Trace(str(vial), times, run.at(times).bottom_K[:, vial] + away, lost, settled)


def coverage(n_cycles: int, how: str, seed: int) -> dict[str, Any]:
    """Share of 95 % intervals that hold the end of the vial without thermocouple."""
    rng, ranks, n_held = np.random.default_rng(seed), [], 0
    for number in range(n_cycles):
        run, error, memory, _ = drawn(rng)
        traces = tuple(trace(rng, run, vial, (error, memory), how) for vial in range(2))
        found = fit_cycle(Problem(BATCH, CONDITIONS, traces), seed=number, settings=FEW)
        end, truth = found.end_s(seed=number), float(run.end_s[2])
        n_held += int(end.lower <= truth <= end.upper)
        ends = np.nan_to_num(found.new_vials(number, 8).end_s, nan=np.inf)
        ranks.append(float((ends < truth).mean()))
    thirds = np.histogram(ranks, bins=3, range=(0.0, 1.0))[0]
    return {"cycles": n_cycles, "held": n_held, "ranks_by_third": thirds.tolist()}
