"""Predictors of every kind: right, the same alone as in a block, and exact in what they explain."""

from __future__ import annotations

import itertools
import json
import math
import threading

import numpy as np
import pytest

from goldenbatch.core.artefacts import (
    LIGHTGBM,
    LINEAR,
    ONNX,
    SCORING_PLAN,
    SKOPS,
    ArtefactContentError,
)
from goldenbatch.science.errors import DataError, MissingEngineError, PlanError, PredictorError
from goldenbatch.science.latent import PCA, PLS
from goldenbatch.science.predictors import (
    PREDICTOR_TYPES,
    Explanation,
    LinearModel,
    is_same_alone,
    load_predictor,
)

P = 5
NAMES = tuple("abcde")


def table(n=120, seed=7, missing=0.0):
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(n, 2))
    X = hidden @ random.normal(size=(2, P)) + 0.3 * random.normal(size=(n, P)) + 3.0
    y = 2.0 * hidden[:, 0] - hidden[:, 1] + 0.1 * random.normal(size=n) + 50.0
    X[random.random((n, P)) < missing] = np.nan
    return X, y


X, Y = table()
FRESH = table(40, seed=8)[0]
HOLES = table(40, seed=9, missing=0.15)[0]


def linear_model():
    return LinearModel(
        inputs=NAMES, outputs=("assay",),
        coefficients=((0.1, -0.2, 0.3, 1e-9, 7.0),), intercept=(98.7,),
        centre=tuple(X.mean(axis=0)), half_width=(0.5,), coverage=0.95,
        lower=tuple(X.min(axis=0)), upper=tuple(X.max(axis=0)),
    )  # fmt: skip


def lightgbm_text(objective="regression", n_trees=12, **more):
    import lightgbm

    given = {"objective": objective, "verbosity": -1, "num_threads": 1, "seed": 1,
             "num_leaves": 6, "min_data_in_leaf": 5, "deterministic": True, **more}  # fmt: skip
    target = (Y > 50) if objective == "binary" else Y
    data = lightgbm.Dataset(X, target, feature_name=list(NAMES))
    return lightgbm.train(given, data, n_trees).model_to_string().encode()


def sklearn_models():
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.ensemble import (
        GradientBoostingRegressor,
        HistGradientBoostingRegressor,
        RandomForestClassifier,
        RandomForestRegressor,
    )
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, WhiteKernel
    from sklearn.linear_model import Lasso, LogisticRegression, Ridge
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler

    network = MLPRegressor(
        hidden_layer_sizes=(8,), max_iter=80, random_state=1, solver="lbfgs", tol=1e-2
    )
    return {
        "ridge": make_pipeline(StandardScaler(), Ridge()),
        "two scalers": make_pipeline(MinMaxScaler(), StandardScaler(), Lasso(0.01)),
        "pls": make_pipeline(StandardScaler(), PLSRegression(2)),
        "forest": make_pipeline(StandardScaler(), RandomForestRegressor(9, random_state=1)),
        "forest of classes": RandomForestClassifier(9, random_state=1),
        "boosting": GradientBoostingRegressor(n_estimators=9, random_state=1),
        "histograms": HistGradientBoostingRegressor(max_iter=9, random_state=1),
        "process": GaussianProcessRegressor(RBF(3.0) + WhiteKernel(0.1), optimizer=None),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
        "polynomial": make_pipeline(PolynomialFeatures(2), StandardScaler(), Ridge()),
        "network": make_pipeline(StandardScaler(), network),
    }


CLASSES = {"forest of classes", "logistic"}


def fitted(name):
    target = (Y > 50).astype(int) if name in CLASSES else Y
    return sklearn_models()[name].fit(X, target)


def skops_of(name):
    import skops.io

    return skops.io.dumps(fitted(name))


def onnx_of(name):
    from skl2onnx import to_onnx

    options = {"zipmap": False} if name in CLASSES else None
    return to_onnx(fitted(name), X[:1].astype(np.float32), options=options).SerializeToString()


