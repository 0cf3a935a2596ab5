"""A loaded model: a block is its rows is its threads; bad input is said and never silent."""

import hashlib
import math
import struct
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goldenbatch.core.artefacts import LIGHTGBM, LINEAR, ONNX, SCORING_PLAN
from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.core.model_card import ContextOfUse, Criticality, IntendedUse, ModelInput
from goldenbatch.core.prediction import ModelRef, Outside
from goldenbatch.runtime import _served
from goldenbatch.runtime._served import Facts, Served
from goldenbatch.science.latent import PCA, PLS
from goldenbatch.science.predictors import LinearModel, load_predictor

NAMES = ("a", "b", "c")
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(120, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.1 * RANDOM.normal(size=120)


def linear():
    return LinearModel(NAMES, ("y",), ((1.0, -2.0, 0.5),), (3.0,), (0.0, 0.1, 0.2), (0.4,), 0.9,
                       (-5.0, -5.0, -5.0), (5.0, 5.0, 5.0)).to_bytes(), LINEAR  # fmt: skip


def latent():
    return PLS(n_components=2).fit(X, Y).plan(list(NAMES)).to_bytes(), SCORING_PLAN


def trees():
    engine = pytest.importorskip("lightgbm")
    settings = {"verbosity": -1, "num_threads": 1, "seed": 1}
    data = engine.Dataset(X, Y, feature_name=list(NAMES))
    return engine.train(settings, data, 20).model_to_string().encode(), LIGHTGBM


def network():
    pytest.importorskip("onnxruntime")
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.neural_network import MLPRegressor

    made = MLPRegressor(hidden_layer_sizes=(8,), max_iter=2000, random_state=1).fit(X, Y)
    found = skl2onnx.to_onnx(made, X[:1].astype(np.float32))
    found.metadata_props.add(key="inputs", value=",".join(NAMES))
    return found.SerializeToString(), ONNX


def intended(output="y", **bounds):
    inputs = tuple(
        ModelInput(name=name, lower=low, upper=high) for name, (low, high) in bounds.items()
    )
    return IntendedUse(
        purpose="says y of a, b and c", criticality=Criticality.CRITICAL, risk_record="RA-1",
        context=ContextOfUse(products=("P",), places=("site/x",), site="site"),
        inputs=inputs or tuple(ModelInput(name=name) for name in NAMES),
        output=output, output_unit="g/L", replaces="the laboratory", contingency="ask it",
    )  # fmt: skip


def served(make=linear, **bounds):
    content, media_type = make()
    ref = ModelRef("y", 1, hashlib.sha256(content).hexdigest())
    facts = Facts(ref, media_type, intended(**bounds))
    return Served(facts, load_predictor(content, media_type))


@pytest.fixture(scope="module", params=[linear, latent, trees, network], ids=lambda f: f.__name__)
def model(request):
    return served(request.param)


def same(one, other, start=0, end=None):
    end = len(one) if end is None else end
    for name in ("values", "lower", "upper", "outside", "contributions", "baseline"):
        left, right = getattr(one, name), getattr(other, name)
        if left is None:
            assert right is None
        else:
            assert left[start:end].tobytes() == right.tobytes(), name


numbers = st.floats(-6, 6, allow_nan=False) | st.sampled_from([math.nan, math.inf, -0.0, 1e300])


@given(rows=arrays(np.float64, st.tuples(st.integers(1, 9), st.just(3)), elements=numbers))
def test_a_block_is_its_rows(model, rows):
    block = model.predict(rows)
    for i in range(len(rows)):
        same(block, model.predict(rows[i : i + 1]), i, i + 1)
        one = model.predict_one([None if math.isnan(v) else v for v in rows[i].tolist()])
        assert one.is_in_domain == bool(block.is_in_domain[i])
        assert (one.value is None) == bool(np.isnan(block.values[i]))
        assert one.value is None or one.value == block.values[i]
        assert bool(one.reason) != one.is_in_domain


def test_threads_and_parts_change_no_bit(model, monkeypatch):
    rows = RANDOM.normal(size=(301, 3))
    rows[::17, 1] = np.nan
    whole = model.predict(rows)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: model.predict(rows), range(24)):
            same(whole, found)
            assert found.input_digest == whole.input_digest
    monkeypatch.setattr(_served, "STEP", 7)
    parts = model.predict(rows)
    same(whole, parts)
    assert parts.input_digest == whole.input_digest


def test_the_digest_is_that_of_the_canonical_bytes():
    rows = np.array([[1.0, np.nan, -0.0], [2.0, 3.0, 4.0]])
    head = b"goldenbatch/inputs/1\n" + struct.pack("<I", 3)
    head += b"".join(struct.pack("<I", 1) + name.encode() for name in NAMES)
    body = b"".join(
        bytes.fromhex("000000000000f87f") if math.isnan(v) else struct.pack("<d", v)
        for v in rows.ravel().tolist()
    )
    wanted = hashlib.sha256(head + struct.pack("<q", 2) + body).hexdigest()
    negative = np.frombuffer(bytes.fromhex("000000000000f8ff"), "<f8")[0]
    for nan in (np.nan, negative):
        rows[0, 1] = nan
        assert served().predict(rows).input_digest == wanted
    assert served().predict(rows[:1]).input_digest != wanted


