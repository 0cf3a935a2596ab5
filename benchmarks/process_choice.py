"""How the setting of the trial `tep` was chosen: on the 500 normal training rows alone.

Each fifth of the rows is left out in turn, with rows beside it, and a model made of the rest. Into
the fifth that was left out, disturbances are planted: steps, ramps, noise and random walks, of one
to four sensors or of the innovations of a vector autoregression, whose response runs through the
process. Tags that are held between analyses hold the disturbance, too. The limit of each statistic
is its mean on good left-out rows and 2.576 of their standard deviations. No test file is opened.
The figures say which setting to prefer, not how good it will be: the models have 350 to 400 rows.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.latent.alarm_settings import AlarmSettings
from goldenbatch.science.latent.cva import CVA
from goldenbatch.science.latent.dynamic_pca import DynamicPCA
from goldenbatch.science.latent.selection import contiguous_folds

DATA = Path(os.environ.get("GOLDENBATCH_DATA", Path(__file__).parents[2] / "shared" / "data"))
N_FOLDS, GAP, N_EACH, RIDGE = 5, 10, 8, 2e-3
LIMIT = 2.576  # of a normal statistic: 0.5 % of good rows
KINDS = ("step", "ramp", "noise", "walk")
SEED = 12

GRID: list[tuple[str, dict[str, Any], float]] = [
    ("chosen", {"n_states": 29, "lags": 2, "ridge": 1e-6}, 0.1),
    ("single rows", {"n_states": 29, "lags": 2, "ridge": 1e-6}, 1.0),
    ("smoothing 0.2", {"n_states": 29, "lags": 2, "ridge": 1e-6}, 0.2),
    ("smoothing 0.05", {"n_states": 29, "lags": 2, "ridge": 1e-6}, 0.05),
    ("window of 1 row", {"n_states": 29, "lags": 0, "ridge": 1e-6}, 0.1),
    ("window of 2 rows", {"n_states": 29, "lags": 1, "ridge": 1e-6}, 0.1),
    ("window of 4 rows", {"n_states": 29, "lags": 3, "ridge": 1e-6}, 0.1),
    ("15 states", {"n_states": 15, "lags": 2, "ridge": 1e-6}, 0.1),
    ("45 states", {"n_states": 45, "lags": 2, "ridge": 1e-6}, 0.1),
    ("ridge 1e-4", {"n_states": 29, "lags": 2, "ridge": 1e-4}, 0.1),
    ("ridge 1e-2", {"n_states": 29, "lags": 2, "ridge": 1e-2}, 0.1),
    ("without Q", {"n_states": 29, "lags": 2, "ridge": 1e-6, "statistics": ("Ts2", "Tr2")}, 0.1),
]


def main() -> None:
    """Print the table as JSON."""
    rows = np.loadtxt(DATA / "tep" / "d00.dat")
    rows = rows.T if len(rows) == 52 else rows
    planted = disturbances(rows, len(rows) // N_FOLDS)
    table = [
        {"setting": name, **judged(CVA(n_future=2, alarms=alarms(weight), **own), rows, planted)}
        for name, own, weight in GRID
    ]
    for name, components, lags in (("pca", 11, 0), ("dpca", 29, 2)):
        model = DynamicPCA(components, lags=lags, alarms=alarms(0.1))
        table.append({"setting": name, **judged(model, rows, planted)})
    print(json.dumps({"n_planted": len(planted), "table": table}, indent=1))


def alarms(smoothing: float) -> AlarmSettings:
    """Averages and limits as in the trial."""
    return AlarmSettings(rate=0.005, smoothing=smoothing, is_log=True, n_folds=3)


def judged(model: Any, rows: Floats, planted: list[tuple[str, str, Floats]]) -> dict[str, Any]:
    """Share of rows called bad where disturbances were planted, at equal nominal rates."""
    held = np.concatenate([np.zeros((1, rows.shape[1]), bool), rows[1:] == rows[:-1]])
    good: list[Floats] = []
    moved: list[tuple[str, str, Floats]] = []
    for fold in contiguous_folds(len(rows), N_FOLDS):
        first, last = int(fold[0]), int(fold[-1]) + 1
        kept = rows.copy()
        kept[max(first - GAP, 0) : last + GAP] = np.nan
        plan = model.fit(kept).plan()
        own = plan.score(rows[first:last])[0].values
        centre = np.nanmean(own, axis=0)
        good.append(own - centre)
        for kind, where, effect in planted:
            X = rows[first:last] + keeping(effect[: last - first], held[first:last])
            moved.append((kind, where, plan.score(X)[0].values - centre))
    every = np.concatenate(good)
    spread = np.nanstd(every, axis=0)
    found: dict[str, list[float]] = {key: [] for key in (*KINDS, "sensors", "process")}
    for kind, where, values in moved:
        share = float(((values / spread).max(axis=1) > LIMIT).mean())
        found[kind].append(share)
        found[where].append(share)
    mean = {key: round(float(np.mean(shares)), 3) for key, shares in found.items()}
    return {"detected": round(float(np.mean([mean[kind] for kind in KINDS])), 3), **mean}


def disturbances(rows: Floats, n: int) -> list[tuple[str, str, Floats]]:
    """Kind, place and effect of each, shape (n, p), in the unit of the rows."""
    rng = np.random.default_rng(SEED)
    spread = rows.std(axis=0, ddof=1)
    Z = (rows - rows.mean(axis=0)) / spread
    past, now = np.hstack([Z[1:-1], Z[:-2]]), Z[2:]
    gram = past.T @ past + RIDGE * len(past) * np.eye(past.shape[1])
    weights = np.linalg.solve(gram, past.T @ now)
    values, vectors = np.linalg.eigh(np.cov((now - past @ weights).T))
    roots = np.sqrt(np.maximum(values, 0.0))
    found = []
    for kind in KINDS:
        for size in (0.5, 1.0, 2.0):
            for _ in range(N_EACH):
                course = size * shape(kind, n, rng)[:, None]
                sensors = course * some(rows.shape[1], int(rng.choice([1, 2, 4])), rng)
                found.append((kind, "sensors", sensors * spread))
                push = vectors @ (roots * some(rows.shape[1], 3, rng))
                found.append((kind, "process", response(2.0 * course * push, weights) * spread))
    return found


def shape(kind: str, n: int, rng: np.random.Generator) -> Floats:
    """The course of a disturbance."""
    if kind == "step":
        return np.ones(n)
    if kind == "ramp":
        return 2.0 * np.arange(n) / n
    noise = rng.normal(size=n)
    return noise if kind == "noise" else 2.0 * np.cumsum(noise) / np.sqrt(n)


def some(p: int, k: int, rng: np.random.Generator) -> Floats:
    """A direction of unit length with k entries."""
    out = np.zeros(p)
    out[rng.choice(p, size=k, replace=False)] = rng.normal(size=k)
    return np.asarray(out / np.linalg.norm(out))


def response(pushes: Floats, weights: Floats) -> Floats:
    """What pushes of the innovations do, by the autoregression of order 2."""
    n, p = pushes.shape
    out = np.zeros((n + 2, p))
    for t in range(n):
        out[t + 2] = np.hstack([out[t + 1], out[t]]) @ weights + pushes[t]
    return out[2:]


def keeping(effect: Floats, held: np.ndarray) -> Floats:
    """The effect on tags that stand between two analyses changes with the next analysis."""
    out = effect.copy()
    for t in range(1, len(out)):
        out[t, held[t]] = out[t - 1, held[t]]
    return out


if __name__ == "__main__":
    main()
