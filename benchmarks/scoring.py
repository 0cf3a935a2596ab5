"""Scoring: one row, a block, a whole site, a spectrum; beside process-improve and scikit-learn.

    python -m benchmarks.scoring [--rounds N] [--out FILE]

Peers run in a process of their own, by this interpreter or by the one that BENCH_PEERS_PYTHON
names (an environment with `pip install process-improve scikit-learn`); a peer that is not there
is said to be absent. Rounds are interleaved; figures are medians of CPU time on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from goldenbatch.science.latent import PCA, PLS, FleetPlan, ScoringPlan, Step, StepKind
from goldenbatch.science.latent.dynamic_pca import DynamicPCA
from goldenbatch.science.latent.steps import apply_steps

FOLDER = Path(__file__).resolve().parent
N_TAGS, N_COMPONENTS, N_ROWS = 52, 11, 1000
N_UNITS, N_UNIT_TAGS = 200, 40
N_CHANNELS = 650
TARGETS = {
    "row_times_process_improve": 500,
    "row_api_us": 1000,
    "fleet_tick_us": 150,
    "spectrum_us": 50,
    "block_million_values_per_s": 100,
}
ABOUT = 1.1
"""The last three are stated as "about": a tenth more is still about as much."""


class Peers:
    """The process of the peers."""

    def __init__(self, data: Path) -> None:
        python = os.environ.get("BENCH_PEERS_PYTHON") or sys.executable
        self._process = subprocess.Popen(
            [python, str(FOLDER / "_scoring_peers.py"), str(data)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.versions: dict[str, str | None] = self._answer()

    def _answer(self) -> Any:
        return json.loads(self._process.stdout.readline())  # type: ignore[union-attr]

    def time(self, peer: str, case: str, n: int) -> float | None:
        """CPU seconds of one call; None where the peer is not installed."""
        asked = json.dumps({"peer": peer, "case": case, "n": n})
        self._process.stdin.write(asked + "\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        found: float | None = self._answer()
        return found

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(30)
        self._process.stdout.close()  # type: ignore[union-attr]


def rows_of(n: int, p: int, seed: int) -> Any:
    """Rows with a few causes."""
    rng = np.random.default_rng(seed)
    causes = rng.standard_normal((n, 8)) @ rng.standard_normal((8, p))
    return causes + 0.5 * rng.standard_normal((n, p))


def spectra_of(n: int) -> tuple[Any, Any]:
    """Spectra of two bands and scatter, and what they tell."""
    rng = np.random.default_rng(3)
    axis = np.linspace(0.0, 1.0, N_CHANNELS)
    amount = rng.random((n, 2))
    bands = np.stack([np.exp(-(((axis - 0.4) / 0.1) ** 2)), np.exp(-(((axis - 0.7) / 0.2) ** 2))])
    spectra = (1 + 0.1 * rng.standard_normal((n, 1))) * (amount @ bands + 1.0)
    return spectra + 0.002 * rng.standard_normal(spectra.shape), amount[:, 0]


def spectral_plan(spectra: Any, results: Any) -> ScoringPlan:
    """SNV, first derivative over 15 channels, PLS."""
    from scipy.signal import savgol_coeffs

    steps = (
        Step(StepKind.SNV),
        Step(StepKind.SAVITZKY_GOLAY, savgol_coeffs(15, 2, 1)[::-1].copy()),
    )
    model = PLS(8, is_scaled=False).fit(apply_steps(steps, spectra), results[:, None])
    return model.plan([f"w{i}" for i in range(N_CHANNELS)], ["assay"], steps=steps)


def cases_of(data: dict[str, Any]) -> dict[str, tuple[Callable[[], Any], int]]:
    """What is timed of ours, and calls a round."""
    rows = data["rows"]
    plan = PCA(N_COMPONENTS).fit(rows).plan()
    one, listed = rows[:1], rows[0].tolist()
    fleet = FleetPlan([PCA(5).fit(rows_of(80, N_UNIT_TAGS, i)).plan() for i in range(N_UNITS)])
    tick = np.stack([rows_of(1, N_UNIT_TAGS, 1000 + i)[0] for i in range(N_UNITS)])
    spectral = spectral_plan(data["spectra"], data["results"])
    spectrum = data["spectra"][0]
    dynamic = DynamicPCA(N_COMPONENTS).fit(rows).plan()
    _, state = dynamic.score(rows[:5])
    return {
        "row_kernel": (lambda: plan.distances(one), 1000),
        "row_api": (lambda: plan.score(listed), 1000),
        "row_stream": (lambda: dynamic.step(state, listed), 300),
        "block": (lambda: plan.score(rows), 20),
        "fleet_tick": (lambda: fleet.score(tick), 200),
        "spectrum": (lambda: spectral.score(spectrum), 500),
    }


def timed(call: Callable[[], Any], n: int) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    for _ in range(n):
        call()
    return (time.process_time() - began) / n


ASKED = (
    ("process-improve", "row", 5),
    ("process-improve", "block", 2),
    ("scikit-learn", "row", 50),
    ("scikit-learn", "block", 10),
    ("scikit-learn", "spectrum", 50),
)


def measure(n_rounds: int) -> dict[str, Any]:
    """All cases, interleaved with the peers'."""
    spectra, results = spectra_of(60)
    data = {"rows": rows_of(N_ROWS, N_TAGS, 1), "spectra": spectra, "results": results,
            "a": np.array(N_COMPONENTS)}  # fmt: skip
    cases = cases_of(data)
    own: dict[str, list[float]] = {name: [] for name in cases}
    theirs: dict[str, list[float]] = {f"{peer} {case}": [] for peer, case, _ in ASKED}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        np.savez(path, **data)
        peers = Peers(path)
        try:
            for _ in range(n_rounds):
                for name, (call, n) in cases.items():
                    own[name].append(timed(call, n))
                for peer, case, n in ASKED:
                    found = peers.time(peer, case, n)
                    if found is not None:
                        theirs[f"{peer} {case}"].append(found)
        finally:
            peers.close()
    return summary(own, theirs, peers.versions)