ARTEFACTS = {
    "plan": lambda: (PLS(n_components=2).fit(X, Y).plan().to_bytes(), SCORING_PLAN),
    "pca": lambda: (PCA(n_components=2).fit(X).plan().to_bytes(), SCORING_PLAN),
    "linear": lambda: (linear_model().to_bytes(), LINEAR),
    "lightgbm": lambda: (lightgbm_text(), LIGHTGBM),
    "lightgbm binary": lambda: (lightgbm_text("binary"), LIGHTGBM),
    **{f"skops {name}": lambda name=name: (skops_of(name), SKOPS) for name in sklearn_models()},
    **{f"onnx {name}": lambda name=name: (onnx_of(name), ONNX)
       for name in ("ridge", "pls", "forest", "forest of classes", "boosting", "network",
                    "process")},
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded():
    held = {}

    def load(name):
        if name not in held:
            held[name] = load_predictor(*ARTEFACTS[name]())
        return held[name]

    return load


@pytest.mark.parametrize("name", ARTEFACTS)
def test_a_row_gives_the_same_bits_alone_and_in_a_block(name, loaded):
    predictor = loaded(name)
    assert is_same_alone(predictor, FRESH)
    assert is_same_alone(predictor, HOLES)


@pytest.mark.parametrize("name", ["lightgbm", "skops forest", "skops histograms", "onnx forest"])
def test_trees_are_the_same_in_blocks_of_any_size(name, loaded):
    """Engines switch their way of adding at some 50 and 128 rows; with two threads they differ."""
    predictor = loaded(name)
    rows = table(300, seed=11)[0]
    whole = predictor.predict(rows).value
    for size in (1, 49, 51, 128, 129):
        parts = [predictor.predict(rows[i : i + size]).value for i in range(0, 300, size)]
        assert np.concatenate(parts).tobytes() == whole.tobytes(), size


@pytest.mark.parametrize("name", ARTEFACTS)
def test_contributions_sum_to_the_prediction(name, loaded):
    predictor = loaded(name)
    found = predictor.predict(FRESH, explain=True)
    n, m = found.value.shape
    assert m == len(predictor.facts.outputs)
    assert n == len(FRESH)
    assert len(predictor.facts.inputs) == P
    if predictor.facts.explanation is Explanation.NONE:
        assert found.contributions is None
        return
    assert found.contributions.shape == (n, m, len(predictor.facts.contributors))
    total = found.baseline + found.contributions.sum(axis=2)
    if predictor.facts.explained == "raw score":
        total = 1 / (1 + np.exp(-total))
    tolerance = 1e-5 if name.startswith("onnx") else 1e-12
    np.testing.assert_allclose(total, found.value, rtol=tolerance)
    assert predictor.predict(FRESH).contributions is None


@pytest.mark.parametrize("name", ARTEFACTS)
def test_wrong_rows_are_refused_and_none_are_answered(name, loaded):
    predictor = loaded(name)
    with pytest.raises(DataError, match=f"rows have 2 columns; the model has {P} inputs"):
        predictor.predict(np.ones((3, 2)))
    with pytest.raises(DataError, match="infinite"):
        predictor.predict(np.full((1, P), np.inf))
    nothing = predictor.predict(np.zeros((0, P)), explain=True)
    assert nothing.value.shape == (0, len(predictor.facts.outputs))
    empty = predictor.predict(np.full((1, P), np.nan))
    is_tree = predictor.facts.kind == "lightgbm" or "histograms" in name
    assert empty.in_domain[0] == is_tree
    assert np.isnan(empty.value).all() != is_tree


@pytest.mark.parametrize("name", ["plan", "linear", "lightgbm", "skops forest", "skops process",
                                  "skops histograms", "onnx forest", "onnx network"])  # fmt: skip
def test_threads_change_nothing(name, loaded):
    predictor = loaded(name)
    expected = predictor.predict(FRESH, explain=True).value.tobytes()
    found = []

    def ask():
        found.extend(predictor.predict(FRESH, explain=True).value.tobytes() for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 30


@pytest.mark.parametrize("name", [one for one in ARTEFACTS if one.startswith("skops")])
def test_skops_models_predict_what_scikit_learn_predicts(name, loaded):
    kind = name.removeprefix("skops ")
    model = fitted(kind)
    expected = model.predict_proba(FRESH) if kind in CLASSES else model.predict(FRESH)
    found = loaded(name).predict(FRESH)
    np.testing.assert_allclose(found.value, expected.reshape(len(FRESH), -1), rtol=1e-9)
    assert loaded(name).facts.kind == "scikit-learn"
    if kind == "process":
        _, spread = model.predict(FRESH, return_std=True)
        np.testing.assert_allclose((found.upper - found.lower)[:, 0] / 2, 1.959964 * spread, 1e-6)


@pytest.mark.parametrize("name", [one for one in ARTEFACTS if one.startswith("onnx")])
def test_onnx_models_predict_what_they_were_made_from(name, loaded):
    kind = name.removeprefix("onnx ")
    model = fitted(kind)
    expected = model.predict_proba(FRESH) if kind in CLASSES else model.predict(FRESH)
    found = loaded(name).predict(FRESH)
    # float32, and a row near a threshold may fall on its other side.
    close = np.isclose(found.value, expected.reshape(len(FRESH), -1), rtol=1e-3, atol=1e-3)
    assert close.mean() > 0.95
    facts = loaded(name).facts
    assert facts.engine["onnxruntime"]
    assert facts.is_row_by_row == (kind not in ("forest", "forest of classes", "boosting"))


def test_what_explains_what(loaded):
    additive = {name for name in ARTEFACTS
                if loaded(name).facts.explanation is Explanation.ADDITIVE}  # fmt: skip
    assert additive == {"plan", "pca", "linear", "skops ridge", "skops two scalers", "skops pls",
                        "onnx ridge"}  # fmt: skip
    assert loaded("lightgbm").facts.explanation is Explanation.TREE_SHAP


# ---- latent -----------------------------------------------------------------------------------


def test_plans_explain_rows_with_holes_too(loaded):
    for name in ("plan", "pca"):
        found = loaded(name).predict(HOLES, explain=True)
        scored = ~np.isnan(found.value[:, 0])
        assert 0 < np.isnan(HOLES[scored]).any(axis=1).sum() < len(HOLES)
        total = (found.baseline + found.contributions.sum(axis=2))[scored]
        if name == "plan":
            np.testing.assert_allclose(total, found.value[scored], rtol=1e-11)
            assert (found.contributions[:, 0][scored][np.isnan(HOLES[scored])] == 0).all()
        whole = scored & ~np.isnan(HOLES).any(axis=1)
        np.testing.assert_allclose(total[whole[scored]], found.value[whole], rtol=1e-9)


def test_a_plan_predicts_what_the_plan_says(loaded):
    predictor = loaded("plan")
    scores = predictor.plan.score(FRESH)
    found = predictor.predict(FRESH)
    assert found.value.tobytes() == scores.values.tobytes()
    assert (found.lower < found.value).all() and (found.value < found.upper).all()
    assert found.in_domain.tolist() == scores.in_domain.tolist()
    assert not predictor.predict(FRESH + 50.0).in_domain.any()
    assert predictor.facts.coverage == predictor.plan.facts.coverage > 0


def test_a_changed_plan_is_no_predictor():
    content, media_type = ARTEFACTS["plan"]()
    with pytest.raises(PlanError):
        load_predictor(content[:-3], media_type)


# ---- linear -----------------------------------------------------------------------------------


def test_linear_models_are_read_as_they_are_written():
    model = linear_model()
    again = LinearModel.from_bytes(model.to_bytes())
    assert again == model
    assert again.to_bytes() == model.to_bytes()
    found = load_predictor(model.to_bytes(), LINEAR).predict(X, explain=True)
    exact = [math.fsum([98.7, *(c * (x - m) for c, x, m in zip(model.coefficients[0], row,
             model.centre, strict=True))]) for row in X]  # fmt: skip
    np.testing.assert_allclose(found.value[:, 0], exact, rtol=1e-14)
    assert found.in_domain.all()
    np.testing.assert_allclose(found.upper - found.value, 0.5)
    outside = X[:1].copy()
    outside[0, 3] = 99.0
    assert not load_predictor(model.to_bytes(), LINEAR).predict(outside).in_domain[0]


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"}, {"coefficients": [[1.0]]}, {"intercept": []}, {"centre": [0.0]},
        {"coverage": 0.0}, {"coverage": 1.5}, {"half_width": [-1.0]}, {"lower": [1.0]},
        {"lower": [9e9] * P}, {"intercept": ["x"]}, {"unknown": 1}, {"inputs": []},
        {"intercept": [1e999]}, {"coefficients": 3},
    ],
    ids=str,
)  # fmt: skip
def test_linear_models_that_do_not_fit_together_are_refused(change):
    values = json.loads(linear_model().to_bytes()) | change
    with pytest.raises(PredictorError):
        load_predictor(json.dumps(values).encode(), LINEAR)


