"""Aligning batches by DTW with variable weights (Kassidas 1998), beside process-improve.

`python -m benchmarks.batch_alignment [--rounds 3] [--peer PYTHON]` prints one JSON document. Ours
and the peer get the same batches and do the same number of iterations, in turns, each in CPU
seconds; the peer runs in the interpreter named by `--peer` or `GOLDENBATCH_PEER`, and is left out
where that has no process-improve. `live_us` is one sample of one running batch: alignment, T2,
SPE, envelope and forecast by a frozen plan, through its JSON state.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from goldenbatch.science.latent.batch import (
    Alignment,
    BatchRun,
    BatchSettings,
    PhaseSettings,
    fit_batch_plan,
    kassidas_weights,
    warp,
)
from goldenbatch.science.latent.batch.warping import warped

N_BATCHES, N_VARIABLES, N_ITERATIONS = 40, 10, 3

PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
from process_improve.batch.preprocessing import batch_dtw
data = np.load(sys.argv[1])
names = [f"x{j}" for j in range(data["b0"].shape[1])]
batches = {k: pd.DataFrame(data[k], columns=names) for k in data.files}
settings = {"maximum_iterations": int(sys.argv[2]), "tolerance": 0.0, "show_progress": False}
import process_improve
for number in range(int(sys.argv[3])):
    began = time.process_time()
    batch_dtw({k: v.copy() for k, v in batches.items()}, names, "b0", settings)
    print(json.dumps(time.process_time() - began), flush=True)
"""


def made() -> list[np.ndarray]:
    """Batches of 160 to 330 samples that go through one course at their own pace."""
    rng = np.random.default_rng(20261123)
    phase = rng.uniform(0, 6, N_VARIABLES)
    found = []
    for _ in range(N_BATCHES):
        n = int(rng.integers(160, 330))
        pace = np.cumsum(rng.gamma(4.0, 1.0, n))
        pace = pace / pace[-1]
        course = np.sin(4 * pace[:, None] + phase) + 2 * pace[:, None]
        found.append(course + 0.05 * rng.normal(size=(n, N_VARIABLES)))
    return found


def ours(batches: list[np.ndarray]) -> float:
    """CPU seconds: weights in the same number of iterations, then all batches aligned."""
    began = time.process_time()
    weights = kassidas_weights(batches, batches[0], n_iterations=N_ITERATIONS)
    for one in batches:
        warped(one, warp(one, batches[0], weights=weights), len(batches[0]))
    return time.process_time() - began


def live(batches: list[np.ndarray], rounds: int) -> dict[str, float]:
    """CPU microseconds of one sample through a plan's JSON state, for each kind of alignment."""
    names = tuple(f"x{j}" for j in range(N_VARIABLES))
    runs = [BatchRun(str(i), np.arange(float(len(x))), x) for i, x in enumerate(batches)]
    found = {}
    for kind in ("clock", "warping"):
        phase = PhaseSettings("batch", Alignment(kind), n_points=200)
        chosen = BatchSettings(names, (phase,), forecasts=("end",), n_folds=5)
        plan = fit_batch_plan(runs[:20], chosen)
        run, least = runs[-1], np.inf
        for _ in range(rounds):
            state = plan.start()
            began = time.process_time()
            for i in range(len(run.time)):
                row = slice(i, i + 1)
                state, _ = plan.advance(state, "batch", run.time[row], run.values[row])
            least = min(least, (time.process_time() - began) / len(run.time))
        found[kind] = 1e6 * least
    return found


def peer(python: str, batches: list[np.ndarray], rounds: int) -> tuple[list[float], str]:
    """CPU seconds of the peer's rounds, the first with what it compiles; or why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "batches.npz"
        np.savez(data, **{f"b{i}": x for i, x in enumerate(batches)})
        asked = [python, "-c", PEER, str(data), str(N_ITERATIONS), str(rounds)]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        return [], done.stderr.strip().splitlines()[-1][:200]
    return [float(line) for line in done.stdout.split()], ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", default=os.environ.get("GOLDENBATCH_PEER", sys.executable))
    asked = parser.parse_args()
    batches = made()
    our: list[float] = []
    theirs: list[float] = []
    why = ""
    for _ in range(asked.rounds):
        our.append(ours(batches))
        times, why = peer(asked.peer, batches, 2)
        theirs += times
    answer: dict[str, Any] = {
        "batches": N_BATCHES, "variables": N_VARIABLES, "iterations": N_ITERATIONS,
        "align_s": round(min(our), 3),
        "live_us": {k: round(v, 1) for k, v in live(batches, asked.rounds).items()},
        "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip
    if theirs:
        first, later = min(theirs[0::2]), min(theirs[1::2])
        answer |= {
            "process_improve_first_s": round(first, 3), "process_improve_s": round(later, 3),
            "ratio_first": round(first / min(our), 1), "ratio": round(later / min(our), 1),
        }  # fmt: skip
    else:
        answer["process_improve"] = f"left out: {why}"
    print(json.dumps(answer, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
