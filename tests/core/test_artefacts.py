"""Files made to do harm when they are loaded are refused by their bytes, before anything loads."""

from __future__ import annotations

import bz2
import collections
import gzip
import io
import json
import lzma
import os
import pickle
import struct
import zipfile
import zlib

import joblib
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from goldenbatch.core.artefacts import (
    DOCUMENT_TYPES,
    LIGHTGBM,
    LINEAR,
    MODEL_TYPES,
    ONNX,
    SKOPS,
    ArtefactContentError,
    check_artefact,
    lightgbm_text,
    onnx_facts,
)
from goldenbatch.core.errors import BadInputError

EVERY = ["application/json", "application/zip", "text/csv", *sorted(MODEL_TYPES)]


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return exec, ("import os; os.environ['EVIL_RAN'] = os.environ.get('EVIL_RAN', '') + 'x'",)


def zipped(members, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def npy(array, **more):
    out = io.BytesIO()
    np.save(out, array, **more)
    return out.getvalue()


def npz(array):
    out = io.BytesIO()
    np.savez(out, a=array)
    return out.getvalue()


def joblibbed(value, **more):
    out = io.BytesIO()
    joblib.dump(value, out, **more)
    return out.getvalue()


EVILS = {
    "pickle 2": pickle.dumps(Evil(), 2),
    "pickle 4": pickle.dumps(Evil(), 4),
    "pickle 5": pickle.dumps(Evil(), 5),
    "pickle with a tail": pickle.dumps(Evil(), 4) + b"\n{}",
    "joblib": joblibbed(Evil()),
    "joblib, arrays": joblibbed({"a": np.arange(5000.0), "b": Evil()}),
    **{f"joblib {how}": joblibbed(Evil(), compress=(how, 3))
       for how in ("zlib", "gzip", "bz2", "xz", "lzma")},
    "pickle in gzip": gzip.compress(pickle.dumps(Evil(), 4)),
    "pickle in bz2": bz2.compress(pickle.dumps(Evil(), 4)),
    "pickle in xz": lzma.compress(pickle.dumps(Evil(), 4)),
    "pickle in zlib": zlib.compress(pickle.dumps(Evil(), 4)),
    "pickle in a zip": zipped({"schema.json": "{}", "a.npy": pickle.dumps(Evil(), 4)}),
    "pickle in a zip, deflated": zipped({"x": pickle.dumps(Evil(), 4)}, zipfile.ZIP_DEFLATED),
    "like torch": zipped({"archive/data.pkl": pickle.dumps(Evil(), 2), "archive/version": "3\n"}),
    "npy of objects": npy(np.array([Evil()], dtype=object), allow_pickle=True),
    "npz of objects": npz(np.array([Evil()], dtype=object)),
    "npz of records of objects": npz(np.array([(1, Evil())], dtype=[("a", "i4"), ("b", "O")])),
    "npy that hides its objects": npy(
        np.array([(1, Evil())], dtype=[("}", "i4"), ("b", "O")]), allow_pickle=True),
    "joblib in a zip": zipped({"model": joblibbed(Evil(), compress=("gzip", 3))}),
}  # fmt: skip


MAY_BE_CODE = (
    b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x93NUMPY", b"PK", b"\x1f\x8b", b"BZh",
    b"\xfd7zXZ", b"\x5d\x00", b"\x78",
)  # fmt: skip
"""Pickles, arrays, and what either may be packed in."""


@pytest.mark.parametrize("media_type", EVERY)
@pytest.mark.parametrize("name", EVILS)
def test_code_is_refused_under_every_type_and_name(name, media_type):
    with pytest.raises(ArtefactContentError, match="runs code when it is loaded") as caught:
        check_artefact(EVILS[name], media_type)
    assert "skl2onnx" in caught.value.hint


def test_the_evil_ones_are_evil(monkeypatch):
    """Else the above would prove nothing."""
    monkeypatch.setenv("EVIL_RAN", "")
    pickle.loads(EVILS["pickle 4"])
    joblib.load(io.BytesIO(EVILS["joblib zlib"]))
    assert np.load(io.BytesIO(EVILS["npz of objects"]), allow_pickle=True)["a"].shape == (1,)
    assert os.environ["EVIL_RAN"] == "xxx"


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=400), media_type=st.sampled_from(sorted(MODEL_TYPES)))
def test_noise_is_no_model(content, media_type):
    if media_type == LINEAR and content.strip() == b"{}":
        return
    with pytest.raises(ArtefactContentError):
        check_artefact(content, media_type)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=400), media_type=st.sampled_from(sorted(DOCUMENT_TYPES)))
