"""Peers of the scoring benchmark, in a process of their own: times of calls, asked for by line.

Run by the interpreter that has them; needs nothing of goldenbatch. Each line of standard input
names a case and a number of calls; the answer is the CPU seconds of one call, or null where the
peer is not installed.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

warnings.filterwarnings("ignore")


def scikit_learn(data: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """PCA with T2 and SPE by its transform and its inverse; PLS after SNV and a derivative."""
    from scipy.signal import savgol_filter
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    X = data["rows"]
    scaler = StandardScaler().fit(X)
    model = PCA(int(data["a"])).fit(scaler.transform(X))

    def score(rows: Any) -> Any:
        Z = scaler.transform(rows)
        T = model.transform(Z)
        rest = Z - model.inverse_transform(T)
        return (T * T / model.explained_variance_).sum(axis=1), (rest * rest).sum(axis=1)

    def treated(rows: Any) -> Any:
        centred = rows - rows.mean(axis=1, keepdims=True)
        centred /= centred.std(axis=1, keepdims=True)
        return savgol_filter(centred, 15, 2, deriv=1, axis=1, mode="nearest")

    spectra = data["spectra"]
    pls = PLSRegression(8, scale=False).fit(treated(spectra), data["results"])
    return {
        "row": lambda: score(X[:1]),
        "block": lambda: score(X),
        "spectrum": lambda: pls.predict(treated(spectra[:1])),
    }


def process_improve(data: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """PCA with T2 and SPE by `diagnose`, as its guide shows."""
    import pandas as pd
    from process_improve.multivariate.methods import PCA, MCUVScaler

    frame = pd.DataFrame(data["rows"])
    scaler = MCUVScaler().fit(frame)
    model = PCA(n_components=int(data["a"])).fit(scaler.transform(frame))
    one = frame.iloc[:1]
    return {
        "row": lambda: model.diagnose(scaler.transform(one)),
        "block": lambda: model.diagnose(scaler.transform(frame)),
    }


def main() -> None:
    """Answer line by line."""
    arrays = np.load(Path(sys.argv[1]))
    data = {name: arrays[name] for name in arrays.files}
    cases: dict[str, dict[str, Callable[[], Any]]] = {}
    versions: dict[str, str | None] = {}
    for make, package in ((scikit_learn, "scikit-learn"), (process_improve, "process-improve")):
        try:
            from importlib.metadata import version

            cases[package], versions[package] = make(data), version(package)
        except ImportError:
            versions[package] = None
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        call = cases.get(asked["peer"], {}).get(asked["case"])
        if call is None:
            print("null", flush=True)
            continue
        began = time.process_time()
        for _ in range(asked["n"]):
            call()
        print(json.dumps((time.process_time() - began) / asked["n"]), flush=True)


if __name__ == "__main__":
    main()