# ---- trees ------------------------------------------------------------------------------------


def tree_value(node, row, known):
    """Expected value of a tree when only some inputs are known (path-dependent)."""
    if "leaf_value" in node:
        return node["leaf_value"]
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        is_left = row[node["split_feature"]] <= node["threshold"]
        return tree_value(left if is_left else right, row, known)
    counts = [one.get("internal_count", one.get("leaf_count")) for one in (left, right)]
    values = [tree_value(one, row, known) for one in (left, right)]
    return (counts[0] * values[0] + counts[1] * values[1]) / sum(counts)


def shapley(tree, row):
    """By the definition, over all subsets of inputs."""
    found = np.zeros(P)
    for one in range(P):
        others = [k for k in range(P) if k != one]
        for size in range(P):
            weight = math.factorial(size) * math.factorial(P - size - 1) / math.factorial(P)
            for known in itertools.combinations(others, size):
                step = tree_value(tree, row, {*known, one}) - tree_value(tree, row, set(known))
                found[one] += weight * step
    return found


def test_contributions_of_trees_are_shapley_values_by_definition():
    import lightgbm

    text = lightgbm_text(n_trees=3)
    trees = lightgbm.Booster(model_str=text.decode()).dump_model()["tree_info"]
    found = load_predictor(text, LIGHTGBM).predict(FRESH[:6], explain=True)
    for row, parts in zip(FRESH[:6], found.contributions[:, 0], strict=True):
        expected = sum(shapley(one["tree_structure"], row) for one in trees)
        np.testing.assert_allclose(parts, expected, atol=1e-10)
    base = sum(tree_value(one["tree_structure"], FRESH[0], set()) for one in trees)
    np.testing.assert_allclose(found.baseline[:, 0], base, rtol=1e-12)


