"""Batches made by a known rule."""

import numpy as np

from goldenbatch.science.latent.batch import Alignment, BatchRun, BatchSettings, PhaseSettings

COLUMNS = ("temp", "fed", "flow")


def made(seed, *, pace=1.0, bias=0.0, n=60):
    """Two phases: a clock-driven one, and one that ends when 100 is fed; `end quality` depends."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0.0, 1.0)
    heat = np.arange(20.0)
    first = np.column_stack([20 + heat + level, np.zeros(20), 5 + rng.normal(0, 0.3, 20)])
    rate = (1.6 + 0.15 * rng.normal()) * pace
    fed = np.arange(1, n * 3) * rate
    fed = fed[: int(np.argmax(fed >= 100)) + 1]
    k = len(fed)
    second = np.column_stack([
        40 + level + 0.02 * fed + rng.normal(0, 0.3, k), fed, 5 + rng.normal(0, 0.3, k),
    ])  # fmt: skip
    second[k // 2 :, 0] += bias
    values = np.concatenate([first, second])
    phases = ("heat",) * 20 + ("feed",) * k
    quality = 10.0 + 2.0 * level + 0.1 * rng.normal()
    return BatchRun(f"b{seed}", np.arange(20.0 + k), values, phases, (("quality", quality),))


def settings(**changes):
    chosen = {
        "columns": COLUMNS,
        "phases": (
            PhaseSettings("heat", n_points=20, columns=(0, 2)),
            PhaseSettings("feed", Alignment("indicator", (1,)), n_points=40),
        ),
        "false_alarm_rate": 0.1,
        "n_components": 2,
        "forecasts": ("quality", "end"),
        "n_folds": 5,
    }
    return BatchSettings(**{**chosen, **changes})
