"""What a prediction costs over the bare engine, and how long a model takes to load.

`python -m benchmarks.serving [--rounds 7]` prints one JSON document. Each predictor is measured
beside its own engine in the same round, in turns; the median of the rounds is given.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from goldenbatch.core.artefacts import LIGHTGBM, LINEAR, ONNX, SCORING_PLAN, SKOPS
from goldenbatch.science.latent import PLS
from goldenbatch.science.predictors import LinearModel, is_same_alone, load_predictor
from goldenbatch.stores.registry import Registry

P, BLOCK = 20, 1000
NAMES = [f"x{i}" for i in range(P)]
TARGETS = {"block_us_a_row": 20.0, "single_row_ms": 0.3, "load_warm_ms": 50.0}


def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(20261123)
    hidden = random.normal(size=(2000, 4))
    X = hidden @ random.normal(size=(4, P)) + 0.2 * random.normal(size=(2000, P))
    return X, hidden[:, 0] + 0.1 * random.normal(size=2000)


def plan(X: np.ndarray, y: np.ndarray) -> tuple[bytes, str, Callable[[np.ndarray], Any]]:
    made = PLS(n_components=4).fit(X, y).plan(NAMES)
    return made.to_bytes(), SCORING_PLAN, made.score


def linear(X: np.ndarray, y: np.ndarray) -> tuple[bytes, str, Callable[[np.ndarray], Any]]:
    weights, *_ = np.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), rcond=None)
    made = LinearModel(tuple(NAMES), ("y",), (tuple(weights.tolist()),), (float(y.mean()),),
                       tuple(X.mean(axis=0).tolist()))  # fmt: skip
    centre = X.mean(axis=0)
    return made.to_bytes(), LINEAR, lambda rows: (rows - centre) @ weights + y.mean()


def lightgbm(X: np.ndarray, y: np.ndarray) -> tuple[bytes, str, Callable[[np.ndarray], Any]]:
    import lightgbm as engine

    settings = {"verbosity": -1, "num_threads": 1, "seed": 1}
    booster = engine.train(settings, engine.Dataset(X, y, feature_name=NAMES), 100)
    bare = engine.Booster(model_str=booster.model_to_string())
    return (booster.model_to_string().encode(), LIGHTGBM,
            lambda rows: bare.predict(rows, num_threads=1))  # fmt: skip


def onnx_forest(X: np.ndarray, y: np.ndarray) -> tuple[bytes, str, Callable[[np.ndarray], Any]]:
    from sklearn.ensemble import RandomForestRegressor

    return _onnx(RandomForestRegressor(50, max_depth=8, random_state=1).fit(X, y), X)


def onnx_network(X: np.ndarray, y: np.ndarray) -> tuple[bytes, str, Callable[[np.ndarray], Any]]:
    from sklearn.neural_network import MLPRegressor

    made = MLPRegressor(hidden_layer_sizes=(32, 32), max_iter=60, random_state=1)
    return _onnx(made.fit(X, y), X)


def _onnx(model: Any, X: np.ndarray) -> tuple[bytes, str, Callable[[np.ndarray], Any]]:
    import onnxruntime
    from skl2onnx import to_onnx

    content = to_onnx(model, X[:1].astype(np.float32)).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return content, ONNX, lambda rows: session.run(None, {name: rows.astype(np.float32)})


def skops_forest(X: np.ndarray, y: np.ndarray) -> tuple[bytes, str, Callable[[np.ndarray], Any]]:
    from sklearn.ensemble import RandomForestRegressor

    return _skops(RandomForestRegressor(50, max_depth=8, random_state=1, n_jobs=1).fit(X, y))


def skops_ridge(X: np.ndarray, y: np.ndarray) -> tuple[bytes, str, Callable[[np.ndarray], Any]]:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return _skops(make_pipeline(StandardScaler(), Ridge()).fit(X, y))


def _skops(model: Any) -> tuple[bytes, str, Callable[[np.ndarray], Any]]:
    import skops.io

    return skops.io.dumps(model), SKOPS, model.predict


MODELS = (plan, linear, lightgbm, onnx_forest, onnx_network, skops_forest, skops_ridge)


def taken(call: Callable[[], Any], n: int) -> float:
    """Seconds of one call, of n."""
    start = time.perf_counter()
    for _ in range(n):
        call()
    return (time.perf_counter() - start) / n


def measured(make: Callable[..., Any], rounds: int, registry: Registry) -> dict[str, Any]:
    X, y = data()
    content, media_type, bare = make(X, y)
    digest = registry.put(content, media_type)
    served = load_predictor(registry.get_approved(digest, media_type), media_type)
    block, row = np.ascontiguousarray(X[:BLOCK]), np.ascontiguousarray(X[:1])
    times: dict[str, list[float]] = {name: [] for name in (
        "bare_block", "block", "explained", "bare_row", "row", "load")}  # fmt: skip
    for _ in range(rounds):
        times["bare_block"].append(taken(lambda: bare(block), 3))
        times["block"].append(taken(lambda: served.predict(block), 3))
        times["explained"].append(taken(lambda: served.predict(block, explain=True), 1))
        times["bare_row"].append(taken(lambda: bare(row), 50))
        times["row"].append(taken(lambda: served.predict(row), 50))
        times["load"].append(
            taken(lambda: load_predictor(registry.get_approved(digest, media_type), media_type), 3)
        )
    middle = {name: statistics.median(values) for name, values in times.items()}
    return {
        "bare_block_us_a_row": round(middle["bare_block"] / BLOCK * 1e6, 3),
        "block_us_a_row": round(middle["block"] / BLOCK * 1e6, 3),
        "explained_us_a_row": round(middle["explained"] / BLOCK * 1e6, 3),
        "block_overhead_us_a_row": round((middle["block"] - middle["bare_block"]) / BLOCK * 1e6, 3),
        "bare_row_ms": round(middle["bare_row"] * 1e3, 4),
        "row_ms": round(middle["row"] * 1e3, 4),
        "row_overhead_ms": round((middle["row"] - middle["bare_row"]) * 1e3, 4),
        "load_warm_ms": round(middle["load"] * 1e3, 2),
        "bytes": len(content),
        "explanation": served.facts.explanation.value,
        "is_row_by_row": served.facts.is_row_by_row,
        "is_same_alone": is_same_alone(served, X[:200]),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="goldenbatch-bench-") as folder:
        registry = Registry(Path(folder))
        found = {make.__name__: measured(make, rounds, registry) for make in MODELS}
    report = {"targets": TARGETS, "load_average": os.getloadavg()[0], "inputs": P, "models": found}
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