# ---- the domain ---------------------------------------------------------------------------------


def test_ranges_of_the_intended_use_and_the_models_own_domain():
    model = served(linear, a=(-1, 1), b=(None, 2))
    rows = np.array([[0, 0, 0], [1.5, 0, 0], [0, 3, 0], [0, 0, 9], [0, 0, np.nan],
                     [np.nan, 0, 0], [0, 0, np.inf]], dtype=float)  # fmt: skip
    found = model.predict(rows)
    assert [Outside(one) for one in found.outside.tolist()] == [
        Outside.INSIDE, Outside.RANGE, Outside.RANGE, Outside.MODEL, Outside.NO_VALUE,
        Outside.MISSING | Outside.NO_VALUE, Outside.INFINITE | Outside.NO_VALUE,
    ]  # fmt: skip
    assert np.isnan(found.contributions[6]).all()
    assert model.predict_one(rows[1]).reason == (
        "an input is outside the range of the intended use: a = 1.5 is not in -1 to 1"
    )
    assert "a has no value" in model.predict_one([None, 0, 0]).reason
    assert "no finite number" in model.predict_one([0, 0, math.inf]).reason


def test_t2_and_spe_of_a_latent_model_count():
    model = served(latent)
    assert model.predict(X[:1]).is_in_domain[0]
    assert model.predict(X[:1] * 50).outside[0] == Outside.MODEL


def test_of_several_outputs_the_intended_one_is_served():
    plan = PCA(n_components=2).fit(X).plan(list(NAMES))
    content = plan.to_bytes()
    made = load_predictor(content, SCORING_PLAN)
    ref = ModelRef("y", 1, plan.digest)
    spe = Served(Facts(ref, SCORING_PLAN, intended("spe")), made).predict(X[:5])
    assert spe.values.tolist() == plan.score(X[:5]).spe.tolist()
    assert spe.contributions.shape == (5, 3)
    with pytest.raises(IntegrityError, match="gives t2, spe, and the intended use names 'y'"):
        Served(Facts(ref, SCORING_PLAN, intended("y")), made)


def test_a_bound_that_nothing_would_check_is_refused():
    with pytest.raises(IntegrityError, match="bounds the input 'z', which the artefact"):
        served(linear, a=(0, 1), z=(0, 1))


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (np.zeros((2, 2)), r"the shape \(2, 2\); the model takes 3 inputs"),
        (np.zeros(3), r"the shape \(3,\)"),
        ([[1, 2, 3], [1, 2]], "cannot be read as a table"),
        ([["1", "2", "3"]], "not numbers"),
        ([[1, 2, None]], "not numbers"),
        (np.zeros((1, 3), dtype=complex), "complex128, not numbers"),
    ],
)
def test_rows_that_are_none(rows, why):
    with pytest.raises(BadInputError, match=why):
        served().predict(rows)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"a": 1, "b": 2}, "lacks c"),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, "has d"),
        ({"A": 1, "b": 2, "c": 3}, "lacks a"),
        ([1, 2], "takes 3 inputs"),
        ([], "takes 3 inputs"),
        ({"a": "x", "b": 2, "c": 3}, "not numbers"),
    ],
)
def test_a_row_that_is_none(row, why):
    with pytest.raises(BadInputError, match=why):
        served().predict_one(row)


@pytest.mark.parametrize("rows", [[], np.empty((0, 3))])
def test_an_empty_block_is_empty(model, rows):
    found = model.predict(rows)
    assert len(found) == 0
    assert found.outside.tolist() == []
    assert found.input_digest == model.predict(np.empty((0, 3))).input_digest


def test_a_million_rows_take_what_they_and_their_answers_take():
    rows, model = np.tile(X[:100], (10_000, 1)), served()
    tracemalloc.start()
    found = model.predict(rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    answers = sum(
        getattr(found, name).nbytes
        for name in ("values", "lower", "upper", "outside", "contributions", "baseline")
    )
    assert peak < answers + (8 << 20)
    same(model.predict(rows[:100]), model.predict(rows[-100:]))
    assert found.values[:100].tobytes() == found.values[-100:].tobytes()


def test_rows_of_other_numbers_are_read_exactly():
    whole = np.array([[1, 2, 3]], dtype=np.int32)
    model = served()
    same(model.predict(whole), model.predict(whole.astype(float)))
    turned = np.asfortranarray(X[:7])
    assert model.predict(turned).input_digest == model.predict(X[:7]).input_digest