def test_trees_of_classes():
    random = np.random.default_rng(3)
    import lightgbm

    data = lightgbm.Dataset(X, random.integers(0, 3, len(X)))
    given = {"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1}
    text = lightgbm.train(given, data, 3).model_to_string().encode()
    predictor = load_predictor(text, LIGHTGBM)
    found = predictor.predict(FRESH, explain=True)
    np.testing.assert_allclose(found.value.sum(axis=1), 1.0)
    total = np.exp(found.baseline + found.contributions.sum(axis=2))
    np.testing.assert_allclose(total / total.sum(axis=1, keepdims=True), found.value, rtol=1e-9)


# ---- what is refused --------------------------------------------------------------------------


def test_what_predicts_nothing_is_refused():
    import skops.io
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    assert "application/json" not in PREDICTOR_TYPES
    with pytest.raises(PredictorError, match="nothing predicts by text/csv"):
        load_predictor(b"a,b", "text/csv")
    with pytest.raises(PredictorError, match="no fitted estimator"):
        load_predictor(skops.io.dumps(StandardScaler().fit(X)), SKOPS)
    with pytest.raises(PredictorError, match="no fitted estimator"):
        load_predictor(skops.io.dumps(Ridge()), SKOPS)
    with pytest.raises(ArtefactContentError):
        load_predictor(b"\x80\x04K\x01.", ONNX)


def test_a_forest_made_by_hand_is_refused(monkeypatch):
    from goldenbatch.science.forward.choice import candidate
    from goldenbatch.science.predictors import _sklearn_parts

    for name, change in (("skops forest", "left_child"), ("skops boosting", "feature")):
        model = fitted(name.removeprefix("skops "))
        steps = _sklearn_parts.steps_of(model)
        _sklearn_parts.check_trees(steps)
        tree = next(_sklearn_parts._trees(steps, 0))
        state = tree.__getstate__()
        state["nodes"][change][0] = 10_000
        tree.__setstate__(state)
        with pytest.raises(PredictorError, match="point elsewhere"):
            _sklearn_parts.check_trees(steps)
    for name in ("extra-trees-transformed", "average"):
        inner = candidate(name, n_trees=5, is_complete=True).fit(X, X[:, 0])
        trees = list(_sklearn_parts._trees([inner], 0))
        assert len(trees) == {"extra-trees-transformed": 5, "average": 15}[name]
        state = trees[-1].__getstate__()
        state["nodes"]["left_child"][0] = 10_000
        trees[-1].__setstate__(state)
        with pytest.raises(PredictorError, match="point elsewhere"):
            _sklearn_parts.check_trees([inner])
    model = fitted("histograms")
    model._predictors[0][0].nodes["left"][0] = 10_000
    with pytest.raises(PredictorError, match="point elsewhere"):
        _sklearn_parts.check_trees([model])


def test_skops_names_are_classes_of_that_module():
    from goldenbatch.science.predictors import sklearn_engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklearn_engine, "skops_types",
                      lambda _: [("ObjectNode", "sklearn.linear_model._base", "sp")])  # fmt: skip
        with pytest.raises(PredictorError, match="no class there"):
            sklearn_engine.load_skops(b"")


