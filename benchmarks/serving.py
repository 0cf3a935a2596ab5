"""What serving costs over the bare predictor and over the bare engine, and how long a load takes.

`python -m benchmarks.serving [--rounds 7] [--only plan]` prints one JSON document. Each artefact
goes through its life in a real home and is asked through `site.models.active(use)`. Engine,
predictor and served model are measured in turns in the same round, on the same rows; of the rounds
the median is given, and the least, which other work on the machine lengthened least. Overheads are
the least of the served model less the least of the predictor, without and with explanations.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from goldenbatch.core.artefacts import LIGHTGBM, LINEAR, ONNX, SCORING_PLAN, SKOPS
from goldenbatch.science.latent import PLS
from goldenbatch.science.predictors import LinearModel, is_same_alone

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


def life(site: Any, content: bytes, media_type: str, version: int) -> None:
    """Take an artefact to work in a home, each step by the one whose work it is."""
    from tests.capabilities.governance import team
    from tests.core import lives

    ranges = [{"name": name, "lower": -50, "upper": 50} for name in NAMES]
    at = {"version": version}
    follows = {"follows": 1} if version > 1 else {}
    team.act(site, "draft", "dana", **(follows or team.CARD))
    if not follows:
        intended = {**team.INTENDED, "inputs": ranges}
        team.act(site, "intend", "sam", **at, intended=intended)
        team.act(site, "criteria", "sam", **at, criteria=team.CRITERIA, n_least=5, reason="risk")
    team.act(site, "bind", "sam", **at, test_set="T1")
    digest = site.registry.put(content, media_type)
    body = lives.trained(version, digest).model_copy(update={"media_type": media_type})
    team.sign(site, body, "dana", actions=("model:train",))
    team.test(site, version=version, digest=digest)
    evidence = [team.verification(site)]
    team.act(site, "validate", "vera", **at, evidence=evidence, statement="fit for its use")
    change = {"change": "CC-1"} if follows else {}
    team.act(site, "approve", "quinn", **at, reason="fit", **change)
    team.act(site, "activate", "sam", **at, reason="ready")


def measured(made: Any, rounds: int, site: Any, X: np.ndarray) -> dict[str, Any]:
    """Medians of all calls on the model that is active."""
    from tests.capabilities.governance.team import USE

    bare, served = made, site.models.active(USE)
    alone = served.predictor
    block, row = np.ascontiguousarray(X[:BLOCK]), np.ascontiguousarray(X[:1])
    named = dict(zip(NAMES, X[0].tolist(), strict=True))

    def load() -> None:
        site.models.forget()
        site.models.active(USE)

    calls: dict[str, tuple[Callable[[], Any], int]] = {
        "engine_block": (lambda: bare(block), 3),
        "predictor_block": (lambda: alone.predict(block), 3),
        "served_block": (lambda: served.predict(block, explain=False), 3),
        "predictor_explained": (lambda: alone.predict(block, explain=True), 1),
        "served_explained": (lambda: served.predict(block), 1),
        "engine_row": (lambda: bare(row), 50),
        "predictor_row": (lambda: alone.predict(row), 50),
        "served_row": (lambda: served.predict(row, explain=False), 50),
        "predictor_row_explained": (lambda: alone.predict(row, explain=True), 30),
        "served_row_explained": (lambda: served.predict(row), 30),
        "served_one_named": (lambda: served.predict_one(named), 30),
        "active": (lambda: site.models.active(USE), 50),
        "load": (load, 3),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (call, n) in calls.items():
            times[name].append(taken(call, n))
    middle = {name: statistics.median(values) for name, values in times.items()}
    least = {name: min(values) for name, values in times.items()}
    return {**figures(middle, least), "is_same_alone": is_same_alone(alone, X[:200]),
            "explanation": alone.facts.explanation.value,
            "is_row_by_row": alone.facts.is_row_by_row}  # fmt: skip


def figures(middle: dict[str, float], least: dict[str, float]) -> dict[str, Any]:
    """Medians as they are reported, and what is over the bare predictor in the quietest rounds."""
    found: dict[str, Any] = {}
    for name in ("engine_block", "predictor_block", "served_block", "predictor_explained",
                 "served_explained"):  # fmt: skip
        found[f"{name}_us_a_row"] = round(middle[name] / BLOCK * 1e6, 3)
    for name in ("engine_row", "predictor_row", "served_row", "predictor_row_explained",
                 "served_row_explained", "served_one_named"):  # fmt: skip
        found[f"{name}_ms"] = round(middle[name] * 1e3, 4)
    over = {
        "block": (least["served_block"] - least["predictor_block"]) / BLOCK * 1e6,
        "explained_block": (least["served_explained"] - least["predictor_explained"])
        / BLOCK * 1e6,
        "row": (least["served_row"] - least["predictor_row"]) * 1e3,
        "explained_row": (least["served_row_explained"] - least["predictor_row_explained"])
        * 1e3,
        "over_engine_block": (least["served_block"] - least["engine_block"]) / BLOCK * 1e6,
        "over_engine_row": (least["served_row"] - least["engine_row"]) * 1e3,
    }  # fmt: skip
    found["overhead_block_us_a_row"] = round(over["block"], 3)
    found["overhead_explained_block_us_a_row"] = round(over["explained_block"], 3)
    found["overhead_row_ms"] = round(over["row"], 4)
    found["overhead_explained_row_ms"] = round(over["explained_row"], 4)
    found["over_engine_block_us_a_row"] = round(over["over_engine_block"], 3)
    found["over_engine_row_ms"] = round(over["over_engine_row"], 4)
    found["active_us"] = round(middle["active"] * 1e6, 2)
    found["load_warm_ms"] = round(least["load"] * 1e3, 2)
    found["load_warm_median_ms"] = round(middle["load"] * 1e3, 2)
    limits = ((found["overhead_block_us_a_row"], TARGETS["block_us_a_row"]),
              (found["overhead_explained_block_us_a_row"], TARGETS["block_us_a_row"]),
              (found["overhead_row_ms"], TARGETS["single_row_ms"]),
              (found["overhead_explained_row_ms"], TARGETS["single_row_ms"]),
              (found["load_warm_ms"], TARGETS["load_warm_ms"]))  # fmt: skip
    found["is_within_targets"] = all(value <= limit for value, limit in limits)
    return found


def log_us_a_row(site: Any, X: np.ndarray) -> float:
    """Durable logging of a block of predictions with its inputs."""
    from tests.capabilities.governance.team import USE

    from goldenbatch.core.prediction import PredictionsMade

    served, rows = site.models.active(USE), np.ascontiguousarray(X[:BLOCK])
    block, found = served.predict(rows, explain=False), []
    for number in range(5):
        times = np.arange(BLOCK) * 1000 + 1_700_000_000_000_000 + number * BLOCK * 1000
        made = PredictionsMade(block, times, rows)
        found.append(taken(lambda made=made, n=number: site.models.log(made, f"b{n}"), 1))
    return round(statistics.median(found) / BLOCK * 1e6, 3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", action="append", default=[], help="Name of a model.")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = [make for make in MODELS if not asked.only or make.__name__ in asked.only]
    found, (X, y) = {}, data()
    with tempfile.TemporaryDirectory(prefix="goldenbatch-bench-") as folder, home(folder) as site:
        for version, make in enumerate(chosen, start=1):
            content, media_type, bare = make(X, y)
            life(site, content, media_type, version)
            found[make.__name__] = {
                **measured(bare, asked.rounds, site, X), "bytes": len(content)
            }  # fmt: skip
        logged = log_us_a_row(site, X)
    report = {
        "targets": TARGETS, "load_average": os.getloadavg()[0], "inputs": P, "block": BLOCK,
        "log_us_a_row": logged, "models": found,
    }  # fmt: skip
    print(json.dumps(report, indent=2))
    return 0


@contextmanager
def home(folder: str) -> Iterator[Any]:
    """A home with people and a sealed set; passwords are hashed with little memory."""
    import argon2
    from tests.capabilities.conftest import PLANT
    from tests.capabilities.governance import team

    from goldenbatch.core.records import HomeKind
    from goldenbatch.runtime.home import HomeSettings, create_home
    from goldenbatch.runtime.local import LocalSite

    real, path = argon2.PasswordHasher, Path(folder) / "home"
    settings = HomeSettings(
        name="bench", site="Site A", plant=PLANT, kind=HomeKind.DEMONSTRATION, zone="UTC"
    )
    create_home(path, settings)
    with (
        patch.object(argon2, "PasswordHasher", lambda: real(1, 8, 1)),
        LocalSite.open(path) as site,
    ):
        team.people(site)
        team.seal(site)
        yield site


if __name__ == "__main__":
    sys.exit(main())
