"""Models from MLflow and from files, and back; the fixture was written by MLflow 3.17.2."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import yaml

from goldenbatch.core.artefacts import (
    LIGHTGBM,
    LINEAR,
    ONNX,
    PARAMETERS,
    SKOPS,
    ArtefactContentError,
)
from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError
from goldenbatch.stores.registry import (
    Column,
    ExportedModel,
    Registry,
    export_mlflow,
    import_model,
)

WRITTEN = Path(__file__).parents[2] / "fixtures" / "mlflow" / "0"
LINEAR_MODEL = json.dumps(
    {"format": "goldenbatch linear model 1", "inputs": ["a", "b"], "outputs": ["y"],
     "coefficients": [[2.0, 3.0]], "intercept": [1.0], "centre": [0.0, 0.0]}
).encode()  # fmt: skip


@pytest.fixture
def store(tmp_path):
    shutil.copytree(WRITTEN, tmp_path / "0")
    return tmp_path / "0"


# ---- in ---------------------------------------------------------------------------------------


def test_what_a_run_says_is_taken_and_what_it_lacks_is_said(store):
    found = import_model(store / "run1", "model.lgb")
    assert (found.media_type, found.origin, found.name) == (LIGHTGBM, "mlflow", "fit-1")
    assert found.content == (store / "models/m-trees/artifacts/model.lgb").read_bytes()
    assert found.inputs == tuple(Column(name, "float64") for name in "abc")
    assert found.params == {"leaves": "5", "lr": "0.1"}
    assert found.metrics == {"rmse": 0.2}  # the last step, not the first
    assert found.code_version == "abc123"
    assert found.versions["lightgbm"] == "4.7.0" and found.versions["mlflow"] == "3.17.2"
    assert found.source["run"] == "run1" and found.source["model"] == "m-trees"
    assert found.datasets[0]["digest"] == "0e588e32"
    assert found.missing == (
        "units of the inputs and of the output", "seed",
        "intended use, context of use and risk record",
        "acceptance criteria, and a test on sealed data", "owner",
    )  # fmt: skip
    assert json.loads(json.dumps(found.as_json()))["digest"] == found.digest


def test_a_model_folder_finds_its_run(store):
    found = import_model(store / "models/m-ridge/artifacts")
    assert (found.media_type, found.name, found.metrics) == (SKOPS, "fit-1", {"rmse": 0.2})
    assert "names of the inputs" in found.missing
    assert len(found.inputs) == 3
    shutil.rmtree(store / "run1")
    alone = import_model(store / "models/m-ridge/artifacts")
    assert (alone.name, alone.metrics, alone.code_version) == ("artifacts", {}, "")
    assert {"training data", "code version", "measures"} <= set(alone.missing)


def test_models_of_mlflow_2_lie_in_their_run(store):
    folder = store / "run1/artifacts/model"
    shutil.copytree(store / "models/m-trees/artifacts", folder)
    shutil.rmtree(store / "run1/outputs")
    assert import_model(store / "run1").media_type == LIGHTGBM


def test_a_run_with_several_models_asks_which(store):
    with pytest.raises(BadInputError, match=r"has 3 models") as caught:
        import_model(store / "run1")
    assert "m-trees (model.lgb)" in str(caught.value)
    assert import_model(store / "run1", "m-trees").media_type == LIGHTGBM
    with pytest.raises(BadInputError, match="of which 0 fit 'other'"):
        import_model(store / "run1", "other")
    shutil.rmtree(store / "models")
    with pytest.raises(NotFoundError, match="has no model"):
        import_model(store / "run1")


def test_a_pickled_model_is_refused_with_what_to_do(store, tmp_path):
    file = store / "models/m-pickle/artifacts/model.pkl"
    with pytest.raises(NotFoundError, match=r"model\.pkl is missing"):
        import_model(store / "run1", "m-pickle")
    file.write_bytes(pickle.dumps({"a": np.ones(3)}))
    with pytest.raises(ArtefactContentError, match="pickle") as caught:
        import_model(store / "run1", "m-pickle")
    assert "skops" in caught.value.hint and "skl2onnx" in caught.value.hint
    for compress in (0, 3):
        joblib.dump({"a": 1}, tmp_path / "model.joblib", compress=compress)
        with pytest.raises(ArtefactContentError, match="pickle"):
            import_model(tmp_path / "model.joblib")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("data: model.lgb", "data: ../../../../../../etc/passwd", "not in its folder"),
        ("data: model.lgb", "data: /etc/passwd", "not in its folder"),
        ("data: model.lgb", "data: .", "missing"),
        ("  lightgbm:", "  pytorch:", "is not taken"),
        ("flavors:", "flavours:", "no flavors"),
        ("flavors:", "a: &x [1]\nb: *x\nflavors:", "aliases"),
        ("flavors:", "flavors: !!python/object/apply:os.system ['true']\nb:", "no YAML"),
        ("flavors:", "flavors: [", "no YAML"),
    ],
)
def test_descriptions_that_reach_out_are_refused(store, old, new, words):
    folder = store / "models/m-trees/artifacts"
    text = (folder / "MLmodel").read_text()
    assert old in text
    (folder / "MLmodel").write_text(text.replace(old, new))
    with pytest.raises((BadInputError, NotFoundError), match=words):
        import_model(folder)


def test_links_that_lead_out_of_the_folder_are_refused(store, tmp_path):
    folder = store / "models/m-trees/artifacts"
    (folder / "model.lgb").replace(tmp_path / "elsewhere")
    (folder / "model.lgb").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInputError, match="not in its folder"):
        import_model(folder)


def test_descriptions_without_a_signature_and_strange_files(store):
    folder = store / "models/m-trees/artifacts"
    values = yaml.safe_load((folder / "MLmodel").read_text())
    values["signature"] = {"inputs": "[", "outputs": None}
    (folder / "MLmodel").write_text(json.dumps(values))
    found = import_model(folder)
    assert [one.name for one in found.inputs] == ["a", "b", "c"]  # the trees know them
    assert found.outputs == ()
    named = [{"type": "double", "name": "ph"}, {"type": "double", "name": "t"}]
    values["signature"] = {"inputs": json.dumps([*named, 3])}
    (folder / "MLmodel").write_text(json.dumps(values))
    assert [one.name for one in import_model(folder).inputs] == ["ph", "t"]
    (store / "run1/metrics/odd").write_text("no number\n")
    (store / "run1/metrics/empty").write_text("")
    assert import_model(folder).metrics == {"rmse": 0.2}
    (store / "run1/params/broken").write_bytes(b"\xff")
    with pytest.raises(BadInputError, match="UTF-8"):
        import_model(folder)


def test_files_are_known_by_their_content(store, tmp_path):
    files = {
        "trees.txt": ((store / "models/m-trees/artifacts/model.lgb").read_bytes(), LIGHTGBM),
        "ridge.bin": ((store / "models/m-ridge/artifacts/model.skops").read_bytes(), SKOPS),
        "lines": (LINEAR_MODEL, LINEAR),
        "net.onnx": (onnx_model(), ONNX),
    }
    for name, (content, media_type) in files.items():
        (tmp_path / name).write_bytes(content)
        found = import_model(tmp_path / name)
        assert (found.media_type, found.origin, found.name) == (
            media_type,
            "file",
            name.split(".")[0],
        )
        assert "training data" in found.missing
        registry = Registry(tmp_path / "registry")
        assert registry.get_approved(registry.put(found.content, media_type), media_type)
    assert import_model(tmp_path / "net.onnx").inputs == (
        Column("a", "double"),
        Column("b", "double"),
    )
    assert import_model(tmp_path / "trees.txt").versions["lightgbm text"] == "v4"
    (tmp_path / "x").write_bytes(b"some text")
    with pytest.raises(ArtefactContentError, match="no model that is kept"):
        import_model(tmp_path / "x")
    with pytest.raises(NotFoundError, match="neither a model nor a run"):
        import_model(tmp_path)
    with pytest.raises(NotFoundError):
        import_model(tmp_path / "none")


def test_a_file_that_is_too_long_is_not_read(tmp_path):
    with (tmp_path / "x").open("wb") as stream:
        os.truncate(stream.fileno(), (256 << 20) + 1)
    with pytest.raises(BadInputError, match="longer than"):
        import_model(tmp_path / "x")


def test_folders_of_mlflow_need_a_library_that_is_named(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(NotFoundError, match=r"goldenbatch\[mlflow\]"):
        import_model(store / "run1")


def onnx_model():
    from onnx import TensorProto, helper

    node = helper.make_node("LinearRegressor", ["x"], ["y"], domain="ai.onnx.ml",
                            coefficients=[2.0, 3.0], intercepts=[1.0])  # fmt: skip
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
    )  # fmt: skip
    sets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=sets)
    model.ir_version = 9
    model.metadata_props.add(key="inputs", value="a, b")
    return model.SerializeToString()


# ---- out --------------------------------------------------------------------------------------


def given(content, media_type, inputs=("a", "b"), **more):
    card = {"use": "sucrose", "measures": {"rmse": 0.2}}
    return ExportedModel(content, media_type, "sucrose-3", inputs, ("y",), 1_700_000_000_000_000,
                         card, **more)  # fmt: skip


def cases(store):
    yield given((store / "models/m-trees/artifacts/model.lgb").read_bytes(), LIGHTGBM, "abc",
                versions={"lightgbm": "4.7.0"})  # fmt: skip
    yield given((store / "models/m-ridge/artifacts/model.skops").read_bytes(), SKOPS, "abc",
                versions={"scikit-learn": "1.9.1"})  # fmt: skip
    yield given(onnx_model(), ONNX)
    yield given(LINEAR_MODEL, LINEAR)


def test_what_goes_out_comes_in_again(store, tmp_path):
    for number, model in enumerate(cases(store)):
        folder = tmp_path / f"out{number}"
        files = {path.name for path in export_mlflow(model, folder)}
        assert files == {path.name for path in folder.iterdir()}
        assert {"MLmodel", "model_card.json", "requirements.txt", "conda.yaml"} <= files
        assert json.loads((folder / "model_card.json").read_text()) == model.card
        if model.media_type != LINEAR:
            found = import_model(folder)
            assert (found.content, found.media_type) == (model.content, model.media_type)
        with pytest.raises(ConflictError, match="not empty"):
            export_mlflow(model, folder)


def test_the_description_has_the_form_that_mlflow_writes(store, tmp_path):
    """Keys of the flavours are those of MLflow's own files, and nothing else."""
    for model, name in zip(cases(store), ("m-trees", "m-ridge"), strict=False):
        folder = tmp_path / name
        export_mlflow(model, folder)
        own = yaml.safe_load((folder / "MLmodel").read_text())
        theirs = yaml.safe_load((store / f"models/{name}/artifacts/MLmodel").read_text())
        assert own["flavors"].keys() == theirs["flavors"].keys()
        for flavor, values in own["flavors"].items():
            assert values.keys() <= theirs["flavors"][flavor].keys()
        function = own["flavors"]["python_function"]
        assert function["loader_module"] == theirs["flavors"]["python_function"]["loader_module"]
        path = function.get("data") or function["model_path"]
        assert (folder / path).read_bytes() == model.content
        assert own["utc_time_created"] == "2023-11-14 22:13:20.000000"
        assert len(own["model_uuid"]) == 32
        assert [one["name"] for one in json.loads(own["signature"]["inputs"])] == ["a", "b", "c"]


