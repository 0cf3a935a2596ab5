"""CPU seconds of columns beside SciPy on the same equations, and errors against references.

`python -m benchmarks.chromatography [--rounds 3] [--cells 64]` prints one JSON document. The
load, wash and elution of three proteins by steric mass action (lumped rate model with pores) is
run by this package and by SciPy's BDF and LSODA with the exact Jacobian, sparse and banded (with
finite differences on its pattern neither gets through: the rates of binding are too large), on the
same right-hand side, tolerances and output times, in turns in the same rounds; of the
rounds the least is given. Reference files, where there are any, give the errors.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.sparse import csc_matrix

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.library.chromatography import Grid, column_model, from_cadet, run
from goldenbatch.science.process.library.chromatography.standard import (
    ion_exchange_column,
    linear_column,
    load_wash_elute,
    pulse,
)

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("GOLDENBATCH_DATA", ROOT.parent / "shared" / "data")) / "chromatography"
TIMES = np.arange(0.0, 1501.0)
RTOL, ATOL = 1e-6, 1e-9
PUBLISHED = {"lrmp": 0.0253001, "grm": 0.0195316, "grm_surface": 0.0209945}
GRM_PEAKS = {"c1": 0.0265, "c2": 0.0404, "c3": 0.0460}


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def cold(cells: int) -> Any:
    """With the declaration and the derivatives, as a first run has them."""
    from goldenbatch.science.process.library.chromatography import model

    model.forget_columns()
    return run(ion_exchange_column(), load_wash_elute(), grid=Grid(cells), times_s=TIMES)


class Peer:
    """The same equations for SciPy, states cell by cell so that the Jacobian is banded."""

    def __init__(self, cells: int) -> None:
        self.model = column_model(ion_exchange_column(), Grid(cells))
        e = self.model.expressions
        keys = [index % cells for state in self.model.states for index in range(state.size)]
        self.order = np.argsort(keys, kind="stable")
        x = e.x[self.order.tolist()]
        rhs = ca.substitute(e.rhs[self.order.tolist()], e.p, ca.SX(self.model.parameter_vector()))
        self.rhs = ca.Function("rhs", [x, e.u], [rhs])
        jacobian = ca.jacobian(rhs, x)
        self.jacobian = ca.Function("jacobian", [x, e.u], [jacobian])
        self.columns, self.rows = (np.array(jacobian.sparsity().get_ccs()[k]) for k in (0, 1))
        across = np.repeat(np.arange(x.numel()), np.diff(self.columns))
        self.offset = self.rows - across
        self.across = across
        self.band = int(np.abs(self.offset).max())

    def sparse(self, y: np.ndarray, u: Any) -> csc_matrix:
        """Exact Jacobian for BDF."""
        values = np.array(self.jacobian(y, u).nonzeros())
        return csc_matrix((values, self.rows, self.columns), shape=(y.size, y.size))

    def banded(self, y: np.ndarray, u: Any) -> np.ndarray:
        """Exact Jacobian for LSODA, diagonals as rows."""
        packed = np.zeros((2 * self.band + 1, y.size))
        packed[self.band + self.offset, self.across] = self.jacobian(y, u).nonzeros()
        return packed

    def solve(self, method: str) -> float:
        """Peak of the last protein to leave."""
        x, top = self.model.x0()[self.order], 0.0
        last = int(np.flatnonzero(self.order == self.model.at("states", "c_c1").stop - 1)[0])
        is_banded = method == "LSODA"
        shape = self.banded if is_banded else self.sparse
        extra = {"lband": self.band, "uband": self.band} if is_banded else {}
        for section in load_wash_elute():
            span = (section.start_s, section.end_s)

            def rhs(t: float, y: np.ndarray, section: Any = section) -> np.ndarray:
                return np.array(self.rhs(y, section.at(t))).ravel()

            def jac(t: float, y: np.ndarray, section: Any = section) -> Any:
                return shape(y, section.at(t))

            wanted = TIMES[(TIMES >= span[0]) & (TIMES <= span[1])]
            found = solve_ivp(
                rhs, span, x, method, t_eval=wanted, rtol=RTOL, atol=ATOL, jac=jac, **extra
            )
            if not found.success:
                return float("nan")
            x, top = found.y[:, -1], max(top, float(found.y[last].max()))
        return top


def timed(rounds: int, cells: int) -> dict[str, Any]:
    peer = Peer(cells)
    seconds: dict[str, list[float]] = {
        "ours_cold": [],
        "ours": [],
        "scipy_bdf": [],
        "scipy_lsoda": [],
    }
    tops: dict[str, float] = {}
    for _ in range(rounds):
        for name, work in (
            ("ours_cold", lambda: float(cold(cells)["c1"].max())),
            ("ours", lambda: float(run(ion_exchange_column(), load_wash_elute(), grid=Grid(cells),
                                       times_s=TIMES)["c1"].max())),
            ("scipy_bdf", lambda: peer.solve("BDF")),
            ("scipy_lsoda", lambda: peer.solve("LSODA")),
        ):  # fmt: skip
            spent, tops[name] = cpu(work)
            seconds[name].append(spent)
    least = {name: round(min(values), 3) for name, values in seconds.items()}
    return {
        "cells": cells, "states": peer.model.n_x, "rtol": RTOL, "atol": ATOL, "cpu_s": least,
        "times_bdf": round(least["scipy_bdf"] / least["ours"], 1),
        "times_lsoda": round(least["scipy_lsoda"] / least["ours"], 1),
        "peak_c1": {name: round(value, 6) for name, value in tops.items()},
    }  # fmt: skip


def table(path: Path) -> dict[str, np.ndarray]:
    with path.open() as file:
        header, *rows = list(csv.reader(file))
    return dict(zip(header, np.array(rows, dtype=float).T, strict=True))


def errors(cells: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    path = DATA / "LRM_dynLin_1comp_benchmark1.csv"
    if path.exists():
        rows = table(path)
        case = from_cadet(json.loads(path.with_suffix(".json").read_text()))
        spent, made = cpu(lambda: case.run(times_s=rows["time"]))
        worst = np.abs(np.interp(rows["time"], made.time_s, made["c0"]) - rows["unit_001"])[1:]
        found["lrm"] = {
            "percent_of_peak": round(100.0 * float(worst.max() / rows["unit_001"].max()), 4),
            "cpu_s": round(spent, 3),
        }
    path = DATA / "SMA_LWE_LRMP_FV128.csv"
    if path.exists():
        rows = table(path)
        made = run(ion_exchange_column(), load_wash_elute(), grid=Grid(cells), times_s=TIMES)
        found["sma_percent_of_height"] = {
            name: round(100.0 * abs(float(made[name].max() / rows[name].max()) - 1.0), 4)
            for name in ("c1", "c2", "c3")
        }
    return found


def published() -> dict[str, Any]:
    """Peaks of the semi-analytical references, by the general and lumped rate models."""
    columns = {
        "lrmp": (linear_column(has_shells=False), Grid(128)),
        "grm": (linear_column(), Grid(96, 24)),
        "grm_surface": (linear_column(surface_m2_s=5e-11), Grid(96, 24)),
    }
    found: dict[str, Any] = {}
    for name, (column, grid) in columns.items():
        spent, made = cpu(
            lambda c=column, g=grid: run(c, pulse(), grid=g, times_s=np.arange(0, 1500.1, 0.25))
        )
        height = float(made["solute"].max())
        found[name] = {
            "peak": round(height, 7), "percent": round(100.0 * (height / PUBLISHED[name] - 1.0), 4),
            "at_s": float(made.time_s[made["solute"].argmax()]), "cpu_s": round(spent, 3),
        }  # fmt: skip
    return found


def general_rate_ion_exchange(cells: int, shells: int) -> dict[str, Any]:
    column = ion_exchange_column(has_shells=True)
    spent, made = cpu(
        lambda: run(column, load_wash_elute(), grid=Grid(cells, shells), times_s=TIMES)
    )
    peaks = {name: round(float(made[name].max()), 5) for name in GRM_PEAKS}
    at = {name: float(made.time_s[made[name].argmax()]) for name in GRM_PEAKS}
    return {"cells": cells, "shells": shells, "cpu_s": round(spent, 2), "peaks": peaks, "at_s": at,
            "cadet_core_64x16": GRM_PEAKS, "status": made.status}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure columns.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=64)
    given = parser.parse_args()

    document = {
        "load_wash_elute": timed(given.rounds, given.cells),
        "errors": errors(given.cells),
        "published_peaks": published(),
        "general_rate_ion_exchange": general_rate_ion_exchange(32, 8),
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
