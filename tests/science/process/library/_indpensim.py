"""Reading the published captures of IndPenSim, which are not part of this repository."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from goldenbatch.science.process.library.penicillin import Capture, capture


def read_capture(folder: Path, seed: int) -> Capture:
    """Start, plan and trajectory of the batch of a seed."""
    stem = folder / f"batch_seed{seed}_b01"
    with Path(f"{stem}_states.csv").open(newline="") as file:
        names, _, *rows = csv.reader(file)
    values = np.array(rows, dtype=float)
    record = {name: values[:, k] for k, name in enumerate(names)}
    saved = loadmat(f"{stem}_initconds.mat", simplify_cells=True)
    return capture(saved, record, f"seed {seed}")