def test_what_only_goldenbatch_computes_is_loaded_by_it(tmp_path):
    from importlib import import_module

    export_mlflow(given(LINEAR_MODEL, LINEAR), tmp_path / "out")
    own = yaml.safe_load((tmp_path / "out/MLmodel").read_text())["flavors"]["python_function"]
    served = import_module(own["loader_module"])._load_pyfunc(str(tmp_path / "out" / own["data"]))
    assert served.predict(np.array([[1.0, 1.0]])).tolist() == [6.0]
    import pandas as pd

    frame = pd.DataFrame({"b": [1.0], "other": [9.0], "a": [0.0]})
    assert served.predict(frame, {"x": 1}).tolist() == [4.0]


def test_what_nobody_loads_or_has_code_in_it_does_not_go_out(tmp_path):
    with pytest.raises(BadInputError, match="not exported"):
        export_mlflow(given(b"x", PARAMETERS), tmp_path / "out")
    with pytest.raises(ArtefactContentError):
        export_mlflow(given(pickle.dumps(1, 4), LINEAR), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_mlflow_itself_loads_what_goes_out(store, tmp_path):
    """Where MLflow is installed; it is no requirement, being larger than all of the rest."""
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed here")
    for number, model in enumerate(cases(store)):
        export_mlflow(model, tmp_path / str(number))
        loaded = mlflow.pyfunc.load_model(str(tmp_path / str(number)))
        assert loaded.metadata.metadata["goldenbatch.name"] == "sucrose-3"