def summary(
    own: dict[str, list[float]],
    theirs: dict[str, list[float]],
    versions: dict[str, str | None],
) -> dict[str, Any]:
    """Figures, ratios and whether targets are met."""
    us = {name: round(1e6 * statistics.median(all_of), 2) for name, all_of in own.items()}
    peer_us = {
        name: round(1e6 * statistics.median(all_of), 1) if all_of else None
        for name, all_of in theirs.items()
    }
    rival, ratios = peer_us["process-improve row"], {}
    for name, one in (("row_kernel", "row"), ("block", "block"), ("spectrum", "spectrum")):
        for peer in ("process-improve", "scikit-learn"):
            found = peer_us.get(f"{peer} {one}")
            if found is not None:
                ratios[f"{name} / {peer}"] = round(found / us[name], 1)
    figures = {
        "row_times_process_improve": None if rival is None else round(rival / us["row_kernel"], 1),
        "row_api_us": us["row_api"],
        "fleet_tick_us": us["fleet_tick"],
        "spectrum_us": us["spectrum"],
        "block_million_values_per_s": round(N_ROWS * N_TAGS / us["block"], 1),
    }
    is_met = {name: is_within(name, figure) for name, figure in figures.items()}
    return {
        "benchmark": "scoring",
        "peers": {name: version or "not installed" for name, version in versions.items()},
        "load": round(os.getloadavg()[0], 2),
        "own_us": us,
        "peer_us": peer_us,
        "times_faster": ratios,
        "figures": figures,
        "targets": TARGETS,
        "is_met": is_met,
    }


def is_within(name: str, figure: float | None) -> bool | None:
    """Whether a figure meets its target; None where it was not measured."""
    if figure is None:
        return None
    slack = ABOUT if name in ("fleet_tick_us", "spectrum_us", "block_million_values_per_s") else 1
    if name in ("row_times_process_improve", "block_million_values_per_s"):
        return figure * slack >= TARGETS[name]
    return figure <= TARGETS[name] * slack


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = json.dumps(measure(options.rounds), indent=2)
    if options.out:
        options.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