@example(b"\x93NUMPY", "application/json")
@example(b"\x93NUMPY\x01\x00\x00\x00", "application/json")
@example(b"\x80\x04.", "application/json")
def test_documents_are_kept_as_they_came(content, media_type):
    """Whatever they are, short of what may be code by its first bytes, even of noise."""
    try:
        check_artefact(content, media_type)
    except ArtefactContentError as error:
        assert content.startswith(MAY_BE_CODE), error


@pytest.mark.parametrize("n", [6, 7, 8, 9, 10, 11, 60, 127])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_an_array_that_is_cut_off_in_its_header_is_kept(n, version):
    """Nothing can load it, whatever it was to hold."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array([1, None], dtype=object), version)
    cut = file.getvalue()[:n]
    with pytest.raises(ValueError, match=r"EOF|magic"):
        np.load(io.BytesIO(cut), allow_pickle=True)
    check_artefact(cut, "application/json")
    with pytest.raises(ArtefactContentError):
        check_artefact(file.getvalue(), "application/json")


def test_a_damaged_workbook_is_kept_as_it_came():
    check_artefact(zipped({"xl/workbook.xml": "<a/>"})[:-30], "application/zip")


def test_unknown_types_are_refused():
    with pytest.raises(BadInputError, match="not kept"):
        check_artefact(b"", "application/x-pickle")
    check_artefact(b"{}", "application/vnd.goldenbatch.anything+json")
    with pytest.raises(ArtefactContentError, match="no JSON"):
        check_artefact(b"{", "application/vnd.goldenbatch.anything+json")
    with pytest.raises(ArtefactContentError, match="no JSON"):
        check_artefact(b"[" * 100_000, LINEAR)


# ---- archives ---------------------------------------------------------------------------------


def test_a_bomb_is_refused_by_what_it_says_and_by_its_members():
    bomb = zipped({"schema.json": b" " * (300 << 20)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 20
    with pytest.raises(ArtefactContentError, match="unpacks to"):
        check_artefact(bomb, SKOPS)
    many = zipped(dict.fromkeys((str(i) for i in range(20_001)), b""))
    with pytest.raises(ArtefactContentError, match="20001 members"):
        check_artefact(many, "application/zip")


def lying_zip():
    """A member that says it is short and unpacks to much more."""
    data = bytearray(zipped({"schema.json": b" " * (1 << 20)}, zipfile.ZIP_DEFLATED))
    for place in (22, data.index(b"PK\x01\x02") + 24):
        struct.pack_into("<I", data, place, 10)
    return bytes(data)


def test_a_member_that_lies_about_its_size_is_refused():
    with pytest.raises(ArtefactContentError):
        check_artefact(lying_zip(), SKOPS)


# ---- skops ------------------------------------------------------------------------------------


def skops_of(model):
    import skops.io

    return skops.io.dumps(model)


def test_skops_files_of_harmless_estimators_are_kept():
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    X = np.random.default_rng(1).uniform(1, 2, (30, 3))
    for model in (
        make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), Ridge()),
        RandomForestRegressor(2, random_state=1),
    ):
        check_artefact(skops_of(model.fit(X, X[:, 0])), SKOPS)


def evil_estimators():
    import functools

    from sklearn.preprocessing import FunctionTransformer
    from sklearn.svm import SVR

    yield "posix.system", FunctionTransformer(os.system)
    yield "builtins.eval", FunctionTransformer(eval)
    yield "numpy.load", FunctionTransformer(np.load, kw_args={"allow_pickle": True})
    yield "subprocess.Popen", FunctionTransformer(__import__("subprocess").Popen)
    yield "functools.partial", FunctionTransformer(functools.partial(os.system, "true"))
    yield "operator", FunctionTransformer(__import__("operator").methodcaller("system"))
    yield "Counter", FunctionTransformer(np.exp, kw_args=collections.Counter())
    yield "svm", SVR()


@pytest.mark.parametrize("case", list(evil_estimators()), ids=lambda case: case[0])
def test_skops_files_that_call_by_name_are_refused(case):
    name, model = case
    with pytest.raises(ArtefactContentError, match="not on the list") as caught:
        check_artefact(skops_of(model), SKOPS)
    assert name.partition(".")[2] in str(caught.value) or name in str(caught.value)


def relabelled(node, **changes):
    """A whole skops file whose schema was changed by hand."""
    schema = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode",
              "content": {"a": node | changes}, "protocol": 2}  # fmt: skip
    return zipped({"schema.json": json.dumps(schema)})


@pytest.mark.parametrize(
    "node",
    [
        {"__loader__": "OperatorFuncNode", "__module__": "operator", "__class__": "methodcaller"},
        {"__loader__": "MethodNode", "__module__": "sklearn.pipeline", "__class__": "Pipeline"},
        {"__loader__": "ObjectNode", "__module__": "sklearn.svm", "__class__": "SVR"},
        {"__loader__": "ObjectNode", "__module__": "sklearn.linear_model\n", "__class__": "x"},
        {"__loader__": "ObjectNode", "__module__": "os", "__class__": "system"},
        {"__loader__": "NdArrayNode", "__module__": "numpy", "__class__": "load"},
        {"__loader__": "PartialNode", "__module__": "functools", "__class__": "partial"},
        {"__loader__": "TypeNode", "__module__": "builtins", "__class__": "eval"},
        {"__loader__": "NewNode", "__module__": "builtins", "__class__": "dict"},
    ],
    ids=lambda node: f"{node['__loader__']}-{node['__class__']}",
)
def test_schemas_written_by_hand_are_refused(node):
    with pytest.raises(ArtefactContentError, match="not on the list"):
        check_artefact(relabelled(node), SKOPS)


def test_a_skops_file_holds_arrays_and_a_schema_and_nothing_else():
    for members in ({}, {"a.npy": npy(np.ones(2))}, {"schema.json": "[]", "setup.py": "x"},
                    {"schema.json": "[]", "a.npy": b"noise"}, {"schema.json": "{"},
                    {"schema.json": "[]", "../a.npy": npy(np.ones(2))}):  # fmt: skip
        with pytest.raises(ArtefactContentError):
            check_artefact(zipped(members), SKOPS)
    check_artefact(zipped({"schema.json": "[]", "a.npy": npy(np.ones(2))}), SKOPS)
    inner = zipped({"data.npy": npy(np.array([Evil()], dtype=object), allow_pickle=True)})
    with pytest.raises(ArtefactContentError, match="array of Python objects"):
        check_artefact(zipped({"schema.json": "[]", "a.npz": inner}), SKOPS)


# ---- ONNX -------------------------------------------------------------------------------------


def onnx_model(nodes=None, weights=(), domain="", **more):
    from onnx import TensorProto, helper

    nodes = nodes or [helper.make_node("Identity", ["x"], ["y"], domain=domain)]
    shape = [None, 2]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        list(weights),
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], **more)


def test_onnx_models_are_read_by_their_bytes():
    model = onnx_model(producer_name="hand")
    model.metadata_props.add(key="inputs", value="a,b")
    content = model.SerializeToString()
    check_artefact(content, ONNX)
    facts = onnx_facts(content)
    assert (facts.producer, facts.opsets, facts.operators) == ("hand", {"": 18}, {"Identity"})
    assert facts.metadata == {"inputs": "a,b"}


def external():
    from onnx import TensorProto, helper

    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../etc/passwd")
    return weight


def evil_onnx():
    from onnx import TensorProto, helper

    node = helper.make_node
    yield "another file", onnx_model(weights=[external()])
    held = node("Constant", [], ["y"])
    held.attribute.append(helper.make_attribute("value", external()))
    yield "another file", onnx_model([held])
    branch = helper.make_graph([held], "b", [], [helper.make_tensor_value_info("y", 1, None)])
    asks = node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    yield "another file", onnx_model([asks])
    yield "no operator of ONNX", onnx_model(domain="com.microsoft")
    yield "no operator of ONNX", onnx_model(domain="evil.example")
    yield "random", onnx_model([node("RandomNormalLike", ["x"], ["y"])])
    own = helper.make_function("own", "f", ["x"], ["y"], [node("Identity", ["x"], ["y"])], [])
    yield "functions", onnx_model(functions=[own])
    assert TensorProto.EXTERNAL == 1


@pytest.mark.parametrize("case", list(evil_onnx()), ids=lambda case: case[0])
def test_onnx_models_that_need_more_are_refused(case):
    words, model = case
    with pytest.raises(ArtefactContentError, match=words):
        check_artefact(model.SerializeToString(), ONNX)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_damaged_onnx_model_is_refused_and_never_crashes(data):
    content = onnx_model().SerializeToString()
    place = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        check_artefact(bytes(changed), ONNX)
    except ArtefactContentError:
        pass
    with pytest.raises(ArtefactContentError):
        check_artefact(content[: place // 2], ONNX)


# ---- LightGBM ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trees():
    import lightgbm

    random = np.random.default_rng(3)
    X = random.normal(size=(200, 3))
    X[:, 2] = random.integers(0, 8, 200)
    settings = {"verbosity": -1, "num_threads": 1, "num_leaves": 5, "min_data_per_group": 5}
    data = lightgbm.Dataset(X, X[:, 0] + (X[:, 2] % 2), categorical_feature=[2])
    return lightgbm.train(settings, data, 4).model_to_string()


def test_trees_are_kept(trees):
    check_artefact(trees.encode(), LIGHTGBM)


def sized(text):
    """With tree_sizes made right again."""
    head, _, rest = text.partition("\nTree=0\n")
    body, mark, tail = rest.partition("end of trees")
    parts = ("Tree=0\n" + body).split("Tree=")[1:]
    sizes = " ".join(str(len(f"Tree={one}".encode())) for one in parts)
    lines = [f"tree_sizes={sizes}" if one.startswith("tree_sizes") else one
             for one in head.splitlines()]  # fmt: skip
    return "\n".join([*lines, "", "Tree=0\n" + body + mark + tail]).encode()


def swapped(text, key, change):
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith(f"{key}=") and line != f"{key}=":
            lines[number] = f"{key}={change(line.partition('=')[2])}"
            break
    return sized("\n".join(lines) + "\n")


def first(value):
    return lambda text: " ".join([value, *text.split()[1:]])


def test_sizing_again_changes_nothing(trees):
    assert sized(trees) == trees.encode()


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("left_child", first("999")), ("left_child", first("0")), ("right_child", first("-99")),
        ("right_child", lambda text: text[:-2]), ("split_feature", first("7")),
        ("split_feature", first("-1")), ("num_leaves", lambda _: "99999999"),
        ("num_leaves", lambda _: "4"), ("leaf_value", first("nan")),
        ("leaf_value", lambda text: text + " 1"), ("threshold", lambda _: ""),
        ("cat_boundaries", lambda _: "0 9000"), ("cat_threshold", lambda _: "-1"),
        ("num_cat", lambda _: "0"), ("is_linear", lambda _: "1"),
        ("max_feature_idx", lambda _: "1"), ("feature_names", lambda _: "a"),
        ("version", lambda _: "v9"), ("num_class", lambda _: "0"), ("num_class", lambda _: "2"),
        ("objective", lambda _: "multiclass num_class:900"), ("objective", lambda _: "evil"),
        ("objective", lambda _: "binary sigmoid:x"), ("feature_infos", lambda _: "a b c"),
        ("decision_type", first("12")), ("left_child", first("1_0")), ("threshold", first("0x1")),
        ("leaf_value", first("1e999")), ("label_index", lambda _: "x"),
        ("shrinkage", lambda _: "1 1"),
    ],
)  # fmt: skip
def test_trees_that_do_not_hold_together_are_refused(trees, key, change):
    with pytest.raises(ArtefactContentError, match=r"hold together|no LightGBM model"):
        check_artefact(swapped(trees, key, change), LIGHTGBM)


def test_lines_that_nobody_knows_are_refused_and_training_parameters_are_left_out(trees):
    for old, new in (("\nlabel_index", "\nevil=1\nlabel_index"), ("\nnum_cat", "\nx\nnum_cat"),
                     ("\nlabel_index=0", "\nlabel_index=0\nlabel_index=0")):  # fmt: skip
        with pytest.raises(ArtefactContentError, match="has the line"):
            check_artefact(sized(trees.replace(old, new, 1)), LIGHTGBM)
    assert "parameters:" in trees
    given = lightgbm_text(trees.encode())
    assert "parameters:" not in given and trees.startswith(given.partition("end of trees")[0])


@pytest.mark.parametrize("more", [
    {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, {"objective": "quantile"},
    {"objective": "tweedie"}, {"objective": "huber"}, {"objective": "regression", "reg_sqrt": True},
    {"objective": "cross_entropy"}, {"monotone_constraints": [1, 0, -1]}, {"boosting": "dart"},
    {"objective": "multiclassova", "num_class": 3}, {"min_data_in_leaf": 500},
], ids=str)  # fmt: skip
def test_models_of_every_kind_that_lightgbm_writes_are_kept(more):
    import lightgbm

    X = np.random.default_rng(5).normal(size=(150, 3))
    y = np.clip(np.abs(X[:, 0]), 0, 0.99) if "num_class" not in more else np.arange(150) % 3
    given = {"verbosity": -1, "num_threads": 1, "num_leaves": 4, **more}
    booster = lightgbm.train(given, lightgbm.Dataset(X, y), 3)
    text = booster.model_to_string()
    check_artefact(text.encode(), LIGHTGBM)
    again = lightgbm.Booster(model_str=lightgbm_text(text.encode()))
    assert again.predict(X, num_threads=1).tobytes() == booster.predict(X, num_threads=1).tobytes()


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_damaged_tree_is_refused_and_never_crashes(trees, data):
    """LightGBM's own reader dies of such texts: what is left for it to read must be whole."""
    import lightgbm

    changed = bytearray(trees.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(
            st.sampled_from(b"0123456789-. \n=eanif")
        )
    try:
        text = lightgbm_text(bytes(changed))
    except ArtefactContentError:
        return
    assert len(lightgbm.Booster(model_str=text).predict(np.ones((2, 3)), num_threads=1)) == 2


def test_sizes_that_point_elsewhere_are_refused(trees):
    for change in (first("1"), first("99999999"), first("-5"), lambda text: text + " 10"):
        lines = [f"tree_sizes={change(one.partition('=')[2])}" if one.startswith("tree_sizes")
                 else one for one in trees.splitlines()]  # fmt: skip
        with pytest.raises(ArtefactContentError, match="hold together"):
            check_artefact("\n".join(lines).encode(), LIGHTGBM)