@pytest.mark.parametrize(("name", "module", "extra"), [
    ("lightgbm", "lightgbm", "lightgbm"), ("onnx ridge", "onnxruntime", "onnx"),
    ("skops ridge", "skops.io", "skops"),
])  # fmt: skip
def test_a_missing_library_is_named_with_its_extra(name, module, extra, monkeypatch):
    import sys

    content, media_type = ARTEFACTS[name]()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingEngineError, match=rf"goldenbatch\[{extra}\]"):
        load_predictor(content, media_type)


def test_onnx_models_whose_tables_are_strange_are_refused():
    from onnx import TensorProto, helper

    def made(inputs, output_type=TensorProto.FLOAT, shape=(None, 2)):
        node = helper.make_node("Identity", ["x"], ["y"])
        graph = helper.make_graph(
            [node], "g", inputs, [helper.make_tensor_value_info("y", output_type, shape)]
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        model.ir_version = 9
        return model.SerializeToString()

    def given(kind, shape, name="x"):
        return helper.make_tensor_value_info(name, kind, shape)

    for content, words in (
        (made([given(TensorProto.STRING, [None, 2])], TensorProto.STRING), "give tables"),
        (made([given(TensorProto.FLOAT, [None, None])]), "how many inputs"),
        (made([given(TensorProto.INT64, [None, 2])], TensorProto.INT64), "zipmap=False"),
        (made([given(TensorProto.FLOAT, [None, 2]), given(TensorProto.FLOAT, [None, 3], "z")]),
         "several tables"),
    ):  # fmt: skip
        with pytest.raises(PredictorError, match=words):
            load_predictor(content, ONNX)
    columns = made([given(TensorProto.FLOAT, [None, 1]), given(TensorProto.FLOAT, [None, 1], "z")],
                   shape=(None, 1))  # fmt: skip
    predictor = load_predictor(columns, ONNX)
    assert predictor.facts.inputs == ("x", "z")
    assert predictor.predict([[4.0, 5.0]]).value.tolist() == [[4.0]]
